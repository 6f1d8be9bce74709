//! What should be true, from acts and events alone. Shares no code with the machines.
//!
//! Where an outcome is not known (a refusal that says nothing of the effect, a killed process, two
//! people acting on the same pair at once) the model says so, and checkers ask for agreement only.

use std::collections::{BTreeMap, BTreeSet};

use presently_core::client::{Command, Event};
use presently_core::time::Timestamp;

use crate::history::{History, Seen, Sleepers, What};

/// Acts of two people on one pair that are closer than this may cross each other.
const CROSSING_MS: u64 = 90_000;

/// What a cache may not have synced when its process is killed, milliseconds.
const CACHE_LAG_MS: u64 = 3_000;
/// A change whose outcome nobody was told lies with a node no longer than this.
const LATE_MS: u64 = 90_000;

/// How two people stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tie {
    /// Not at all.
    None,
    /// This one asked.
    Asked(usize),
    /// This one asked and was declined, and does not know.
    Declined(usize),
    /// Both said yes.
    Friends,
    /// Not known.
    Unsure,
}

#[derive(Clone, Debug)]
struct Pair {
    tie: Tie,
    /// The act under way: its number, who acts, what the tie would be.
    open: Option<(u64, usize, Tie)>,
    last: Option<(Timestamp, usize)>,
    /// Who was told of the invitation that stands.
    told: BTreeSet<usize>,
}

/// What is known of what one person shows.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// What the status may be, per device that lives.
    pub status: BTreeMap<usize, BTreeSet<String>>,
    /// What the display name may be.
    pub name: BTreeSet<String>,
    /// What the personal message may be.
    pub message: BTreeSet<String>,
    /// What others may see as name while they see the person offline: what is changed in hiding does
    /// not show.
    pub offline_name: BTreeSet<String>,
    /// The same of the message.
    pub offline_message: BTreeSet<String>,
}

/// The model.
#[derive(Clone, Debug)]
pub struct Reference {
    people: Vec<String>,
    owner: Vec<usize>,
    pairs: BTreeMap<(usize, usize), Pair>,
    shown: Vec<Shown>,
    open: BTreeMap<u64, (usize, Command)>,
    /// The pairs whose tie acts under way are about.
    asks: BTreeMap<u64, (usize, usize)>,
    /// When a change of a kind (as in `newest`) was last left without a known outcome: it may come late,
    /// also after one that was made later.
    doubts: BTreeMap<(usize, u8), Timestamp>,
    /// Statuses of a person that were said on a device and never answered, and when it was given up:
    /// a node that stood still may take them in later, whatever the person chose since.
    late: BTreeMap<usize, Vec<(Timestamp, String)>>,
    /// The status last chosen on a device whose cache lives on.
    kept: BTreeMap<usize, BTreeSet<String>>,
    /// The last act of a kind: 0 a device's status, 1 a person's message, 2 a person's name.
    newest: BTreeMap<(usize, u8), u64>,
    /// Acts of the same kind that had no outcome yet when the last one was made.
    rivals: BTreeMap<(usize, u8), BTreeSet<u64>>,
    /// Devices that were told that they are signed in.
    signed_in: BTreeSet<usize>,
    /// Acts that are said when there is a link, long after they were made: without an outcome as their
    /// device lost its link, or made while it was not signed in.
    said_late: BTreeSet<u64>,
    /// What the copy of a cache may say, per device that is to start from it.
    cloned: BTreeMap<usize, BTreeSet<String>>,
    /// Statuses chosen per device, and when.
    chosen: BTreeMap<usize, Vec<(Timestamp, String)>>,
    sleepers: Sleepers,
}

