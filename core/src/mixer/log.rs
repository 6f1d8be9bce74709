//! The sending rule over what is known of a conversation's log (PROTOCOL §6.1, §6.5, §7.2).
//!
//! Invariants: `head`, `at` and `last` are what the store said is written, never what is in flight; a
//! batch continues at `head + 1`; a verdict reads only these and the batch being built.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::error::Code;
use crate::id::{EndpointId, Flow, OpId, UserId};
use crate::limits::{APPEND_BATCH_MAX, APPENDS_WAITING_MAX, REFUSED_ENDPOINTS_MAX};
use crate::model::conversation::Roster;
use crate::model::entry::{Entry, EntryKind};
use crate::store::LastSend;
use crate::time::{Timestamp, Wall};
use crate::wire::body::mixer::{Content, SendId};

use super::frames;

/// The first sequence that there cannot be (PROTOCOL §7.4).
const SEQUENCE_END: u64 = 1 << 32;

/// A send that is not yet answered.
#[derive(Clone, Debug)]
pub(super) struct Send {
    /// Who waits for the answer.
    pub(super) leg: OpId,
    /// Who wrote it.
    pub(super) user: UserId,
    /// On which device.
    pub(super) endpoint: EndpointId,
    /// The request to answer.
    pub(super) request: u32,
    /// The act it belongs to.
    pub(super) flow: Flow,
    /// What the device calls it.
    pub(super) id: SendId,
    /// What must stand before it.
    pub(super) after: Option<SendId>,
    /// What the content is.
    pub(super) content_type: u16,
    /// The content.
    pub(super) content: Content,
    /// Whether the tail was read again for it.
    pub(super) reloaded: bool,
}

/// One entry of a batch.
#[derive(Debug)]
pub(super) struct Item {
    /// The send it comes from.
    pub(super) send: Send,
    /// The frame for the legs.
    pub(super) frame: Bytes,
    /// The record for the store, a part of the frame.
    pub(super) record: Bytes,
}

/// What one write appends.
#[derive(Debug)]
pub(super) struct Batch {
    /// The first entry's sequence.
    pub(super) first: u64,
    /// The stamp of all.
    pub(super) at: Wall,
    /// The entries.
    pub(super) items: Vec<Item>,
    /// Whether it puts the head mark.
    pub(super) marks: bool,
}

impl Batch {
    fn last_of(&self, user: UserId, endpoint: EndpointId) -> Option<&SendId> {
        let mut sends = self.items.iter().rev().map(|item| &item.send);
        sends.find(|send| send.user == user && send.endpoint == endpoint).map(|send| &send.id)
    }

    fn push(&mut self, send: Send) {
        let entry = Entry {
            sequence: self.first + self.items.len() as u64,
            kind: EntryKind::MESSAGE,
            user: send.user,
            endpoint: send.endpoint,
            id: send.id.clone(),
            at: self.at,
            content_type: send.content_type,
            content: send.content.clone(),
        };
        let (frame, record) = frames::new_entry(&entry);
        self.items.push(Item { send, frame, record });
    }
}

/// What to say to a send that is not stored by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It, or a later one of its endpoint, was stored before.
    Stored(LastSend),
    /// It does not follow what is stored.
    Expected(Option<SendId>),
    /// It may not be stored.
    Refused(Code),
}

enum Verdict {
    Append,
    /// Behind one of the batch: judged again once that is written.
    Later,
    /// Its predecessor is not known here: the tail is read again first.
    Ahead,
    Answer(Answer),
}

/// What a mixer knows of the end of a conversation.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// The last sequence.
    pub(super) head: u64,
    /// Its stamp.
    pub(super) at: Wall,
    /// By (user, endpoint).
    last: Vec<LastSend>,
    /// Not yet judged, in the order they came.
    waiting: VecDeque<Send>,
    /// Beyond what is known here: they wait for the tail to be read again.
    ahead: Vec<Send>,
    /// The last counter refused for good, by endpoint, the newest last: the device gave up all until there,
    /// and an older leg of it may still carry them.
    refused: VecDeque<(UserId, EndpointId, u64)>,
    /// No sooner is the tail read again for sends that are ahead.
    pub(super) reload_after: Timestamp,
}

