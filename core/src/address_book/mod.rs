//! The Address Book: the contacts of the people of a node's shards (PROTOCOL §4.3, §6.2, §6.3).
//!
//! Owns: who is attached (`attached`), what is to be done per person, one at a time (`queue`), the
//! rules of asking and parting (`decide`), a change from its rows to everyone who learns of it
//! (`change`), and the reading of whole lists (`list`). Lists are not resident: rows are read when
//! they are needed.
//!
//! Invariants: nothing is told before it is `Written`; a person's PS hears of visibility in the order
//! it became durable; a name nobody has is invited like any other.

mod change;
mod decide;
mod find;
mod list;
mod moves;
mod queue;
mod rows;

use alloc::boxed::Box;

use self::change::{Plan, RETRY_MS, ReadBook, told_to};
use self::decide::Wish;
use self::find::Find;
use self::list::Listing;
use self::queue::{Back, By, Homes, Job, Task, Told};
use self::rows::BookRow;
use crate::attached::{Asker, Attached, moved_refusal};
use crate::edge::gate_service::ToService;
use crate::edge::intent::ToTarget;
use crate::edge::{Envelope, Peer, Post, ToBook, book_account, book_ps, cs_book};
use crate::error::{Code, Refusal};
use crate::id::{Flow, OpId, Shard, UserId};
use crate::index::Slab;
use crate::intent::{Effect, Source, TargetLog};
use crate::limits::REWRITE_MS;
use crate::machine::{Deadline, Machine};
use crate::measure::Queues;
use crate::model::contact::{Contact, Relation};
use crate::outbox::Outbox;
use crate::setup::Setup;
use crate::store::{Key, Reply, Request, Write};
use crate::ticket::Purpose;
use crate::time::{Timestamp, Wall, WallClock};
use crate::timer::TimerQueue;
use crate::wire::body::book;
use crate::wire::record::Record;

#[cfg(test)]
mod tests;

/// Everything that comes in.
#[derive(Debug)]
pub enum Input {
    /// From another machine.
    Tell(Envelope<ToBook>),
    /// How another node does.
    Peer(Peer),
    /// A reading of the wall clock.
    Wall(Wall),
    /// The completion of a `Store`.
    Stored {
        /// Echoed.
        op: OpId,
        /// What the store says.
        reply: Reply,
    },
}

/// Everything an address book may ask for.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// To another machine.
    Tell(Post),
    /// Ask the store.
    Store {
        /// To echo.
        op: OpId,
        /// What.
        request: Request,
    },
}

#[derive(Debug)]
enum Pending {
    /// Taken out while it is being looked at.
    Taken,
    Run(Box<Run>),
    Find(Box<Find>),
    /// The last number given in a lane of intents.
    Lane(OpId),
    /// A page of the intents a past life left.
    Intents,
    /// Rows of applied intents of a shard.
    Delete(Shard, Write),
}

/// A task under way. Keeps one `OpId` from its start to its end: one request of it is out at a time.
#[derive(Debug)]
struct Run {
    task: Task,
    stage: Stage,
    conflicts: u32,
}

#[derive(Debug)]
enum Stage {
    Number,
    Book,
    Contact(ReadBook),
    MayContact,
    Page(Listing),
    Reserve(Plan),
    Write { plan: Plan, write: Write, was_unknown: bool },
    Verify(Plan),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Find(OpId),
    Rewrite(OpId),
    Rest(UserId),
}

/// The Address Book of a node.
#[derive(Debug)]
pub struct AddressBook {
    setup: Setup,
    wall: WallClock,
    attached: Attached,
    homes: Homes,
    pending: Slab<Pending>,
    source: Source,
    log: TargetLog,
    timers: TimerQueue<Due>,
    out: Outbox<Output>,
}

impl AddressBook {
    /// Its queues. A write has a timer, and a person.
    pub fn queues(&self, queues: &mut Queues) {
        self.homes.queues(queues);
        self.source.queues(queues);
        let timers = self.pending.len() + self.homes.len();
        queues.add("book timers", self.timers.len(), timers);
    }

