//! Signs of life of owners that cannot be reached: their rows `alive` (PROTOCOL §9.5).
//!
//! A row stands still for as long as lies between the answer that showed it first and the question
//! that showed it last, so that a slow store never makes a silence longer than it was.

use alloc::collections::BTreeMap;

use crate::id::{NodeId, OpId};
use crate::limits::ALIVE_STILL_MS;
use crate::time::Timestamp;

/// What is known of one owner.
#[derive(Debug, Default)]
struct Watch {
    /// The read under way, and when it was asked.
    asked: Option<(OpId, Timestamp)>,
    /// The revision of its row, and since when it stands there.
    seen: Option<(Option<u64>, Timestamp)>,
    /// It has stood still for long enough.
    still: bool,
}

/// Owners out of reach; at most one per node.
#[derive(Debug, Default)]
pub(super) struct Watches(BTreeMap<NodeId, Watch>);

impl Watches {
    /// Begins to watch; whether it was not watched before.
    pub(super) fn begin(&mut self, node: NodeId) -> bool {
        let known = self.0.contains_key(&node);
        if !known {
            self.0.insert(node, Watch::default());
        }
        !known
    }

    /// Ends all watches but those of some nodes; those that ended.
    pub(super) fn keep(&mut self, of: impl Fn(NodeId) -> bool) -> impl Iterator<Item = NodeId> {
        let ended = self.0.extract_if(.., move |node, _| !of(*node));
        ended.map(|(node, _)| node)
    }

    /// Whether its row is not being read now.
    pub(super) fn is_idle(&self, node: NodeId) -> bool {
        self.0.get(&node).is_some_and(|watch| watch.asked.is_none())
    }

    pub(super) fn on_asked(&mut self, node: NodeId, op: OpId, now: Timestamp) {
        if let Some(watch) = self.0.get_mut(&node) {
            watch.asked = Some((op, now));
        }
    }

    /// What a read says: `None` where it could not be read. Whether the watch still stands.
    pub(super) fn on_read(
        &mut self,
        node: NodeId,
        op: OpId,
        revision: Option<Option<u64>>,
        now: Timestamp,
    ) -> bool {
        let Some(watch) = self.0.get_mut(&node) else { return false };
        let Some((_, asked)) = watch.asked.take_if(|(asked, _)| *asked == op) else { return false };
        let Some(revision) = revision else { return true };
        match watch.seen {
            Some((seen, since)) if seen == revision => {
                watch.still = asked.since(since) >= ALIVE_STILL_MS;
            }
            _ => *watch = Watch { seen: Some((revision, now)), ..Watch::default() },
        }
        true
    }

    /// We slept, and heard no sign of life meanwhile: every count begins anew. What a read under way
    /// will say counts from its answer.
    pub(super) fn on_pause(&mut self) {
        for watch in self.0.values_mut() {
            (watch.seen, watch.still) = (None, false);
        }
    }

    /// What was decided on its row did not hold: it is looked at again first.
    pub(super) fn doubt(&mut self, node: NodeId) {
        if let Some(watch) = self.0.get_mut(&node) {
            watch.still = false;
        }
    }

    /// The owners that are lost, each with the revision its row stood at.
    pub(super) fn lost(&self) -> impl Iterator<Item = (NodeId, Option<u64>)> {
        self.0.iter().filter_map(|(node, watch)| {
            watch.seen.filter(|_| watch.still).map(|(revision, _)| (*node, revision))
        })
    }
}
