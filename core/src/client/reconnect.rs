//! When to dial again (PROTOCOL §4.7).

use crate::limits::{RECONNECT_FIRST_MS, RECONNECT_LAST_MS};
use crate::rng::Rng;

/// Attempts since the last sign-in, and the numbers of links.
#[derive(Debug, Default)]
pub(super) struct Reconnect {
    /// Attempts in a row that failed.
    pub(super) attempts: u32,
    /// The number given last to a link.
    pub(super) links: u64,
    /// The driver has closed the link itself: it needs no telling.
    pub(super) closed: bool,
}

impl Reconnect {
    /// The next wait: anything up to a bound that doubles, so that clients cut together come back
    /// apart.
    pub(super) fn wait_ms(&mut self, rng: &mut Rng) -> u64 {
        let bound = RECONNECT_FIRST_MS.saturating_mul(1 << self.attempts.min(8));
        self.attempts = self.attempts.saturating_add(1);
        rng.below(bound.min(RECONNECT_LAST_MS))
    }
}
