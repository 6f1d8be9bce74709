//! When what is read was said, where the node stood still (PROTOCOL §1.2).

use crate::limits::{PAUSE_MS, TRUNK_DIGEST_MS};
use crate::time::Timestamp;

/// Deadlines of a node that has others are no further apart than its digests, and one that is later by
/// more than [`PAUSE_MS`] shows that it stood still. Of a node alone nobody is told how long ago.
const LATE_MS: u64 = TRUNK_DIGEST_MS + PAUSE_MS;
/// How long a host may take to read what came while it stood still, milliseconds.
const READS_MS: u64 = 500;

/// Follows the deadlines of the node. What is read after it stood still may have lain there since, and
/// counts as said before: so that it never passes for newer than what was said elsewhere meanwhile. What
/// is read later never counts as said earlier.
#[derive(Debug)]
pub(super) struct Said {
    /// When deadlines were last acted on.
    ticked: Timestamp,
    /// When that was before the last pause, and until when what is read may be of the pause.
    paused: Timestamp,
    until: Timestamp,
    /// Of what was read so far.
    last: Timestamp,
}

impl Said {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { ticked: now, paused: now, until: now, last: now }
    }

    /// Deadlines are acted on.
    pub(super) fn tick(&mut self, now: Timestamp) {
        if now.since(self.ticked) > LATE_MS {
            (self.paused, self.until) = (self.ticked, now + READS_MS);
        }
        self.ticked = now;
    }

    /// When what is read now counts as said.
    pub(super) fn read(&mut self, now: Timestamp) -> Timestamp {
        let said = if now.since(self.ticked) > LATE_MS {
            self.ticked
        } else if now < self.until {
            self.paused
        } else {
            now
        };
        self.last = self.last.max(said);
        self.last
    }
}

#[cfg(test)]
#[path = "said_test.rs"]
mod said_test;
