//! Which faults a seed gets, and when.

use std::collections::BTreeMap;

use presently_core::id::Shard;
use presently_core::rng::Rng;
use presently_core::time::Timestamp;

use super::{Fault, Kind, LONG_MS};
use crate::sim::agenda::Job;
use crate::sim::schedule::Step;
use crate::sim::swarm::{Swarm, stream};
use crate::sim::world::World;

/// Kinds and the most of each that a seed gets in ten minutes of play.
const MOST: [(Kind, u64); 35] = [
    (Kind::Cut, 20),
    (Kind::Stall, 4),
    (Kind::HalfOpen, 4),
    (Kind::Clog, 6),
    (Kind::SlowPath, 4),
    (Kind::SlowReader, 3),
    (Kind::KillNode, 4),
    (Kind::Crash, 2),
    (Kind::MachineCrash, 2),
    (Kind::CrashAtWrite, 3),
    (Kind::Pause, 3),
    (Kind::PauseAll, 2),
    (Kind::Replace, 2),
    (Kind::Part, 3),
    (Kind::PartOneWay, 3),
    (Kind::FabricClog, 4),
    (Kind::FabricSlow, 3),
    (Kind::Swizzle, 2),
    (Kind::DiskStill, 3),
    (Kind::DiskFailing, 2),
    (Kind::DiskFull, 2),
    (Kind::Jump, 2),
    (Kind::Skew, 4),
    (Kind::KillDevice, 4),
    (Kind::Wipe, 2),
    (Kind::Clone, 2),
    (Kind::Away, 4),
    (Kind::Suspend, 4),
    (Kind::Flood, 2),
    (Kind::Close, 2),
    (Kind::Gone, 1),
    (Kind::Outlived, 1),
    (Kind::Drain, 2),
    (Kind::Move, 8),
    (Kind::Lie, 4),
];

/// How often each kind is to happen: about half of them not at all.
pub(in crate::sim) fn mix(rng: &mut Rng) -> BTreeMap<Kind, u64> {
    let drawn = MOST.map(|(kind, most)| {
        let count = if rng.below(2) == 0 { 0 } else { 1 + rng.below(most) };
        (kind, count)
    });
    drawn.into_iter().filter(|(_, count)| *count > 0).collect()
}

impl World {
    pub(in crate::sim) fn plan_faults(&mut self, from: Timestamp) {
        let swarm = self.swarm.clone();
        for (kind, count) in &swarm.faults {
            let mut draw = Draw { rng: stream(swarm.seed, kind.name()), swarm: &swarm };
            for _ in 0..*count {
                let at = from + draw.below(swarm.play_ms);
                let fault = draw.fault(*kind);
                self.agenda.push_step(at, Job::Step(Step::Fault(fault)));
            }
        }
    }
}

/// The stream of one kind.
struct Draw<'a> {
    rng: Rng,
    swarm: &'a Swarm,
}

