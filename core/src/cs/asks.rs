//! Requests of sessions that wait for a home or a mixer (PROTOCOL §5.3).

use alloc::vec::Vec;

use crate::id::{ConversationId, Flow, NodeId, OpId, Shard, UserId};
use crate::index::Slab;
use crate::limits::TELL_MS;
use crate::machine::Deadline;
use crate::measure::Queues;
use crate::time::Timestamp;
use crate::timer::TimerQueue;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Whether the caller may contact that person.
    MayContact(UserId),
    /// A seat in that conversation.
    Seat(ConversationId),
    /// A saved profile.
    Save,
}

/// One request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// Who asked.
    pub(super) session: OpId,
    /// The number to answer under.
    pub(super) request: u32,
    /// What it follows from.
    pub(super) flow: Flow,
    /// Who was asked, as the owner of which shard.
    pub(super) node: NodeId,
    pub(super) shard: Shard,
    pub(super) ask: Ask,
}

/// All requests that wait.
#[derive(Debug, Default)]
pub(super) struct Asks {
    all: Slab<Asked>,
    timers: TimerQueue<OpId>,
}

impl Asks {
    pub(super) fn insert(&mut self, asked: Asked, now: Timestamp) -> OpId {
        let op = self.all.insert(asked);
        self.timers.set(op, now + TELL_MS, "answer");
        op
    }

    pub(super) fn take(&mut self, op: OpId) -> Option<Asked> {
        self.timers.clear(&op);
        self.all.remove(op)
    }

    /// Takes the next that waited too long.
    pub(super) fn overdue(&mut self, now: Timestamp) -> Option<Asked> {
        let op = self.timers.pop_due(now)?;
        self.all.remove(op)
    }

    /// Takes all whose answer does not come any more.
    pub(super) fn lost(&mut self, is_lost: impl Fn(&Asked) -> bool) -> Vec<Asked> {
        let lost = self.all.iter().filter(|(_, asked)| is_lost(asked));
        let ops: Vec<OpId> = lost.map(|(op, _)| op).collect();
        ops.into_iter().filter_map(|op| self.take(op)).collect()
    }

    pub(super) fn queues(&self, queues: &mut Queues) {
        queues.add("cs timers", self.timers.len(), self.all.len());
    }

    pub(super) fn next(&self) -> Option<Deadline> {
        self.timers.next()
    }
}
