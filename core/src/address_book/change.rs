//! One change of a list, from its rows to everyone who learns of it.
//!
//! ```text
//! (intent: judge) ─▶ book row ─▶ contact row ─▶ decide ─▶ reserve numbers ─▶ write ─▶ tell
//! ```
//!
//! A batch whose outcome is unknown is written again until it is known. Where that ends in a
//! conflict, the book row's own revision says whether it was this batch that got in.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::decide::{Case, Decision, Wish, decide};
use super::queue::{By, Job, Task, Told};
use super::rows::BookRow;
use super::{AddressBook, Due, Run, Stage};
use crate::attached::{Asker, event};
use crate::edge::Post;
use crate::edge::book_ps::ToPs;
use crate::edge::intent::Target;
use crate::error::{Code, Refusal};
use crate::id::{OpId, Shard, UserId};
use crate::intent::{Reserve, TargetLog, Verdict};
use crate::limits::{CONFLICTS_MAX, REREAD_MS, REWRITE_MS};
use crate::model::contact::{Contact, Relation};
use crate::store::{Check, Key, Reply, Request, Write};
use crate::time::Timestamp;
use crate::wire::body::book::{BookChanged, FromBook};
use crate::wire::record::Record;
use crate::wire::tail::Tail;

/// What a change will write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The store's revision of the book row it was decided on.
    checked: Option<u64>,
    /// The book row and the contact; `None`: only the intent's number.
    change: Option<PlannedChange>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct PlannedChange {
    book: BookRow,
    contact: Record<Contact>,
    was_listed: bool,
    was_friend: bool,
    decision: Decision,
}

impl Plan {
    fn targets(&self) -> Vec<Target> {
        let acts = self.change.iter().flat_map(|change| &change.decision.acts);
        acts.map(|(target, _)| *target).collect()
    }
}

/// The book row as read: its value and the store's revision.
pub(super) type ReadBook = (BookRow, Option<u64>);

impl AddressBook {
    /// Begins a change, or begins it again after a conflict.
    pub(super) fn begin_change(&mut self, op: OpId, mut run: Box<Run>, now: Timestamp) {
        if let Some(told) = told_of(&run.task) {
            match self.log.judge(told.source, told.target, told.number) {
                Verdict::Apply => {}
                Verdict::Unread => {
                    run.stage = Stage::Number;
                    let key = TargetLog::key(told.source, told.target);
                    return self.ask(op, run, Request::Read(key));
                }
                verdict @ (Verdict::AlreadyApplied { .. }
                | Verdict::Expected { .. }
                | Verdict::InFlight) => return self.answer_verdict(op, &run, &told, verdict, now),
            }
        }
        run.stage = Stage::Book;
        let key = Key::book(run.task.user);
        self.ask(op, run, Request::Read(key));
    }

    /// The row of the last number applied was read.
    pub(super) fn on_number(&mut self, op: OpId, run: Box<Run>, reply: &Reply, now: Timestamp) {
        let told = told_of(&run.task).expect("only intents are judged");
        if self.log.on_read(told.source, told.target, reply) {
            self.begin_change(op, run, now);
        } else {
            self.refuse(op, &run, Refusal::later(Code::Retry, RETRY_MS), now);
        }
    }

    fn answer_verdict(
        &mut self,
        op: OpId,
        run: &Run,
        told: &Told,
        verdict: Verdict,
        now: Timestamp,
    ) {
        let Told { back, source, target, .. } = *told;
        match verdict {
            Verdict::AlreadyApplied { through } => {
                self.tell(back.answer(TargetLog::applied(source, target, through)));
            }
            Verdict::Expected { last } => {
                self.tell(back.answer(TargetLog::expected(source, target, last)));
            }
            Verdict::Apply | Verdict::Unread | Verdict::InFlight => {}
        }
        self.end(op, run.task.user, now);
    }

    /// The contact's row was read: decides.
    pub(super) fn on_contact(
        &mut self,
        op: OpId,
        run: Box<Run>,
        book: ReadBook,
        own: Option<Record<Contact>>,
        now: Timestamp,
    ) {
        let Job::Change { by, wish } = &run.task.job else {
            unreachable!("only changes read a contact after the book");
        };
        let (row, checked) = book;
        let name = match by {
            By::Client(_, name) => name.clone(),
            By::Operator | By::Intent(_) => row.name.clone(),
        };
        let user = run.task.user;
        let case =
            Case { user, name: &name, book: &row, own: own.as_ref().map(|record| &record.value) };
        let decision = match decide(&case, wish) {
            Ok(decision) => decision,
            Err(refusal) => return self.refuse(op, &run, refusal, now),
        };
        let Some(decision) = decision else {
            if matches!(by, By::Intent(_)) {
                return self.reserve(op, run, Plan { checked, change: None }, now);
            }
            if let (By::Client(asker, _), Some(own)) = (by, own) {
                let post = changed(asker, row.revision, own);
                self.tell(post);
            }
            return self.end(op, user, now);
        };
        let change = planned(row, name, own, decision);
        self.reserve(op, run, Plan { checked, change: Some(change) }, now);
    }

