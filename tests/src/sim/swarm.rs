//! What a seed is like: every seed draws its own mix of faults, some kinds wholly off.
//!
//! A run in which everything goes wrong hides what one thing alone would show.

use std::collections::BTreeMap;

use presently_core::rng::Rng;
use presently_core::world::disk::DiskWeather;
use presently_core::world::net::{FabricWeather, LinkWeather};
use serde::{Deserialize, Serialize};

use super::faults::{self, Kind};

/// Seeds with this bit are those of populations.
pub const POPULATION: u64 = 1 << 52;

/// The world of one seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Swarm {
    /// The seed.
    pub seed: u64,
    /// Nodes, at least two.
    pub nodes: u16,
    /// Whose each device is; people are numbered densely from 0.
    pub owner: Vec<usize>,
    /// Links between clients and gates.
    pub links: LinkWeather,
    /// The fabric between nodes.
    pub fabric: FabricWeather,
    /// The servers' disk.
    pub disk: DiskWeather,
    /// The clients' caches.
    pub cache: DiskWeather,
    /// People come, talk and go as in a large messenger, instead of doing all at once.
    pub is_population: bool,
    /// Milliseconds that something may go wrong in, after all have signed in.
    pub play_ms: u64,
    /// Commands given in that time.
    pub acts: u64,
    /// How often each kind of fault is to happen; what is not named does not.
    pub faults: BTreeMap<Kind, u64>,
    /// How far wall clocks are off at first, at most, milliseconds.
    pub skew_ms: u64,
    /// Clients that name the node they want.
    pub pinned: bool,
    /// Some ends speak a second version of the protocol besides the first.
    pub mixes_versions: bool,
    /// Of 1,000 devices, how many are left broken at the end.
    pub broken_permille: u64,
    /// The fabric and the disk are no better at the end than they are allowed to be for ever.
    pub ends_rough: bool,
    /// People who stay away at the end.
    pub leavers: u64,
    /// Devices that never start: a schedule that was made small does without them.
    pub unborn: Vec<usize>,
    /// Devices that have no client, and lie.
    pub liars: Vec<usize>,
    /// Whether hops are traced.
    pub hops: bool,
}

/// What a written schedule does not say goes right.
impl Default for Swarm {
    fn default() -> Self {
        Self::calm(0)
    }
}

impl Swarm {
    /// The mix of a seed.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        if seed & POPULATION != 0 {
            return Self::population(seed);
        }
        Self::small(seed)
    }

    /// Four nodes and two hundred people with the load of a large messenger, ten times as dense.
    #[must_use]
    pub fn population(seed: u64) -> Self {
        let people = 200;
        let mut faults = faults::mix(&mut stream(seed, "mix"));
        for (kind, count) in &mut faults {
            // What happens to one device happens to many of so many.
            *count *= if kind.is_of_device() { people / 10 } else { 1 };
        }
        faults.remove(&Kind::Clone);
        faults.remove(&Kind::Lie);
        Self {
            nodes: 4,
            owner: (0..people as usize).collect(),
            is_population: true,
            play_ms: 1_200_000,
            acts: 0,
            faults,
            liars: Vec::new(),
            pinned: false,
            leavers: 3,
            ..Self::small(seed)
        }
    }

    fn small(seed: u64) -> Self {
        let mut rng = stream(seed, "swarm");
        let people = 4 + rng.below(3) as usize;
        let mut owner: Vec<usize> = (0..people).collect();
        if rng.below(3) == 0 {
            owner.push(rng.below(people as u64) as usize);
        }
        let mut faults = faults::mix(&mut stream(seed, "mix"));
        let liars = liar(seed, &mut owner);
        if liars.is_empty() {
            faults.remove(&Kind::Lie);
        } else {
            faults.entry(Kind::Lie).or_insert(1);
        }
        let mut of_end = stream(seed, "end");
        let mut some = |most: u64| if rng.below(3) == 0 { 0 } else { 1 + rng.below(most) };
        Self {
            seed,
            nodes: 2 + u16::from(some(3) == 3),
            owner,
            links: LinkWeather {
                delay_min_ms: 1 + some(40),
                delay_mean_ms: some(60),
                pieces_permille: some(400),
            },
            fabric: FabricWeather {
                delay_mean_ms: some(10),
                loss_permille: some(200),
                double_permille: some(200),
                late_permille: some(100),
            },
            disk: DiskWeather {
                read_mean_ms: some(10),
                sync_mean_ms: 1 + some(30),
                unknown_permille: some(60),
                failed_permille: some(20),
                conflict_permille: some(40),
                late_max_ms: 1_500 + some(6_000),
            },
            cache: DiskWeather { sync_mean_ms: 1 + some(20), ..DiskWeather::CALM },
            is_population: false,
            play_ms: 600_000,
            acts: 200 + some(40),
            skew_ms: if some(1) == 0 { 2_000 } else { 600_000 },
            faults,
            pinned: some(1) == 1,
            mixes_versions: of_end.below(2) == 0,
            broken_permille: if of_end.below(2) == 0 { 0 } else { 1 + of_end.below(400) },
            ends_rough: of_end.below(2) == 0,
            leavers: some(1),
            unborn: Vec::new(),
            liars,
            hops: false,
        }
    }

    /// The same world with nothing that goes wrong.
    #[must_use]
    pub fn calm(seed: u64) -> Self {
        Self {
            nodes: 2,
            owner: vec![0, 1],
            links: LinkWeather::CALM,
            fabric: FabricWeather::CALM,
            disk: DiskWeather::CALM,
            cache: DiskWeather::CALM,
            acts: 0,
            faults: BTreeMap::new(),
            skew_ms: 0,
            pinned: true,
            mixes_versions: false,
            broken_permille: 0,
            ends_rough: false,
            liars: Vec::new(),
            leavers: 0,
            ..Self::small(seed)
        }
    }
}

/// In some worlds somebody lies: a person of their own, or a further device of somebody honest.
fn liar(seed: u64, owner: &mut Vec<usize>) -> Vec<usize> {
    let mut rng = stream(seed, "liar");
    let people = owner.iter().max().map_or(0, |last| last + 1);
    owner.push(match rng.below(6) {
        0 | 1 => people,
        2 => usize::try_from(rng.below(people as u64)).unwrap_or(0),
        _ => return Vec::new(),
    });
    vec![owner.len() - 1]
}

/// The 32-byte seed of a part of a run.
#[must_use]
pub fn seed_of(seed: u64, label: &str) -> [u8; 32] {
    let mut base = [0; 32];
    base.iter_mut().zip(seed.to_le_bytes()).for_each(|(to, from)| *to = from);
    Rng::child_seed(base, label)
}

/// The stream of a part of a run.
#[must_use]
pub fn stream(seed: u64, label: &str) -> Rng {
    Rng::new(seed_of(seed, label))
}
