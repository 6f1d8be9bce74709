//! Whether this life of a node is still its last (PROTOCOL §9.7).
//!
//! What a past life asks of the store under checks is refused, for ever. A refusal may have other
//! reasons, so the node's own row is read, and that alone decides.

use crate::id::{NodeId, OpId};
use crate::limits::LIFE_READ_MS;
use crate::machine::Deadline;
use crate::outbox::Outbox;
use crate::setup::Setup;
use crate::store::{Key, Reply, Request};
use crate::time::Timestamp;

use super::{Output, StoreOp};

/// Reads the node's own row after something was refused.
#[derive(Debug)]
pub(super) struct Fence {
    node: NodeId,
    /// Of the row as this life put it.
    revision: u64,
    /// Names this life in what is asked of the host.
    life: u64,
    /// The read under way, and whether something was refused since it was asked.
    asked: Option<(OpId, bool)>,
    reads: u32,
    /// When it was asked last.
    last: Option<Timestamp>,
    /// When it is to be asked again.
    due: Option<Timestamp>,
}

impl Fence {
    pub(super) fn new(setup: &Setup, life: u64) -> Self {
        Self {
            node: setup.node,
            revision: setup.fence,
            life,
            asked: None,
            reads: 0,
            last: None,
            due: None,
        }
    }

    /// A check did not hold, of whatever.
    pub(super) fn on_conflict(&mut self, now: Timestamp, out: &mut Outbox<Output>) {
        match &mut self.asked {
            // It may have been read before that.
            Some((_, again)) => *again = true,
            None => self.read(now, out),
        }
    }

    fn read(&mut self, now: Timestamp, out: &mut Outbox<Output>) {
        let at = self.last.map_or(now, |last| last + LIFE_READ_MS);
        if at > now {
            self.due = Some(at);
            return;
        }
        (self.last, self.due) = (Some(now), None);
        self.reads = self.reads.wrapping_add(1);
        // Those of the start are of generation 0.
        let op = OpId { slot: self.reads, generation: 1 };
        self.asked = Some((op, false));
        let request = Request::Read(Key::incarnation(self.node));
        out.push(Output::Store { op: StoreOp { life: self.life, role: None, op }, request });
    }

    /// The store answered; whether a later life stands there.
    pub(super) fn on_stored(
        &mut self,
        op: OpId,
        reply: &Reply,
        now: Timestamp,
        out: &mut Outbox<Output>,
    ) -> bool {
        let Some((_, again)) = self.asked.take_if(|(asked, _)| *asked == op) else { return false };
        match reply {
            Reply::Found { revision, .. } if *revision > self.revision => return true,
            Reply::Found { .. } if !again => {}
            Reply::Found { .. } => self.read(now, out),
            Reply::Absent
            | Reply::Page { .. }
            | Reply::Tail { .. }
            | Reply::Entries { .. }
            | Reply::Written { .. }
            | Reply::Conflict
            | Reply::Failed(_)
            | Reply::Unknown => self.due = Some(now + LIFE_READ_MS),
        }
        false
    }

    pub(super) fn handle_timeout(&mut self, now: Timestamp, out: &mut Outbox<Output>) {
        if self.due.is_some_and(|due| due <= now) {
            self.read(now, out);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Deadline> {
        self.due.map(|at| Deadline { at, why: "read whether this life is the last" })
    }
}
