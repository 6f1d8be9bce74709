//! A disk that lies no more than a real one: slow, syncing in groups, losing what was not synced
//! (PROTOCOL §7).
//!
//! A write stands in line until its group's sync; only then is it applied and answered `Written` or
//! `Conflict`. A crash takes what stood in line, except a prefix of the group being synced, which may
//! have reached the platter. A sync may be answered `Unknown`, and then land at once, later, or
//! never. A disk may also stand still for a while, fail all that is asked of it, or be full. A read
//! sees every write whose `Written` was delivered before it was asked.
//!
//! What becomes of a write is drawn by what it writes and how often that was written before, so that
//! it does not depend on writes elsewhere: a run from which something was left out goes on alike.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::store::MemoryStore;
use crate::rng::Rng;
use crate::store::{Key, Reply, Request, Space, Write};
use crate::time::Timestamp;

/// How the disk behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DiskWeather {
    /// Mean time of a read, milliseconds.
    pub read_mean_ms: u64,
    /// Mean time of a sync, milliseconds.
    pub sync_mean_ms: u64,
    /// Of 1,000 writes, how many are answered `Unknown`.
    pub unknown_permille: u64,
    /// Of 1,000 writes, how many are refused (`Failed`).
    pub failed_permille: u64,
    /// Of 1,000 writes, how many find that a second writer put a row they check once more, unchanged.
    pub conflict_permille: u64,
    /// A write answered `Unknown` that lands later does so within this, milliseconds.
    pub late_max_ms: u64,
}

/// What a disk suffers besides its weather.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spell {
    /// Nothing.
    #[default]
    None,
    /// All that is asked fails, and of a write nobody knows what became.
    Failing,
    /// There is no room: what writes fails.
    Full,
}

impl Default for DiskWeather {
    fn default() -> Self {
        Self::CALM
    }
}

impl DiskWeather {
    /// A good disk.
    pub const CALM: Self = Self {
        read_mean_ms: 0,
        sync_mean_ms: 1,
        unknown_permille: 0,
        failed_permille: 0,
        conflict_permille: 0,
        late_max_ms: 1_500,
    };
}

/// What the disk did to those who trust it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskCounts {
    /// Writes that a crash took.
    pub lost: u64,
    /// Writes answered `Unknown`.
    pub unknown: u64,
    /// Of these, how many landed all the same.
    pub landed: u64,
    /// Writes answered `Failed`.
    pub failed: u64,
    /// Writes answered `Conflict`.
    pub conflicts: u64,
    /// Reads answered `Failed`.
    pub unread: u64,
    /// Writes of a group that a crash tore: they were synced, and others of it were not.
    pub torn: u64,
}

/// What ends who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The process: what it had handed over may be written all the same, from the first on.
    Process,
    /// The machine: of what was being synced a prefix may have reached the platter.
    Machine,
}

enum Reading {
    /// Read when asked.
    Early(Reply),
    /// Read when answered.
    Late(Request),
}

/// A disk; `T` names a request to its asker.
pub struct Disk<T> {
    store: MemoryStore,
    weather: DiskWeather,
    rng: Rng,
    /// What the fate of writes is drawn from, and how many there were by what they write.
    seed: [u8; 32],
    written: BTreeMap<u64, u64>,
    reads: BTreeMap<(Timestamp, u64), (T, Reading)>,
    asked: u64,
    line: VecDeque<(T, Write)>,
    group: VecDeque<(T, Write)>,
    synced_at: Option<Timestamp>,
    landing: Vec<(Timestamp, T, Write)>,
    /// What stands now, in the order in which it came to; where somebody asked.
    stood: Option<Vec<(T, Write)>>,
    spell: Spell,
    still_until: Timestamp,
    counts: DiskCounts,
}

impl<T: Clone> Disk<T> {
    /// An empty disk.
    #[must_use]
    pub fn new(weather: DiskWeather, seed: [u8; 32]) -> Self {
        Self {
            store: MemoryStore::default(),
            weather,
            rng: Rng::new(Rng::child_seed(seed, "times")),
            seed: Rng::child_seed(seed, "fates"),
            written: BTreeMap::new(),
            reads: BTreeMap::new(),
            asked: 0,
            line: VecDeque::new(),
            group: VecDeque::new(),
            synced_at: None,
            landing: Vec::new(),
            stood: None,
            spell: Spell::None,
            still_until: Timestamp(0),
            counts: DiskCounts::default(),
        }
    }

    /// From now on the disk behaves like this.
    pub fn set_weather(&mut self, weather: DiskWeather) {
        self.weather = weather;
    }