impl Reference {
    /// The model of a world before its first act.
    #[must_use]
    pub fn new(history: &History) -> Self {
        let people = history.people.len();
        let befriended: BTreeSet<_> = history.befriended.iter().copied().collect();
        let mut pairs = BTreeMap::new();
        for a in 0..people {
            for b in a + 1..people {
                let friends = befriended.contains(&(a, b));
                // Nobody honest makes friends with a liar; who is their friend may cease to be.
                let tie = match friends {
                    true if history.has_liar((a, b)) => Tie::Unsure,
                    true => Tie::Friends,
                    false => Tie::None,
                };
                let pair = Pair { tie, open: None, last: None, told: BTreeSet::new() };
                pairs.insert((a, b), pair);
            }
        }
        let shown = Shown {
            name: BTreeSet::from([String::new()]),
            message: BTreeSet::from([String::new()]),
            offline_name: BTreeSet::from([String::new()]),
            offline_message: BTreeSet::from([String::new()]),
            ..Shown::default()
        };
        Self {
            people: history.people.clone(),
            owner: history.owner.clone(),
            pairs,
            shown: vec![shown; people],
            open: BTreeMap::new(),
            asks: BTreeMap::new(),
            doubts: BTreeMap::new(),
            late: BTreeMap::new(),
            kept: BTreeMap::new(),
            cloned: BTreeMap::new(),
            chosen: BTreeMap::new(),
            sleepers: Sleepers::default(),
            newest: BTreeMap::new(),
            rivals: BTreeMap::new(),
            said_late: BTreeSet::new(),
            signed_in: BTreeSet::new(),
        }
    }

    /// The model after a whole history.
    #[must_use]
    pub fn of(history: &History) -> Self {
        let mut model = Self::new(history);
        history.seen.iter().for_each(|seen| model.note(seen));
        model
    }

    /// How two people stand, in the model.
    #[must_use]
    pub fn tie(&self, a: usize, b: usize) -> Tie {
        let pair = self.pairs.get(&History::pair(a, b));
        pair.map_or(Tie::None, |pair| if pair.open.is_some() { Tie::Unsure } else { pair.tie })
    }

    /// Whether they are friends beyond doubt.
    #[must_use]
    pub fn surely_friends(&self, a: usize, b: usize) -> bool {
        self.tie(a, b) == Tie::Friends
    }

    /// Whether they may be friends: they are, or an act under way may make or have made them so.
    #[must_use]
    pub fn may_be_friends(&self, a: usize, b: usize) -> bool {
        let friendly = |tie: Tie| matches!(tie, Tie::Friends | Tie::Unsure);
        self.pairs.get(&History::pair(a, b)).is_some_and(|pair| {
            friendly(pair.tie) || pair.open.is_some_and(|(_, _, next)| friendly(next))
        })
    }

    /// Whether a device's own choice is to hide, beyond doubt.
    #[must_use]
    pub fn hides(&self, device: usize) -> bool {
        let choices = self.shown[self.owner[device]].status.get(&device);
        choices.is_some_and(|all| all.iter().eq(["appear_offline"]))
    }

    /// Whether an act on the pair has no outcome yet.
    #[must_use]
    pub fn is_busy(&self, a: usize, b: usize) -> bool {
        self.pairs.get(&History::pair(a, b)).is_some_and(|pair| pair.open.is_some())
    }

    /// Whether `me` was told that `other` asks.
    #[must_use]
    pub fn was_asked(&self, me: usize, other: usize) -> bool {
        self.pairs.get(&History::pair(me, other)).is_some_and(|pair| pair.told.contains(&me))
    }

    /// What a person may show.
    #[must_use]
    pub fn shown(&self, person: usize) -> &Shown {
        &self.shown[person]
    }

    /// Takes one thing seen.
    pub fn note(&mut self, seen: &Seen) {
        self.sleepers.note(seen);
        match &seen.what {
            What::Act { device, id, command } => self.on_act(*device, *id, command, seen.at),
            What::Event { device, event } => self.on_event(*device, event, seen.at),
            What::Born { device, fresh } => {
                let online = BTreeSet::from([String::from("online")]);
                let kept = self.kept.entry(*device).or_insert_with(|| online.clone());
                if *fresh {
                    *kept = online;
                }
                let mut kept = kept.clone();
                kept.extend(self.cloned.remove(device).into_iter().flatten());
                self.kept.insert(*device, kept.clone());
                let owner = self.owner[*device];
                kept.extend(self.late_of(owner, seen.at));
                self.shown[owner].status.insert(*device, kept);
            }
            What::Cloned { device, of } => {
                let mut status = self.shown[self.owner[*of]].status.get(of).cloned();
                status
                    .get_or_insert_default()
                    .extend(self.kept.get(of).into_iter().flatten().cloned());
                let status =
                    status.unwrap_or_default().into_iter().chain(self.unsynced(*of, seen.at));
                self.cloned.insert(*device, status.collect());
            }
            What::Killed { device } | What::Ended { device } => self.on_gone(*device, seen.at),
            What::Unlinked { device } => {
                self.signed_in.remove(device);
                let of_device = self.open.iter().filter(|(_, (of, _))| of == device);
                self.said_late.extend(of_device.map(|(id, _)| *id));
            }
            What::Trouble
            | What::Quiet
            | What::Resync
            | What::Lives { .. }
            | What::Owns { .. }
            | What::Wrote { .. }
            | What::Refused { .. }
            | What::Halts { .. }
            | What::Dials { .. }
            | What::Sleeps { .. }
            | What::Wakes { .. }
            | What::Gone { .. }
            | What::Healed
            | What::Told { .. }
            | What::Draining { .. }
            | What::Drained { .. }
            | What::Faulted { .. }
            | What::Measured { .. } => {}
        }
    }