    /// Begins by reading the intents a past life left.
    #[must_use]
    pub fn new(setup: Setup, now: Timestamp) -> Self {
        let mut rng = setup.rng("address_book");
        let wall = setup.wall;
        let mut book = Self {
            wall,
            attached: Attached::new(rng.next_u64()),
            homes: Homes::new(rng.next_u64()),
            pending: Slab::default(),
            source: Source::new(setup.clone(), rng.next_u64()),
            log: TargetLog::new(rng.next_u64()),
            timers: TimerQueue::default(),
            out: Outbox::default(),
            setup,
        };
        book.settle(now);
        book
    }

    fn on_tell(&mut self, envelope: Envelope<ToBook>, now: Timestamp) {
        let Envelope { flow, from, op, tell } = envelope;
        match tell {
            ToBook::Client(tell) => self.on_client(tell, flow, now),
            ToBook::Cs(tell) => {
                let cs_book::ToBook::MayContact { user, peer } = tell;
                let back = Back::of(&Envelope { flow, from, op, tell: () });
                self.enqueue(Task { user, flow, job: Job::MayContact { back, peer } });
            }
            ToBook::Account(book_account::ToBook::Found { user }) => self.on_found(op, user),
            ToBook::Account(book_account::ToBook::Befriend { user, peer, peer_name }) => {
                let wish = Wish::Befriend { peer, name: peer_name };
                self.enqueue(Task { user, flow, job: Job::Change { by: By::Operator, wish } });
            }
            ToBook::Ps(tell) => {
                let book_ps::ToBook::Visible { user } = tell;
                let back = Back::of(&Envelope { flow, from, op, tell: () });
                self.enqueue(Task { user, flow, job: Job::Visible { back } });
            }
            ToBook::Intent(ToTarget::Intent { source, target, number, act }) => {
                if !self.setup.owns(target.shard()) {
                    // Its source tells it again, where the target is.
                    return;
                }
                let back = Back::of(&Envelope { flow, from, op, tell: () });
                let by = By::Intent(Told { back, source, target, number });
                let wish = Wish::Told(*act);
                let user = told_to(&wish);
                self.enqueue(Task { user, flow, job: Job::Change { by, wish } });
            }
            ToBook::Applied(answer) => self.source.handle_answer(&answer, now),
        }
    }

    fn on_client(&mut self, tell: ToService, flow: Flow, now: Timestamp) {
        match tell {
            ToService::Opened { port, request, ticket } => {
                let asker = Asker { port, request, flow };
                let wall = self.wall.at(now);
                let Self { attached, setup, .. } = self;
                let posts = attached.handle_opened(setup, Purpose::Book, &asker, &ticket, wall);
                posts.into_iter().for_each(|post| self.tell(post));
            }
            ToService::Closed { port, .. } => self.attached.handle_closed(port),
            ToService::Frame { port, kind, request, body } => {
                let asker = Asker { port, request, flow };
                let Some(session) = self.attached.session(port) else {
                    return;
                };
                let user = session.user;
                match book::ToBook::decode(kind, &body) {
                    Ok(Some((frame, _))) => self.on_frame(asker, user, frame, now),
                    Ok(None) => self.refuse_asker(&asker, Refusal::of(Code::Unsupported)),
                    Err(_) => self.refuse_asker(&asker, Refusal::of(Code::Malformed)),
                }
            }
        }
    }

    fn on_frame(&mut self, asker: Asker, user: UserId, frame: book::ToBook, now: Timestamp) {
        let wish = match frame {
            book::ToBook::Fetch(fetch) => {
                let job = Job::Fetch { asker, revision: fetch.revision };
                return self.enqueue(Task { user, flow: asker.flow, job });
            }
            book::ToBook::Invite(invite) => return self.on_invite(asker, user, &invite, now),
            book::ToBook::Accept(accept) => Wish::Accept { peer: accept.user },
            book::ToBook::Decline(decline) => Wish::Decline { peer: decline.user },
            book::ToBook::Remove(remove) => Wish::Remove { peer: remove.user },
        };
        let job = Job::Change { by: By::Client(asker, self.name_of(&asker)), wish };
        self.enqueue(Task { user, flow: asker.flow, job });
    }

