//! Node to node: tells over a fabric that may lose, double and reorder (PROTOCOL §9.3).
//!
//! [`Trunks`] owns one [`link`] per other node: a *reliable* stream, a *state* table and
//! what is *ephemeral*. It hands tells up in order, and says when an understanding with a node
//! begins or ends.

mod delay;
pub mod link;
mod state;

#[cfg(test)]
mod delay_test;
#[cfg(test)]
mod parcel_test;
#[cfg(test)]
mod trunk_test;

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::edge::{Addressed, Class, Peer};
use crate::id::{Incarnation, NodeId};
use crate::machine::Deadline;
use crate::measure::Queues;
use crate::outbox::Outbox;
use crate::time::Timestamp;
use crate::timer::TimerQueue;
use crate::wire::bounded::items;
use link::{Link, PARCEL_TELLS_MAX};

/// What crosses between two nodes. Inside a process it is handed over as a value; between processes
/// and in the simulator as postcard bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// The sender's life.
    pub from: Incarnation,
    /// The receiver's life as the sender knows it; `None`: not known yet.
    pub to: Option<Incarnation>,
    /// Which understanding between these two lives: whoever loses one raises it, the other follows.
    pub session: u32,
    /// When, on the sender's clock.
    pub sent: Timestamp,
    /// What.
    pub body: ParcelBody,
}

/// The content of a parcel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParcelBody {
    /// I am here; tell me your life.
    Hello,
    /// Tells in order from a sequence, and what the sender has from us.
    Reliable {
        /// Of the first tell.
        first: u64,
        /// Everything below is received.
        ack: u64,
        /// The tells; may be none. Boxed: a list that grows holds each twice, and a tell is many times
        /// its bytes.
        #[serde(deserialize_with = "items::<_, _, PARCEL_TELLS_MAX>")]
        tells: Vec<Box<Addressed>>,
    },
    /// The newest value of a key.
    State {
        /// Numbered per direction.
        number: u64,
        /// The value.
        tell: Addressed,
    },
    /// What the sender has sent of the state class since the last agreed digest.
    Digest {
        /// The highest number of the last agreed digest.
        after: u64,
        /// The highest number covered.
        through: u64,
        /// Over (key, number) of the newest of each key.
        hash: u64,
    },
    /// Agrees with a digest, or not: then everything since is sent again.
    DigestAnswer {
        /// Echoed.
        through: u64,
        /// Whether the receiver holds the same.
        agreed: bool,
    },
    /// May be lost.
    Ephemeral(Addressed),
}

impl ParcelBody {
    /// It was on its way for that much longer than usual. Only tells of the reliable stream say how long
    /// ago something was.
    fn wait(&mut self, late_ms: u64) {
        if let Self::Reliable { tells, .. } = self {
            tells.iter_mut().for_each(|tell| tell.envelope.tell.wait(late_ms));
        }
    }
}

/// What the trunks of a node ask of their hub.
#[derive(Debug)]
pub enum Output {
    /// Carry this to another node.
    Send {
        /// To whom.
        to: NodeId,
        /// What.
        parcel: Parcel,
    },
    /// A tell has arrived for a machine of this node.
    Deliver(Addressed),
    /// A node came or went.
    Peer(Peer),
    /// A node that we hear does not hear us. Comes in a greeting too, where it soon does.
    Deaf(NodeId),
}

/// What a link waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wait {
    /// To send again what is not acked.
    Resend(NodeId),
    /// To ack what came.
    Ack(NodeId),
    /// To say that this node lives, and what the peer should hold.
    Digest(NodeId),
    /// To have the peer agree to a digest that it did not answer, or not so.
    Again(NodeId),
    /// To call the peer lost.
    Silence(NodeId),
}

/// The trunks of one node to all others.
#[derive(Debug)]
pub struct Trunks {
    own: NodeId,
    links: Vec<Link>,
    timers: TimerQueue<Wait>,
    out: Outbox<Output>,
}

impl Trunks {
    /// Trunks to `nodes - 1` others, of which nothing is known yet. Each is greeted.
    #[must_use]
    pub fn new(own: NodeId, nodes: u16, incarnation: Incarnation, now: Timestamp) -> Self {
        let links = (0..nodes).map(|node| Link::new(NodeId(node), incarnation)).collect();
        let mut trunks = Self { own, links, timers: TimerQueue::default(), out: Outbox::default() };
        for node in (0..nodes).map(NodeId).filter(|node| *node != own) {
            trunks.timers.set(Wait::Digest(node), now, "greet a node");
        }
        trunks
    }