    /// What the cache of a killed process may have stood at: its last write may be lost.
    fn unsynced(&self, device: usize, at: Timestamp) -> Vec<String> {
        let chosen = self.chosen.get(&device).map(Vec::as_slice).unwrap_or_default();
        let ran = self.sleepers.ran(device, at);
        let old = chosen.partition_point(|(when, _)| ran.since(*when) > CACHE_LAG_MS);
        if old == chosen.len() {
            return Vec::new();
        }
        let first = chosen.iter().map(|(_, status)| status.clone());
        let before = if old == 0 { vec![String::from("online")] } else { Vec::new() };
        before.into_iter().chain(first.skip(old.saturating_sub(1))).collect()
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.people.iter().position(|known| known == name)
    }

    /// A process is gone.
    fn on_gone(&mut self, device: usize, at: Timestamp) {
        let owner = self.owner[device];
        if !self.signed_in.remove(&device) {
            // It may have said its status, and nobody heard whether that was taken in.
            let said = self.shown[owner].status.get(&device).into_iter().flatten();
            let said = said.map(|status| (at, status.clone()));
            self.late.entry(owner).or_default().extend(said);
        }
        if let Some(mut status) = self.shown[owner].status.remove(&device) {
            // A person has one status, the last chosen on any device: it stands while others
            // of them are there.
            let others = self.shown[owner].status.values_mut();
            others.for_each(|other| other.extend(status.iter().cloned()));
            status.extend(self.unsynced(device, at));
            self.kept.insert(device, status);
        }
        let lost: Vec<u64> =
            self.open.iter().filter(|(_, (of, _))| *of == device).map(|(id, _)| *id).collect();
        lost.into_iter().for_each(|id| self.unknown(id, at));
    }

    fn on_act(&mut self, device: usize, id: u64, command: &Command, at: Timestamp) {
        let me = self.owner[device];
        if let Some(kind) = profile_kind(command) {
            let alike = |of: &Command| profile_kind(of) == Some(kind);
            let rivals = self.open.iter().filter(|(_, (of, c))| self.owner[*of] == me && alike(c));
            self.rivals.insert((me, kind), rivals.map(|(id, _)| *id).collect());
        }
        if !self.signed_in.contains(&device) {
            self.said_late.insert(id);
        }
        self.open.insert(id, (device, command.clone()));
        let shown = &mut self.shown[me];
        match command {
            Command::Status { status } => {
                shown.status.entry(device).or_default().insert(status.clone());
                self.newest.insert((device, 0), id);
                self.chosen.entry(device).or_default().push((at, status.clone()));
            }
            Command::Message { text } => {
                self.newest.insert((me, 1), id);
                shown.message.insert(text.clone());
                shown.offline_message.insert(text.clone());
            }
            Command::Name { text } => {
                self.newest.insert((me, 2), id);
                shown.name.insert(text.clone());
                shown.offline_name.insert(text.clone());
            }
            Command::Add { user, .. }
            | Command::Accept { user }
            | Command::Decline { user }
            | Command::Remove { user } => {
                if let Some(other) = self.index(user).filter(|other| *other != me) {
                    self.on_tie(id, (me, other), command, at);
                }
            }
            Command::Send { .. }
            | Command::Typing { .. }
            | Command::Contacts
            | Command::History { .. }
            | Command::Sync
            | Command::SignOut => {}
        }
    }