impl Draw<'_> {
    fn below(&mut self, bound: u64) -> u64 {
        self.rng.below(bound)
    }

    fn flip(&mut self) -> bool {
        self.rng.below(2) == 0
    }

    fn device(&mut self) -> usize {
        self.rng.below(self.swarm.owner.len() as u64) as usize
    }

    fn node(&mut self) -> usize {
        self.rng.below(u64::from(self.swarm.nodes)) as usize
    }

    /// Two nodes that are not one.
    fn way(&mut self) -> (usize, usize) {
        let nodes = u64::from(self.swarm.nodes);
        let from = self.rng.below(nodes);
        let to = (from + 1 + self.rng.below(nodes - 1)) % nodes;
        (from as usize, to as usize)
    }

    fn fault(&mut self, kind: Kind) -> Fault {
        match kind {
            Kind::Cut => Fault::Cut { device: self.device() },
            Kind::Stall => Fault::Stall { device: self.device() },
            Kind::HalfOpen => Fault::HalfOpen { device: self.device(), up: self.flip() },
            Kind::Clog => {
                let device = self.device();
                Fault::Clog { device, up: self.flip(), ms: 200 + self.below(30_000) }
            }
            Kind::SlowPath => {
                let rate = 500 + self.below(8_000);
                self.slow(rate, false)
            }
            Kind::SlowReader => {
                let rate = 20 + self.below(400);
                self.slow(rate, true)
            }
            Kind::KillNode => Fault::KillNode { node: self.node(), ms: 100 + self.below(20_000) },
            Kind::Crash => Fault::Crash { machine: false, ms: 100 + self.below(15_000) },
            Kind::MachineCrash => Fault::Crash { machine: true, ms: 100 + self.below(15_000) },
            Kind::CrashAtWrite => {
                Fault::CrashAtWrite { machine: self.flip(), ms: 100 + self.below(15_000) }
            }
            Kind::Pause => Fault::Pause { node: self.node(), ms: 500 + self.below(30_000) },
            Kind::PauseAll => Fault::PauseAll { ms: 500 + self.below(30_000) },
            Kind::Replace => self.replace(),
            Kind::Part => self.part(true),
            Kind::PartOneWay => self.part(false),
            Kind::FabricClog => {
                let (from, to) = self.way();
                Fault::FabricClog { from, to, ms: 500 + self.below(40_000) }
            }
            Kind::FabricSlow => {
                let ((from, to), by_ms) = (self.way(), 50 + self.below(3_000));
                Fault::FabricSlow { from, to, by_ms, ms: 500 + self.below(40_000) }
            }
            Kind::Swizzle => {
                let (order, step_ms) = (self.rng.next_u64() >> 12, 100 + self.below(4_000));
                Fault::Swizzle { order, step_ms, ms: 500 + self.below(40_000) }
            }
            Kind::DiskStill => Fault::DiskStill { ms: 500 + self.below(12_000) },
            Kind::DiskFailing => Fault::DiskFailing { ms: 500 + self.below(20_000) },
            Kind::DiskFull => Fault::DiskFull { ms: 500 + self.below(30_000) },
            Kind::Jump => Fault::Jump { ms: self.around(3_600_000) },
            Kind::Skew => Fault::Skew { node: self.node(), ms: self.around(600_000) },
            Kind::KillDevice => self.kill(false),
            Kind::Close => {
                let (device, ms) = (self.device(), 50 + self.below(60_000));
                Fault::Close { device, ms, silently: self.below(5) == 0 }
            }
            Kind::Wipe => self.kill(true),
            Kind::Clone => self.clone_cache(),
            Kind::Away => Fault::Away { device: self.device(), ms: 1_000 + self.below(90_000) },
            Kind::Suspend => {
                let (device, ms) = (self.device(), 1_000 + self.below(240_000));
                Fault::Suspend { device, ms, severed: self.flip() }
            }
            Kind::Flood => self.flood(),
            Kind::Gone => Fault::KillNode { node: self.node(), ms: 60_000 + self.below(180_000) },
            Kind::Outlived => Fault::Pause { node: self.node(), ms: LONG_MS + self.below(60_000) },
            Kind::Drain => Fault::Drain { node: self.node(), ms: 100 + self.below(60_000) },
            Kind::Move => {
                let shard = u16::try_from(self.below(u64::from(Shard::COUNT))).unwrap_or(0);
                Fault::Move { shard, to: self.node() }
            }
            Kind::Lie => self.lie(),
        }
    }

    fn around(&mut self, most: u64) -> i64 {
        let drawn = i64::try_from(self.below(2 * most + 1)).unwrap_or(0);
        drawn - i64::try_from(most).unwrap_or(0)
    }

    fn slow(&mut self, rate: u64, reader: bool) -> Fault {
        Fault::Slow { device: self.device(), rate, reader, ms: 1_000 + self.below(60_000) }
    }

    fn replace(&mut self) -> Fault {
        let (node, still_ms) = (self.node(), self.below(20_000));
        let beside_ms = 500 + self.below(40_000);
        // Not drawn: what is drawn after it in a seed stays what it was.
        Fault::Replace { node, still_ms, beside_ms, starts: beside_ms.is_multiple_of(3) }
    }

    fn part(&mut self, both: bool) -> Fault {
        let (from, to) = self.way();
        Fault::Part { from, to, both, ms: 500 + self.below(40_000) }
    }

    fn kill(&mut self, fresh: bool) -> Fault {
        let (device, ms) = (self.device(), 50 + self.below(60_000));
        Fault::KillDevice { device, ms, silently: self.below(3) == 0, fresh }
    }

    /// Of a device whose person has another one, where there is any.
    fn clone_cache(&mut self) -> Fault {
        let owner = &self.swarm.owner;
        let pairs = (0..owner.len()).flat_map(|of| (0..owner.len()).map(move |to| (of, to)));
        let pairs: Vec<(usize, usize)> =
            pairs.filter(|(of, to)| of != to && owner[*of] == owner[*to]).collect();
        let drawn = self.rng.below(pairs.len().max(1) as u64) as usize;
        let (of, to) = pairs.get(drawn).copied().unwrap_or_default();
        Fault::Clone { of, to }
    }

    fn lie(&mut self) -> Fault {
        let liars = &self.swarm.liars;
        let drawn = self.rng.below(liars.len().max(1) as u64) as usize;
        let device = liars.get(drawn).copied().unwrap_or_default();
        let (order, words) = (self.rng.next_u64() >> 12, 20 + self.below(200));
        Fault::Lie { device, order, words }
    }

    fn flood(&mut self) -> Fault {
        let people = self.swarm.owner.iter().max().map_or(1, |last| *last as u64 + 1);
        let device = self.device();
        let to = self.rng.below(people) as usize;
        Fault::Flood {
            device,
            to,
            count: 30 + self.below(200),
            bytes: 100 + self.below(7_900) as usize,
            reads: if self.below(2) == 0 { 0 } else { 300 + self.below(3_000) },
        }
    }
}