impl Log {
    /// Takes a tail as the store told it.
    pub(super) fn take_tail(&mut self, head: u64, last: Vec<LastSend>) {
        let newest = last.iter().map(|last| last.at).max().unwrap_or_default();
        self.at = self.at.max(newest);
        self.head = head;
        self.last = last;
        self.last.sort_unstable_by_key(|last| (last.user, last.endpoint));
    }

    /// One entry further, as read from the store.
    pub(super) fn advance(&mut self, sequence: u64, at: Wall) {
        self.head = sequence;
        self.at = self.at.max(at);
    }

    /// What an endpoint stored last.
    pub(super) fn last(&self, user: UserId, endpoint: EndpointId) -> Option<&LastSend> {
        let by = |last: &LastSend| (last.user, last.endpoint).cmp(&(user, endpoint));
        self.last.binary_search_by(by).ok().and_then(|at| self.last.get(at))
    }

    /// The same as the name of a send.
    pub(super) fn last_id(&self, user: UserId, endpoint: EndpointId) -> Option<SendId> {
        self.last(user, endpoint).map(|last| SendId { counter: last.counter, tag: last.tag })
    }

    /// Who wrote the last entry.
    pub(super) fn writer(&self) -> Option<UserId> {
        self.last.iter().max_by_key(|last| last.sequence).map(|last| last.user)
    }

    /// Whether nothing waits to be judged.
    pub(super) fn is_quiet(&self) -> bool {
        self.waiting.is_empty() && self.ahead.is_empty()
    }

