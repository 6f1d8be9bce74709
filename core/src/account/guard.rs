//! Against guessing: failed sign-ins by name and origin, in a table of fixed size.
//!
//! By name alone, who guesses would shut the person out. Pairs share cells by a keyed hash, so nobody
//! can choose whom to shut out; at the pace that hashing allows, all cells together are never used up.

use alloc::boxed::Box;
use alloc::vec;

use sha2::{Digest, Sha256};

use crate::limits::{SIGN_IN_CELLS, SIGN_IN_FAILURE_MS, SIGN_IN_FAILURES_BURST};
use crate::origin::Origin;
use crate::rate::{Rate, Used};
use crate::rng::Rng;
use crate::time::Timestamp;

const FAILURES: Rate = Rate { interval_ms: SIGN_IN_FAILURE_MS, burst: SIGN_IN_FAILURES_BURST };

/// Attempts count as failures until they prove right, so those in flight are bounded too.
#[derive(Debug)]
pub(super) struct Guard {
    key: [u8; 32],
    cells: Box<[Used]>,
}

impl Guard {
    pub(super) fn new(rng: &mut Rng) -> Self {
        Self { key: rng.bytes(), cells: vec![Used::default(); SIGN_IN_CELLS].into() }
    }

    /// An attempt at a name; milliseconds to wait where too many from there failed.
    pub(super) fn attempt(
        &mut self,
        name: &str,
        origin: Origin,
        now: Timestamp,
    ) -> Result<(), u64> {
        FAILURES.take(self.cell(name, origin), now)
    }

    /// The attempt did not fail.
    pub(super) fn forgive(&mut self, name: &str, origin: Origin) {
        FAILURES.give_back(self.cell(name, origin));
    }

    fn cell(&mut self, name: &str, origin: Origin) -> &mut Used {
        let mut hash = Sha256::new();
        hash.update(self.key);
        hash.update(origin.to_be_bytes());
        hash.update(name.as_bytes());
        let digest = hash.finalize();
        let word = u16::from_be_bytes([digest[0], digest[1]]);
        let at = usize::from(word) % self.cells.len();
        &mut self.cells[at]
    }
}