    /// From now on it suffers this.
    pub fn set_spell(&mut self, spell: Spell) {
        self.spell = spell;
    }

    /// It answers nothing before then.
    pub fn stand_still(&mut self, until: Timestamp) {
        self.still_until = self.still_until.max(until);
    }

    /// It stands still no longer.
    pub fn go_on(&mut self) {
        self.still_until = Timestamp(0);
    }

    /// What it did.
    #[must_use]
    pub fn counts(&self) -> DiskCounts {
        self.counts
    }

    /// Keeps what was written, for [`Disk::take_stood`].
    pub fn keep_stood(&mut self) {
        self.stood = Some(Vec::new());
    }

    /// The writes that came to stand since this was asked last, each with its asker, in their order.
    pub fn take_stood(&mut self) -> Vec<(T, Write)> {
        self.stood.as_mut().map(core::mem::take).unwrap_or_default()
    }

    /// What is durable, for checkers.
    pub fn durable(&mut self) -> &mut MemoryStore {
        &mut self.store
    }

    /// Takes a request; its answer comes from [`Disk::advance`].
    pub fn submit(&mut self, token: T, request: Request, now: Timestamp) {
        let request = match request {
            Request::Write(write) => {
                self.line.push_back((token, write));
                if self.synced_at.is_none() {
                    self.begin_sync(now);
                }
                return;
            }
            read @ (Request::Read(_)
            | Request::Scan { .. }
            | Request::Tail(_)
            | Request::Entries { .. }) => read,
        };
        self.asked += 1;
        let at = now + super::net::spread(self.weather.read_mean_ms, &mut self.rng);
        let reading = if self.rng.below(2) == 0 {
            Reading::Early(self.store.handle(&request))
        } else {
            Reading::Late(request)
        };
        self.reads.insert((at, self.asked), (token, reading));
    }

