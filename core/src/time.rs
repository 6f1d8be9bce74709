//! Time, which only ever comes in (PROTOCOL §1.2).

use core::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// Milliseconds on the host's monotonic clock, counted from a wall anchor taken once.
///
/// Every deadline uses it and nothing else. It never goes backwards.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Milliseconds since `earlier`; 0 where `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<u64> for Timestamp {
    type Output = Self;
    fn add(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

impl Sub<u64> for Timestamp {
    type Output = Self;
    fn sub(self, ms: u64) -> Self {
        Self(self.0.saturating_sub(ms))
    }
}

/// Milliseconds since the UNIX epoch as the wall clock tells it: for stamps and expiry only.
///
/// It may jump. Nothing waits for it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Wall(pub u64);

/// The wall clock as a machine knows it: the last reading, moved by the monotonic clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct WallClock {
    read: Wall,
    at: Timestamp,
}

impl WallClock {
    /// A clock that was just read.
    #[must_use]
    pub fn new(read: Wall, now: Timestamp) -> Self {
        Self { read, at: now }
    }

    /// The wall time at `now`.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Wall {
        Wall(self.read.0.saturating_add(now.since(self.at)))
    }
}
