//! The simulator: one more driver of the same machines (ARCHITECTURE section 3).
//!
//! A heap of jobs in order of (instant, number); the clock jumps from one to the next. Everything
//! that is drawn comes from the seed, so a seed is a run.

mod agenda;
pub mod beside;
mod crowd;
mod device;
mod faults;
mod finish;
mod gauge;
mod liar;
mod marking;
mod node;
pub mod notes;
mod record;
mod rest;
pub mod rolling;
pub mod schedule;
mod second;
mod shadow;
pub mod swarm;
mod tap;
mod trace;
pub mod twins;
mod wire;
mod workload;
mod world;
mod writers;

use crate::coverage::Coverage;
use crate::history::History;

pub use faults::{Fault, Kind};
pub use schedule::{Schedule, Step, Timed};
pub use swarm::Swarm;
pub use tap::Passed;
pub use world::World;

/// How much happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Commands given to clients.
    pub acts: u64,
    /// Sends acked.
    pub acks: u64,
    /// Links cut or stalled.
    pub cuts: u64,
    /// Nodes and processes killed.
    pub crashes: u64,
    /// Writes that a crash took.
    pub lost_writes: u64,
    /// Sends that came again after they had been stored.
    pub repeats: u64,
    /// Simulated milliseconds.
    pub simulated_ms: u64,
    /// Store answers `Unknown`.
    pub unknowns: u64,
    /// Jobs done.
    pub jobs: u64,
    /// Links on which the second version of the protocol was spoken.
    pub second_links: u64,
    /// Devices that were left broken at the end.
    pub left_broken: u64,
    /// Faults that took effect, by kind.
    pub faults: [u64; Kind::ALL.len()],
    /// Inputs given to hubs and clients, deadlines among them.
    pub inputs: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            acts: 0,
            acks: 0,
            cuts: 0,
            crashes: 0,
            lost_writes: 0,
            repeats: 0,
            simulated_ms: 0,
            unknowns: 0,
            jobs: 0,
            second_links: 0,
            left_broken: 0,
            faults: [0; Kind::ALL.len()],
            inputs: 0,
        }
    }
}

impl Counts {
    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        self.acts += other.acts;
        self.acks += other.acks;
        self.cuts += other.cuts;
        self.crashes += other.crashes;
        self.lost_writes += other.lost_writes;
        self.repeats += other.repeats;
        self.simulated_ms += other.simulated_ms;
        self.unknowns += other.unknowns;
        self.jobs += other.jobs;
        self.second_links += other.second_links;
        self.left_broken += other.left_broken;
        self.faults.iter_mut().zip(other.faults).for_each(|(sum, more)| *sum += more);
        self.inputs += other.inputs;
    }

    /// How often each kind of fault took effect.
    pub fn of_kinds(&self) -> impl Iterator<Item = (Kind, u64)> + '_ {
        Kind::ALL.into_iter().zip(self.faults)
    }
}

/// One run.
#[derive(Clone, Debug)]
pub struct Run {
    /// What a timeline is made of, where it was asked for.
    pub notes: Vec<notes::Note>,
    /// What was reached.
    pub coverage: Coverage,
    /// What was seen.
    pub history: History,
    /// How much happened.
    pub counts: Counts,
    /// Over everything that happened in order: equal for equal runs.
    pub hash: u64,
    /// The steps that were done, to be played back.
    pub schedule: Schedule,
}

/// Plays a seed.
///
/// # Panics
/// Where a machine breaks an invariant of its own.
#[must_use]
pub fn run(seed: u64, trace: Option<Sink>) -> Run {
    World::new(&Swarm::of_seed(seed), trace).play()
}

/// Plays a schedule back.
///
/// # Panics
/// Where a machine breaks an invariant of its own.
#[must_use]
pub fn play(schedule: &Schedule, trace: Option<Sink>) -> Run {
    World::of(schedule, trace).play()
}

pub use trace::Sink;
