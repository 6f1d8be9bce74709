//! How it all ends well.

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

    /// Nothing goes wrong from here on; what is down comes back, except who stays away.
    pub(in crate::sim) fn heal(&mut self) {
        self.trace.step(self.now, 61, &[], || String::from("all is mended"));
        self.healed = true;
        self.crash_at_write = None;
        self.fabric.heal();
        self.links_weather = LinkWeather::CALM;
        self.fabric_weather = FabricWeather::CALM;
        self.disk.set_weather(DiskWeather::CALM);
        self.disk.set_spell(Spell::None);
        self.disk.go_on();
        self.disk_wake = None;
        self.rewake_disk();
        for host in 0..self.nodes.len() {
            self.nodes[host].rest.let_go();
            self.node_goes_on(host);
            if !self.serving.contains(&host) {
                self.kill_node(host);
            }
        }
        for wire in 0..self.wires.len() {
            self.widen(wire);
        }
        for node in 0..self.serving.len() {
            self.start_node(node);
        }
        let leavers = usize::try_from(self.swarm.leavers).unwrap_or(0);
        for device in 0..self.devices.len() {
            self.devices[device].reaches = true;
            self.devices[device].rest.let_go();
            self.device_goes_on(device);
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
