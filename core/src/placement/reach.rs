//! Which nodes this one can reach (PROTOCOL §9.4).

use alloc::vec;
use alloc::vec::Vec;

use crate::id::NodeId;
use crate::limits::{ALIVE_DOUBT_MS, TRUNK_RESEND_MS};
use crate::time::Timestamp;

/// Who does not hear us greets this often at least, though a greeting or two be lost.
const DEAF_MS: u64 = 3 * TRUNK_RESEND_MS;

/// How another node stands to this one.
#[derive(Clone, Copy, Debug)]
struct Standing {
    /// Since when there is an understanding with it.
    up: Option<Timestamp>,
    /// Where there is none: from when on it counts as out of reach.
    out: Timestamp,
    /// When it last said that it does not hear us.
    deaf: Option<Timestamp>,
    /// It goes away.
    leaving: bool,
}

/// All other nodes. One never heard since our start is out of reach from a second on.
#[derive(Debug)]
pub(super) struct Reach {
    own: NodeId,
    nodes: Vec<Standing>,
}

impl Reach {
    pub(super) fn new(own: NodeId, nodes: u16, now: Timestamp) -> Self {
        let out = now + ALIVE_DOUBT_MS;
        let standing = Standing { up: None, out, deaf: None, leaving: false };
        Self { own, nodes: vec![standing; usize::from(nodes)] }
    }

    pub(super) fn on_up(&mut self, node: NodeId, now: Timestamp) {
        if let Some(standing) = self.nodes.get_mut(usize::from(node.0)) {
            *standing = Standing { up: Some(now), deaf: None, leaving: false, ..*standing };
        }
    }

    pub(super) fn on_lost(&mut self, node: NodeId, now: Timestamp) {
        if let Some(standing) = self.nodes.get_mut(usize::from(node.0)) {
            *standing = Standing { up: None, out: now, deaf: None, leaving: false };
        }
    }

    pub(super) fn on_deaf(&mut self, node: NodeId, now: Timestamp) {
        if let Some(standing) = self.nodes.get_mut(usize::from(node.0)) {
            standing.deaf = Some(now);
        }
    }

    pub(super) fn on_leaving(&mut self, node: NodeId) {
        if let Some(standing) = self.nodes.get_mut(usize::from(node.0)) {
            standing.leaving = true;
        }
    }

    /// Whether there is such a node at all.
    pub(super) fn exists(&self, node: NodeId) -> bool {
        usize::from(node.0) < self.nodes.len()
    }

    pub(super) fn is_up(&self, node: NodeId) -> bool {
        node == self.own
            || self.nodes.get(usize::from(node.0)).is_some_and(|node| node.up.is_some())
    }

    /// Whether what a node owns may have nobody who serves it.
    pub(super) fn is_out(&self, node: NodeId, now: Timestamp) -> bool {
        let standing = self.nodes.get(usize::from(node.0));
        node != self.own && standing.is_none_or(|node| node.up.is_none() && node.out <= now)
    }

    /// Since when a range could move to a node; `None`: it cannot.
    pub(super) fn fit_since(&self, node: NodeId) -> Option<Timestamp> {
        let standing = self.nodes.get(usize::from(node.0)).filter(|node| !node.leaving)?;
        standing.up.map(|up| standing.deaf.map_or(up, |deaf| up.max(deaf)))
    }

    /// Every other node that there is an understanding with.
    pub(super) fn up(&self) -> impl Iterator<Item = NodeId> {
        (0u16..).map(NodeId).zip(&self.nodes).filter_map(|(node, standing)| {
            (node != self.own && standing.up.is_some()).then_some(node)
        })
    }

    /// Those of them that stay.
    pub(super) fn staying(&self) -> impl Iterator<Item = NodeId> {
        self.up().filter(|node| self.fit_since(*node).is_some())
    }

    /// Whether any node cannot reach us, or we cannot reach it, so that it may doubt that we live.
    pub(super) fn is_doubted(&self, now: Timestamp) -> bool {
        (0u16..).map(NodeId).zip(&self.nodes).any(|(node, standing)| {
            let deaf = standing.deaf.is_some_and(|deaf| now.since(deaf) < DEAF_MS);
            node != self.own && (standing.up.is_none() || deaf)
        })
    }
}
