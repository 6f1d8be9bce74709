//! Seats: who may attach, for 120 s by the mixer's own clock (PROTOCOL §5.3).
//!
//! A seat is taken by the attach that shows its ticket. One endpoint holds few at a time in one
//! conversation, so that nobody can use up the node's.

use alloc::collections::VecDeque;

use crate::id::{EndpointId, OpId, UserId};
use crate::index::Slab;
use crate::limits::{SEAT_MS, SEATS_MAX};
use crate::time::Timestamp;

/// A place kept for an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    /// The conversation.
    pub(super) conversation: OpId,
    /// For whom.
    pub(super) user: UserId,
    /// On which device.
    pub(super) endpoint: EndpointId,
}

/// All seats of a node that are not taken yet.
#[derive(Debug, Default)]
pub(super) struct Seats {
    slab: Slab<Seat>,
    /// In the order given, which is the order they end in; those taken meanwhile stand here too.
    queue: VecDeque<(Timestamp, OpId)>,
}

impl Seats {
    /// Keeps a place; `None` where all are given.
    pub(super) fn give(&mut self, seat: Seat, now: Timestamp) -> Option<OpId> {
        if self.slab.len() >= SEATS_MAX {
            return None;
        }
        if self.queue.len() > 2 * self.slab.len() + 1024 {
            self.queue.retain(|(_, key)| self.slab.get(*key).is_some());
        }
        let key = self.slab.insert(seat);
        self.queue.push_back((now + SEAT_MS, key));
        Some(key)
    }

    /// A seat that is still kept.
    pub(super) fn get(&self, key: OpId) -> Option<&Seat> {
        self.slab.get(key)
    }

    /// Takes a seat; it is gone then.
    pub(super) fn take(&mut self, key: OpId) -> Option<Seat> {
        self.slab.remove(key)
    }

    /// The next seat whose time is over, taken away.
    pub(super) fn expire(&mut self, now: Timestamp) -> Option<(OpId, Seat)> {
        while let Some((at, key)) = self.queue.front().copied() {
            if at > now && self.slab.get(key).is_some() {
                return None;
            }
            self.queue.pop_front();
            if let Some(seat) = self.slab.remove(key) {
                return Some((key, seat));
            }
        }
        None
    }

    /// When the next one ends.
    pub(super) fn next_end(&self) -> Option<Timestamp> {
        self.queue.front().map(|(at, _)| *at)
    }

    /// How many are kept.
    pub(super) fn len(&self) -> usize {
        self.slab.len()
    }
}
