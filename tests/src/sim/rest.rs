//! A node or device that stands still: time goes on, and what comes to it waits in order.

use presently_core::time::Timestamp;

use super::agenda::Job;
use super::world::World;
use crate::coverage::Mark;
use crate::history::What;

/// Whether somebody stands still, and what waits.
#[derive(Default)]
pub(super) struct Rest {
    until: Option<Timestamp>,
    waiting: Vec<Job>,
}

impl Rest {
    /// From now on it stands still, at least until then.
    pub(super) fn hold(&mut self, until: Timestamp) {
        self.until = self.until.max(Some(until));
    }

    /// It stands still no longer than until it is told to go on.
    pub(super) fn let_go(&mut self) {
        self.until = self.until.map(|_| Timestamp(0));
    }

    pub(super) fn is_held(&self) -> bool {
        self.until.is_some()
    }

    /// What waited, where it goes on now.
    fn end(&mut self, now: Timestamp) -> Option<Vec<Job>> {
        self.until.take_if(|until| *until <= now)?;
        Some(std::mem::take(&mut self.waiting))
    }
}

/// Who a job is for.
enum To {
    Node(usize),
    Device(usize),
    Nobody,
}

impl World {
    /// Puts a job off where who it is for stands still.
    pub(super) fn hold(&mut self, job: Job) -> Option<Job> {
        let rest = match self.is_for(&job) {
            To::Node(host) => &mut self.nodes[host].rest,
            To::Device(device) => &mut self.devices[device].rest,
            To::Nobody => return Some(job),
        };
        if !rest.is_held() {
            return Some(job);
        }
        if matches!(job, Job::Parcel { .. } | Job::Up { .. }) {
            self.coverage.hit(Mark::NodeServedStill);
        }
        // Deadlines are looked at anew when it goes on.
        if !matches!(job, Job::WakeNode(_) | Job::WakeDevice(_)) {
            rest.waiting.push(job);
        }
        None
    }

    fn is_for(&self, job: &Job) -> To {
        match job {
            Job::WakeNode(host) => To::Node(*host),
            Job::Stored { node, .. } | Job::Hashed { node, .. } => To::Node(*node),
            Job::Parcel { to, .. } => To::Node(self.serving[*to]),
            Job::Connect { wire } | Job::Up { wire, .. } | Job::NodeHears { wire } => {
                To::Node(self.wires[*wire].node)
            }
            Job::Sent { wire, up: false, .. } => To::Node(self.wires[*wire].node),
            Job::Sent { wire, up: true, .. } => To::Device(self.wires[*wire].device),
            Job::Connected { wire } | Job::Down { wire, .. } | Job::DeviceHears { wire } => {
                To::Device(self.wires[*wire].device)
            }
            Job::WakeDevice(device) | Job::WakeCache(device) | Job::NoDial { device, .. } => {
                To::Device(*device)
            }
            Job::WakeDisk
            | Job::NodeGoesOn(_)
            | Job::DeviceGoesOn(_)
            | Job::Walls
            | Job::Operator
            | Job::Begin
            | Job::Begins
            | Job::Act
            | Job::PartWithLiar
            | Job::Lie(_)
            | Job::Crowd(_)
            | Job::Step(_)
            | Job::After(_)
            | Job::StartNode(_)
            | Job::StopNode { .. }
            | Job::Birth { .. }
            | Job::Heal
            | Job::Question
            | Job::End => To::Nobody,
            #[cfg(test)]
            Job::Trip => To::Nobody,
        }
    }

    /// A node that stood still goes on, unless it is to stand still for longer.
    pub(super) fn node_goes_on(&mut self, host: usize) {
        let Some(waiting) = self.nodes[host].rest.end(self.now) else {
            return;
        };
        self.trace.step(self.now, 30, &[], || format!("host {host} goes on"));
        self.read_wall(host);
        waiting.into_iter().for_each(|job| self.run(job));
        self.rewake_node(host);
    }

    /// A device that stood still goes on, unless it is to stand still for longer.
    pub(super) fn device_goes_on(&mut self, device: usize) {
        let Some(waiting) = self.devices[device].rest.end(self.now) else {
            return;
        };
        self.trace.step(self.now, 31, &[], || format!("device {device} goes on"));
        self.see(What::Wakes { device });
        waiting.into_iter().for_each(|job| self.run(job));
        self.rewake_device(device);
    }
}
