//! Catching up: reading what others wrote, after a conflict or for a send that is ahead (PROTOCOL
//! §6.1, §7.2).
//!
//! First the rows, then the tail, then the entries up to it: a batch that landed unseen did so before
//! the roster could change, so the tail read after the roster shows it.

use alloc::vec::Vec;

use crate::error::Code;
use crate::limits::{PAGE_BYTES_MAX, PAGE_ENTRIES_MAX, RELOAD_MS};
use crate::model::conversation::Roster;
use crate::store::{Key, LastSend, Reply, Request, StoredEntry};

use super::conversation::{CatchUp, Work};
use super::desk::{Missed, Pending, Room};
use super::frames;
use super::log::{Answer, Batch};
use super::rows;

impl Room<'_> {
    /// Reads everything again that a write depends on. `batch` was refused for what is there.
    pub(super) fn catch_up(&mut self, batch: Option<Batch>) {
        self.conv.work = Work::CatchUp(CatchUp { batch, ..CatchUp::default() });
        self.conv.heads.own = false;
        self.read_rows();
    }

    /// Reads the tail again for sends that are ahead: once for all of them.
    pub(super) fn reload(&mut self) {
        self.conv.log.reload_after = self.now + RELOAD_MS;
        self.conv.work = Work::CatchUp(CatchUp { reload: true, ..CatchUp::default() });
        self.read_missed(Missed::Tail);
    }

    /// The time to ask a store again that could not answer, or to write again what it refused for
    /// something that cannot be seen yet.
    pub(super) fn on_catch_up_due(&mut self) {
        let Work::CatchUp(state) = &mut self.conv.work else { return };
        if !state.paused {
            state.failed = false;
            return if state.reload { self.read_missed(Missed::Tail) } else { self.read_rows() };
        }
        match state.batch.take() {
            Some(batch) => {
                self.conv.work = Work::Append(batch);
                self.issue();
            }
            None => self.conv.work = Work::Idle,
        }
    }

    /// The store answered a read.
    pub(super) fn on_missed(&mut self, what: Missed, reply: Reply) {
        let Work::CatchUp(state) = &mut self.conv.work else { return };
        match (what, reply) {
            (Missed::Roster, Reply::Found { value, revision }) => {
                let newer = self.conv.revision.is_none_or(|known| revision > known);
                if newer && let Some(roster) = rows::decode::<Roster>(&value) {
                    state.changed = true;
                    self.conv.roster = roster;
                    self.conv.revision = Some(revision);
                }
                self.on_row_read();
            }
            (Missed::Fence, Reply::Found { revision, .. }) => {
                state.stale = revision != self.desk.setup.fence;
                self.on_row_read();
            }
            (Missed::HeadMark, Reply::Found { revision, .. }) => {
                self.conv.heads.marked = Some(revision);
                self.on_row_read();
            }
            (Missed::HeadMark, Reply::Absent) => {
                self.conv.heads.marked = None;
                self.on_row_read();
            }
            // Rosters are never deleted: one that was written is only not seen yet by this read.
            (Missed::Roster, Reply::Absent) => self.on_row_read(),
            (Missed::Tail, Reply::Tail { head, last }) => self.on_tail(head, last),
            (Missed::Entries, Reply::Entries { entries, .. }) => self.on_entries(&entries),
            (Missed::Roster | Missed::Fence | Missed::HeadMark, _) => {
                state.failed = true;
                self.on_row_read();
            }
            (Missed::Tail | Missed::Entries, _) => self.work_later(),
        }
        self.pump();
    }

    fn read_rows(&mut self) {
        if let Work::CatchUp(state) = &mut self.conv.work {
            state.rows = 3;
        }
        self.read_missed(Missed::Roster);
        self.read_missed(Missed::HeadMark);
        self.read_missed(Missed::Fence);
    }

    fn read_missed(&mut self, what: Missed) {
        let Work::CatchUp(state) = &self.conv.work else { return };
        let id = self.conv.id;
        let request = match what {
            Missed::Roster => Request::Read(Key::conversation(id)),
            Missed::Fence => Request::Read(Key::incarnation(self.desk.setup.node)),
            Missed::HeadMark => Request::Read(Key::head_mark(id)),
            Missed::Tail => Request::Tail(id),
            Missed::Entries => Request::Entries {
                checks: Vec::new(),
                conversation: id,
                from: self.conv.log.head + 1,
                until: state.tail.as_ref().map_or(0, |(head, _)| head + 1),
                limit: u32::try_from(PAGE_ENTRIES_MAX).expect("a page is small"),
                bytes: u32::try_from(PAGE_BYTES_MAX).expect("a page is small"),
                newest: false,
            },
        };
        self.desk.store(Pending::CatchUp { conversation: self.conv.key, what }, request);
    }

    fn on_row_read(&mut self) {
        let Work::CatchUp(state) = &mut self.conv.work else { return };
        state.rows -= 1;
        if state.rows > 0 {
            return;
        }
        if state.failed { self.work_later() } else { self.read_missed(Missed::Tail) }
    }

    fn on_tail(&mut self, head: u64, last: Vec<LastSend>) {
        let Work::CatchUp(state) = &mut self.conv.work else { return };
        if head <= self.conv.log.head {
            return self.caught_up();
        }
        state.changed = true;
        state.tail = Some((head, last));
        self.read_missed(Missed::Entries);
    }

    fn on_entries(&mut self, entries: &[StoredEntry]) {
        let Work::CatchUp(state) = &self.conv.work else { return };
        let until = state.tail.as_ref().map_or(0, |(head, _)| *head);
        let before = self.conv.log.head;
        let next = |entry: &&StoredEntry| entry.sequence > before && entry.sequence <= until;
        for entry in entries.iter().filter(next) {
            if entry.sequence != self.conv.log.head + 1 {
                break;
            }
            // One that cannot be read is read again: legs are told no entry after it.
            let Some(frame) = frames::stored_entry(entry) else { break };
            self.conv.log.advance(entry.sequence, entry.meta.at);
            self.push(&frame, crate::id::Flow::default());
        }
        if self.conv.log.head == until {
            self.caught_up();
        } else if self.conv.log.head == before {
            self.work_later();
        } else {
            self.read_missed(Missed::Entries);
        }
    }

    /// Everything is read: judges again what waited for it.
    fn caught_up(&mut self) {
        let Work::CatchUp(mut state) = core::mem::replace(&mut self.conv.work, Work::Idle) else {
            return;
        };
        let advanced = state.tail.is_some();
        if let Some((head, last)) = state.tail.take() {
            self.conv.log.take_tail(head, last);
        }
        if state.reload {
            self.conv.log.reloaded();
        } else if state.stale {
            self.refuse_stale(state.batch.take());
        } else if state.changed {
            if let Some(batch) = state.batch.take() {
                self.conv.log.take_back(batch);
            }
        } else {
            // What stands in the way cannot be seen yet.
            state.paused = true;
            self.conv.work = Work::CatchUp(state);
            self.work_later();
        }
        if advanced {
            self.on_missed_entries();
        }
    }

    /// A later life of this node is there. Nothing is known of what was in flight.
    fn refuse_stale(&mut self, batch: Option<Batch>) {
        for item in batch.iter().flat_map(|batch| &batch.items) {
            self.answer(&item.send, Answer::Refused(Code::Retry));
        }
        self.refuse_all(Code::Retry);
    }

    /// Some of what was missed may be this mixer's own, written by a batch whose answer was lost.
    fn on_missed_entries(&mut self) {
        if let Some(from) = self.conv.log.writer() {
            self.call(crate::id::Flow::default(), from);
        }
        self.on_head();
    }
}