    fn on_tie(&mut self, id: u64, (me, other): (usize, usize), command: &Command, at: Timestamp) {
        let Some(pair) = self.pairs.get_mut(&History::pair(me, other)) else {
            return;
        };
        let answers = matches!(command, Command::Accept { .. } | Command::Decline { .. })
            && pair.told.contains(&me);
        let crossing = !answers
            && pair.last.is_some_and(|(last, who)| who != me && at.since(last) < CROSSING_MS);
        let next = match (pair.tie, command) {
            _ if crossing || pair.open.is_some() => Tie::Unsure,
            (Tie::Asked(who), Command::Add { .. }) if who != me => Tie::Friends,
            (Tie::Declined(who), Command::Add { .. }) if who != me => Tie::Friends,
            // Who was declined does not know, and asks nobody anew.
            (Tie::Declined(who), Command::Add { .. }) => Tie::Declined(who),
            (Tie::None, Command::Add { .. }) => Tie::Asked(me),
            (Tie::Asked(who), Command::Accept { .. }) if who != me => Tie::Friends,
            (Tie::Asked(who), Command::Decline { .. }) if who != me => Tie::Declined(who),
            (Tie::Asked(who), Command::Remove { .. }) if who != me => Tie::Unsure,
            (Tie::Unsure, _) => Tie::Unsure,
            (_, Command::Remove { .. }) => Tie::None,
            (tie, _) => tie,
        };
        pair.open = Some((id, me, next));
        self.asks.insert(id, History::pair(me, other));
    }

    fn on_event(&mut self, device: usize, event: &Event, at: Timestamp) {
        let me = self.owner[device];
        match event {
            Event::Done { id: Some(id) } => self.done(*id, at),
            Event::Error { id: Some(id), code, .. } => {
                // A client asks again after a cut, and is refused what it had already been given:
                // only a refusal that fits what was known says that nothing changed.
                let certain = match code.as_str() {
                    "yourself" | "too_fast" | "limit_reached" | "invalid" | "bad_command" => true,
                    "already_contact" => self.had(*id),
                    _ => false,
                };
                if certain { self.refused(*id) } else { self.unknown(*id, at) }
            }
            Event::Invited { user, .. } => {
                if let Some(other) = self.index(user)
                    && let Some(pair) = self.pairs.get_mut(&History::pair(me, other))
                {
                    pair.told.insert(me);
                }
            }
            Event::Contact { user, change } if change != "pending" => {
                if let Some(other) = self.index(user)
                    && let Some(pair) = self.pairs.get_mut(&History::pair(me, other))
                {
                    pair.told.remove(&me);
                }
            }
            Event::Acked { id: Some(id), .. }
            | Event::Contacts { id: Some(id), .. }
            | Event::History { id: Some(id), .. } => {
                self.open.remove(id);
            }
            Event::SignedIn { .. } => {
                self.signed_in.insert(device);
            }
            Event::Presence { .. }
            | Event::Contact { .. }
            | Event::Message { .. }
            | Event::Typing { .. }
            | Event::Offline { .. }
            | Event::Lagged { .. }
            | Event::Acked { .. }
            | Event::Contacts { .. }
            | Event::History { .. }
            | Event::Done { .. }
            | Event::Error { .. } => {}
        }
    }

    fn done(&mut self, id: u64, at: Timestamp) {
        let Some((device, command)) = self.open.remove(&id) else {
            return;
        };
        let owner = self.owner[device];
        match command {
            // Other acts may be under way; the one done last is what stands only if it was alone.
            Command::Status { status } => {
                let newest = self.newest.get(&(device, 0)) == Some(&id);
                if newest && !self.others(device, |c| matches!(c, Command::Status { .. })) {
                    let stands = self.late_of(owner, at).chain([status]).collect();
                    self.shown[owner].status.insert(device, stands);
                }
            }
            Command::Message { text } => {
                let newest = self.newest.get(&(owner, 1)) == Some(&id);
                let newest = newest && self.is_last((owner, 1), at);
                if newest && !self.others_of(owner, |c| matches!(c, Command::Message { .. })) {
                    if self.showed_since(owner, id) {
                        self.shown[owner].offline_message = BTreeSet::from([text.clone()]);
                    }
                    self.shown[owner].message = BTreeSet::from([text]);
                }
            }
            Command::Name { text } => {
                let newest = self.newest.get(&(owner, 2)) == Some(&id);
                let newest = newest && self.is_last((owner, 2), at);
                if newest && !self.others_of(owner, |c| matches!(c, Command::Name { .. })) {
                    if self.showed_since(owner, id) {
                        self.shown[owner].offline_name = BTreeSet::from([text.clone()]);
                    }
                    self.shown[owner].name = BTreeSet::from([text]);
                }
            }
            Command::Add { .. }
            | Command::Accept { .. }
            | Command::Decline { .. }
            | Command::Remove { .. } => self.settle(id, true, at),
            Command::Send { .. }
            | Command::Typing { .. }
            | Command::Contacts
            | Command::History { .. }
            | Command::Sync
            | Command::SignOut => {}
        }
    }