    /// How many sends wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len() + self.ahead.len()
    }

    /// Whether sends wait for the tail to be read again.
    pub(super) fn wants_reload(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// Takes a send in; an answer where it finds no room.
    pub(super) fn receive(&mut self, send: Send) -> Option<(Send, Answer)> {
        if self.waiting.len() + self.ahead.len() >= APPENDS_WAITING_MAX {
            return Some((send, Answer::Refused(Code::Busy)));
        }
        self.waiting.push_back(send);
        None
    }

    /// The next batch, if anything may be appended, and the answers to what may not.
    pub(super) fn build(
        &mut self,
        roster: &Roster,
        marks: bool,
        wall: Wall,
        answers: &mut Vec<(Send, Answer)>,
    ) -> Option<Batch> {
        self.waiting.front()?;
        let at = self.at.max(wall);
        let mut batch = Batch { first: self.head + 1, at, items: Vec::new(), marks };
        while batch.items.len() < APPEND_BATCH_MAX {
            let Some(send) = self.waiting.front() else { break };
            let verdict = self.judge(send, roster, &batch);
            if matches!(verdict, Verdict::Later) {
                break;
            }
            let Some(send) = self.waiting.pop_front() else { break };
            match verdict {
                Verdict::Append => batch.push(send),
                Verdict::Ahead => self.ahead.push(send),
                Verdict::Answer(answer) => answers.push((send, answer)),
                Verdict::Later => {}
            }
        }
        (!batch.items.is_empty()).then_some(batch)
    }

    /// The batch is written.
    pub(super) fn apply(&mut self, batch: &Batch) {
        for (item, sequence) in batch.items.iter().zip(batch.first..) {
            let send = &item.send;
            let stored = LastSend {
                user: send.user,
                endpoint: send.endpoint,
                counter: send.id.counter,
                tag: send.id.tag,
                sequence,
                at: batch.at,
            };
            let by =
                |last: &LastSend| (last.user, last.endpoint).cmp(&(stored.user, stored.endpoint));
            match self.last.binary_search_by(by) {
                Ok(at) => self.last[at] = stored,
                Err(at) => self.last.insert(at, stored),
            }
            self.head = sequence;
        }
        self.at = batch.at;
    }

    /// Judges again what a batch held that was not written, before all that came later.
    pub(super) fn take_back(&mut self, batch: Batch) {
        for item in batch.items.into_iter().rev() {
            self.waiting.push_front(item.send);
        }
    }

    /// The tail was read again: judges what waited for it, once more and for good.
    pub(super) fn reloaded(&mut self) {
        for mut send in self.ahead.drain(..).rev() {
            send.reloaded = true;
            self.waiting.push_front(send);
        }
    }

    /// What waits of a leg.
    pub(super) fn take_of(&mut self, leg: OpId) -> Vec<Send> {
        let mut sends: Vec<Send> = self.ahead.extract_if(.., |send| send.leg == leg).collect();
        sends.extend(self.waiting.iter().filter(|send| send.leg == leg).cloned());
        self.waiting.retain(|send| send.leg != leg);
        sends
    }

    /// Everything that waits, to be refused.
    pub(super) fn drain(&mut self) -> Vec<Send> {
        let mut all = core::mem::take(&mut self.ahead);
        all.extend(self.waiting.drain(..));
        all
    }

    /// What to answer to a send that was stored before.
    pub(super) fn duplicate(&self, send: &Send) -> Option<LastSend> {
        let last = self.last(send.user, send.endpoint)?;
        (send.id.counter <= last.counter).then_some(*last)
    }

    /// A send was refused for good.
    pub(super) fn give_up(&mut self, send: &Send) {
        let before = self.refused_of(send).and_then(|at| self.refused.remove(at));
        let last = before.map_or(0, |(_, _, last)| last).max(send.id.counter);
        if self.refused.len() >= REFUSED_ENDPOINTS_MAX {
            self.refused.pop_front();
        }
        self.refused.push_back((send.user, send.endpoint, last));
    }

    /// Whether its device gave a send up.
    fn is_given_up(&self, send: &Send) -> bool {
        self.refused_of(send).is_some_and(|at| send.id.counter <= self.refused[at].2)
    }

    fn refused_of(&self, send: &Send) -> Option<usize> {
        let of = (send.user, send.endpoint);
        self.refused.iter().position(|(user, endpoint, _)| (*user, *endpoint) == of)
    }

    fn judge(&self, send: &Send, roster: &Roster, batch: &Batch) -> Verdict {
        if let Some(before) = batch.last_of(send.user, send.endpoint) {
            let follows = send.after.as_ref() == Some(before) && send.id.counter > before.counter;
            let fine = follows && !send.content.is_empty() && !self.is_full(batch);
            return if fine { Verdict::Append } else { Verdict::Later };
        }
        // Before every other check: a refusal of what is stored would be a lie.
        if let Some(last) = self.duplicate(send) {
            return Verdict::Answer(Answer::Stored(last));
        }
        if !roster.open || roster.members.binary_search(&send.user).is_err() {
            return Verdict::Answer(Answer::Refused(Code::NotAContact));
        }
        if send.content.is_empty() {
            return Verdict::Answer(Answer::Refused(Code::Invalid));
        }
        if self.is_full(batch) {
            return Verdict::Answer(Answer::Refused(Code::LimitReached));
        }
        if self.is_given_up(send) {
            return Verdict::Answer(Answer::Refused(Code::StoreFailed));
        }
        let last = self.last_id(send.user, send.endpoint);
        if send.after == last {
            return Verdict::Append;
        }
        let known = last.as_ref().map_or(0, |last| last.counter);
        let behind = send.after.as_ref().is_some_and(|after| after.counter > known);
        if behind && !send.reloaded {
            return Verdict::Ahead;
        }
        Verdict::Answer(Answer::Expected(last))
    }

    fn is_full(&self, batch: &Batch) -> bool {
        batch.first + batch.items.len() as u64 >= SEQUENCE_END
    }
}
