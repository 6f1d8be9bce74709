//! What happens to links of clients, and to the fabric.

use super::{After, number};
use crate::history::What;
use crate::sim::agenda::Job;
use crate::sim::swarm::stream;
use crate::sim::world::World;

impl World {
    /// Cuts, stalls or does something else to each link of a device; whether there was one.
    fn each_wire(&mut self, device: usize, mut act: impl FnMut(&mut Self, usize) -> bool) -> bool {
        let wires: Vec<usize> = self.devices[device].links.values().copied().collect();
        let mut any = false;
        for wire in wires {
            any |= act(self, wire);
        }
        any
    }

    pub(super) fn cut_device(&mut self, device: usize) -> bool {
        let took = self.each_wire(device, Self::cut);
        self.see(What::Unlinked { device });
        took
    }

    pub(super) fn stall_device(&mut self, device: usize) -> bool {
        let took = self.each_wire(device, Self::stall);
        self.see(What::Unlinked { device });
        took
    }

    pub(super) fn half_open(&mut self, device: usize, up: bool) -> bool {
        let took = self.each_wire(device, |world, wire| world.stall_way(wire, up));
        if took {
            self.see(What::Unlinked { device });
        }
        took
    }

    pub(super) fn clog_device(&mut self, device: usize, up: bool, ms: u64) -> bool {
        let until = self.now + ms;
        let took = self.each_wire(device, |world, wire| world.clog(wire, up, until));
        if took {
            // What one learns late looks as if it had happened late.
            self.trouble_for(ms);
            self.see(What::Unlinked { device });
        }
        took
    }

    pub(super) fn slow_device(&mut self, device: usize, rate: (u64, bool), ms: u64) -> bool {
        let (rate, reader) = rate;
        let at = self.now + ms;
        let took = self.each_wire(device, |world, wire| {
            let took = world.narrow(wire, rate, reader);
            if took {
                world.agenda.push(at, Job::After(After::Wide { wire }));
            }
            took
        });
        if took {
            self.trouble_for(ms);
            self.see(What::Unlinked { device });
        }
        took
    }

    pub(super) fn away(&mut self, device: usize, ms: u64) -> bool {
        self.devices[device].reaches = false;
        self.cut_device(device);
        self.agenda.push(self.now + ms, Job::After(After::Back { device }));
        true
    }

    pub(super) fn part(&mut self, from: usize, to: usize, both: bool, ms: u64) -> bool {
        let (from, to) = (number(from), number(to));
        self.part_way(from, to, ms);
        if both {
            self.part_way(to, from, ms);
        }
        self.trouble_for(ms);
        true
    }

    fn part_way(&mut self, from: u16, to: u16, ms: u64) {
        self.fabric.part(from, to);
        self.agenda.push(self.now + ms, Job::After(After::Join { from, to }));
    }

    pub(super) fn clog_fabric(&mut self, from: usize, to: usize, ms: u64) -> bool {
        self.fabric.clog(number(from), number(to), self.now + ms);
        self.trouble_for(ms);
        true
    }

    pub(super) fn slow_fabric(&mut self, from: usize, to: usize, by_ms: u64, ms: u64) -> bool {
        let (from, to) = (number(from), number(to));
        self.fabric.slow(from, to, by_ms);
        self.agenda.push(self.now + ms, Job::After(After::Fast { from, to }));
        self.trouble_for(ms);
        true
    }

    /// A random subset of directions, cut one by one and restored in another order.
    pub(super) fn swizzle(&mut self, order: u64, step_ms: u64, ms: u64) -> bool {
        let mut rng = stream(order, "swizzle");
        let nodes = 0..self.swarm.nodes;
        let ways = nodes.clone().flat_map(|from| nodes.clone().map(move |to| (from, to)));
        let mut ways: Vec<(u16, u16)> =
            ways.filter(|(from, to)| from != to && rng.below(2) == 0).collect();
        let mut at = self.now;
        let mut restored = ways.clone();
        shuffle(&mut ways, &mut rng);
        shuffle(&mut restored, &mut rng);
        for (from, to) in &ways {
            self.agenda.push(at, Job::After(After::PartWay { from: *from, to: *to }));
            at = at + step_ms;
        }
        at = at + ms;
        for (from, to) in &restored {
            self.agenda.push(at, Job::After(After::Join { from: *from, to: *to }));
            at = at + step_ms;
        }
        self.trouble_for(at.since(self.now));
        !ways.is_empty()
    }
}

/// In a random order.
pub(in crate::sim) fn shuffle<T>(items: &mut [T], rng: &mut presently_core::rng::Rng) {
    for last in (1..items.len()).rev() {
        let other = usize::try_from(rng.below(last as u64 + 1)).unwrap_or(0);
        items.swap(last, other);
    }
}
