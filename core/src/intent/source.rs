//! The end that causes: numbers given, intents told until applied.
//!
//! Invariants: a number is given to one write at a time per (source shard, target), so numbers are
//! dense; an intent is told only after the write that holds it was `Written`; its row is deleted only
//! after the target's own `Written`.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::edge::intent::{Act, Target, ToSource, ToTarget};
use crate::edge::{Post, Tell, To, ToBook, ToMixer};
use crate::id::{Flow, NodeId, OpId, Shard};
use crate::index::{Index, Slab};
use crate::limits::{
    INTENT_LANES_KEPT, INTENT_RETELL_MS, INTENTS_WAITING_MAX, REREAD_MS, SCAN_ROWS_MAX,
};
use crate::machine::Deadline;
use crate::outbox::Outbox;
use crate::setup::Setup;
use crate::store::{Check, Key, Part, Reply, Request, Row, Space, Write};
use crate::time::Timestamp;
use crate::timer::TimerQueue;

/// What a source wants its machine to carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Tell this.
    Tell(Post),
    /// Read this row, hand the reply to [`Source::on_number`].
    Read {
        /// For the reply.
        lane: OpId,
        /// The row.
        key: Key,
    },
    /// Read this page, hand the reply to [`Source::on_page`].
    Scan(Request),
    /// Delete rows of applied intents. Written again while unknown, else done: a row that stays is told
    /// once more after the next start.
    Delete(Write),
    /// What this waiter waited for may be free: let it reserve again.
    Wake(OpId),
}

/// The outcome of [`Source::reserve`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserve {
    /// The next number of each target is the caller's, until [`Source::written`] or
    /// [`Source::released`].
    Ready,
    /// Nothing is reserved; an [`Effect::Wake`] follows.
    Waiting,
    /// Nothing is reserved: too many intents wait for their targets.
    Full,
}

#[derive(Clone, Debug)]
struct Waiting {
    number: u64,
    act: Act,
    flow: Flow,
}

/// The row of the last number given.
#[derive(Clone, Copy, Debug)]
struct Given {
    number: u64,
    revision: Option<u64>,
}

#[derive(Debug)]
struct Lane {
    source: Shard,
    target: Target,
    given: Option<Given>,
    reading: bool,
    held: bool,
    staged: Option<(u64, Act)>,
    /// In order of number; the first one is told.
    untold: VecDeque<Waiting>,
    waiters: Vec<OpId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Scan,
    Number(OpId),
    Lane(OpId),
}

/// The intents of one owner that are not applied yet.
#[derive(Debug)]
pub struct Source {
    setup: Setup,
    lanes: Slab<Lane>,
    index: Index<(u16, u64)>,
    waiting: usize,
    scan_after: Option<Key>,
    timers: TimerQueue<Due>,
    effects: Outbox<Effect>,
}

impl Source {
    /// Begins with a scan of what a past life left; `seed` keys its table.
    #[must_use]
    pub fn new(setup: Setup, seed: u64) -> Self {
        let mut source = Self {
            setup,
            lanes: Slab::default(),
            index: Index::new(seed),
            waiting: 0,
            scan_after: None,
            timers: TimerQueue::default(),
            effects: Outbox::default(),
        };
        source.scan();
        source
    }

