//! Clocks of the platform.

use std::time::{SystemTime, UNIX_EPOCH};

use presently_core::time::{Timestamp, Wall};

/// A monotonic clock from a wall anchor taken once; on Linux it counts sleep.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    anchor: u64,
    start: u64,
}

impl Default for Clock {
    fn default() -> Self {
        Self { anchor: wall().0, start: monotonic_ms() }
    }
}

impl Clock {
    pub(super) fn now(&self) -> Timestamp {
        Timestamp(self.anchor + monotonic_ms().saturating_sub(self.start))
    }
}

/// The wall clock; 1970 where the platform's is before it.
pub(super) fn wall() -> Wall {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Wall(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn monotonic_ms() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1_000 + u64::try_from(time.tv_nsec / 1_000_000).unwrap_or(0)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn monotonic_ms() -> u64 {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    let elapsed = START.get_or_init(Instant::now).elapsed();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