    /// The account's name of who asks. Taken while the port is open: it may close before the change
    /// is decided, and the other home must be told a name all the same.
    fn name_of(&self, asker: &Asker) -> Box<str> {
        let session = self.attached.session(asker.port);
        session.map(|session| session.who.name.clone()).unwrap_or_default()
    }

    fn on_peer(&mut self, peer: Peer, now: Timestamp) {
        match peer {
            Peer::Moved(moved) => self.on_moved(&moved, now),
            Peer::Up(node) => self.source.handle_up(node, now),
            Peer::Lost(node) => {
                self.attached.handle_lost(node);
                self.lose_finds(|find| find.node == node);
            }
        }
    }

    fn on_stored(&mut self, op: OpId, reply: Reply, now: Timestamp) {
        let Some(slot) = self.pending.get_mut(op) else {
            return;
        };
        match core::mem::replace(slot, Pending::Taken) {
            Pending::Run(run) => self.on_run_stored(op, run, &reply, now),
            Pending::Lane(lane) => {
                self.pending.remove(op);
                self.source.on_number(lane, &reply, now);
            }
            Pending::Intents => {
                self.pending.remove(op);
                self.source.on_page(reply, now);
            }
            Pending::Delete(source, write) if reply == Reply::Unknown => {
                self.timers.set(Due::Rewrite(op), now + REWRITE_MS, "delete again");
                *self.pending.get_mut(op).expect("it stands while it is looked at") =
                    Pending::Delete(source, write);
            }
            Pending::Delete(..) | Pending::Taken | Pending::Find(_) => {
                self.pending.remove(op);
            }
        }
    }

    fn on_run_stored(&mut self, op: OpId, mut run: Box<Run>, reply: &Reply, now: Timestamp) {
        match core::mem::replace(&mut run.stage, Stage::Book) {
            Stage::Number => self.on_number(op, run, reply, now),
            Stage::Book => match read_book(reply) {
                Some(book) => self.on_book(op, run, book, now),
                None => self.refuse(op, &run, Refusal::later(Code::Retry, RETRY_MS), now),
            },
            Stage::Contact(book) => match read_contact(reply) {
                Some(own) => self.on_contact(op, run, book, own, now),
                None => self.refuse(op, &run, Refusal::later(Code::Retry, RETRY_MS), now),
            },
            Stage::MayContact => self.on_may_contact(op, &run, reply, now),
            Stage::Page(listing) => self.on_page(op, run, listing, reply, now),
            Stage::Write { plan, write, was_unknown } => {
                self.on_write(op, run, (plan, write, was_unknown), reply, now);
            }
            Stage::Verify(plan) => self.on_verify(op, run, plan, reply, now),
            // Nothing of it is at the store.
            Stage::Reserve(plan) => {
                run.stage = Stage::Reserve(plan);
                self.park(op, run);
            }
        }
    }

    fn begin(&mut self, task: Task, now: Timestamp) {
        let user = task.user;
        let op = self.pending.insert(Pending::Taken);
        let mut run = Box::new(Run { task, stage: Stage::Book, conflicts: 0 });
        match &run.task.job {
            Job::Change { .. } => self.begin_change(op, run, now),
            Job::Fetch { .. } => self.ask(op, run, Request::Read(Key::book(user))),
            Job::Visible { .. } => {
                let listing = Listing::default();
                let request = listing.request(user);
                run.stage = Stage::Page(listing);
                self.ask(op, run, request);
            }
            Job::MayContact { peer, .. } => {
                let key = Key::contact(user, *peer);
                run.stage = Stage::MayContact;
                self.ask(op, run, Request::Read(key));
            }
        }
    }

    fn on_book(&mut self, op: OpId, mut run: Box<Run>, book: ReadBook, now: Timestamp) {
        let user = run.task.user;
        match &run.task.job {
            Job::Change { wish, .. } => match wish.peer() {
                Some(peer) => {
                    run.stage = Stage::Contact(book);
                    self.ask(op, run, Request::Read(Key::contact(user, peer)));
                }
                None => self.on_contact(op, run, book, None, now),
            },
            Job::Fetch { asker, revision } => {
                let mut listing = Listing::since(*revision, book.0.revision);
                if listing.is_empty() {
                    let post = listing.part(asker, false);
                    self.tell(post);
                    return self.end(op, user, now);
                }
                let request = listing.request(user);
                run.stage = Stage::Page(listing);
                self.ask(op, run, request);
            }
            Job::Visible { .. } | Job::MayContact { .. } => self.end(op, user, now),
        }
    }

