//! The network: links of bytes between clients and gates, and the fabric between nodes.
//!
//! A link keeps order and loses nothing until it is cut; a cut takes a suffix of what was on the way,
//! at any byte. A stalled link (a pulled cable) swallows everything and tells nobody. The fabric
//! promises nothing: parcels are late, lost, doubled and overtake each other.

use alloc::vec::Vec;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::rng::Rng;
use crate::time::Timestamp;

/// How links behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LinkWeather {
    /// Shortest way, milliseconds.
    pub delay_min_ms: u64,
    /// Mean of what is added to it, milliseconds (geometric, cut at eight times the mean).
    pub delay_mean_ms: u64,
    /// Of 1,000 writes, how many arrive in pieces cut at any byte.
    pub pieces_permille: u64,
}

impl Default for LinkWeather {
    fn default() -> Self {
        Self::CALM
    }
}

impl LinkWeather {
    /// A cable in a rack.
    pub const CALM: Self = Self { delay_min_ms: 1, delay_mean_ms: 1, pieces_permille: 0 };

    fn delay(&self, rng: &mut Rng) -> u64 {
        self.delay_min_ms + spread(self.delay_mean_ms, rng)
    }
}

/// A delay around a mean: mostly short, sometimes long, never beyond eight times the mean.
#[must_use]
pub fn spread(mean: u64, rng: &mut Rng) -> u64 {
    if mean == 0 {
        return 0;
    }
    // The count of leading zeros of a random word is geometric.
    let halvings = u64::from(rng.next_u64().leading_zeros()).min(7);
    mean * halvings + rng.below(mean + 1)
}

/// One direction of a link.
#[derive(Clone, Debug, Default)]
pub struct Pipe {
    last: Timestamp,
    stalled: bool,
}

impl Pipe {
    /// Bytes go in; says which pieces come out when, in order. Nothing comes out of a stalled pipe.
    pub fn carry(
        &mut self,
        weather: &LinkWeather,
        mut bytes: Bytes,
        rng: &mut Rng,
        now: Timestamp,
    ) -> Vec<(Timestamp, Bytes)> {
        let mut out = Vec::with_capacity(1);
        if self.stalled {
            return out;
        }
        while bytes.len() > 1 && out.len() < 8 && rng.below(1_000) < weather.pieces_permille {
            let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            let at = usize::try_from(1 + rng.below(len - 1)).unwrap_or(1);
            let piece = bytes.split_to(at);
            out.push((self.arrival(weather, rng, now), piece));
        }
        out.push((self.arrival(weather, rng, now), bytes));
        out
    }

    /// When something that is not bytes (a close) comes out, behind everything sent before.
    pub fn arrival(&mut self, weather: &LinkWeather, rng: &mut Rng, now: Timestamp) -> Timestamp {
        let at = now + weather.delay(rng);
        self.last = self.last.max(at);
        self.last
    }

    /// Stops forwarding for ever, telling nobody.
    pub fn stall(&mut self) {
        self.stalled = true;
    }

    /// Whether it stopped forwarding.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.stalled
    }
}

/// How the fabric between nodes behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FabricWeather {
    /// Mean way, milliseconds.
    pub delay_mean_ms: u64,
    /// Of 1,000 parcels, how many are lost.
    pub loss_permille: u64,
    /// Of 1,000 parcels, how many come twice.
    pub double_permille: u64,
    /// Of 1,000 parcels, how many are held back up to two seconds, so that later ones overtake them.
    pub late_permille: u64,
}

impl Default for FabricWeather {
    fn default() -> Self {
        Self::CALM
    }
}

impl FabricWeather {
    /// A channel inside a process.
    pub const CALM: Self =
        Self { delay_mean_ms: 0, loss_permille: 0, double_permille: 0, late_permille: 0 };
}

/// The fabric: who cannot reach whom, and what becomes of a parcel.
#[derive(Clone, Debug, Default)]
pub struct Fabric {
    parted: Vec<(u16, u16)>,
}

impl Fabric {
    /// Nothing passes from one node to another, in this direction.
    pub fn part(&mut self, from: u16, to: u16) {
        self.parted.push((from, to));
    }

    /// Everybody reaches everybody.
    pub fn heal(&mut self) {
        self.parted.clear();
    }

    /// The instants at which copies of a parcel arrive; none where it is lost.
    pub fn fates(
        &self,
        weather: &FabricWeather,
        way: (u16, u16),
        rng: &mut Rng,
        now: Timestamp,
    ) -> Vec<Timestamp> {
        let mut out = Vec::new();
        if self.parted.contains(&way) || rng.below(1_000) < weather.loss_permille {
            return out;
        }
        let copies = if rng.below(1_000) < weather.double_permille { 2 } else { 1 };
        for _ in 0..copies {
            let late = if rng.below(1_000) < weather.late_permille { rng.below(2_000) } else { 0 };
            out.push(now + spread(weather.delay_mean_ms, rng) + late);
        }
        out
    }
}
