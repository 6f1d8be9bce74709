//! What people do: seeded, over the whole run, in bursts and singly.

use presently_core::client::Command;
use presently_core::rng::Rng;

use super::agenda::Job;
use super::swarm::{Swarm, stream};
use super::world::World;
use crate::reference::Tie;

pub(super) const STATUSES: [&str; 8] = [
    "online",
    "busy",
    "idle",
    "be_right_back",
    "away",
    "on_the_phone",
    "out_to_lunch",
    "appear_offline",
];

/// Who is to part with a liar and is not there is waited for, milliseconds.
const PART_AGAIN_MS: u64 = 5_000;

/// When somebody has had enough of a liar: in half of the worlds that have one, milliseconds from the start.
pub(super) fn parting_with_liar(swarm: &Swarm) -> Option<u64> {
    let mut rng = stream(swarm.seed, "part with a liar");
    let parts = !swarm.liars.is_empty() && swarm.acts > 0 && rng.below(2) == 0;
    parts.then(|| swarm.play_ms / 6 + rng.below(swarm.play_ms / 2))
}

/// The stream of acts.
pub(super) struct Workload {
    rng: Rng,
    left: u64,
    gap_ms: u64,
    burst: u64,
    ids: u64,
    told: u64,
    talk: Option<(usize, usize)>,
}

impl Workload {
    pub(super) fn new(swarm: &Swarm) -> Self {
        Self {
            rng: stream(swarm.seed, "acts"),
            left: swarm.acts,
            gap_ms: swarm.play_ms / (swarm.acts + 1),
            burst: 0,
            ids: 0,
            told: 0,
            talk: None,
        }
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.rng.below(bound)
    }

    fn index(&mut self, bound: usize) -> usize {
        usize::try_from(self.rng.below(bound as u64)).unwrap_or(0)
    }

    /// A text of so many bytes for the next act; nobody else says it.
    pub(super) fn text_of(&self, what: &str, bytes: usize) -> String {
        let head = format!("{what} {}", self.ids + 1);
        let padding = bytes.saturating_sub(head.len());
        head + &".".repeat(padding)
    }

    fn text(&mut self, what: &str) -> String {
        self.told += 1;
        let padding = match self.rng.below(20) {
            0 => usize::try_from(self.rng.below(4_000)).unwrap_or(0),
            _ => usize::try_from(self.rng.below(30)).unwrap_or(0),
        };
        format!("{what} {}{}", self.told, ".".repeat(padding))
    }
}

impl World {
    /// Somebody does something; then the next act is planned.
    pub(super) fn act(&mut self) {
        if self.healed || self.workload.left == 0 {
            return;
        }
        let living: Vec<usize> = (0..self.devices.len()).filter(|d| self.is_awake(*d)).collect();
        if !living.is_empty() {
            self.workload.left -= 1;
            if self.workload.burst > 0 {
                self.workload.burst -= 1;
                self.say(&living);
            } else {
                let device = living[self.workload.index(living.len())];
                self.one_act(device, &living);
            }
        }
        let gap = if self.workload.burst > 0 {
            self.workload.below(40)
        } else {
            // Bursts take no time, so single acts may take more.
            self.workload.below(3 * self.workload.gap_ms)
        };
        self.agenda.push_step(self.now + gap, Job::Act);
    }

    fn one_act(&mut self, device: usize, living: &[usize]) {
        let person = self.devices[device].person;
        match self.workload.below(100) {
            0..36 => self.say(living),
            36..44 => {
                self.workload.burst = 3 + self.workload.below(12);
                self.workload.talk = None;
                self.say(living);
            }
            44..58 => {
                let status = STATUSES[self.workload.index(STATUSES.len())].to_owned();
                self.does(device, Command::Status { status });
            }
            58..64 => {
                let text = self.workload.text("mood").chars().take(100).collect();
                self.does(device, Command::Message { text });
            }
            64..67 => {
                let text = self.workload.text("name").chars().take(60).collect();
                self.does(device, Command::Name { text });
            }
            67..75 => {
                let to = self.friend_or_anybody(person);
                self.does(device, Command::Typing { to });
            }
            75..78 => {
                self.does(device, Command::Contacts);
            }
            78..82 => {
                let with = self.friend_or_anybody(person);
                let before = (self.workload.below(2) == 0).then(|| 1 + self.workload.below(30));
                let limit = Some(1 + u16::try_from(self.workload.below(60)).unwrap_or(0));
                self.does(device, Command::History { with, before, limit });
            }
            82..97 => self.contact_act(device),
            97..99 => {
                self.does(device, Command::Sync);
            }
            _ => {
                self.does(device, Command::SignOut);
            }
        }
    }

