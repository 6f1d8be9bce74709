//! What a whole population does: the load of a large messenger, ten times as dense.
//!
//! People come and go, choose statuses, and talk in twos: the length of a talk is log-normal with a
//! median of 6.16 minutes (sigma 0.92), its messages have a heavy tail with a mean near 6.5, and
//! typing goes before them. Who knows whom follows a power law, cut, with a mean near fifty. Rates
//! are per person: 1.13e-4 sign-ins and 4.34e-4 new talks a second, times [`TIMES`].

use presently_core::client::Command;
use presently_core::rng::Rng;
use presently_core::time::Timestamp;

use super::agenda::Job;
use super::faults::{Fault, shuffle};
use super::schedule::Step;
use super::swarm::{Swarm, stream};
use super::workload::STATUSES;
use super::world::World;
use crate::history::History;

/// How much denser than the original.
const TIMES: f64 = 10.0;
/// New talks a second and person.
const TALKS: f64 = 4.34e-4;
/// Median of a talk's length, milliseconds.
const TALK_MEDIAN_MS: f64 = 369_600.0;
/// Sigma of its logarithm.
const TALK_SIGMA: f64 = 0.92;
/// Time signed in: a Pareto tail, cut; with the time away it makes ten times the sign-ins.
const STAY: Pareto = Pareto { least: 60_000.0, most: 3_600_000.0, tail: 0.77 };
/// Time away: a third of all are there at a time, so that a change of one reaches fifteen to twenty.
const AWAY: Pareto = Pareto { least: 60_000.0, most: 3_600_000.0, tail: 0.34 };
/// Messages of a talk.
const MESSAGES: Pareto = Pareto { least: 2.0, most: 120.0, tail: 1.1 };
/// Contacts of a person.
const CONTACTS: Pareto = Pareto { least: 22.0, most: 150.0, tail: 1.1 };
/// Contact edits a second, of all: a person in a hundred edits the list in a quarter of an hour.
const EDITS_PER_PERSON: f64 = 1.1e-5;

/// A Pareto distribution cut at both ends.
#[derive(Clone, Copy)]
struct Pareto {
    least: f64,
    most: f64,
    tail: f64,
}

impl Pareto {
    fn draw(self, rng: &mut Rng) -> f64 {
        let cut = 1.0 - (self.least / self.most).powf(self.tail);
        self.least / (1.0 - unit(rng) * cut).powf(1.0 / self.tail)
    }

    fn whole(self, rng: &mut Rng) -> u64 {
        self.draw(rng).round() as u64
    }
}

/// From 0 to below 1.
fn unit(rng: &mut Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

fn exponential(mean: f64, rng: &mut Rng) -> u64 {
    (-mean * (1.0 - unit(rng)).ln()) as u64
}

fn log_normal(median: f64, sigma: f64, rng: &mut Rng) -> u64 {
    let radius = (-2.0 * (1.0 - unit(rng)).ln()).sqrt();
    let normal = radius * (std::f64::consts::TAU * unit(rng)).cos();
    (median * (sigma * normal).exp()) as u64
}

/// One of some, if there are any.
fn pick(of: &[usize], rng: &mut Rng) -> Option<usize> {
    let last = (of.len() as u64).checked_sub(1)?;
    of.get(rng.below(last + 1) as usize).copied()
}

/// Who knows whom: by weights of a cut power law.
pub(super) fn acquaintances(swarm: &Swarm, people: usize) -> Vec<(usize, usize)> {
    let mut rng = stream(swarm.seed, "acquaintances");
    let weights: Vec<f64> = (0..people).map(|_| CONTACTS.draw(&mut rng)).collect();
    let sum: f64 = weights.iter().sum();
    let pairs = (0..people).flat_map(|a| (a + 1..people).map(move |b| (a, b)));
    let mut pairs: Vec<(usize, usize)> =
        pairs.filter(|(a, b)| unit(&mut rng) < weights[*a] * weights[*b] / sum).collect();
    // In no order: a home takes only so many changes of one person at once.
    shuffle(&mut pairs, &mut rng);
    pairs
}

/// What somebody is about to do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Doing {
    /// A device's person has stayed long enough.
    Leave { device: usize },
    /// A status is chosen.
    Status { device: usize },
    /// Two begin to talk.
    Meet,
    /// A talk goes on.
    Line { talk: usize },
    /// The one whose turn it is begins to write.
    Write { talk: usize },
    /// Somebody edits the contact list.
    Edit,
}

/// A talk of two.
#[derive(Clone, Copy)]
struct Talk {
    /// Who speaks next, and to whom.
    turn: (usize, usize),
    left: u64,
    gap_ms: u64,
}

/// The population's stream and talks.
pub(super) struct Crowd {
    rng: Rng,
    friends: Vec<Vec<usize>>,
    talks: Vec<Talk>,
}

impl Crowd {
    pub(super) fn new(swarm: &Swarm, history: &History) -> Self {
        let mut friends = vec![Vec::new(); history.people.len()];
        for (a, b) in history.befriended.iter().filter(|_| swarm.is_population) {
            friends[*a].push(*b);
            friends[*b].push(*a);
        }
        Self { rng: stream(swarm.seed, "crowd"), friends, talks: Vec::new() }
    }
}

