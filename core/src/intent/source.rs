//! The end that causes: numbers given, intents told until applied.
//!
//! Invariants: a number is given to one write at a time per (source shard, target), so numbers are
//! dense; an intent is told only after the write that holds it was `Written`; its row is deleted only
//! after the target's own `Written`.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::edge::intent::{Act, Target, ToSource, ToTarget};
use crate::edge::{Post, Tell, To, ToBook, ToMixer};
use crate::id::{Flow, NodeId, OpId, Range, Shard};
use crate::index::{Index, Slab};
use crate::limits::{
    INTENT_LANES_KEPT, INTENT_RETELL_MS, INTENTS_WAITING_MAX, REREAD_MS, SCAN_ROWS_MAX,
};
use crate::machine::Deadline;
use crate::measure::Queues;
use crate::outbox::Outbox;
use crate::setup::Setup;
use crate::store::{COUNTER_END, Check, Key, Part, Reply, Request, Row, Space, Write};
use crate::time::Timestamp;
use crate::timer::TimerQueue;
use crate::topology::Moved;

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
    /// once more after the next start, or the next move.
    Delete {
        /// Whose intents.
        source: Shard,
        /// The write.
        write: Write,
    },
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

/// Intents that others left: all of them, or those of a range.
#[derive(Debug, Default)]
struct Scan {
    range: Option<Range>,
    after: Option<Key>,
}

/// The intents of one owner that are not applied yet.
#[derive(Debug)]
pub struct Source {
    setup: Setup,
    lanes: Slab<Lane>,
    index: Index<(u16, u64)>,
    waiting: usize,
    /// What is to be scanned, one after the other. The first is under way.
    scans: VecDeque<Scan>,
    timers: TimerQueue<Due>,
    effects: Outbox<Effect>,
}

impl Source {
    /// Its queues.
    pub fn queues(&self, queues: &mut Queues) {
        queues.add("intents", self.waiting, INTENTS_WAITING_MAX);
        queues.add("intent timers", self.timers.len(), self.lanes.len() * 2 + 1);
    }

    /// Begins with a scan of what past owners left; `seed` keys its table.
    #[must_use]
    pub fn new(setup: Setup, seed: u64) -> Self {
        let mut source = Self {
            setup,
            lanes: Slab::default(),
            index: Index::new(seed),
            waiting: 0,
            scans: VecDeque::from([Scan::default()]),
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
            let number = postcard::from_bytes(value).ok().filter(|number| *number < COUNTER_END);
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
        let topology = self.setup.topology.clone();
        self.tell_again(|lane| topology.owns(node, lane.target.shard()), now);
    }

    /// A range has moved. Its intents are its owner's to tell: dropped here, or found in the store. The
    /// new owner of targets is told at once what the past one has not answered.
    pub fn handle_moved(&mut self, moved: &Moved, now: Timestamp) {
        self.setup.topology.apply(moved);
        if moved.is_loss(self.setup.node) {
            self.drop_lanes(|lane| moved.has(lane.source));
        }
        if moved.is_gain(self.setup.node) {
            self.scan_range(moved.range);
        }
        self.tell_again(|lane| moved.has(lane.target.shard()), now);
    }

    fn scan_range(&mut self, range: Range) {
        // One that is under way may have begun before others wrote.
        let mut behind = self.scans.iter().skip(1);
        if behind.any(|scan| scan.range == Some(range)) {
            return;
        }
        self.scans.push_back(Scan { range: Some(range), after: before(range) });
        if self.scans.len() == 1 {
            self.scan();
        }
    }

    fn tell_again(&mut self, is_meant: impl Fn(&Lane) -> bool, now: Timestamp) {
        let lanes = self.lanes.iter().filter(|(_, lane)| is_meant(lane));
        let lanes: Vec<OpId> = lanes.map(|(key, _)| key).collect();
        for lane in lanes {
            self.tell(lane, now);
        }
    }

    /// Whoever waits for a number there waits no more: its change is dropped too.
    fn drop_lanes(&mut self, is_gone: impl Fn(&Lane) -> bool) {
        let gone = self.lanes.iter().filter(|(_, lane)| is_gone(lane));
        let gone: Vec<OpId> = gone.map(|(key, _)| key).collect();
        for key in gone {
            let lane = self.lanes.remove(key).expect("found above");
            self.index.remove(&(lane.source.0, lane.target.number()));
            self.waiting -= lane.untold.len();
            self.timers.clear(&Due::Lane(key));
            self.timers.clear(&Due::Number(key));
        }
    }

    /// A page of the scan under way.
    pub fn on_page(&mut self, reply: Reply, now: Timestamp) {
        let Reply::Page { rows, mut more } = reply else {
            return self.timers.set(Due::Scan, now + REREAD_MS, "scan intents again");
        };
        let range = self.scans.front().and_then(|scan| scan.range);
        for row in &rows {
            let Some(shard) = shard_of(&row.key) else { continue };
            if range.is_some_and(|range| range < shard.range()) {
                more = false;
                break;
            }
            self.on_row(row, shard, now);
        }
        if let (true, Some(scan)) = (more, self.scans.front_mut()) {
            scan.after = rows.last().map(|row| row.key.clone());
        } else {
            self.scans.pop_front();
        }
        self.scan();
    }

    fn on_row(&mut self, row: &Row, source: Shard, now: Timestamp) {
        let [_, Part::Number(target), Part::Number(number)] = row.key.parts.as_slice() else {
            return;
        };
        let Some(target) = Target::from_number(*target) else {
            return;
        };
        let Ok(act) = postcard::from_bytes::<Act>(&row.value) else {
            return;
        };
        if !self.setup.owns(source) {
            return;
        }
        let key = self.lane(source, target);
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
        let write = Write { checks, deletes, ..Write::default() };
        self.effects.push(Effect::Delete { source, write });
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
        let tell = ToTarget::Intent { source, target, number, act: Box::new(first.act.clone()) };
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
        let Some(scan) = self.scans.front() else {
            return;
        };
        self.effects.push(Effect::Scan(Request::Scan {
            space: Space::Intent,
            prefix: Vec::new(),
            after: scan.after.clone(),
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

/// The greatest key there could be before those of a range; `None`: it is the first.
fn before(range: Range) -> Option<Key> {
    const LAST: u64 = (1 << 63) - 1;
    let first = range.shards().next().expect("a range has shards");
    first.0.checked_sub(1).map(|source| Key::intent(u64::from(source), LAST, LAST))
}

fn shard_of(key: &Key) -> Option<Shard> {
    let Some(Part::Number(source)) = key.parts.first() else {
        return None;
    };
    u16::try_from(*source).ok().map(Shard)
}

fn bytes_of(value: &impl serde::Serialize) -> Bytes {
    Bytes::from(postcard::to_allocvec(value).expect("numbers and acts serialize"))
}
