//! The network: links of bytes between clients and gates, and the fabric between nodes.
//!
//! A link keeps order and loses nothing until it is cut; a cut takes a suffix of what was on the way,
//! at any byte. A stalled direction (a pulled cable, where both are) swallows everything and tells
//! nobody; a clogged one holds everything and lets go of it at once; a slow one carries so many bytes
//! a second, and its sender waits for room. The fabric promises nothing: parcels are late, lost,
//! doubled and overtake each other.

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
    /// Bytes a second; 0: as many as come.
    rate: u64,
    /// When what was sent so far has left.
    left: Timestamp,
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

    /// When bytes sent now have left, and their room is free again; they do not leave before that.
    pub fn leave(&mut self, bytes: usize, now: Timestamp) -> Timestamp {
        self.left = self.left.max(now);
        if let Some(ms) = (u64::try_from(bytes).unwrap_or(0) * 1_000).checked_div(self.rate) {
            self.left = self.left + ms;
            self.last = self.last.max(self.left);
        }
        self.left
    }

    /// From now on it carries so many bytes a second; 0: as many as come.
    pub fn set_rate(&mut self, bytes_per_second: u64) {
        self.rate = bytes_per_second;
    }

    /// Holds what is sent from now on, and lets go of it then, all at once.
    pub fn clog(&mut self, until: Timestamp) {
        self.last = self.last.max(until);
    }

    /// When something that is not bytes (a close) comes out, behind everything sent before.
    pub fn arrival(&mut self, weather: &LinkWeather, rng: &mut Rng, now: Timestamp) -> Timestamp {
        let at = now + weather.delay(rng);
        self.last = self.last.max(at);
        self.last
    }

    /// How long what was sent so far still takes to leave, milliseconds.
    #[must_use]
    pub fn backlog(&self, now: Timestamp) -> u64 {
        self.left.since(now)
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
    clogged: Vec<((u16, u16), Timestamp)>,
    slow: Vec<((u16, u16), u64)>,
}

impl Fabric {
    /// Nothing passes from one node to another, in this direction.
    pub fn part(&mut self, from: u16, to: u16) {
        self.parted.push((from, to));
    }

    /// This direction is open again, however often it was parted.
    pub fn join(&mut self, from: u16, to: u16) {
        self.parted.retain(|way| *way != (from, to));
    }

    /// Whether nothing passes in this direction.
    #[must_use]
    pub fn is_parted(&self, from: u16, to: u16) -> bool {
        self.parted.contains(&(from, to))
    }

    /// What is sent in this direction is held until then, and comes all at once.
    pub fn clog(&mut self, from: u16, to: u16, until: Timestamp) {
        self.clogged.retain(|(way, _)| *way != (from, to));
        self.clogged.push(((from, to), until));
    }

    /// What is sent in this direction takes so much longer; 0: it no longer does.
    pub fn slow(&mut self, from: u16, to: u16, ms: u64) {
        self.slow.retain(|(way, _)| *way != (from, to));
        if ms > 0 {
            self.slow.push(((from, to), ms));
        }
    }

    /// Everybody reaches everybody.
    pub fn heal(&mut self) {
        self.parted.clear();
        self.clogged.clear();
        self.slow.clear();
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
        let clogged = self.clogged.iter().find(|(of, _)| *of == way).map(|(_, until)| *until);
        let slow = self.slow.iter().find(|(of, _)| *of == way).map_or(0, |(_, ms)| *ms);
        let copies = if rng.below(1_000) < weather.double_permille { 2 } else { 1 };
        for _ in 0..copies {
            let late = if rng.below(1_000) < weather.late_permille { rng.below(2_000) } else { 0 };
            let at = now + spread(weather.delay_mean_ms, rng) + late + slow;
            out.push(clogged.map_or(at, |until| at.max(until)));
        }
        out
    }
}
