//! How much later than usual a parcel came (PROTOCOL §9.3).

use crate::time::Timestamp;

/// Milliseconds that the fastest parcel is remembered for, at least: longer than a way is held back
/// that a node outlives, shorter than two clocks take to drift apart by what anyone notices.
const REMEMBER_MS: u64 = 60_000;

/// The one-way delay from one life of a node to this one, measured against the fastest parcel.
///
/// Two clocks that were never compared tell no delay, but they tell its variation: of two parcels, the
/// one that is further from its sender's clock was on the way for longer, by just that difference.
#[derive(Debug, Default)]
pub(super) struct Delay {
    /// The least (own clock - sender's clock) in this period, and in the one before it.
    least: Option<(i64, i64)>,
    since: Timestamp,
}

impl Delay {
    /// Takes a parcel's time of sending, on its sender's clock. How many milliseconds longer than the
    /// fastest one it was on its way.
    pub(super) fn variation_ms(&mut self, sent: Timestamp, now: Timestamp) -> u64 {
        let signed = |at: Timestamp| i64::try_from(at.0).unwrap_or(i64::MAX);
        let apart = signed(now) - signed(sent);
        let (mut this, mut before) = self.least.unwrap_or((apart, apart));
        if now.since(self.since) >= REMEMBER_MS {
            (before, this) = (this, apart);
            self.since = now;
        }
        this = this.min(apart);
        self.least = Some((this, before));
        apart.abs_diff(this.min(before))
    }
}
