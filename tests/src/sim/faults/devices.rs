//! What happens to devices.

use presently_core::client::Command;

use crate::history::What;
use crate::sim::agenda::Job;
use crate::sim::world::World;

/// Who floods and hardly reads does so for this long.
const FLOOD_MS: u64 = 20_000;

impl World {
    pub(in crate::sim) fn kill_device_for(
        &mut self,
        device: usize,
        ms: u64,
        (silently, fresh): (bool, bool),
    ) -> bool {
        let took = self.kill_device(device, silently);
        self.agenda.push(self.now + ms, Job::Birth { device, fresh });
        took
    }

    /// A backup of one device is restored on another one of its person, which starts from it.
    pub(super) fn clone_device(&mut self, of: usize, to: usize) -> bool {
        let (source, target) = (&self.devices[of], &self.devices[to]);
        let possible = of != to && source.person == target.person && !source.is_fresh();
        if !possible || target.stays_away {
            return false;
        }
        self.kill_device(to, false);
        self.devices[to].backup = Some(self.devices[of].cache_rows());
        self.see(What::Cloned { device: to, of });
        self.agenda.push(self.now + 1_000, Job::Birth { device: to, fresh: true });
        true
    }

    /// A phone in a pocket: its process gets nothing, time goes on.
    pub(super) fn suspend(&mut self, device: usize, ms: u64, severed: bool) -> bool {
        if self.devices[device].client.is_none() {
            return false;
        }
        self.devices[device].rest.hold(self.now + ms);
        self.agenda.push(self.now + ms, Job::DeviceGoesOn(device));
        if severed {
            self.stall_device(device);
        }
        self.see(What::Sleeps { device });
        self.see(What::Unlinked { device });
        self.trouble_for(ms)
    }

    /// More to send at once than may be on the way.
    pub(super) fn flood(
        &mut self,
        (device, to): (usize, usize),
        (count, bytes): (u64, usize),
        reads: u64,
    ) -> bool {
        if self.devices[device].client.is_none() || self.devices[device].rest.is_held() {
            return false;
        }
        if reads > 0 {
            self.slow_device(device, (reads, true), FLOOD_MS);
        }
        // Nobody is flooded who is no friend.
        let (me, people) = (self.history.owner[device], self.history.people.len());
        let mut near = (0..people).map(|n| (to + n) % people);
        let friend = near.find(|other| self.reference.surely_friends(me, *other));
        let to = self.history.people[friend.unwrap_or(to)].clone();
        for _ in 0..count {
            let text = self.workload.text_of("flood", bytes);
            self.give(device, Command::Send { to: to.clone(), text });
        }
        true
    }
}
