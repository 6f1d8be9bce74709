//! Randomness, which only ever comes in: one seed per machine, split into child streams.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng};
use sha2::{Digest, Sha256};

/// A deterministic stream of randomness.
///
/// Cryptographically strong where the seed is (ChaCha), so tickets, tags and ids may use it.
#[derive(Clone, Debug)]
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// The stream of a seed.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha8Rng::from_seed(seed))
    }

    /// The seed of a child stream, the same for the same parent seed and label.
    #[must_use]
    pub fn child_seed(seed: [u8; 32], label: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(seed);
        hash.update(label.as_bytes());
        hash.finalize().into()
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.0.fill_bytes(&mut out);
        out
    }

    /// A number below `bound`; 0 where `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.0.next_u64() % bound }
    }
}
