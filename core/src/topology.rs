//! Who owns which shard (PROTOCOL §9.2). Placement is a pure function until shards move.

use serde::{Deserialize, Serialize};

use crate::id::{Epoch, NodeId, Shard};

/// Owner of every shard, as one node knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topology {
    nodes: u16,
}

impl Topology {
    /// Shards dealt out evenly over `nodes` nodes.
    ///
    /// # Panics
    /// Where `nodes` is 0.
    #[must_use]
    pub fn even(nodes: u16) -> Self {
        assert!(nodes > 0, "a topology has at least one node");
        Self { nodes }
    }

    /// The node that owns a shard.
    #[must_use]
    pub fn owner(&self, shard: Shard) -> NodeId {
        NodeId(shard.0 % self.nodes)
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

    /// The term in which a node owns its shards: its incarnation, until shards move on their own.
    #[must_use]
    pub fn epoch(&self, incarnation: crate::id::Incarnation) -> Epoch {
        Epoch(incarnation.0)
    }
}
