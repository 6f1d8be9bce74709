//! What is to be done when, in one order.

use std::collections::BTreeMap;

use bytes::Bytes;
use presently_core::hub::{HashReply, StoreOp};
use presently_core::id::{LinkId, NodeId};
use presently_core::store::Reply;
use presently_core::time::Timestamp;

use super::crowd::Doing;
use super::faults::After;
use super::schedule::Step;

/// One thing to do.
#[derive(Debug)]
pub(super) enum Job {
    /// A host's deadline.
    WakeNode(usize),
    /// A client's deadline.
    WakeDevice(usize),
    /// The servers' disk has something done.
    WakeDisk,
    /// A client's cache has something done.
    WakeCache(usize),
    /// A dial reaches the gate.
    Connect { wire: usize },
    /// The client hears that its dial succeeded.
    Connected { wire: usize },
    /// A dial fails.
    NoDial { device: usize, life: u32, link: LinkId },
    /// Bytes reach the gate.
    Up { wire: usize, bytes: Bytes },
    /// Bytes reach the client.
    Down { wire: usize, bytes: Bytes },
    /// Bytes have left an end of a link, and made room.
    Sent { wire: usize, link: LinkId, up: bool, bytes: usize },
    /// The gate's host learns that the link is gone.
    NodeHears { wire: usize },
    /// The client's driver learns that the link is gone.
    DeviceHears { wire: usize },
    /// The disk has answered a node that stood still.
    Stored { node: usize, life: u32, op: StoreOp, reply: Reply },
    /// A password was worked on.
    Hashed { node: usize, life: u32, op: StoreOp, reply: HashReply },
    /// A parcel arrives.
    Parcel { from: NodeId, to: usize, bytes: Bytes },
    /// A host that stood still goes on.
    NodeGoesOn(usize),
    /// A device that stood still goes on.
    DeviceGoesOn(usize),
    /// The hosts read their wall clocks.
    Walls,
    /// The operator goes on.
    Operator,
    /// All accounts are made.
    Begin,
    /// Steps begin.
    Begins,
    /// Somebody does something.
    Act,
    /// Somebody parts with a liar.
    PartWithLiar,
    /// A liar says one thing more.
    Lie(usize),
    /// Somebody of a population does something.
    Crowd(Doing),
    /// A step of the schedule.
    Step(Step),
    /// What follows from a fault.
    After(After),
    /// A node starts.
    StartNode(usize),
    /// A drained node stops, and starts again after a while.
    StopNode { host: usize, ms: u64 },
    /// A client process starts.
    Birth { device: usize, fresh: bool },
    /// Everything is mended.
    Heal,
    /// Apps ask for what they should have.
    Question,
    /// The run is over.
    End,
    /// A panic.
    #[cfg(test)]
    Trip,
}

/// Jobs by (instant, rank, number).
#[derive(Default)]
pub(super) struct Agenda {
    /// In boxes: the tree moves what it holds with each insertion.
    jobs: BTreeMap<(Timestamp, Rank, u64), Box<Job>>,
    number: u64,
}

/// What comes first at one instant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// Steps of the schedule: so they come in one order, drawn or played back.
    Step,
    /// Whatever is an input.
    Job,
    /// Deadlines of machines: every ready input goes in before, as with any host.
    Deadline,
}

impl Agenda {
    /// Puts a job in, behind those of the same instant.
    pub(super) fn push(&mut self, at: Timestamp, job: Job) {
        self.insert(at, Rank::Job, job);
    }

    /// Puts a step in, before all else of its instant and behind the steps of it.
    pub(super) fn push_step(&mut self, at: Timestamp, job: Job) {
        self.insert(at, Rank::Step, job);
    }

    /// Puts a machine's deadline in, behind all inputs of its instant.
    pub(super) fn push_deadline(&mut self, at: Timestamp, job: Job) {
        self.insert(at, Rank::Deadline, job);
    }

    fn insert(&mut self, at: Timestamp, rank: Rank, job: Job) {
        self.number += 1;
        self.jobs.insert((at, rank, self.number), Box::new(job));
    }

    /// The next job.
    pub(super) fn pop(&mut self) -> Option<(Timestamp, Job)> {
        self.jobs.pop_first().map(|((at, ..), job)| (at, *job))
    }
}