    fn on_page(
        &mut self,
        op: OpId,
        mut run: Box<Run>,
        mut listing: Listing,
        reply: &Reply,
        now: Timestamp,
    ) {
        let user = run.task.user;
        let Reply::Page { rows, more } = reply else {
            return self.refuse(op, &run, Refusal::later(Code::Retry, RETRY_MS), now);
        };
        if let Job::Fetch { asker, .. } = &run.task.job {
            listing.on_rows(asker, rows).into_iter().for_each(|post| self.tell(post));
        } else {
            listing.on_friends(rows);
        }
        if *more {
            let request = listing.request(user);
            run.stage = Stage::Page(listing);
            return self.ask(op, run, request);
        }
        match &run.task.job {
            Job::Fetch { asker, .. } => {
                let post = listing.part(asker, false);
                self.tell(post);
            }
            Job::Visible { back } => {
                let friends = Some(listing.into_friends());
                self.tell(back.answer(book_ps::ToPs::Visible { user, friends }));
            }
            Job::MayContact { .. } | Job::Change { .. } => {}
        }
        self.end(op, user, now);
    }

    fn on_may_contact(&mut self, op: OpId, run: &Run, reply: &Reply, now: Timestamp) {
        let outcome = match read_contact(reply) {
            Some(Some(own)) if own.value.relation == Relation::FRIEND => Ok(own.value.pact),
            Some(_) => Err(Refusal::of(Code::NotAContact)),
            None => Err(Refusal::later(Code::Retry, RETRY_MS)),
        };
        if let Job::MayContact { back, .. } = &run.task.job {
            self.tell(back.answer(cs_book::ToCs::MayContact { outcome }));
        }
        self.end(op, run.task.user, now);
    }

    fn enqueue(&mut self, task: Task) {
        let is_told = matches!(task.job, Job::Change { by: By::Intent(_), .. });
        if !is_told && !self.setup.owns(Shard::of_user(task.user)) {
            // Whoever asks learns where the home is, and asks there (PROTOCOL §9.5).
            return self.refuse_task(&task, moved_refusal());
        }
        if let Err(task) = self.homes.enqueue(task) {
            self.refuse_task(&task, Refusal::later(Code::Busy, RETRY_MS));
        }
    }

    /// Ends a run without its effect.
    fn refuse(&mut self, op: OpId, run: &Run, refusal: Refusal, now: Timestamp) {
        self.refuse_task(&run.task, refusal);
        self.end(op, run.task.user, now);
    }

    fn refuse_task(&mut self, task: &Task, refusal: Refusal) {
        match &task.job {
            Job::Fetch { asker, .. } | Job::Change { by: By::Client(asker, _), .. } => {
                self.refuse_asker(asker, refusal);
            }
            Job::MayContact { back, .. } => {
                self.tell(back.answer(cs_book::ToCs::MayContact { outcome: Err(refusal) }));
            }
            Job::Visible { back } => {
                let tell = book_ps::ToPs::Visible { user: task.user, friends: None };
                self.tell(back.answer(tell));
            }
            // An intent is told again; the operator asks again.
            Job::Change { by: By::Operator | By::Intent(_), .. } => {}
        }
    }

    fn refuse_asker(&mut self, asker: &Asker, refusal: Refusal) {
        if let Some(post) = asker.refused(refusal) {
            self.tell(post);
        }
    }

    fn end(&mut self, op: OpId, user: UserId, now: Timestamp) {
        self.pending.remove(op);
        if self.homes.finished(user, now) {
            // Forgotten before a timeout that is late.
            self.timers.clear(&Due::Rest(user));
        }
    }

    /// Puts a run back until something comes for it.
    fn park(&mut self, op: OpId, run: Box<Run>) {
        if let Some(slot) = self.pending.get_mut(op) {
            *slot = Pending::Run(run);
        }
    }