    /// The next effect, in order.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop()
    }

    /// The earliest deadline.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Deadline> {
        self.timers.next()
    }

    /// Tells again what was not answered.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        while let Some(due) = self.timers.pop_due(now) {
            match due {
                Due::Scan => self.scan(),
                Due::Number(lane) => self.read(lane),
                Due::Lane(lane) => self.tell(lane, now),
            }
        }
    }

    /// How many intents wait for their targets.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Takes the next number of every target, or none. The targets of one change differ.
    pub fn reserve(&mut self, source: Shard, targets: &[Target], waiter: OpId) -> Reserve {
        if self.waiting + targets.len() > INTENTS_WAITING_MAX {
            return Reserve::Full;
        }
        let lanes: Vec<OpId> = targets.iter().map(|target| self.lane(source, *target)).collect();
        for key in &lanes {
            let lane = self.lanes.get_mut(*key).expect("found or made above");
            if !lane.held && lane.given.is_some() {
                continue;
            }
            lane.waiters.push(waiter);
            if lane.given.is_none() && !lane.reading {
                lane.reading = true;
                self.read(*key);
            }
            return Reserve::Waiting;
        }
        for key in lanes {
            self.lanes.get_mut(key).expect("found or made above").held = true;
        }
        Reserve::Ready
    }

    /// The row of a lane's last number, as asked for by [`Effect::Read`].
    pub fn on_number(&mut self, key: OpId, reply: &Reply, now: Timestamp) {
        let Some(lane) = self.lanes.get_mut(key) else {
            return;
        };
        lane.given = if let Reply::Found { value, revision } = reply {
            let number = postcard::from_bytes(value).ok();
            number.map(|number| Given { number, revision: Some(*revision) })
        } else if matches!(reply, Reply::Absent) {
            Some(Given { number: 0, revision: None })
        } else {
            None
        };
        if lane.given.is_none() {
            return self.timers.set(Due::Number(key), now + REREAD_MS, "read a number again");
        }
        lane.reading = false;
        self.wake(key);
    }

    /// Adds what was reserved to the write of its cause: the intents, their numbers, and the checks
    /// that nobody else gave those numbers.
    ///
    /// # Panics
    /// Where a target was not reserved.
    pub fn stage(&mut self, source: Shard, acts: Vec<(Target, Act)>, write: &mut Write) {
        for (target, act) in acts {
            let key = self.lane(source, target);
            let lane = self.lanes.get_mut(key).expect("reserved");
            let given = lane.given.expect("a reserved lane knows its number");
            assert!(lane.held && lane.staged.is_none(), "one write at a time gives a number");
            let number = given.number + 1;
            let row = number_key(source, target);
            write.checks.push(Check { key: row.clone(), revision: given.revision });
            write.puts.push((row, bytes_of(&number)));
            write.puts.push((intent_key(source, target, number), bytes_of(&act)));
            lane.staged = Some((number, act));
        }
    }

    /// The write is durable under `revision`: its intents are told.
    pub fn written(
        &mut self,
        source: Shard,
        targets: &[Target],
        revision: u64,
        flow: Flow,
        now: Timestamp,
    ) {
        for target in targets {
            let key = self.lane(source, *target);
            let lane = self.lanes.get_mut(key).expect("reserved");
            lane.held = false;
            if let Some((number, act)) = lane.staged.take() {
                lane.given = Some(Given { number, revision: Some(revision) });
                lane.untold.push_back(Waiting { number, act, flow });
                self.waiting += 1;
                if lane.untold.len() == 1 {
                    self.tell(key, now);
                }
            }
            self.wake(key);
            self.rest(key);
        }
    }

    /// The write came to nothing. After a conflict the numbers are read again.
    pub fn released(&mut self, source: Shard, targets: &[Target], conflict: bool) {
        for target in targets {
            let key = self.lane(source, *target);
            let lane = self.lanes.get_mut(key).expect("reserved");
            lane.held = false;
            lane.staged = None;
            if conflict {
                lane.given = None;
            }
            self.wake(key);
            self.rest(key);
        }
    }

    /// A target answered.
    pub fn handle_answer(&mut self, answer: &ToSource, now: Timestamp) {
        match *answer {
            ToSource::Applied { source, target, through } => {
                self.on_applied(source, target, through, now);
            }
            ToSource::Expected { source, target, last } => {
                // What it applied needs no telling; the rest is told from there. An intent that is
                // neither here nor applied is told when the scan at the start has found it.
                self.on_applied(source, target, last, now);
            }
        }
    }

    /// A node is reachable again: tells it what it has not answered.
    pub fn handle_up(&mut self, node: NodeId, now: Timestamp) {
        let owned = |lane: &Lane| self.setup.topology.owns(node, lane.target.shard());
        let lanes: Vec<OpId> =
            self.lanes.iter().filter(|(_, lane)| owned(lane)).map(|(key, _)| key).collect();
        for lane in lanes {
            self.tell(lane, now);
        }
    }

    /// A page of the scan at the start.
    pub fn on_page(&mut self, reply: Reply, now: Timestamp) {
        let Reply::Page { rows, more } = reply else {
            return self.timers.set(Due::Scan, now + REREAD_MS, "scan intents again");
        };
        if let Some(last) = rows.last() {
            self.scan_after = Some(last.key.clone());
        }
        for row in rows {
            self.on_row(&row, now);
        }
        if more {
            self.scan();
        }
    }

    fn on_row(&mut self, row: &Row, now: Timestamp) {
        let [Part::Number(source), Part::Number(target), Part::Number(number)] =
            row.key.parts.as_slice()
        else {
            return;
        };
        let (Ok(source), Some(target)) = (u16::try_from(*source), Target::from_number(*target))
        else {
            return;
        };
        let Ok(act) = postcard::from_bytes::<Act>(&row.value) else {
            return;
        };
        if !self.setup.topology.owns(self.setup.node, Shard(source)) {
            return;
        }
        let key = self.lane(Shard(source), target);
        let lane = self.lanes.get_mut(key).expect("found or made above");
        if let Err(at) = lane.untold.binary_search_by_key(number, |waiting| waiting.number) {
            lane.untold.insert(at, Waiting { number: *number, act, flow: Flow::default() });
            self.waiting += 1;
            if at == 0 {
                self.tell(key, now);
            }
        }
    }

    fn on_applied(&mut self, source: Shard, target: Target, through: u64, now: Timestamp) {
        let Some(slot) = self.index.get(&(source.0, target.number())) else {
            return;
        };
        let key = self.lanes.key_at(slot).expect("the index names lanes that are there");
        let lane = self.lanes.get_mut(key).expect("the index names lanes that are there");
        let mut deletes = Vec::new();
        while let Some(waiting) = lane.untold.pop_front_if(|first| first.number <= through) {
            deletes.push(intent_key(source, target, waiting.number));
        }
        if deletes.is_empty() {
            return;
        }
        self.waiting -= deletes.len();
        let checks = self.setup.fenced(source).into();
        self.effects.push(Effect::Delete(Write { checks, deletes, ..Write::default() }));
        self.timers.clear(&Due::Lane(key));
        self.tell(key, now);
        self.rest(key);
    }

    fn read(&mut self, lane: OpId) {
        if let Some(of) = self.lanes.get(lane) {
            let key = number_key(of.source, of.target);
            self.effects.push(Effect::Read { lane, key });
        }
    }

    fn tell(&mut self, key: OpId, now: Timestamp) {
        let Some(lane) = self.lanes.get(key) else {
            return;
        };
        let Some(first) = lane.untold.front() else {
            return;
        };
        let (source, target, number) = (lane.source, lane.target, first.number);
        let tell = ToTarget::Intent { source, target, number, act: first.act.clone() };
        let tell: Tell = match target {
            Target::Book(_) => ToBook::from(tell).into(),
            Target::Mixer(_) => ToMixer::from(tell).into(),
        };
        let post = Post { flow: first.flow, to: To::Shard(target.shard()), op: None, tell };
        self.effects.push(Effect::Tell(post));
        self.timers.set(Due::Lane(key), now + INTENT_RETELL_MS, "tell an intent again");
    }

    fn lane(&mut self, source: Shard, target: Target) -> OpId {
        let name = (source.0, target.number());
        if let Some(key) = self.index.get(&name).and_then(|slot| self.lanes.key_at(slot)) {
            return key;
        }
        let key = self.lanes.insert(Lane {
            source,
            target,
            given: None,
            reading: false,
            held: false,
            staged: None,
            untold: VecDeque::new(),
            waiters: Vec::new(),
        });
        self.index.insert(name, key.slot);
        key
    }

    /// Every waiter tries again, in order: one that goes on to wait elsewhere holds nobody up.
    fn wake(&mut self, key: OpId) {
        let Some(lane) = self.lanes.get_mut(key) else {
            return;
        };
        for waiter in core::mem::take(&mut lane.waiters) {
            self.effects.push(Effect::Wake(waiter));
        }
    }

    /// Forgets a lane where nothing is under way; its number stays where there is room, for the next.
    fn rest(&mut self, key: OpId) {
        let quiet = |lane: &&Lane| {
            lane.untold.is_empty() && lane.waiters.is_empty() && !lane.held && !lane.reading
        };
        let Some(lane) = self.lanes.get(key).filter(quiet) else {
            return;
        };
        if lane.given.is_some() && self.lanes.len() <= INTENT_LANES_KEPT {
            return;
        }
        self.index.remove(&(lane.source.0, lane.target.number()));
        self.lanes.remove(key);
    }

    fn scan(&mut self) {
        self.effects.push(Effect::Scan(Request::Scan {
            space: Space::Intent,
            prefix: Vec::new(),
            after: self.scan_after.clone(),
            limit: u32::try_from(SCAN_ROWS_MAX).expect("the bound is a small number"),
        }));
    }
}

fn number_key(source: Shard, target: Target) -> Key {
    Key::intent_number(u64::from(source.0), target.number())
}

fn intent_key(source: Shard, target: Target, number: u64) -> Key {
    Key::intent(u64::from(source.0), target.number(), number)
}

fn bytes_of(value: &impl serde::Serialize) -> Bytes {
    Bytes::from(postcard::to_allocvec(value).expect("numbers and acts serialize"))
}