    /// Whether the act of a kind that was made last is also the last that was taken in: one before it
    /// that had to wait for a link may have come after it.
    fn is_last(&self, kind: (usize, u8), at: Timestamp) -> bool {
        let rivals = self.rivals.get(&kind);
        let is_late = rivals.is_some_and(|rivals| !rivals.is_disjoint(&self.said_late));
        !is_late && !self.is_doubtful(kind, at)
    }

    /// Whether a person was seen by others from the giving of an act until now, beyond doubt.
    fn showed_since(&self, owner: usize, act: u64) -> bool {
        let status = &self.shown[owner].status;
        let hides = status.values().flatten().any(|status| status == "appear_offline");
        let chose = |device: &usize| self.newest.get(&(*device, 0)).is_some_and(|id| *id > act);
        !status.is_empty() && !hides && !status.keys().any(chose)
    }

    fn others(&self, device: usize, like: impl Fn(&Command) -> bool) -> bool {
        self.open.values().any(|(of, command)| *of == device && like(command))
    }

    fn others_of(&self, owner: usize, like: impl Fn(&Command) -> bool) -> bool {
        self.open.values().any(|(of, command)| self.owner[*of] == owner && like(command))
    }

    /// Whether the tie that an act would make stood before it.
    fn had(&self, id: u64) -> bool {
        self.asks.get(&id).and_then(|pair| self.pairs.get(pair)).is_some_and(|pair| {
            let stood = |who| pair.tie == Tie::Friends || pair.tie == Tie::Asked(who);
            pair.open.is_some_and(|(open, who, _)| open == id && stood(who))
        })
    }

    fn refused(&mut self, id: u64) {
        self.open.remove(&id);
        self.settle(id, false, Timestamp(0));
    }

    fn unknown(&mut self, id: u64, at: Timestamp) {
        if let Some((device, command)) = self.open.remove(&id) {
            let owner = self.owner[device];
            if let Command::Status { status } = &command {
                for other in self.shown[owner].status.values_mut() {
                    other.insert(status.clone());
                }
                self.late.entry(owner).or_default().push((at, status.clone()));
            }
            if matches!(command, Command::Message { .. }) {
                self.doubts.insert((owner, 1), at);
            }
            if matches!(command, Command::Name { .. }) {
                self.doubts.insert((owner, 2), at);
            }
        }
        if let Some(pair) = self.asked(id) {
            pair.open = None;
            pair.tie = Tie::Unsure;
        }
    }

    fn settle(&mut self, id: u64, done: bool, at: Timestamp) {
        let Some(pair) = self.asked(id) else { return };
        let Some((_, who, next)) = pair.open.take() else { return };
        if done {
            pair.tie = next;
            pair.last = Some((at, who));
        } else if next == Tie::Unsure {
            pair.tie = Tie::Unsure;
        }
    }

    /// The pair that an act under way is about, unless a later act on it is.
    fn asked(&mut self, id: u64) -> Option<&mut Pair> {
        let pair = self.asks.remove(&id)?;
        let pair = self.pairs.get_mut(&pair)?;
        pair.open.is_some_and(|(open, _, _)| open == id).then_some(pair)
    }

    /// The statuses of a person that may still come late.
    fn late_of(&self, owner: usize, at: Timestamp) -> impl Iterator<Item = String> {
        let late = self.late.get(&owner).map(Vec::as_slice).unwrap_or_default();
        let late = late.iter().filter(move |(since, _)| at.since(*since) < LATE_MS);
        late.map(|(_, status)| status.clone())
    }

    /// Whether a change of a kind may still come late.
    fn is_doubtful(&self, kind: (usize, u8), at: Timestamp) -> bool {
        self.doubts.get(&kind).is_some_and(|since| at.since(*since) < LATE_MS)
    }
}

/// What a change of a profile is of, as `newest` counts kinds.
fn profile_kind(command: &Command) -> Option<u8> {
    let is_message = matches!(command, Command::Message { .. });
    let is_name = matches!(command, Command::Name { .. });
    if is_message { Some(1) } else { is_name.then_some(2) }
}
