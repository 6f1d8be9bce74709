//! Rates by GCRA: one instant per subject says how much of a burst is used.

use crate::time::Timestamp;

/// How often something may happen: `burst` at once, then one per `interval_ms`.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Milliseconds that one act costs.
    pub interval_ms: u64,
    /// Acts at once.
    pub burst: u32,
}

/// What one subject has used: when it will have used nothing again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used(Timestamp);

impl Rate {
    /// Takes one act.
    ///
    /// # Errors
    /// Milliseconds to wait; nothing is taken.
    pub fn take(self, used: &mut Used, now: Timestamp) -> Result<(), u64> {
        let free_at = used.0.max(now);
        let room = self.interval_ms * u64::from(self.burst.saturating_sub(1));
        let over = free_at.since(now).saturating_sub(room);
        if over > 0 {
            return Err(over);
        }
        used.0 = free_at + self.interval_ms;
        Ok(())
    }

    /// Gives one act back that turned out not to count.
    pub fn give_back(self, used: &mut Used) {
        used.0 = used.0 - self.interval_ms;
    }
}

#[cfg(test)]
#[path = "rate_test.rs"]
mod rate_test;
