//! Who watches a person, from which CS, and what was answered.
//!
//! Invariant: sorted by (CS, watcher); an acl number stands for each CS that was answered and still
//! has a watch, and is the last that CS was told.

use alloc::vec::Vec;

use crate::id::{NodeId, UserId};

/// What a watcher was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    /// Nothing yet: who may see is not known yet.
    Nothing,
    /// May not see.
    Denied,
    /// May see, and waits until the home is settled.
    Settling,
    /// Sees.
    Admitted,
}

/// One person watching from one CS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Watch {
    pub(super) node: NodeId,
    pub(super) watcher: UserId,
    pub(super) number: u32,
    pub(super) answered: Answered,
}

/// All watches of a person.
#[derive(Clone, Debug, Default)]
pub(super) struct Watches {
    watches: Vec<Watch>,
    acls: Vec<(NodeId, u64)>,
}

impl Watches {
    pub(super) fn is_empty(&self) -> bool {
        self.watches.is_empty()
    }

    /// Takes a watch on, or its newer number.
    pub(super) fn insert(&mut self, node: NodeId, watcher: UserId, number: u32) {
        let watch = Watch { node, watcher, number, answered: Answered::Nothing };
        match self.find(node, watcher) {
            Ok(at) => self.watches[at] = watch,
            Err(at) => self.watches.insert(at, watch),
        }
    }

    pub(super) fn remove(&mut self, node: NodeId, watcher: UserId) {
        if let Ok(at) = self.find(node, watcher) {
            self.watches.remove(at);
        }
        if !self.watches.iter().any(|watch| watch.node == node) {
            self.acls.retain(|(of, _)| *of != node);
        }
    }

    pub(super) fn forget_node(&mut self, node: NodeId) {
        self.watches.retain(|watch| watch.node != node);
        self.acls.retain(|(of, _)| *of != node);
    }

    /// The watches in a state, in order.
    pub(super) fn answered(&self, answered: Answered) -> Vec<Watch> {
        self.watches.iter().filter(|watch| watch.answered == answered).copied().collect()
    }

    /// The watches of one person, from wherever.
    pub(super) fn of(&self, watcher: UserId) -> Vec<Watch> {
        self.watches.iter().filter(|watch| watch.watcher == watcher).copied().collect()
    }

    /// Notes what a watch is answered, under an acl number greater than any before.
    pub(super) fn answer(&mut self, watch: &Watch, answered: Answered, acl: u64) {
        if let Ok(at) = self.find(watch.node, watch.watcher) {
            self.watches[at].answered = answered;
        }
        match self.acls.binary_search_by_key(&watch.node, |(node, _)| *node) {
            Ok(at) => self.acls[at].1 = acl,
            Err(at) => self.acls.insert(at, (watch.node, acl)),
        }
    }

    /// Each CS with somebody admitted, and its acl number.
    pub(super) fn audience(&self) -> Vec<(NodeId, u64)> {
        let admitted = |node: NodeId| {
            let of = |watch: &Watch| watch.node == node && watch.answered == Answered::Admitted;
            self.watches.iter().any(of)
        };
        self.acls.iter().filter(|(node, _)| admitted(*node)).copied().collect()
    }

    fn find(&self, node: NodeId, watcher: UserId) -> Result<usize, usize> {
        self.watches.binary_search_by_key(&(node, watcher), |watch| (watch.node, watch.watcher))
    }
}
