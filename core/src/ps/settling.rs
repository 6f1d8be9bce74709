//! Which homes may still be waiting for their people: those of a node that has just started, and those
//! of a range that has just come here (PROTOCOL §5.2, §9.5).

use alloc::collections::BTreeMap;

use crate::id::{Range, Shard};
use crate::limits::LINGER_MS;
use crate::time::Timestamp;

/// Until when homes are settling. A person without a device may be about to come back until then.
#[derive(Debug)]
pub(super) struct Settling {
    /// All of the node's.
    node: Option<Timestamp>,
    /// Those of ranges gained since.
    ranges: BTreeMap<Range, Timestamp>,
}

impl Settling {
    /// The homes of a node that starts now.
    pub(super) fn new(now: Timestamp) -> Self {
        Self { node: Some(now + LINGER_MS), ranges: BTreeMap::new() }
    }

    /// A range came here.
    pub(super) fn on_gain(&mut self, range: Range, now: Timestamp) {
        self.ranges.insert(range, now + LINGER_MS);
    }

    /// A range went.
    pub(super) fn on_loss(&mut self, range: Range) {
        self.ranges.remove(&range);
    }

    /// Whether a shard's home is settling.
    pub(super) fn has(&self, shard: Shard) -> bool {
        self.node.is_some() || self.ranges.contains_key(&shard.range())
    }

    /// When the next of them are settled.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.ranges.values().copied().chain(self.node).min()
    }

    /// Takes note of those that are settled now.
    pub(super) fn end(&mut self, now: Timestamp) {
        self.node = self.node.filter(|until| *until > now);
        self.ranges.retain(|_, until| *until > now);
    }

    /// A pause of this node is nobody's absence.
    pub(super) fn forgive(&mut self, pause_ms: u64) {
        for until in self.ranges.values_mut().chain(self.node.as_mut()) {
            *until = *until + pause_ms;
        }
    }
}
