//! Against guessing: a name's failed sign-ins, in a table of fixed size.
//!
//! Names share cells by a keyed hash, so nobody can choose whom to shut out; at the pace that
//! hashing allows, all cells together are never used up.

use alloc::boxed::Box;
use alloc::vec;

use sha2::{Digest, Sha256};

use crate::limits::{SIGN_IN_CELLS, SIGN_IN_FAILURE_MS, SIGN_IN_FAILURES_BURST};
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

    /// An attempt at a name; milliseconds to wait where too many failed.
    pub(super) fn attempt(&mut self, name: &str, now: Timestamp) -> Result<(), u64> {
        FAILURES.take(self.cell(name), now)
    }

    /// The attempt did not fail.
    pub(super) fn forgive(&mut self, name: &str) {
        FAILURES.give_back(self.cell(name));
    }

    fn cell(&mut self, name: &str) -> &mut Used {
        let mut hash = Sha256::new();
        hash.update(self.key);
        hash.update(name.as_bytes());
        let digest = hash.finalize();
        let word = u16::from_be_bytes([digest[0], digest[1]]);
        let at = usize::from(word) % self.cells.len();
        &mut self.cells[at]
    }
}
