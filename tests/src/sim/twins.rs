//! Two worlds of one seed that differ in one thing: in one a person hides, in the other they are away.
//!
//! Everybody else does the same at the same instants. Who hides does all that may not show: types,
//! reads, changes name and message, loses links, is killed and comes back. Links of watchers are
//! recorded frame by frame as gates hand them to hosts.
//!
//! The fabric and the disk are quick here: on one that is shared, work for one person delays
//! another's, hidden or not.

use presently_core::client::Command;
use presently_core::id::UserId;
use presently_core::rng::Rng;
use presently_core::time::Timestamp;
use presently_core::world::disk::DiskWeather;
use presently_core::world::net::{FabricWeather, LinkWeather};

use super::agenda::Job;
use super::swarm::{Swarm, stream};
use super::tap::Passed;
use super::trace::Sink;
use super::world::World;

/// Who hides, and on which device.
const HIDER: usize = 0;
/// All have signed in.
const BEGIN_MS: u64 = 30_000;
/// Both worlds are the same until then.
const FORK_MS: u64 = 90_000;
/// Who hides has done so: a link that is cut before would take the choice with it.
const HIDDEN_MS: u64 = 92_000;
/// The end of both.
const END_MS: u64 = 420_000;
/// Steps of the watchers, and of who hides.
const STEPS: u64 = 60;

/// What is done in a world.
#[derive(Clone, Debug)]
enum Step {
    Act(usize, Command),
    Cut(usize),
    Kill(usize, u64),
    KillNode(usize, u64),
    Nothing,
}

/// Which of the two worlds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twin {
    /// The person is there, and hides.
    Hidden,
    /// The person is not there.
    Away,
}

/// What watchers were told in one of the two worlds.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Who hides, or is away.
    pub hider: UserId,
    /// Everything that gates handed out for the others.
    pub told: Vec<Passed>,
}

/// Plays one of the two worlds of a seed.
#[must_use]
pub fn play(seed: u64, twin: Twin, trace: Option<Sink>) -> Watched {
    let mut rng = stream(seed, "twins");
    let swarm = swarm(seed, &mut rng);
    // Either they were seen before, or never were.
    let seen_before = rng.below(3) > 0;
    let mut world = World::new(&swarm, trace);
    world.record_down(HIDER);
    if !seen_before {
        world.devices[HIDER].stays_away = true;
    }
    let mut steps = script(&swarm, seen_before, &mut rng);
    // Who is away does nothing at the same instants: so both worlds stop at the same ones, and what falls
    // on the instant of a step is before or behind it in both.
    let secrets = secrets(&swarm, &mut stream(seed, "hidden")).into_iter();
    steps.extend(secrets.map(|(at, secret)| match twin {
        Twin::Hidden => (at, secret),
        Twin::Away => (at, Step::Nothing),
    }));
    // Who is away at the fork: from then on as if there were no such device.
    let fork = Timestamp(FORK_MS);
    steps.sort_by_key(|(at, _)| *at);
    let mut steps = steps.into_iter().peekable();
    while let Some((at, step)) = steps.next_if(|(at, _)| *at < fork) {
        world.play_until(at);
        world.carry_out(step);
    }
    world.play_until(fork);
    match (twin, seen_before) {
        (Twin::Hidden, true) => world.hide(),
        (Twin::Hidden, false) => world.come_hidden(),
        (Twin::Away, true) => {
            world.command(HIDER, Command::SignOut);
            world.devices[HIDER].stays_away = true;
        }
        (Twin::Away, false) => {}
    }
    for (at, step) in steps {
        world.play_until(at);
        world.carry_out(step);
    }
    world.play_until(Timestamp(END_MS));
    Watched { hider: world.history.users[HIDER], told: world.recorded_down() }
}

/// A few people, quick servers.
fn swarm(seed: u64, rng: &mut Rng) -> Swarm {
    let people = 3 + usize::try_from(rng.below(3)).unwrap_or(0);
    Swarm {
        nodes: 2 + u16::try_from(rng.below(2)).unwrap_or(0),
        owner: (0..people).collect(),
        links: LinkWeather {
            delay_min_ms: 1 + rng.below(30),
            delay_mean_ms: rng.below(3) * 10,
            // Where a write is cut depends on what else is written in the same instant.
            pieces_permille: 0,
        },
        fabric: FabricWeather::CALM,
        disk: DiskWeather { sync_mean_ms: 0, ..DiskWeather::CALM },
        cache: DiskWeather { sync_mean_ms: 0, ..DiskWeather::CALM },
        pinned: rng.below(2) == 0,
        play_ms: END_MS * 2,
        ..Swarm::calm(seed)
    }
}

