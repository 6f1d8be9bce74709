//! Who owns which shard, as one node knows it (PROTOCOL §9.2).
//!
//! A range that never moved has no row: its owner is its *seat*, the node it is dealt to. Every
//! machine keeps a copy and is told of each move ([`Moved`]), so that all decide in one order.

#[cfg(test)]
#[path = "topology_test.rs"]
mod topology_test;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec;

use crate::id::{Epoch, Incarnation, NodeId, Range, Shard};
use crate::store::{Check, Key};

/// Where a range stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Its owner.
    pub owner: NodeId,
    /// How often it has moved.
    pub term: u32,
    /// The store's revision of its row: what fences the writes of past owners. `None`: it never moved.
    pub revision: Option<u64>,
}

/// A range has another owner from here on, or the same in a later term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Which.
    pub range: Range,
    /// Who owned it.
    pub from: NodeId,
    /// Where it stands.
    pub placement: Placement,
}

impl Moved {
    /// Whether a shard moved.
    #[must_use]
    pub fn has(&self, shard: Shard) -> bool {
        shard.range() == self.range
    }

    /// Whether a node owns the range anew from here on. In a later term of its own too: others may
    /// have owned it in between.
    #[must_use]
    pub fn is_gain(&self, node: NodeId) -> bool {
        self.placement.owner == node
    }

    /// Whether a node's time with the range is over, and with it all that was kept of it. A node that
    /// has it again in a later term begins anew: this is a loss and a gain then.
    #[must_use]
    pub fn is_loss(&self, node: NodeId) -> bool {
        self.from == node
    }
}

/// Owner of every shard, as one node knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    nodes: u16,
    ranges: Arc<[Placement]>,
}

impl Topology {
    /// Ranges dealt out evenly over `nodes` nodes, none of them moved.
    ///
    /// # Panics
    /// Where `nodes` is 0.
    #[must_use]
    pub fn even(nodes: u16) -> Self {
        assert!(nodes > 0, "a topology has at least one node");
        let seated = |range| Placement { owner: seat(range, nodes), term: 0, revision: None };
        Self { nodes, ranges: Range::all().map(seated).collect() }
    }

    /// The node that a range is dealt to where nothing else is known.
    #[must_use]
    pub fn seat(&self, range: Range) -> NodeId {
        seat(range, self.nodes)
    }

    /// Where a range stands.
    #[must_use]
    pub fn placement(&self, range: Range) -> Placement {
        self.ranges[usize::from(range.0)]
    }

    /// Puts a range where a later term has it; what changed, if that is news.
    pub fn place(&mut self, range: Range, placement: Placement) -> Option<Moved> {
        let known = self.placement(range);
        if placement.term <= known.term {
            return None;
        }
        let moved = Moved { range, from: known.owner, placement };
        self.apply(&moved);
        Some(moved)
    }

    /// Takes over what another copy was told.
    pub fn apply(&mut self, moved: &Moved) {
        let mut ranges: Box<[Placement]> = vec![moved.placement; Range::COUNT].into();
        ranges.copy_from_slice(&self.ranges);
        ranges[usize::from(moved.range.0)] = moved.placement;
        self.ranges = ranges.into();
    }

    /// The node that owns a shard.
    #[must_use]
    pub fn owner(&self, shard: Shard) -> NodeId {
        self.placement(shard.range()).owner
    }

    /// How many nodes there are.
    #[must_use]
    pub fn nodes(&self) -> u16 {
        self.nodes
    }

    /// Whether a shard is a node's.
    #[must_use]
    pub fn owns(&self, node: NodeId, shard: Shard) -> bool {
        self.owner(shard) == node
    }

    /// The epoch in which a life of its owner has a shard.
    #[must_use]
    pub fn epoch(&self, shard: Shard, life: Incarnation) -> Epoch {
        Epoch { term: self.placement(shard.range()).term, life }
    }

    /// What a write of a shard's owner checks: that the range has not moved since.
    #[must_use]
    pub fn check(&self, shard: Shard) -> Check {
        let range = shard.range();
        Check { key: Key::range(range), revision: self.placement(range).revision }
    }
}

fn seat(range: Range, nodes: u16) -> NodeId {
    NodeId(u16::from(range.0) % nodes)
}