    /// Takes the numbers of the intents, or waits for them.
    pub(super) fn reserve(&mut self, op: OpId, mut run: Box<Run>, plan: Plan, now: Timestamp) {
        let shard = Shard::of_user(run.task.user);
        match self.source.reserve(shard, &plan.targets(), op) {
            Reserve::Ready => self.write(op, run, plan, now),
            Reserve::Waiting => {
                run.stage = Stage::Reserve(plan);
                self.park(op, run);
            }
            Reserve::Full => self.refuse(op, &run, Refusal::later(Code::Busy, RETRY_MS), now),
        }
    }

    fn write(&mut self, op: OpId, mut run: Box<Run>, plan: Plan, now: Timestamp) {
        let user = run.task.user;
        if let Some(told) = told_of(&run.task) {
            // It may have been applied while this run waited for its numbers.
            let verdict = self.log.judge(told.source, told.target, told.number);
            if verdict != Verdict::Apply {
                self.source.released(Shard::of_user(user), &plan.targets(), false);
                return self.begin_change(op, run, now);
            }
        }
        let checks = self.setup.fenced(Shard::of_user(user)).into();
        let mut write = Write { checks, ..Write::default() };
        if let Some(change) = &plan.change {
            let key = Key::book(user);
            write.checks.push(Check { key: key.clone(), revision: plan.checked });
            write.puts.push((key, change.book.encode()));
            let peer = change.contact.value.user;
            write.puts.push((Key::contact(user, peer), change.contact.encode()));
            let acts = change.decision.acts.clone();
            self.source.stage(Shard::of_user(user), acts, &mut write);
        }
        if let Some(told) = told_of(&run.task) {
            self.log.begin(told.source, told.target, told.number, &mut write);
        }
        run.stage = Stage::Write { plan, write: write.clone(), was_unknown: false };
        self.ask(op, run, Request::Write(write));
    }

    /// The outcome of the write.
    pub(super) fn on_write(
        &mut self,
        op: OpId,
        mut run: Box<Run>,
        (plan, write, was_unknown): (Plan, Write, bool),
        reply: &Reply,
        now: Timestamp,
    ) {
        match reply {
            Reply::Written { revision } => self.on_written(op, &run, plan, *revision, now),
            // Once it may have been written, a later refusal does not say that it was not.
            Reply::Unknown | Reply::Failed(_) if was_unknown || *reply == Reply::Unknown => {
                run.stage = Stage::Write { plan, write, was_unknown: true };
                self.timers.set(Due::Rewrite(op), now + REWRITE_MS, "write again");
                self.park(op, run);
            }
            Reply::Conflict if was_unknown && plan.change.is_some() => {
                run.stage = Stage::Verify(plan);
                let key = Key::book(run.task.user);
                self.ask(op, run, Request::Read(key));
            }
            Reply::Conflict => self.on_conflict(op, run, &plan, now),
            Reply::Found { .. }
            | Reply::Absent
            | Reply::Page { .. }
            | Reply::Tail { .. }
            | Reply::Entries { .. }
            | Reply::Unknown
            | Reply::Failed(_) => {
                self.give_up(&run, &plan, false);
                self.refuse(op, &run, Refusal::of(Code::StoreFailed), now);
            }
        }
    }

    /// The book row after an unknown outcome and a conflict: was it this batch?
    pub(super) fn on_verify(
        &mut self,
        op: OpId,
        mut run: Box<Run>,
        plan: Plan,
        reply: &Reply,
        now: Timestamp,
    ) {
        let planned = plan.change.as_ref().map(|change| &change.book);
        match reply {
            Reply::Found { value, revision } if BookRow::decode(value).as_ref() == planned => {
                self.on_written(op, &run, plan, *revision, now);
            }
            Reply::Found { .. } | Reply::Absent => self.on_conflict(op, run, &plan, now),
            Reply::Page { .. }
            | Reply::Tail { .. }
            | Reply::Entries { .. }
            | Reply::Written { .. }
            | Reply::Conflict
            | Reply::Failed(_)
            | Reply::Unknown => {
                run.stage = Stage::Verify(plan);
                self.timers.set(Due::Rewrite(op), now + REREAD_MS, "read again what was written");
                self.park(op, run);
            }
        }
    }

    fn on_conflict(&mut self, op: OpId, mut run: Box<Run>, plan: &Plan, now: Timestamp) {
        self.give_up(&run, plan, true);
        run.conflicts += 1;
        if run.conflicts >= CONFLICTS_MAX {
            return self.refuse(op, &run, Refusal::later(Code::Retry, RETRY_MS), now);
        }
        self.begin_change(op, run, now);
    }

