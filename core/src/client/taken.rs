//! What the app has taken of what it was told: only that is kept as shown (PROTOCOL §4.7).
//!
//! A process may be killed between telling its app and the app's taking it, or between that and the
//! cache's writing it down. Kept too early a message would never be seen; so it is kept late, and told
//! again with the same sequence where the process ended in between.

use alloc::collections::VecDeque;

use super::{Client, Timer};
use crate::limits::{DELIVERED_MS, EVENTS_MAX};
use crate::time::Timestamp;

/// An entry that was shown.
#[derive(Clone, Copy, Debug)]
struct Shown {
    /// It is taken with so many messages, counted from the start.
    with: u64,
    slot: u32,
    sequence: u64,
}

/// Entries that were shown and may not be taken yet, in the order in which they were shown.
#[derive(Debug, Default)]
pub(super) struct Untaken {
    told: u64,
    taken: u64,
    entries: VecDeque<Shown>,
}

impl Untaken {
    /// An entry was shown; `message`: by an event that the app takes.
    pub(super) fn push(&mut self, slot: u32, sequence: u64, message: bool) {
        self.told += u64::from(message);
        self.entries.push_back(Shown { with: self.told, slot, sequence });
        // The host's own queue is no longer: what fell out of it is taken (`lagged`).
        if self.entries.len() > EVENTS_MAX {
            let first = self.entries.front().map_or(0, |shown| shown.with);
            self.taken = self.taken.max(first);
        }
    }

    /// The next entry that is taken.
    fn pop(&mut self) -> Option<Shown> {
        let taken = self.taken;
        self.entries.front().filter(|shown| shown.with <= taken)?;
        self.entries.pop_front()
    }
}

impl Client {
    /// The app took messages.
    pub(super) fn on_taken(&mut self, messages: u64, now: Timestamp) {
        let untaken = &mut self.untaken;
        untaken.taken = untaken.taken.saturating_add(messages).min(untaken.told);
        self.keep_taken(now);
    }

    /// Keeps what is taken, and tells the mixers soon.
    pub(super) fn keep_taken(&mut self, now: Timestamp) {
        let mut last: Option<u32> = None;
        while let Some(Shown { slot, sequence, .. }) = self.untaken.pop() {
            let talk = &mut self.talks[slot];
            talk.taken = talk.taken.max(sequence);
            if talk.taken > talk.delivered {
                self.timers.set_if_idle(Timer::Delivered(slot), now + DELIVERED_MS, "delivered");
            }
            if let Some(before) = last.replace(slot).filter(|before| *before != slot) {
                self.put_talk(before);
            }
        }
        if let Some(slot) = last {
            self.put_talk(slot);
        }
    }
}