    fn ask(&mut self, op: OpId, run: Box<Run>, request: Request) {
        self.park(op, run);
        self.out.push(Output::Store { op, request });
    }

    fn tell(&mut self, post: Post) {
        self.out.push(Output::Tell(post));
    }

    fn store(&mut self, pending: Pending, request: Request) {
        let op = self.pending.insert(pending);
        self.out.push(Output::Store { op, request });
    }

    /// Carries what the source of intents wants, and begins what may begin, until neither is left.
    fn settle(&mut self, now: Timestamp) {
        loop {
            if let Some(effect) = self.source.poll_effect() {
                self.on_effect(effect, now);
            } else if let Some(task) = self.homes.next() {
                self.begin(task, now);
            } else {
                return;
            }
        }
    }

    fn on_effect(&mut self, effect: Effect, now: Timestamp) {
        match effect {
            Effect::Tell(post) => self.tell(post),
            Effect::Read { lane, key } => self.store(Pending::Lane(lane), Request::Read(key)),
            Effect::Scan(request) => self.store(Pending::Intents, request),
            Effect::Delete { source, write } => {
                self.store(Pending::Delete(source, write.clone()), Request::Write(write));
            }
            Effect::Wake(op) => {
                let Some(slot) = self.pending.get_mut(op) else {
                    return;
                };
                let Pending::Run(mut run) = core::mem::replace(slot, Pending::Taken) else {
                    return;
                };
                let stage = core::mem::replace(&mut run.stage, Stage::Book);
                if let Stage::Reserve(plan) = stage {
                    self.reserve(op, run, plan, now);
                } else {
                    run.stage = stage;
                    self.park(op, run);
                }
            }
        }
    }

    fn write_again(&mut self, op: OpId) {
        let key = |run: &Run| Key::book(run.task.user);
        let request = match self.pending.get(op) {
            Some(Pending::Delete(_, write)) => Request::Write(write.clone()),
            Some(Pending::Run(run)) => match &run.stage {
                Stage::Write { write, .. } => Request::Write(write.clone()),
                Stage::Verify(_) => Request::Read(key(run)),
                Stage::Number
                | Stage::Book
                | Stage::Contact(_)
                | Stage::MayContact
                | Stage::Page(_)
                | Stage::Reserve(_) => return,
            },
            Some(Pending::Taken | Pending::Find(_) | Pending::Lane(_) | Pending::Intents)
            | None => return,
        };
        self.out.push(Output::Store { op, request });
    }
}

/// A book row as read; `None`: the store could not.
fn read_book(reply: &Reply) -> Option<ReadBook> {
    if let Reply::Found { value, revision } = reply {
        BookRow::decode(value).map(|row| (row, Some(*revision)))
    } else {
        (*reply == Reply::Absent).then(ReadBook::default)
    }
}

/// A contact row as read; `None`: the store could not.
fn read_contact(reply: &Reply) -> Option<Option<Record<Contact>>> {
    if let Reply::Found { value, .. } = reply {
        Record::decode(value).ok().map(Some)
    } else {
        (*reply == Reply::Absent).then_some(None)
    }
}

impl Machine for AddressBook {
    type Input<'a> = Input;
    type Output = Output;

    fn handle_input(&mut self, input: Input, now: Timestamp) {
        match input {
            Input::Tell(envelope) => self.on_tell(envelope, now),
            Input::Peer(peer) => self.on_peer(peer, now),
            Input::Wall(wall) => self.wall = WallClock::new(wall, now),
            Input::Stored { op, reply } => self.on_stored(op, reply, now),
        }
        self.settle(now);
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        while let Some(due) = self.timers.pop_due(now) {
            match due {
                Due::Find(op) => self.on_find_lost(op),
                Due::Rewrite(op) => self.write_again(op),
                Due::Rest(user) => {
                    self.homes.forget_idle(user, now);
                }
            }
        }
        self.source.handle_timeout(now);
        self.settle(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.out.pop()
    }

    fn poll_timeout(&self) -> Option<Deadline> {
        Deadline::soonest(self.timers.next(), self.source.poll_timeout())
    }
}
