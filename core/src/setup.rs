//! What every server machine is told when its node starts.

use alloc::sync::Arc;

use crate::id::{Epoch, Incarnation, NodeId, Shard};
use crate::rng::Rng;
use crate::store::{Check, Key};
use crate::ticket::Keys;
use crate::time::WallClock;
use crate::topology::Topology;
use crate::wire::hello::Versions;

/// The facts of one life of a node.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The node.
    pub node: NodeId,
    /// Its life.
    pub incarnation: Incarnation,
    /// The store's revision of the incarnation row: what fences the writes of a past life.
    pub fence: u64,
    /// Who owns what.
    pub topology: Topology,
    /// What seals tickets.
    pub keys: Arc<Keys>,
    /// The node's seed; each machine takes a child of it.
    pub seed: [u8; 32],
    /// The wall clock.
    pub wall: WallClock,
    /// The versions its gate speaks.
    pub versions: Versions,
    /// Whether acts are traced: gates agree to the feature only then.
    pub trace: bool,
}

impl Setup {
    /// The stream of a machine.
    #[must_use]
    pub fn rng(&self, label: &str) -> Rng {
        Rng::new(Rng::child_seed(self.seed, label))
    }

    /// The epoch in which this life of this node owns a shard.
    #[must_use]
    pub fn epoch(&self, shard: Shard) -> Epoch {
        self.topology.epoch(shard, self.incarnation)
    }

    /// Whether this node owns a shard.
    #[must_use]
    pub fn owns(&self, shard: Shard) -> bool {
        self.topology.owns(self.node, shard)
    }

    /// What every row write checks: this life is still the node's last.
    #[must_use]
    pub fn life(&self) -> Check {
        Check { key: Key::incarnation(self.node), revision: Some(self.fence) }
    }

    /// What every row write of a shard checks: this life is still the node's last, and the shard has
    /// not moved.
    #[must_use]
    pub fn fenced(&self, shard: Shard) -> [Check; 2] {
        [self.life(), self.topology.check(shard)]
    }
}
