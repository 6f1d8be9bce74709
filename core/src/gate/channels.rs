//! The channels of one link: what each is attached to (PROTOCOL §2.4).

use alloc::vec::Vec;

use crate::edge::Role;
use crate::id::{Channel, NodeId};

/// One attachment. Twelve bytes: an idle link holds three or four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attached {
    /// As the client calls it.
    pub(super) channel: Channel,
    /// The attach the service has not answered yet; 0: it has, the channel is open.
    pub(super) request: u32,
    /// Where the service is.
    pub(super) node: NodeId,
    /// What it is.
    pub(super) role: Role,
}

/// Attachments in order of their channel.
#[derive(Debug, Default)]
pub(super) struct Channels(Vec<Attached>);

impl Channels {
    /// The attachment of a channel.
    pub(super) fn of(&self, channel: Channel) -> Option<Attached> {
        self.at(channel).ok().map(|at| self.0[at])
    }

    /// Adds an attachment whose channel is free.
    pub(super) fn insert(&mut self, attached: Attached) {
        if let Err(at) = self.at(attached.channel) {
            self.0.insert(at, attached);
        }
    }

    /// The service has answered the attach.
    pub(super) fn open(&mut self, channel: Channel) {
        if let Ok(at) = self.at(channel) {
            self.0[at].request = 0;
        }
    }

    /// Takes an attachment out.
    pub(super) fn remove(&mut self, channel: Channel) -> Option<Attached> {
        self.at(channel).ok().map(|at| self.0.remove(at))
    }

    /// Takes out all attachments to services of a node.
    pub(super) fn remove_of(&mut self, node: NodeId) -> Vec<Attached> {
        let gone = self.0.iter().copied().filter(|attached| attached.node == node).collect();
        self.0.retain(|attached| attached.node != node);
        gone
    }

    /// Takes out all.
    pub(super) fn take(&mut self) -> Vec<Attached> {
        core::mem::take(&mut self.0)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    fn at(&self, channel: Channel) -> Result<usize, usize> {
        self.0.binary_search_by_key(&channel, |attached| attached.channel)
    }
}

#[cfg(test)]
#[path = "channels_test.rs"]
mod channels_test;
