//! What breaks, when, and how it is mended.

use presently_core::time::Timestamp;
use presently_core::world::disk::{Crash, DiskWeather};
use presently_core::world::net::{FabricWeather, LinkWeather};
use serde::{Deserialize, Serialize};

use super::agenda::Job;
use super::schedule::Step;
use super::swarm::stream;
use super::world::World;
use crate::history::What;

/// Draws a fault: it is given a way to draw numbers below a bound.
type Make<'a> = &'a mut dyn FnMut(&mut dyn FnMut(u64) -> u64) -> Fault;

/// One fault, with all that is particular to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A device's link is cut.
    Cut {
        /// The device.
        device: usize,
    },
    /// A device's cable is pulled.
    Stall {
        /// The device.
        device: usize,
    },
    /// A node is killed and comes back.
    KillNode {
        /// The node.
        node: usize,
        /// How long it is away.
        ms: u64,
    },
    /// The process of all nodes is killed while the next write is on its way to the disk.
    CrashAtWrite {
        /// How long it is away.
        ms: u64,
    },
    /// The process of all nodes is killed.
    Crash {
        /// How long it is away.
        ms: u64,
    },
    /// Nodes cannot reach each other, or only in one direction.
    Part {
        /// Whose parcels do not pass.
        from: usize,
        /// To whom.
        to: usize,
        /// Nor the other way.
        both: bool,
        /// For how long.
        ms: u64,
    },
    /// A node stands still: a suspended machine.
    Pause {
        /// The node.
        node: usize,
        /// For how long.
        ms: u64,
    },
    /// The wall clock of the process jumps.
    Jump {
        /// By how much, and whether forward.
        ms: i64,
    },
    /// A client process is killed, and starts again with its cache or without.
    KillDevice {
        /// The device.
        device: usize,
        /// How long it is away.
        ms: u64,
        /// The gate is not told.
        silently: bool,
        /// It starts again without its cache.
        fresh: bool,
    },
    /// A device has no network for a while.
    Away {
        /// The device.
        device: usize,
        /// For how long.
        ms: u64,
    },
}

/// What follows from a fault in its time: no step of the schedule.
#[derive(Clone, Copy, Debug)]
pub(super) enum After {
    /// The process of all nodes is killed.
    Crash { ms: u64 },
    /// Parted nodes reach each other.
    Join,
    /// A node that stood still goes on.
    Resume,
    /// A device has a network again.
    Back { device: usize },
}

