//! The one write a conversation has in flight: what it is next, and what came of it (PROTOCOL §7.2).

use alloc::vec::Vec;

use crate::edge::gate_service::Lane;
use crate::error::{Code, Refusal};
use crate::id::Flow;
use crate::limits::{CONVERSATION_IDLE_MS, REWRITE_MS};
use crate::store::{Check, EntryMeta, EntryPut, Key, LastSend, Reply, Request, Write};
use crate::wire::body::mixer::{Expected, FromMixer, SendId, Stored};

use super::conversation::{Change, Work};
use super::desk::{Pending, Room, Timer};
use super::frames;
use super::legs::Resumes;
use super::log::{Answer, Batch, Send};
use super::rows::{self, HeadMark};

/// When a refused client may try the same again.
const AGAIN_MS: u32 = 500;

impl Room<'_> {
    /// Starts whatever is due, one thing at a time, until something is in flight or nothing is left.
    pub(super) fn pump(&mut self) {
        while self.conv.is_loaded() && matches!(self.conv.work, Work::Idle) && self.step() {}
        self.settle();
    }

    /// What was waited for is due.
    pub(super) fn on_timer(&mut self, timer: Timer) {
        match timer {
            Timer::Work(_) => self.on_work_due(),
            Timer::Heads(_) => self.on_heads_due(),
            Timer::Marks(_) => self.on_marks_due(),
            Timer::Reload(_) => self.pump(),
            Timer::Seats | Timer::Scan | Timer::Load(_) | Timer::Unload(_) => {}
        }
    }

    /// Lets the conversation go later, if nobody needs it now.
    pub(super) fn settle(&mut self) {
        if !self.conv.unload_armed && self.conv.is_idle() {
            self.conv.unload_armed = true;
            // Nobody was here at all where only its head mark was found.
            let wait = if self.conv.used { CONVERSATION_IDLE_MS } else { 0 };
            self.desk.timers.set(Timer::Unload(self.conv.key), self.now + wait, "unload");
        }
    }

    /// Answers a send whose fate is known.
    pub(super) fn answer(&mut self, send: &Send, answer: Answer) {
        let Some(port) = self.legs.get(send.leg).map(|leg| leg.port) else { return };
        let body = match answer {
            Answer::Stored(LastSend { counter, tag, sequence, at, .. }) => {
                FromMixer::Stored(Stored { id: SendId { counter, tag }, sequence, at })
            }
            Answer::Expected(last) => {
                self.interrupt(send);
                FromMixer::Expected(Expected { last })
            }
            Answer::Refused(code) => {
                let heals = matches!(code, Code::Busy | Code::Retry);
                let refusal = Refusal { code, retry_after_ms: if heals { AGAIN_MS } else { 0 } };
                if !heals {
                    self.conv.log.give_up(send);
                } else if let Some(leg) = self.legs.get_mut(send.leg) {
                    leg.go_back_to(send.id.counter);
                }
                return self.desk.refuse(port, send.request, refusal, send.flow);
            }
        };
        self.desk.answer(port, send.request, &body, send.flow);
    }

    /// The client goes back once it reads what it was answered last: all that its leg sent behind that, and
    /// all it sends until then, it will send again.
    fn interrupt(&mut self, at: &Send) {
        let last = self.conv.log.last_id(at.user, at.endpoint);
        let Some(leg) = self.legs.get_mut(at.leg) else { return };
        leg.resumes = Some(Resumes::After(last.clone()));
        let port = leg.port;
        for send in self.conv.log.take_of(at.leg) {
            let expected = FromMixer::Expected(Expected { last: last.clone() });
            self.desk.answer(port, send.request, &expected, send.flow);
        }
    }

    /// The store answered the write in flight.
    pub(super) fn on_work_reply(&mut self, reply: &Reply) {
        match reply {
            Reply::Written { revision } => self.on_written(*revision),
            Reply::Conflict => self.on_conflict(),
            Reply::Failed(_) if !self.conv.unsure => self.on_failed(),
            // Where it may have been written only the store can say so: the same again.
            Reply::Unknown
            | Reply::Failed(_)
            | Reply::Found { .. }
            | Reply::Absent
            | Reply::Page { .. }
            | Reply::Tail { .. }
            | Reply::Entries { .. } => {
                self.conv.unsure = true;
                self.work_later();
            }
        }
        self.pump();
    }

    /// The time to try again has come.
    fn on_work_due(&mut self) {
        match &self.conv.work {
            Work::Append(_) | Work::Roster { .. } | Work::Unmark => self.issue(),
            Work::CatchUp(_) => self.on_catch_up_due(),
            Work::Idle => {}
        }
        self.pump();
    }

    /// Tries the work at hand again after a while.
    pub(super) fn work_later(&mut self) {
        self.desk.timers.set(Timer::Work(self.conv.key), self.now + REWRITE_MS, "write again");
    }

    /// Takes up work that was never tried before.
    pub(super) fn begin(&mut self, work: Work) {
        self.conv.work = work;
        self.conv.unsure = false;
        self.issue();
    }

    /// Pushes an entry to everyone who joined.
    pub(super) fn push(&mut self, frame: &bytes::Bytes, flow: Flow) {
        let body = frames::traced(frame, flow);
        for key in &self.conv.legs {
            if let Some(leg) = self.legs.get(*key).filter(|leg| leg.joined) {
                self.desk.frame(leg.port, (Lane::Chat, frames::ENTRY), 0, body.clone(), flow);
            }
        }
    }

    /// Refuses everything that waits.
    pub(super) fn refuse_all(&mut self, code: Code) {
        for send in self.conv.log.drain() {
            self.answer(&send, Answer::Refused(code));
        }
        while let Some(change) = self.conv.changes.pop_front() {
            self.give_up(change, code);
        }
    }

    /// The work at hand again, as it was.
    pub(super) fn issue(&mut self) {
        let write = match &self.conv.work {
            Work::Append(batch) => self.append_write(batch),
            Work::Roster { write, .. } => write.clone(),
            Work::Unmark => self.unmark_write(),
            Work::Idle | Work::CatchUp(_) => return,
        };
        let pending = Pending::Work { conversation: self.conv.key };
        self.desk.store(pending, Request::Write(write));
    }

    /// Takes up one thing; `false`: nothing is left to do now.
    fn step(&mut self) -> bool {
        if let Some(change) = self.conv.changes.pop_front() {
            self.decide(change);
            return true;
        }
        if self.conv.log.wants_reload() {
            if self.conv.log.reload_after <= self.now {
                self.reload();
                return true;
            }
            let at = self.conv.log.reload_after;
            self.desk.timers.set_if_idle(Timer::Reload(self.conv.key), at, "reload");
        }
        if self.append() {
            return true;
        }
        if self.conv.heads.may_unmark() && self.conv.log.is_quiet() {
            self.begin(Work::Unmark);
            return true;
        }
        false
    }

    /// Judges what waits; `true`: a batch is on its way, or a send is ahead now.
    fn append(&mut self) -> bool {
        let marks = self.conv.heads.marked.is_none() || !self.conv.heads.own;
        let wall = self.desk.setup.wall.at(self.now);
        let mut answers = Vec::new();
        let had_ahead = self.conv.log.wants_reload();
        let batch = self.conv.log.build(&self.conv.roster, marks, wall, &mut answers);
        for (send, answer) in answers {
            self.answer(&send, answer);
        }
        match batch {
            Some(batch) => {
                self.begin(Work::Append(batch));
                true
            }
            None => !had_ahead && self.conv.log.wants_reload(),
        }
    }

    fn append_write(&self, batch: &Batch) -> Write {
        let conversation = self.conv.id;
        let roster = Check { key: Key::conversation(conversation), revision: self.conv.revision };
        let mut write = Write {
            checks: Vec::from_iter(self.desk.fenced(conversation).into_iter().chain([roster])),
            entries: Vec::with_capacity(batch.items.len()),
            ..Write::default()
        };
        if batch.marks {
            let mark = rows::encode(&HeadMark { from: batch.first });
            write.puts.push((Key::head_mark(conversation), mark));
        }
        for (item, sequence) in batch.items.iter().zip(batch.first..) {
            let meta = EntryMeta {
                user: item.send.user,
                endpoint: item.send.endpoint,
                counter: item.send.id.counter,
                tag: item.send.id.tag,
                at: batch.at,
            };
            let record = item.record.clone();
            write.entries.push(EntryPut { conversation, sequence, meta, record });
        }
        write
    }

    fn unmark_write(&self) -> Write {
        let key = Key::head_mark(self.conv.id);
        let mut checks: Vec<Check> = self.desk.fenced(self.conv.id).into();
        // Whoever put it anew still needs it.
        checks.push(Check { key: key.clone(), revision: self.conv.heads.marked });
        Write { checks, deletes: alloc::vec![key], ..Write::default() }
    }

    fn on_written(&mut self, revision: u64) {
        match core::mem::replace(&mut self.conv.work, Work::Idle) {
            Work::Append(batch) => self.on_appended(&batch, revision),
            Work::Roster { change, roster, .. } => self.on_changed(change, roster, revision),
            Work::Unmark => self.conv.heads.marked = None,
            Work::CatchUp(_) | Work::Idle => {}
        }
    }

    fn on_appended(&mut self, batch: &Batch, revision: u64) {
        self.conv.log.apply(batch);
        if batch.marks {
            self.conv.heads.marked = Some(revision);
            self.conv.heads.own = true;
        }
        for (item, sequence) in batch.items.iter().zip(batch.first..) {
            let send = &item.send;
            self.push(&item.frame, send.flow);
            let Some(port) = self.legs.get(send.leg).map(|leg| leg.port) else { continue };
            let stored = Stored { id: send.id.clone(), sequence, at: batch.at };
            self.desk.answer(port, send.request, &FromMixer::Stored(stored), send.flow);
        }
        if let Some(first) = batch.items.first() {
            self.call(first.send.flow, first.send.user);
        }
        self.on_head();
    }

    fn on_conflict(&mut self) {
        match core::mem::replace(&mut self.conv.work, Work::Idle) {
            Work::Append(batch) => self.catch_up(Some(batch)),
            Work::Roster { change: Change::Close(ask), .. } => {
                // Its source tells it again, and then the row says whether this was it.
                self.target.dropped(ask.source, ask.target);
                self.catch_up(None);
            }
            Work::Roster { change, .. } => {
                self.conv.changes.push_front(change);
                self.catch_up(None);
            }
            // Somebody put it anew, or it is gone.
            Work::Unmark => self.conv.heads.marked = None,
            Work::CatchUp(_) | Work::Idle => {}
        }
    }

    fn on_failed(&mut self) {
        match core::mem::replace(&mut self.conv.work, Work::Idle) {
            Work::Append(batch) => {
                for item in &batch.items {
                    self.answer(&item.send, Answer::Refused(Code::StoreFailed));
                }
                // Who reads that it must go back knows by then what is refused for good.
                batch.items.iter().for_each(|item| self.interrupt(&item.send));
            }
            Work::Roster { change, .. } => {
                if let Change::Close(ask) = &change {
                    self.target.dropped(ask.source, ask.target);
                }
                self.give_up(change, Code::StoreFailed);
            }
            // It is found at the next start, and told once more.
            Work::Unmark => self.conv.heads.marked = None,
            Work::CatchUp(_) | Work::Idle => {}
        }
    }
}
