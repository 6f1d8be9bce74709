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
use alloc::vec::Vec;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::id::{Epoch, Incarnation, NodeId, Range, Shard};
use crate::store::{Check, Key, Part, Row};

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

/// A range and where it stands: a row of `shard_range`, and what nodes tell each other of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Which.
    pub range: Range,
    /// Its owner.
    pub owner: NodeId,
    /// How often it has moved.
    pub term: u32,
    /// Whether it stays there though it is not its seat: an operator moved it.
    pub kept: bool,
    /// The store's revision of its row.
    pub revision: Option<u64>,
}

impl Place {
    /// What the table keeps of it.
    #[must_use]
    pub fn placement(&self) -> Placement {
        Placement { owner: self.owner, term: self.term, revision: self.revision }
    }

    /// The value of its row.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut value = Vec::with_capacity(7);
        value.extend_from_slice(&self.owner.0.to_be_bytes());
        value.extend_from_slice(&self.term.to_be_bytes());
        value.push(u8::from(self.kept));
        value.into()
    }

    /// A row as read; `None` where it is none of a range.
    #[must_use]
    pub fn decode(row: &Row) -> Option<Self> {
        let [Part::Number(range)] = row.key.parts[..] else { return None };
        let (owner, rest) = row.value.split_first_chunk::<2>()?;
        let (term, rest) = rest.split_first_chunk::<4>()?;
        Some(Self {
            range: Range(u8::try_from(range).ok()?),
            owner: NodeId(u16::from_be_bytes(*owner)),
            term: u32::from_be_bytes(*term),
            kept: *rest.first()? != 0,
            revision: Some(row.revision),
        })
    }
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

/// The node that a range goes to where its owner is gone: its seat if that is among them, else
/// whichever comes first in an order that all agree on and that deals ranges evenly.
pub fn heir(range: Range, seat: NodeId, nodes: impl Iterator<Item = NodeId>) -> Option<NodeId> {
    nodes.max_by_key(|node| (*node == seat, weight(range, *node), *node))
}

/// The finalizer of SplitMix64 over a range and a node.
fn weight(range: Range, node: NodeId) -> u64 {
    let mut z = (u64::from(range.0) << 16 | u64::from(node.0)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn seat(range: Range, nodes: u16) -> NodeId {
    NodeId(u16::from(range.0) % nodes)
}
