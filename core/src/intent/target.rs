//! The end that applies: the last number applied per (target, source), as far as it is in memory.
//!
//! Invariant: what stands here is what the store had when it was read or written; a conflict forgets
//! it, and then the source tells again.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::edge::intent::{Target, ToSource};
use crate::id::Shard;
use crate::index::{Index, Slab};
use crate::limits::APPLIED_CACHED_MAX;
use crate::store::{COUNTER_END, Check, Key, Reply, Write};
use crate::topology::Moved;

/// What to do with an intent that was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the next: build its effect, [`begin`](TargetLog::begin) it in the same write.
    Apply,
    /// It was applied before: answer this.
    AlreadyApplied {
        /// The last number applied.
        through: u64,
    },
    /// It is beyond the next: answer this.
    Expected {
        /// The last number applied.
        last: u64,
    },
    /// Not in memory: read [`TargetLog::key`], hand the reply to [`TargetLog::on_read`], judge again.
    Unread,
    /// An intent of this pair is being written: drop this one, its source tells again.
    InFlight,
}

#[derive(Debug)]
struct Line {
    source: Shard,
    target: Target,
    last: u64,
    revision: Option<u64>,
    in_flight: bool,
}

/// The last numbers applied by this owner. Bounded: the rows are the truth.
#[derive(Debug)]
pub struct TargetLog {
    lines: Slab<Line>,
    index: Index<(u16, u64)>,
    /// Where the search for a line to forget goes on.
    hand: u32,
}

impl TargetLog {
    /// An empty memory; `seed` keys its table.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { lines: Slab::default(), index: Index::new(seed), hand: 0 }
    }

    /// The row of a pair.
    #[must_use]
    pub fn key(source: Shard, target: Target) -> Key {
        Key::applied(target.number(), u64::from(source.0))
    }

    /// What to do with intent `number` of `source`.
    #[must_use]
    pub fn judge(&self, source: Shard, target: Target, number: u64) -> Verdict {
        let Some(line) = self.line(source, target) else {
            return Verdict::Unread;
        };
        if number <= line.last {
            Verdict::AlreadyApplied { through: line.last }
        } else if line.in_flight {
            Verdict::InFlight
        } else if number == line.last + 1 {
            Verdict::Apply
        } else {
            Verdict::Expected { last: line.last }
        }
    }

    /// Takes the row as read. `false`: the store could not read it; drop the intent, it is told again.
    pub fn on_read(&mut self, source: Shard, target: Target, reply: &Reply) -> bool {
        let (last, revision) = match reply {
            Reply::Found { value, revision } => match postcard::from_bytes(value) {
                Ok(last) if last < COUNTER_END => (last, Some(*revision)),
                Ok(_) | Err(_) => return false,
            },
            Reply::Absent => (0, None),
            Reply::Page { .. }
            | Reply::Tail { .. }
            | Reply::Entries { .. }
            | Reply::Written { .. }
            | Reply::Conflict
            | Reply::Failed(_)
            | Reply::Unknown => return false,
        };
        // A line that is here was read or written later than this read was issued.
        if self.line(source, target).is_none() {
            self.make_room();
            let line = Line { source, target, last, revision, in_flight: false };
            let op = self.lines.insert(line);
            self.index.insert((source.0, target.number()), op.slot);
        }
        true
    }

    /// Adds the number to the write of its effect: the put of its row and the check that nobody else
    /// moved it. Until [`written`](Self::written) or [`dropped`](Self::dropped) the pair is in flight.
    ///
    /// # Panics
    /// Where the pair was not judged [`Verdict::Apply`] just before.
    pub fn begin(&mut self, source: Shard, target: Target, number: u64, write: &mut Write) {
        let line = self.line_mut(source, target).expect("judged just before");
        assert!(!line.in_flight && number == line.last + 1, "an intent applies in its turn");
        line.in_flight = true;
        let key = Self::key(source, target);
        let value: Vec<u8> = postcard::to_allocvec(&number).expect("a number serializes");
        write.checks.push(Check { key: key.clone(), revision: line.revision });
        write.puts.push((key, Bytes::from(value)));
    }

    /// The write with `number` in it is durable under `revision`.
    pub fn written(&mut self, source: Shard, target: Target, number: u64, revision: u64) {
        if let Some(line) = self.line_mut(source, target) {
            line.last = number;
            line.revision = Some(revision);
            line.in_flight = false;
        }
    }

    /// The write came to nothing, or a check failed: the row is read again before the next judgement.
    pub fn dropped(&mut self, source: Shard, target: Target) {
        let slot = self.index.remove(&(source.0, target.number()));
        if let Some(key) = slot.and_then(|slot| self.lines.key_at(slot)) {
            self.lines.remove(key);
        }
    }

    /// The targets of a range are another node's, or were: what stands here of them may be old.
    pub fn handle_moved(&mut self, moved: &Moved) {
        let gone = self.lines.iter().filter(|(_, line)| moved.has(line.target.shard()));
        let gone: Vec<(Shard, Target)> = gone.map(|(_, line)| (line.source, line.target)).collect();
        for (source, target) in gone {
            self.dropped(source, target);
        }
    }

    /// The answer to an intent that is applied through a number.
    #[must_use]
    pub fn applied(source: Shard, target: Target, through: u64) -> ToSource {
        ToSource::Applied { source, target, through }
    }

    /// The answer to an intent beyond the next.
    #[must_use]
    pub fn expected(source: Shard, target: Target, last: u64) -> ToSource {
        ToSource::Expected { source, target, last }
    }

    fn line(&self, source: Shard, target: Target) -> Option<&Line> {
        self.lines.at(self.index.get(&(source.0, target.number()))?)
    }

    fn line_mut(&mut self, source: Shard, target: Target) -> Option<&mut Line> {
        self.lines.at_mut(self.index.get(&(source.0, target.number()))?)
    }

    /// Forgets one line that is not in flight where the memory is full: the next after the last
    /// forgotten, which needs no clock.
    fn make_room(&mut self) {
        if self.lines.len() < APPLIED_CACHED_MAX {
            return;
        }
        let slots = u32::try_from(APPLIED_CACHED_MAX).expect("the bound is a small number");
        for _ in 0..slots {
            let slot = self.hand;
            self.hand = (self.hand + 1) % slots;
            let Some(line) = self.lines.at(slot).filter(|line| !line.in_flight) else {
                continue;
            };
            return self.dropped(line.source, line.target);
        }
    }
}