impl World {
    /// Everybody's first steps.
    pub(super) fn gather(&mut self, from: Timestamp) {
        for device in 0..self.devices.len() {
            // Some have been there for long: they leave at any point of their stay.
            let stay = STAY.draw(&mut self.crowd.rng) * unit(&mut self.crowd.rng);
            self.crowd_at(from + stay as u64, Doing::Leave { device });
            self.later(from, 60_000.0, Doing::Status { device });
        }
        self.later(from, self.mean_gap(TALKS), Doing::Meet);
        self.later(from, self.mean_gap(EDITS_PER_PERSON), Doing::Edit);
    }

    /// Milliseconds between what so many people do at a rate each.
    fn mean_gap(&self, rate: f64) -> f64 {
        1_000.0 / (rate * TIMES * self.devices.len() as f64)
    }

    fn crowd_at(&mut self, at: Timestamp, doing: Doing) {
        self.agenda.push_step(at, Job::Crowd(doing));
    }

    fn later(&mut self, from: Timestamp, mean_ms: f64, doing: Doing) {
        let gap = exponential(mean_ms, &mut self.crowd.rng);
        self.crowd_at(from + gap, doing);
    }

    pub(super) fn crowd(&mut self, doing: Doing) {
        if self.healed {
            return;
        }
        match doing {
            Doing::Leave { device } => self.leave(device),
            Doing::Status { device } => self.choose(device),
            Doing::Meet => self.meet(),
            Doing::Write { talk } => self.write(talk),
            Doing::Line { talk } => self.line(talk),
            Doing::Edit => self.edit(),
        }
    }

    fn leave(&mut self, device: usize) {
        let rng = &mut self.crowd.rng;
        let (away, stay) = (AWAY.whole(rng), STAY.whole(rng));
        if self.is_awake(device) {
            let rng = &mut self.crowd.rng;
            let ends = rng.below(10) == 0;
            if ends {
                self.does(device, Command::SignOut);
            } else {
                let silently = rng.below(5) == 0;
                let close = Fault::Close { device, ms: away, silently };
                self.run(Job::Step(Step::Fault(close)));
            }
        }
        self.crowd_at(self.now + away + stay, Doing::Leave { device });
    }

    fn choose(&mut self, device: usize) {
        if self.is_awake(device) {
            let rng = &mut self.crowd.rng;
            if rng.below(40) == 0 {
                let text = self.workload.text_of("mood", 30);
                self.does(device, Command::Message { text });
            } else {
                let drawn = rng.below(STATUSES.len() as u64) as usize;
                let status = STATUSES[drawn].to_owned();
                self.does(device, Command::Status { status });
            }
        }
        // Going idle and back is what happens most: four to a stay.
        self.later(self.now, 80_000.0, Doing::Status { device });
    }

    /// Somebody who is there begins a talk, mostly with somebody who is there.
    fn meet(&mut self) {
        let awake = (0..self.devices.len()).filter(|device| self.is_awake(*device));
        let awake: Vec<usize> = awake.collect();
        if let Some(device) = pick(&awake, &mut self.crowd.rng) {
            let friends = &self.crowd.friends[self.devices[device].person];
            // Each person of a population has the device of their number.
            let there = |friend: &&usize| awake.binary_search(*friend).is_ok();
            let anybody = self.crowd.rng.below(8) == 0;
            let choice: Vec<usize> =
                friends.iter().filter(|friend| anybody || there(friend)).copied().collect();
            let Some(other) = pick(&choice, &mut self.crowd.rng) else {
                return self.later(self.now, self.mean_gap(TALKS), Doing::Meet);
            };
            let rng = &mut self.crowd.rng;
            let left = MESSAGES.whole(rng);
            let length = log_normal(TALK_MEDIAN_MS, TALK_SIGMA, rng);
            let talk = self.crowd.talks.len();
            let gap_ms = length / left;
            self.crowd.talks.push(Talk { turn: (device, other), left, gap_ms });
            self.crowd_at(self.now, Doing::Write { talk });
        }
        self.later(self.now, self.mean_gap(TALKS), Doing::Meet);
    }

    fn write(&mut self, talk: usize) {
        let (device, other) = self.crowd.talks[talk].turn;
        if self.is_awake(device) {
            let to = self.history.people[other].clone();
            self.does(device, Command::Typing { to });
        }
        let takes = 1_000 + self.crowd.rng.below(9_000);
        self.crowd_at(self.now + takes, Doing::Line { talk });
    }

    fn line(&mut self, talk: usize) {
        let Talk { turn: (device, other), left, gap_ms } = self.crowd.talks[talk];
        if self.is_awake(device) {
            let to = self.history.people[other].clone();
            let bytes = 10 + self.crowd.rng.below(90) as usize;
            let text = self.workload.text_of("line", bytes);
            self.does(device, Command::Send { to, text });
        }
        if left <= 1 {
            return;
        }
        // Mostly the other one answers: each person of a population has one device.
        let answers = self.crowd.rng.below(10) < 7;
        let turn = if answers { (other, self.devices[device].person) } else { (device, other) };
        self.crowd.talks[talk] = Talk { turn, left: left - 1, gap_ms };
        self.later(self.now, gap_ms as f64, Doing::Write { talk });
    }

    fn edit(&mut self) {
        let device = self.crowd.rng.below(self.devices.len() as u64) as usize;
        if self.is_awake(device) {
            self.contact_act(device);
        }
        self.later(self.now, self.mean_gap(EDITS_PER_PERSON), Doing::Edit);
    }
}

#[cfg(test)]
#[path = "crowd_test.rs"]
mod tests;