    /// Their queues. A link has five timers.
    pub fn queues(&self, queues: &mut Queues) {
        let window = self.links.iter().map(Link::window_len);
        queues.longest("trunk window", window, crate::limits::TRUNK_WINDOW_MAX);
        let state = self.links.iter().map(Link::state_len);
        queues.longest("trunk state", state, crate::limits::TRUNK_STATE_MAX);
        queues.add("trunk timers", self.timers.len(), self.links.len() * 5);
    }

    /// Tells a machine of another node.
    pub fn tell(&mut self, to: NodeId, tell: Addressed, now: Timestamp) {
        debug_assert_ne!(to, self.own, "a node does not tell itself by trunk");
        let Some(link) = self.links.get_mut(usize::from(to.0)) else { return };
        match tell.envelope.tell.class() {
            Class::Reliable => {
                if !link.queue(tell, now) {
                    // The window is passed: what stands in it is given up, both sides start anew.
                    link.lose(&mut self.out);
                    self.timers.set(Wait::Digest(to), now, "greet a node");
                }
            }
            Class::State(key) => link.state(key, tell, &mut self.out, now),
            Class::Ephemeral => link.send(ParcelBody::Ephemeral(tell), &mut self.out, now),
        }
    }

    /// Sends what was queued since the last flush. The hub calls it at the end of each input.
    pub fn flush(&mut self, now: Timestamp) {
        for at in 0..self.links.len() {
            let link = &mut self.links[at];
            if link.flush(&mut self.out, now) {
                let node = link.node();
                let wait_ms = link.resend_ms();
                self.timers.set_if_idle(Wait::Resend(node), now + wait_ms, "resend to a node");
                self.timers.clear(&Wait::Ack(node));
            }
        }
    }

    /// Takes what another node sent.
    pub fn on_parcel(&mut self, from: NodeId, parcel: Parcel, now: Timestamp) {
        if from == self.own {
            return;
        }
        let Some(link) = self.links.get_mut(usize::from(from.0)) else { return };
        if !link.receive(parcel, &mut self.out, now) {
            return;
        }
        if !link.has_unacked() {
            self.timers.clear(&Wait::Resend(from));
        }
        if link.again_ms().is_none() {
            self.timers.clear(&Wait::Again(from));
        }
        if link.owes_ack() {
            self.timers.set_if_idle(Wait::Ack(from), now + ACK_MS, "ack to a node");
        }
        let lost_ms = crate::limits::TRUNK_LOST_MS;
        self.timers.set(Wait::Silence(from), now + lost_ms, "a node is silent");
    }

    /// Acts on what is due.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        let pause = self.timers.next().map_or(0, |due| now.since(due.at));
        while let Some(wait) = self.timers.pop_due(now) {
            self.on_due(wait, pause, now);
        }
    }

    fn on_due(&mut self, wait: Wait, pause: u64, now: Timestamp) {
        let (Wait::Resend(node)
        | Wait::Ack(node)
        | Wait::Digest(node)
        | Wait::Again(node)
        | Wait::Silence(node)) = wait;
        let link = &mut self.links[usize::from(node.0)];
        match wait {
            Wait::Resend(_) => {
                if link.resend(&mut self.out, now) {
                    self.timers.set(wait, now + link.resend_ms(), "resend to a node");
                }
            }
            Wait::Ack(_) => link.ack(&mut self.out, now),
            Wait::Digest(_) => {
                link.digest(&mut self.out, now);
                self.timers.set(wait, now + link.digest_ms(), "digest to a node");
                self.ask_again(node, now);
            }
            Wait::Again(_) => {
                link.digest_again(&mut self.out, now);
                self.ask_again(node, now);
            }
            Wait::Silence(_) if pause > crate::limits::PAUSE_MS => {
                // We slept, not the peer: what it sent meanwhile is still to be read (PROTOCOL §1.2).
                let lost_ms = crate::limits::TRUNK_LOST_MS;
                self.timers.set(wait, now + lost_ms, "a node is silent");
            }
            Wait::Silence(_) => link.lose(&mut self.out),
        }
    }

    /// A digest that is not agreed to goes out again.
    fn ask_again(&mut self, node: NodeId, now: Timestamp) {
        if let Some(wait_ms) = self.links[usize::from(node.0)].again_ms() {
            let why = "digest again to a node";
            self.timers.set_if_idle(Wait::Again(node), now + wait_ms, why);
        }
    }

    /// The next output, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop()
    }

    /// The earliest deadline.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Deadline> {
        self.timers.next()
    }

    /// Whether an understanding with a node stands.
    #[must_use]
    pub fn is_up(&self, node: NodeId) -> bool {
        node == self.own || self.links.get(usize::from(node.0)).is_some_and(Link::is_up)
    }
}

/// How long an ack waits for a tell to ride on.
const ACK_MS: u64 = 20;
