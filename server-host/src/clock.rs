//! The two clocks of the process (PROTOCOL §1.2).

use std::time::{SystemTime, UNIX_EPOCH};

use presently_core::time::{Timestamp, Wall};

/// Monotonic milliseconds that count sleep, from a wall anchor taken once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    anchor: u64,
    started: u64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { anchor: wall().0, started: monotonic() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(self.anchor + monotonic().saturating_sub(self.started))
    }
}

/// A reading of the wall clock.
pub(crate) fn wall() -> Wall {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Wall(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn monotonic() -> u64 {
    // Elsewhere than on Linux the plain monotonic clock counts sleep, or nothing does.
    #[cfg(target_os = "linux")]
    let clock = rustix::time::ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let clock = rustix::time::ClockId::Monotonic;
    let time = rustix::time::clock_gettime(clock);
    time.tv_sec.cast_unsigned() * 1_000 + time.tv_nsec.cast_unsigned() / 1_000_000
}