fn name(person: usize) -> String {
    format!("p{person}")
}

fn below(rng: &mut Rng, bound: usize) -> usize {
    usize::try_from(rng.below(bound as u64)).unwrap_or(0)
}

/// What is the same in both worlds.
fn script(swarm: &Swarm, seen_before: bool, rng: &mut Rng) -> Vec<(Timestamp, Step)> {
    let people = swarm.owner.len();
    let mut steps = Vec::new();
    for number in 0..STEPS {
        let at = Timestamp(BEGIN_MS + rng.below(END_MS - BEGIN_MS - 20_000));
        // Who will hide takes part until then.
        let first = if at.0 < FORK_MS - 5_000 && seen_before { 0 } else { 1 };
        let device = first + below(rng, people - first);
        let other = (device + 1 + below(rng, people - 1)) % people;
        let to = name(if rng.below(2) == 0 && device != HIDER { HIDER } else { other });
        let step = match rng.below(20) {
            0..6 => Step::Act(device, Command::Send { to, text: format!("line {number}") }),
            6..9 => Step::Act(device, Command::Typing { to }),
            9..11 => Step::Act(device, Command::History { with: to, before: None, limit: None }),
            11..14 => {
                let choices = ["online", "busy", "away", "appear_offline"];
                // Who hides has not hidden before.
                let choice = choices[below(rng, if device == HIDER { 3 } else { 4 })];
                Step::Act(device, Command::Status { status: String::from(choice) })
            }
            14 => Step::Act(device, Command::Message { text: format!("mood {number}") }),
            15 => Step::Act(device, Command::Sync),
            16..18 if device != HIDER => Step::Cut(device),
            18 if device != HIDER => Step::Kill(device, 1_000 + rng.below(40_000)),
            19 if at.0 > FORK_MS + 10_000 => {
                // Back before others call it lost: when they do depends on all that passes.
                Step::KillNode(below(rng, usize::from(swarm.nodes)), 50 + rng.below(300))
            }
            _ => Step::Act(device, Command::Contacts),
        };
        steps.push((at, step));
    }
    steps
}

/// What somebody does who hides.
fn secrets(swarm: &Swarm, rng: &mut Rng) -> Vec<(Timestamp, Step)> {
    let people = swarm.owner.len();
    let mut steps = Vec::new();
    for number in 0..STEPS {
        let at = Timestamp(HIDDEN_MS + rng.below(END_MS - HIDDEN_MS - 8_000));
        let to = name(1 + below(rng, people - 1));
        let step = match rng.below(20) {
            0..6 => Step::Act(HIDER, Command::Typing { to }),
            6..10 => Step::Act(HIDER, Command::History { with: to, before: None, limit: None }),
            10..12 => Step::Act(HIDER, Command::Message { text: format!("secret {number}") }),
            12 => Step::Act(HIDER, Command::Name { text: format!("nobody {number}") }),
            13..15 => Step::Act(HIDER, Command::Sync),
            15 => {
                let status = String::from("appear_offline");
                Step::Act(HIDER, Command::Status { status })
            }
            16 => Step::Act(HIDER, Command::Contacts),
            17..19 => Step::Cut(HIDER),
            _ => Step::Kill(HIDER, 500 + rng.below(60_000)),
        };
        steps.push((at, step));
    }
    steps
}

impl World {
    fn carry_out(&mut self, step: Step) {
        match step {
            Step::Nothing => {}
            Step::Act(device, command) => {
                if self.devices[device].client.is_some() {
                    self.command(device, command);
                }
            }
            Step::Cut(device) => {
                let wires: Vec<usize> = self.devices[device].links.values().copied().collect();
                for wire in wires {
                    self.cut(wire);
                }
            }
            Step::Kill(device, ms) => {
                if self.devices[device].client.is_some() {
                    self.kill_device(device, false);
                    self.agenda.push(self.now + ms, Job::Birth { device, fresh: false });
                }
            }
            Step::KillNode(node, ms) => {
                if self.kill_node(self.serving[node]) {
                    self.agenda.push(self.now + ms, Job::StartNode(node));
                }
            }
        }
    }

    fn hide(&mut self) {
        self.command(HIDER, Command::Status { status: String::from("appear_offline") });
    }

    /// The first that anybody could hear of the person: they choose to hide before they sign in.
    fn come_hidden(&mut self) {
        self.devices[HIDER].stays_away = false;
        self.birth(HIDER, true);
        self.hide();
    }
}
