//! Against guessing: failed sign-ins by name and origin, in tables of fixed size.
//!
//! By name alone, who guesses would shut the person out. Each pair has a cell in each of two tables, by a
//! keyed hash, and waits where both are used up: pairs share one cell by chance, and both hardly ever.
//! Nobody can choose whom to shut out; at the pace that hashing allows, all cells together are never used up.

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
    tables: [Box<[Used]>; 2],
}

impl Guard {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let table = || vec![Used::default(); SIGN_IN_CELLS].into();
        Self { key: rng.bytes(), tables: [table(), table()] }
    }

    /// An attempt at a name; milliseconds to wait where too many from there failed.
    pub(super) fn attempt(
        &mut self,
        name: &str,
        origin: Origin,
        now: Timestamp,
    ) -> Result<(), u64> {
        let cells = self.cells(name, origin);
        let waits = cells.each_ref().map(|cell| FAILURES.wait_ms(**cell, now));
        match waits.into_iter().min() {
            Some(wait) if wait > 0 => Err(wait),
            _ => {
                cells.into_iter().for_each(|cell| FAILURES.charge(cell, now));
                Ok(())
            }
        }
    }

    /// The attempt did not fail.
    pub(super) fn forgive(&mut self, name: &str, origin: Origin) {
        self.cells(name, origin).into_iter().for_each(|cell| FAILURES.give_back(cell));
    }

    fn cells(&mut self, name: &str, origin: Origin) -> [&mut Used; 2] {
        let mut hash = Sha256::new();
        hash.update(self.key);
        hash.update(origin.to_be_bytes());
        hash.update(name.as_bytes());
        let digest = hash.finalize();
        let [first, second] = &mut self.tables;
        let word = |at: usize| usize::from(u16::from_be_bytes([digest[at], digest[at + 1]]));
        let (one, other) = (word(0) % first.len(), word(2) % second.len());
        [&mut first[one], &mut second[other]]
    }
}

#[cfg(test)]
#[path = "guard_test.rs"]
mod guard_test;
