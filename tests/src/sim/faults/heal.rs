//! How it all ends well.

use presently_core::time::Timestamp;
use presently_core::world::disk::{DiskWeather, Spell};
use presently_core::world::net::{FabricWeather, LinkWeather};

use super::After;
use crate::history::What;
use crate::sim::agenda::Job;
use crate::sim::world::World;

impl World {
    pub(in crate::sim) fn trouble_begins(&mut self) {
        self.troubles += 1;
        self.see(What::Trouble);
    }

    /// A trouble that is over after so long.
    pub(super) fn trouble_for(&mut self, ms: u64) -> bool {
        self.trouble_begins();
        self.agenda.push(self.now + ms, Job::After(After::Over));
        true
    }

    pub(in crate::sim) fn trouble_ends(&mut self) {
        self.troubles = self.troubles.saturating_sub(1);
        if self.troubles == 0 {
            self.see(What::Quiet);
        }
    }

    /// A part is mended for good, and must come to rest; what is left broken is left alone.
    pub(in crate::sim) fn heal(&mut self) {
        self.trace.step(self.now, 61, &[], || String::from("what can be mended is mended"));
        self.healed = true;
        self.crash_at_write = None;
        self.heal_paths();
        for host in 0..self.nodes.len() {
            self.nodes[host].rest.let_go();
            self.node_goes_on(host);
            let drains = self.nodes[host].drains.take().is_some();
            if drains || !self.serving.contains(&host) {
                self.kill_node(host);
            }
        }
        for node in 0..self.serving.len() {
            self.start_node(node);
        }
        let leavers = usize::try_from(self.swarm.leavers).unwrap_or(0);
        for device in 0..self.devices.len() {
            if self.devices[device].rng.below(1_000) < self.swarm.broken_permille {
                self.give_up(device);
                continue;
            }
            self.mend_device(device);
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

    /// Paths and disk: as good as new, or as bad as they may be for ever.
    fn heal_paths(&mut self) {
        self.fabric.heal();
        self.disk.set_spell(Spell::None);
        self.disk.go_on();
        self.disk_wake = None;
        self.rewake_disk();
        if self.swarm.ends_rough {
            let (fabric, disk) = (self.swarm.fabric, self.swarm.disk);
            self.fabric_weather =
                FabricWeather { loss_permille: fabric.loss_permille.min(50), ..fabric };
            let (unknown, failed) = (disk.unknown_permille.min(10), disk.failed_permille.min(5));
            self.disk.set_weather(DiskWeather {
                unknown_permille: unknown,
                failed_permille: failed,
                ..disk
            });
        } else {
            self.links_weather = LinkWeather::CALM;
            self.fabric_weather = FabricWeather::CALM;
            self.disk.set_weather(DiskWeather::CALM);
        }
    }

    fn mend_device(&mut self, device: usize) {
        self.devices[device].reaches = true;
        self.devices[device].rest.let_go();
        self.device_goes_on(device);
        let wires: Vec<usize> = self.devices[device].links.values().copied().collect();
        wires.into_iter().for_each(|wire| self.widen(wire));
    }

    /// A device stays as broken as it is, or becomes so: to the others it is gone.
    fn give_up(&mut self, device: usize) {
        self.counts.left_broken += 1;
        self.devices[device].given_up = true;
        self.devices[device].reaches = false;
        match self.devices[device].rng.below(4) {
            0 => {
                self.kill_device(device, true);
            }
            1 => {
                self.half_open(device, true);
            }
            2 => self.devices[device].rest.hold(Timestamp(u64::MAX)),
            _ => {
                self.stall_device(device);
            }
        }
        self.devices[device].stays_away = true;
        if self.devices[device].client.is_some() {
            self.see(What::Killed { device });
        }
    }
}
