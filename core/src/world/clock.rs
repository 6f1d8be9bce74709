//! A node's wall clock: off by a skew, and jumping (PROTOCOL §1.2).

use crate::time::{Timestamp, Wall};

/// A wall clock over the world's true time.
#[derive(Clone, Copy, Debug)]
pub struct SkewedClock {
    anchor: Wall,
    skew_ms: i64,
}

impl SkewedClock {
    /// A clock that shows `anchor` at the world's instant 0, off by `skew_ms`.
    #[must_use]
    pub fn new(anchor: Wall, skew_ms: i64) -> Self {
        Self { anchor, skew_ms }
    }

    /// Moves the clock's hands.
    pub fn jump(&mut self, ms: i64) {
        self.skew_ms = self.skew_ms.saturating_add(ms);
    }

    /// Sets how far it is off.
    pub fn set_skew(&mut self, ms: i64) {
        self.skew_ms = ms;
    }

    /// What it shows.
    #[must_use]
    pub fn read(&self, now: Timestamp) -> Wall {
        Wall(self.anchor.0.saturating_add(now.0).saturating_add_signed(self.skew_ms))
    }
}