    fn give_up(&mut self, run: &Run, plan: &Plan, conflict: bool) {
        self.source.released(Shard::of_user(run.task.user), &plan.targets(), conflict);
        if let Some(told) = told_of(&run.task) {
            self.log.dropped(told.source, told.target);
        }
    }

    fn on_written(&mut self, op: OpId, run: &Run, plan: Plan, revision: u64, now: Timestamp) {
        let Task { user, flow, job } = &run.task;
        let shard = Shard::of_user(*user);
        self.source.written(shard, &plan.targets(), revision, *flow, now);
        let asker = match job {
            Job::Change { by: By::Client(asker, _), .. } => Some(*asker),
            Job::Change { by: By::Operator | By::Intent(_), .. }
            | Job::Fetch { .. }
            | Job::Visible { .. }
            | Job::MayContact { .. } => None,
        };
        if let Some(change) = plan.change {
            self.push(&run.task, asker, change);
        }
        if let Some(told) = told_of(&run.task) {
            self.log.written(told.source, told.target, told.number, revision);
            let applied = TargetLog::applied(told.source, told.target, told.number);
            self.tell(told.back.answer(applied));
        }
        self.end(op, *user, now);
    }

    /// Tells a durable change to the person's devices, and to their PS where it is one of visibility.
    fn push(&mut self, task: &Task, asker: Option<Asker>, change: PlannedChange) {
        let PlannedChange { book, contact, was_friend, .. } = change;
        let (user, friend) = (task.user, contact.value.user);
        let is_friend = contact.value.relation == Relation::FRIEND;
        if !change.was_listed && contact.value.relation == Relation::NONE {
            // Only a round was noted: the person has nothing to see.
            return;
        }
        let frame = FromBook::Changed(BookChanged { revision: book.revision, contact });
        let body = frame.encode(&Tail::of_flow(task.flow));
        let posts: Vec<Post> = self
            .attached
            .ports(user)
            .map(|port| match asker {
                Some(asker) if asker.port == port && asker.request != 0 => {
                    asker.answer(frame.kind(), false, body.clone())
                }
                _ => event(task.flow, port, frame.kind(), body.clone()),
            })
            .collect();
        posts.into_iter().for_each(|post| self.tell(post));
        if was_friend != is_friend {
            let tell = ToPs::Changed { user, friend, allowed: is_friend };
            self.tell(Post::home(task.flow, user, tell));
        }
    }
}

/// A change that time heals is worth trying again after this.
pub(super) const RETRY_MS: u32 = 1_000;

fn told_of(task: &Task) -> Option<Told> {
    match &task.job {
        Job::Change { by: By::Intent(told), .. } => Some(*told),
        Job::Change { by: By::Client(..) | By::Operator, .. }
        | Job::Fetch { .. }
        | Job::Visible { .. }
        | Job::MayContact { .. } => None,
    }
}

fn planned(
    row: BookRow,
    name: Box<str>,
    own: Option<Record<Contact>>,
    mut decision: Decision,
) -> PlannedChange {
    let relation = own.as_ref().map_or(Relation::NONE, |record| record.value.relation);
    let (was, is) = (relation != Relation::NONE, decision.contact.relation != Relation::NONE);
    let contacts = match (was, is) {
        (false, true) => row.contacts + 1,
        (true, false) => row.contacts.saturating_sub(1),
        (true, true) | (false, false) => row.contacts,
    };
    let book = BookRow { revision: row.revision + 1, contacts, name };
    decision.contact.revision = book.revision;
    let tail = own.map(|record| record.tail).unwrap_or_default();
    let contact = Record { value: decision.contact.clone(), tail };
    PlannedChange {
        book,
        contact,
        was_listed: was,
        was_friend: relation == Relation::FRIEND,
        decision,
    }
}

fn changed(asker: &Asker, revision: u64, contact: Record<Contact>) -> Post {
    let frame = FromBook::Changed(BookChanged { revision, contact });
    asker.answer(frame.kind(), false, frame.encode(&Tail::of_flow(asker.flow)))
}

/// Whose list a wish of another home is about.
pub(super) fn told_to(wish: &Wish) -> UserId {
    use crate::edge::intent::Act;
    match wish {
        Wish::Told(Act::Invite { to, .. } | Act::Accepted { to, .. } | Act::Parted { to, .. }) => {
            *to
        }
        // Nobody's: its number still has to be applied.
        Wish::Told(Act::Close { .. })
        | Wish::Invite { .. }
        | Wish::Accept { .. }
        | Wish::Decline { .. }
        | Wish::Remove { .. }
        | Wish::Befriend { .. } => UserId::default(),
    }
}