    fn friend_or_anybody(&mut self, person: usize) -> String {
        let people = self.history.people.len();
        let friends: Vec<usize> =
            (0..people).filter(|other| self.reference.surely_friends(person, *other)).collect();
        let other = if friends.is_empty() || self.workload.below(20) == 0 {
            self.workload.index(people)
        } else {
            friends[self.workload.index(friends.len())]
        };
        self.history.people[other].clone()
    }

    /// A talk goes on between two people, or another begins.
    fn say(&mut self, living: &[usize]) {
        let again = self.workload.below(4) > 0;
        let talk = self.workload.talk.filter(|(device, _)| again && living.contains(device));
        let (device, other) = talk.unwrap_or_else(|| {
            let device = living[self.workload.index(living.len())];
            let name = self.friend_or_anybody(self.devices[device].person);
            (device, self.history.person(&name).unwrap_or(0))
        });
        // Sometimes the other one answers.
        let answer = living.iter().copied().find(|d| self.devices[*d].person == other);
        let next = match answer {
            Some(answering) if self.workload.below(2) == 0 => {
                (answering, self.devices[device].person)
            }
            Some(_) | None => (device, other),
        };
        self.workload.talk = Some(next);
        let to = self.history.people[other].clone();
        let text = self.workload.text("line");
        self.does(device, Command::Send { to, text });
    }

    pub(super) fn contact_act(&mut self, device: usize) {
        let me = self.devices[device].person;
        let other = self.workload.index(self.history.people.len());
        let user = self.history.people[other].clone();
        if other == me {
            if self.workload.below(4) == 0 {
                self.does(device, Command::Add { user, text: String::new() });
            }
            return;
        }
        // Who is friends with a liar is known no more, once the two begin.
        if self.reference.is_busy(me, other) || self.history.has_liar((me, other)) {
            return;
        }
        let dice = self.workload.below(10);
        let command = match self.reference.tie(me, other) {
            Tie::Friends if dice < 3 => Command::Remove { user },
            Tie::Friends => return,
            Tie::Asked(who) if who == me => match dice {
                0..2 => Command::Remove { user },
                2..4 => Command::Add { user, text: String::new() },
                _ => return,
            },
            Tie::Asked(_) if self.reference.was_asked(me, other) => match dice {
                0..7 => Command::Accept { user },
                7..9 => Command::Decline { user },
                _ => Command::Remove { user },
            },
            Tie::Asked(_) => return,
            Tie::None | Tie::Declined(_) | Tie::Unsure => {
                Command::Add { user, text: self.workload.text("hello").chars().take(90).collect() }
            }
        };
        self.does(device, command);
    }

    /// Somebody who was a liar's friend from the start is not any longer.
    pub(super) fn part_with_liar(&mut self) {
        if self.healed {
            return;
        }
        let meets = |(a, b): &(usize, usize)| {
            let devices = (0..self.devices.len()).filter(|device| self.is_awake(*device));
            devices
                .filter_map(|device| match self.devices[device].person {
                    me if me == *a => Some((device, *b)),
                    me if me == *b => Some((device, *a)),
                    _ => None,
                })
                .find(|(device, other)| {
                    let me = self.devices[*device].person;
                    self.history.liars.contains(other) && !self.history.liars.contains(&me)
                })
        };
        match self.history.befriended.iter().find_map(meets) {
            Some((device, other)) => {
                let user = self.history.people[other].clone();
                self.does(device, Command::Remove { user });
            }
            None => self.agenda.push_step(self.now + PART_AGAIN_MS, Job::PartWithLiar),
        }
    }

    /// Whether somebody can use a device.
    pub(super) fn is_awake(&self, device: usize) -> bool {
        self.devices[device].client.is_some() && !self.devices[device].rest.is_held()
    }

    /// Whether the workload would let a device do this now: the model knows what comes of it.
    pub(super) fn fits(&self, device: usize, command: &Command) -> bool {
        if !self.is_awake(device) {
            return false;
        }
        let me = self.devices[device].person;
        let (Command::Add { user, .. }
        | Command::Accept { user }
        | Command::Decline { user }
        | Command::Remove { user }) = command
        else {
            return true;
        };
        let Some(other) = self.history.person(user) else {
            return false;
        };
        if other == me {
            return matches!(command, Command::Add { .. });
        }
        let adds = matches!(command, Command::Add { .. });
        let removes = matches!(command, Command::Remove { .. });
        if self.history.has_liar((me, other)) {
            return removes;
        }
        if self.reference.is_busy(me, other) {
            return false;
        }
        match self.reference.tie(me, other) {
            Tie::Friends => removes,
            Tie::Asked(who) if who == me => adds || removes,
            Tie::Asked(_) => !adds && self.reference.was_asked(me, other),
            Tie::None | Tie::Declined(_) | Tie::Unsure => adds,
        }
    }
}
