//! Legs: one per port, each an endpoint attached to a conversation (PROTOCOL §4.6).

use crate::edge::gate_service::Port;
use crate::id::{EndpointId, NodeId, OpId, UserId};
use crate::index::{Index, Slab};
use crate::time::Timestamp;
use crate::wire::body::mixer::SendId;

/// An endpoint attached to a conversation.
#[derive(Debug)]
pub(super) struct Leg {
    /// Its channel.
    pub(super) port: Port,
    /// The conversation.
    pub(super) conversation: OpId,
    /// Who.
    pub(super) user: UserId,
    /// On which device.
    pub(super) endpoint: EndpointId,
    /// Whether it gets what is new.
    pub(super) joined: bool,
    /// Pages it waits for.
    pub(super) reads: usize,
    /// When its last typing was passed on.
    pub(super) typed: Option<Timestamp>,
    /// It was told to go back, and nothing is taken of it until it did.
    pub(super) resumes: Option<Resumes>,
}

/// How a leg that was told to go back is seen to have done so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resumes {
    /// With the send that follows the one that was stored last.
    After(Option<SendId>),
    /// With the send of this counter, which was refused for now, or one before it.
    From(u64),
}

impl Leg {
    /// A send was refused for now.
    pub(super) fn go_back_to(&mut self, counter: u64) {
        let before = match self.resumes {
            Some(Resumes::From(before)) => before,
            Some(Resumes::After(_)) | None => counter,
        };
        self.resumes = Some(Resumes::From(before.min(counter)));
    }

    /// Whether a send is what its client said after it read that it must go back; `last` is stored.
    pub(super) fn takes(
        &mut self,
        (id, after): (&SendId, &Option<SendId>),
        last: &Option<SendId>,
    ) -> bool {
        let takes = match &self.resumes {
            None => true,
            Some(Resumes::After(stored)) => after == stored,
            Some(Resumes::From(counter)) => id.counter <= *counter || after == last,
        };
        if takes {
            self.resumes = None;
        } else if let Some(Resumes::After(stored)) = &mut self.resumes {
            // What it is told now.
            stored.clone_from(last);
        }
        takes
    }
}

/// All legs of a node.
#[derive(Debug)]
pub(super) struct Legs {
    slab: Slab<Leg>,
    by_port: Index<Port>,
}

impl Legs {
    /// None yet.
    pub(super) fn new(seed: u64) -> Self {
        Self { slab: Slab::default(), by_port: Index::new(seed) }
    }

    /// A new leg on a port that has none.
    pub(super) fn open(&mut self, leg: Leg) -> OpId {
        let port = leg.port;
        let key = self.slab.insert(leg);
        self.by_port.insert(port, key.slot);
        key
    }

    /// The leg of a port.
    pub(super) fn find(&self, port: Port) -> Option<OpId> {
        self.slab.key_at(self.by_port.get(&port)?)
    }

    /// A leg.
    pub(super) fn get(&self, key: OpId) -> Option<&Leg> {
        self.slab.get(key)
    }

    /// A leg.
    pub(super) fn get_mut(&mut self, key: OpId) -> Option<&mut Leg> {
        self.slab.get_mut(key)
    }

    /// Forgets a leg; its key never names another.
    pub(super) fn close(&mut self, key: OpId) -> Option<Leg> {
        let leg = self.slab.remove(key)?;
        self.by_port.remove(&leg.port);
        Some(leg)
    }

    /// The legs that come through a node's gate.
    pub(super) fn through(&self, node: NodeId) -> impl Iterator<Item = OpId> {
        self.slab.iter().filter(move |(_, leg)| leg.port.node == node).map(|(key, _)| key)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.slab.len()
    }
}
