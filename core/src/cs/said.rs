//! When what is read was said, where the node stood still (PROTOCOL §1.2).

use crate::limits::PAUSE_MS;
use crate::time::Timestamp;

/// How long a host may take to read what came while it stood still, milliseconds.
const READS_MS: u64 = 500;

/// Follows the deadlines of the node. Where they are late by more than [`PAUSE_MS`], what is read may
/// have lain there since, and counts as said when they became late: so that it never passes for newer than
/// what was said elsewhere meanwhile. On one node what is read later never counts as said earlier.
#[derive(Debug)]
pub(super) struct Said {
    /// When deadlines were last acted on.
    ticked: Timestamp,
    /// The last pause: when it showed, and until when what is read may be of it.
    paused: Timestamp,
    until: Timestamp,
}

impl Said {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { ticked: now, paused: now, until: now }
    }

    /// Deadlines are acted on.
    pub(super) fn tick(&mut self, now: Timestamp) {
        let late = self.ticked + PAUSE_MS;
        if now > late {
            (self.paused, self.until) = (late, now + READS_MS);
        }
        self.ticked = now;
    }

    /// When what is read now counts as said.
    pub(super) fn at(&self, now: Timestamp) -> Timestamp {
        if now < self.until { self.paused } else { now.min(self.ticked + PAUSE_MS) }
    }
}

#[cfg(test)]
#[path = "said_test.rs"]
mod said_test;