    /// The next instant at which something happens here.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let read = self.reads.first_key_value().map(|((at, _), _)| *at);
        let landing = self.landing.iter().map(|(at, ..)| *at).min();
        let answer = [read, self.synced_at].into_iter().flatten().min();
        let answer = answer.map(|at| at.max(self.still_until));
        [answer, landing].into_iter().flatten().min()
    }

    /// Everything that is done at `now`, in order.
    pub fn advance(&mut self, now: Timestamp, done: &mut Vec<(T, Reply)>) {
        self.land(now);
        if now < self.still_until {
            return;
        }
        if self.synced_at.is_some_and(|at| at <= now) {
            self.end_sync(now, done);
        }
        while let Some(entry) = self.reads.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let (token, reading) = entry.remove();
            let reply = match reading {
                Reading::Early(reply) => reply,
                Reading::Late(request) => self.store.handle(&request),
            };
            let reply = self.read_reply(reply);
            done.push((token, reply));
        }
    }

    fn read_reply(&mut self, reply: Reply) -> Reply {
        if self.spell == Spell::Failing {
            self.counts.unread += 1;
            return Reply::Failed(String::from("the simulated disk cannot read"));
        }
        reply
    }

    /// Who wrote is gone: what was not synced is lost, and nobody is answered; a prefix of it may
    /// have reached the platter.
    pub fn crash(&mut self, crash: Crash) {
        if crash == Crash::Process {
            self.group.append(&mut self.line);
        }
        let len = u64::try_from(self.group.len()).unwrap_or(0);
        let kept = if self.rng.below(2) == 0 { 0 } else { self.rng.below(len + 1) };
        if kept < len && self.spell != Spell::Full {
            self.counts.torn += kept;
        }
        for _ in 0..kept {
            if let Some((token, write)) = self.group.pop_front()
                && self.spell != Spell::Full
            {
                self.write(token, write);
            }
        }
        let lost = self.group.len() + self.line.len() + self.landing.len();
        self.counts.lost += u64::try_from(lost).unwrap_or(0);
        self.group.clear();
        self.line.clear();
        self.landing.clear();
        self.reads.clear();
        self.synced_at = None;
    }

    fn begin_sync(&mut self, now: Timestamp) {
        if self.line.is_empty() {
            return;
        }
        core::mem::swap(&mut self.line, &mut self.group);
        let ms = super::net::spread(self.weather.sync_mean_ms, &mut self.rng);
        self.synced_at = Some(now + ms);
    }

    fn end_sync(&mut self, now: Timestamp, done: &mut Vec<(T, Reply)>) {
        self.synced_at = None;
        while let Some((token, write)) = self.group.pop_front() {
            let reply = self.apply(token.clone(), write, now);
            done.push((token, reply));
        }
        self.begin_sync(now);
    }

    /// Writes for good, or finds that it may not.
    fn write(&mut self, token: T, write: Write) -> Reply {
        let request = Request::Write(write);
        let reply = self.store.handle(&request);
        if let (Some(stood), Reply::Written { .. }, Request::Write(write)) =
            (&mut self.stood, &reply, request)
        {
            stood.push((token, write));
        }
        reply
    }

    fn apply(&mut self, token: T, write: Write, now: Timestamp) -> Reply {
        let mut fate = self.fate(&write);
        let dice = fate.below(1_000);
        let w = self.weather;
        match self.spell {
            Spell::None => {}
            Spell::Full => {
                self.counts.failed += 1;
                return Reply::Failed(String::from("the simulated disk is full"));
            }
            Spell::Failing => {
                self.counts.unknown += 1;
                self.forsake((token, write), &mut fate, now);
                return Reply::Unknown;
            }
        }
        if dice < w.unknown_permille {
            self.counts.unknown += 1;
            self.forsake((token, write), &mut fate, now);
            return Reply::Unknown;
        }
        if dice < w.unknown_permille + w.failed_permille {
            self.counts.failed += 1;
            return Reply::Failed(String::from("the simulated disk refuses"));
        }
        if dice < w.unknown_permille + w.failed_permille + w.conflict_permille {
            self.touch(&write);
        }
        // What was answered `Unknown` on the same rows is decided before a later write is applied.
        self.settle(&write, &mut fate);
        let reply = self.write(token, write);
        if reply == Reply::Conflict {
            self.counts.conflicts += 1;
        }
        reply
    }

    /// The stream of one write.
    fn fate(&mut self, write: &Write) -> Rng {
        let row = write.puts.iter().map(|(key, _)| key).chain(&write.deletes).next();
        let entry = write.entries.first().map(|entry| entry.conversation);
        let name = postcard::to_allocvec(&(entry, row)).expect("keys serialize");
        // FNV-1a.
        let hash = name.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let times = self.written.entry(hash).or_default();
        *times += 1;
        let salt = hash.to_le_bytes().into_iter().chain(times.to_le_bytes());
        let mut seed = self.seed;
        seed.iter_mut().zip(salt).for_each(|(to, from)| *to ^= from);
        Rng::new(seed)
    }

    /// The outcome of this write stays unknown: it lands now, later, or never.
    fn forsake(&mut self, (token, write): (T, Write), fate: &mut Rng, now: Timestamp) {
        match fate.below(3) {
            0 => {}
            1 => self.land_one(token, write),
            _ => {
                let at = now + fate.below(self.weather.late_max_ms + 1);
                self.landing.push((at, token, write));
            }
        }
    }

    /// A late write lands after later ones only where its own checks protect what they wrote: no
    /// store lets a write that its asker has overwritten come back.
    fn settle(&mut self, next: &Write, fate: &mut Rng) {
        let touches =
            |key: &Key| next.puts.iter().any(|(k, _)| k == key) || next.deletes.contains(key);
        let mut at = 0;
        while let Some((_, _, late)) = self.landing.get(at) {
            let checked = |key: &Key| {
                late.checks
                    .iter()
                    .any(|check| check.key == *key && check.key.space != Space::Incarnation)
            };
            let mut keys = late.puts.iter().map(|(key, _)| key).chain(&late.deletes);
            if !keys.any(|key| touches(key) && !checked(key)) {
                at += 1;
                continue;
            }
            let (_, token, late) = self.landing.remove(at);
            if fate.below(2) == 0 {
                self.land_one(token, late);
            }
        }
    }

    fn land(&mut self, now: Timestamp) {
        let (due, later): (Vec<_>, Vec<_>) =
            core::mem::take(&mut self.landing).into_iter().partition(|(at, ..)| *at <= now);
        self.landing = later;
        for (_, token, write) in due {
            self.land_one(token, write);
        }
    }

    fn land_one(&mut self, token: T, write: Write) {
        if matches!(self.write(token, write), Reply::Written { .. }) {
            self.counts.landed += 1;
        }
    }

    /// A second writer puts a row this write checks, as it is: its revision moves on. A node's life
    /// and where a range stands are left alone: those conflicts are for good.
    fn touch(&mut self, write: &Write) {
        for check in &write.checks {
            let is_fence = matches!(check.key.space, Space::Incarnation | Space::Range);
            if is_fence || check.revision.is_none() {
                continue;
            }
            if let Reply::Found { value, .. } = self.store.handle(&Request::Read(check.key.clone()))
            {
                let mut again = Write::default();
                again.puts.push((check.key.clone(), value));
                self.store.handle(&Request::Write(again));
                return;
            }
        }
    }
}
