//! The server machines of one node, joined in process; itself a machine (PROTOCOL §9).
//!
//! A hub starts by reading what it must know (`start`), then makes its machines and hands their
//! tells over (`node`): inside the node at once and in order, to other nodes by trunk. It decides
//! nothing else. Tested by the simulator, which runs hubs over a lying network and disk.

mod fence;
mod hops;
pub mod io;
mod node;
pub mod record;
mod start;

#[cfg(test)]
mod record_test;
#[cfg(test)]
mod tests;

pub use crate::operator::{AdminReply, AdminRequest, AdminSecret};
pub use crate::password::{HashReply, HashRequest};
pub use io::{Hop, Input, Output, Party, StoreOp};

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::error::{CloseReason, Code};
use crate::id::NodeId;
use crate::machine::{Deadline, Machine};
use crate::measure::Queues;
use crate::outbox::Outbox;
use crate::time::{Timestamp, Wall};
use crate::wire::hello::Versions;
use node::Node;
use start::Start;

/// The facts a node is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Its number.
    pub node: NodeId,
    /// How many nodes there are.
    pub nodes: u16,
    /// Whether hops of traced acts come out.
    pub trace: bool,
    /// The versions its gate speaks; others than [`Versions::default`] are for tests.
    pub versions: Versions,
}

/// One node: every server machine, joined.
#[derive(Debug)]
pub struct Hub {
    config: Config,
    /// Names this life in what is asked of the host.
    life: u64,
    stage: Stage,
    out: Outbox<Output>,
}

#[derive(Debug)]
enum Stage {
    /// Reading what must be known before anything is served.
    Starting(Box<Start>),
    /// Serving.
    Serving(Box<Node>),
    /// Fenced off: it said so, and says nothing more that counts.
    Over,
}

impl Hub {
    /// A node that begins to start. `seed` must be new for each life.
    #[must_use]
    pub fn new(config: Config, seed: [u8; 32], wall: Wall, now: Timestamp) -> Self {
        let mut out = Outbox::default();
        let life = crate::rng::Rng::new(crate::rng::Rng::child_seed(seed, "life")).next_u64();
        let start = Start::new(config, life, seed, wall, now, &mut out);
        Self { config, life, stage: Stage::Starting(Box::new(start)), out }
    }

    /// The queues of all its machines; none before it serves.
    #[must_use]
    pub fn queues(&self) -> Queues {
        let mut queues = Queues::default();
        if let Stage::Serving(node) = &self.stage {
            node.queues(&mut queues);
        }
        queues
    }

    fn on_starting(&mut self, input: Input<'_>, now: Timestamp) {
        let Stage::Starting(start) = &mut self.stage else { return };
        match input {
            Input::Stored { op, reply } => {
                if op.life == self.life
                    && let Some((setup, places)) = start.on_stored(op, reply, now, &mut self.out)
                {
                    let waiting = start.take_waiting();
                    let mut node =
                        Node::new(self.config, self.life, (setup, &places), now, &mut self.out);
                    self.out.push(Output::Ready);
                    for input in &waiting {
                        node.handle_input(input.borrowed(), now, &mut self.out);
                    }
                    self.stage = Stage::Serving(Box::new(node));
                }
            }
            Input::Wall(wall) => start.on_wall(wall, now),
            Input::Drain => self.out.push(Output::Drained),
            Input::Parcel { .. } | Input::Hashed { .. } => {}
            input @ (Input::LinkOpened { .. }
            | Input::LinkBytes { .. }
            | Input::LinkSent { .. }
            | Input::LinkClosed { .. }
            | Input::Admin { .. }) => self.on_early(input),
        }
    }

    fn on_serving(&mut self, input: Input<'_>, now: Timestamp) {
        let Stage::Serving(node) = &mut self.stage else { return };
        node.handle_input(input, now, &mut self.out);
        if node.is_over() {
            self.stage = Stage::Over;
        }
    }

    /// What comes after the end is refused, so that nobody waits for it.
    fn on_over(&mut self, input: &Input<'_>) {
        match input {
            Input::LinkOpened { link, .. } => {
                let (link, reason) = (*link, CloseReason::Draining);
                self.out.push(Output::LinkClose { link, reason, flush_ms: 0 });
            }
            Input::Admin { op, .. } => {
                let reply = AdminReply::Refused(Code::Draining);
                self.out.push(Output::Admin { op: *op, reply });
            }
            Input::Drain => self.out.push(Output::Drained),
            Input::LinkBytes { .. }
            | Input::LinkSent { .. }
            | Input::LinkClosed { .. }
            | Input::Stored { .. }
            | Input::Hashed { .. }
            | Input::Parcel { .. }
            | Input::Wall(_) => {}
        }
    }

    /// Keeps what comes before the node serves, within bounds.
    fn on_early(&mut self, input: Input<'_>) {
        let Stage::Starting(start) = &mut self.stage else { return };
        match start.wait(input) {
            Ok(()) => {}
            Err(start::Full::Link(link)) => self.out.push(Output::LinkClose {
                link,
                reason: CloseReason::Unavailable,
                flush_ms: 0,
            }),
            Err(start::Full::Admin(op)) => {
                self.out.push(Output::Admin { op, reply: AdminReply::Refused(Code::Busy) });
            }
        }
    }
}

impl Machine for Hub {
    type Input<'a> = Input<'a>;
    type Output = Output;

    fn handle_input(&mut self, input: Input<'_>, now: Timestamp) {
        match &mut self.stage {
            Stage::Starting(_) => self.on_starting(input, now),
            Stage::Serving(_) => self.on_serving(input, now),
            Stage::Over => self.on_over(&input),
        }
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        match &mut self.stage {
            Stage::Starting(start) => start.handle_timeout(now, &mut self.out),
            Stage::Serving(node) => node.handle_timeout(now, &mut self.out),
            Stage::Over => {}
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.out.pop()
    }

    fn poll_timeout(&self) -> Option<Deadline> {
        match &self.stage {
            Stage::Starting(start) => start.poll_timeout(),
            Stage::Serving(node) => node.poll_timeout(),
            Stage::Over => None,
        }
    }
}
