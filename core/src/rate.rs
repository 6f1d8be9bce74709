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
        match self.wait_ms(*used, now) {
            0 => {
                self.charge(used, now);
                Ok(())
            }
            wait => Err(wait),
        }
    }

    /// Milliseconds until there is room for one act.
    #[must_use]
    pub fn wait_ms(self, used: Used, now: Timestamp) -> u64 {
        let room = self.interval_ms * u64::from(self.burst.saturating_sub(1));
        used.0.max(now).since(now).saturating_sub(room)
    }

    /// Takes one act, whether there is room or not.
    pub fn charge(self, used: &mut Used, now: Timestamp) {
        used.0 = used.0.max(now) + self.interval_ms;
    }

    /// Gives one act back that turned out not to count.
    pub fn give_back(self, used: &mut Used) {
        used.0 = used.0 - self.interval_ms;
    }
}

#[cfg(test)]
#[path = "rate_test.rs"]
mod rate_test;