impl World {
    pub(super) fn plan_faults(&mut self, from: Timestamp) {
        let mut rng = stream(self.swarm.seed, "faults");
        let swarm = self.swarm.clone();
        let (nodes, devices) = (u64::from(swarm.nodes), swarm.owner.len() as u64);
        let mut plan: Vec<(Timestamp, Fault)> = Vec::new();
        let mut draw = |count: u64, make: Make<'_>| {
            for _ in 0..count {
                let at = from + rng.below(swarm.play_ms);
                plan.push((at, make(&mut |bound| rng.below(bound))));
            }
        };
        let index = |number: u64| usize::try_from(number).unwrap_or(0);
        draw(swarm.cuts, &mut |d| Fault::Cut { device: index(d(devices)) });
        draw(swarm.stalls, &mut |d| Fault::Stall { device: index(d(devices)) });
        draw(swarm.node_kills, &mut |d| Fault::KillNode {
            node: index(d(nodes)),
            ms: 100 + d(20_000),
        });
        draw(swarm.crashes, &mut |d| {
            let ms = 100 + d(15_000);
            if d(3) == 0 { Fault::Crash { ms } } else { Fault::CrashAtWrite { ms } }
        });
        draw(swarm.partings, &mut |d| {
            let from = d(nodes);
            let to = (from + 1 + d(nodes - 1)) % nodes;
            Fault::Part { from: index(from), to: index(to), both: d(3) > 0, ms: 500 + d(40_000) }
        });
        draw(swarm.pauses, &mut |d| Fault::Pause { node: index(d(nodes)), ms: 500 + d(30_000) });
        draw(swarm.jumps, &mut |d| Fault::Jump {
            ms: i64::try_from(d(7_200_000)).unwrap_or(0) - 3_600_000,
        });
        draw(swarm.device_kills, &mut |d| Fault::KillDevice {
            device: index(d(devices)),
            ms: 50 + d(60_000),
            silently: d(3) == 0,
            fresh: d(4) == 0,
        });
        draw(swarm.stretches, &mut |d| Fault::Away {
            device: index(d(devices)),
            ms: 1_000 + d(90_000),
        });
        for (at, fault) in plan {
            self.agenda.push_step(at, Job::Step(Step::Fault(fault)));
        }
    }

    pub(super) fn after(&mut self, after: After) {
        self.trace.step(self.now, 62, &[], || format!("after a fault {after:?}"));
        match after {
            After::Crash { ms } if !self.healed => self.crash(ms),
            After::Crash { .. } => {}
            After::Join => {
                self.fabric.heal();
                self.trouble_ends();
            }
            After::Resume => self.trouble_ends(),
            After::Back { device } => self.devices[device].reaches = true,
        }
    }

    pub(super) fn fault(&mut self, fault: Fault) {
        self.trace.step(self.now, 60, &[], || format!("fault {fault:?}"));
        match fault {
            Fault::Cut { device } => {
                self.each_wire(device, Self::cut);
                self.see(What::Unlinked { device });
            }
            Fault::Stall { device } => {
                self.each_wire(device, Self::stall);
                self.see(What::Unlinked { device });
            }
            Fault::KillNode { node, ms } => {
                self.kill_node(node);
                self.agenda.push(self.now + ms, Job::StartNode(node));
            }
            Fault::CrashAtWrite { ms } => self.crash_at_write = Some(ms),
            Fault::Crash { ms } => self.crash(ms),
            Fault::Part { from, to, both, ms } => {
                let number = |node: usize| u16::try_from(node).unwrap_or(0);
                self.fabric.part(number(from), number(to));
                if both {
                    self.fabric.part(number(to), number(from));
                }
                self.trouble_begins();
                self.agenda.push(self.now + ms, Job::After(After::Join));
            }
            Fault::Pause { node, ms } => {
                let until = self.now + ms;
                let state = &mut self.nodes[node];
                state.still_until = state.still_until.max(until);
                self.trouble_begins();
                self.agenda.push(until, Job::After(After::Resume));
            }
            Fault::Jump { ms } => {
                for node in 0..self.nodes.len() {
                    self.nodes[node].clock.jump(ms);
                    let wall = self.nodes[node].clock.read(self.now);
                    self.feed_node(node, presently_core::hub::Input::Wall(wall));
                }
            }
            Fault::KillDevice { device, ms, silently, fresh } => {
                self.kill_device(device, silently);
                self.agenda.push(self.now + ms, Job::Birth { device, fresh });
            }
            Fault::Away { device, ms } => {
                self.devices[device].reaches = false;
                self.each_wire(device, Self::cut);
                self.see(What::Unlinked { device });
                self.agenda.push(self.now + ms, Job::After(After::Back { device }));
            }
        }
    }

    fn each_wire(&mut self, device: usize, act: fn(&mut Self, usize)) {
        let wires: Vec<usize> = self.devices[device].links.values().copied().collect();
        for wire in wires {
            act(self, wire);
        }
    }

    /// All nodes of the process at once, and what the disk had not synced.
    fn crash(&mut self, ms: u64) {
        for node in 0..self.nodes.len() {
            self.kill_node(node);
            let at = self.now + ms + self.nodes[node].rng.below(200);
            self.agenda.push(at, Job::StartNode(node));
        }
        self.disk.crash(Crash::Machine);
        self.disk_wake = None;
    }

    pub(super) fn trouble_begins(&mut self) {
        self.troubles += 1;
        self.see(What::Trouble);
    }

    pub(super) fn trouble_ends(&mut self) {
        self.troubles = self.troubles.saturating_sub(1);
        if self.troubles == 0 {
            self.see(What::Quiet);
        }
    }

    /// Nothing goes wrong from here on; what is down comes back, except who stays away.
    pub(super) fn heal(&mut self) {
        self.trace.step(self.now, 61, &[], || String::from("all is mended"));
        self.healed = true;
        self.crash_at_write = None;
        self.fabric.heal();
        self.links_weather = LinkWeather::CALM;
        self.fabric_weather = FabricWeather::CALM;
        self.disk.set_weather(DiskWeather::CALM);
        for node in 0..self.nodes.len() {
            self.start_node(node);
            if self.still(node).is_some() {
                self.nodes[node].still_until = self.now;
            }
        }
        let leavers = usize::try_from(self.swarm.leavers).unwrap_or(0);
        for device in 0..self.devices.len() {
            self.devices[device].reaches = true;
            if self.devices[device].person < leavers {
                let silently = self.devices[device].rng.below(2) == 0;
                self.kill_device(device, silently);
                self.devices[device].stays_away = true;
            } else {
                let at = self.now + self.devices[device].rng.below(1_000);
                self.agenda.push(at, Job::Birth { device, fresh: false });
            }
        }
        self.troubles = 0;
        self.see(What::Quiet);
        self.see(What::Healed);
    }
}
