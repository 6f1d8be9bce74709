//! The inbox: which conversations the people of a node's shards are in, and how far they went
//! (PROTOCOL §4.4, §6.4).
//!
//! Owns: who is attached (`attached`), the heads that mixers tell and the one write per person they
//! become (`heads`), and the reading of whole inboxes (`list`).
//!
//! Invariants: a row moves only up; a mixer is answered, and a client told, only what is `Written`.

mod heads;
mod list;
mod rows;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use self::heads::{Batch, Head, Waiter, wait};
use self::list::Listing;
use self::rows::StateRow;
use crate::attached::{Asker, Attached, event, moved_refusal};
use crate::edge::gate_service::ToService;
use crate::edge::{Envelope, Peer, Post, ToInbox, mixer_inbox};
use crate::error::{Code, Refusal};
use crate::id::{Flow, OpId, Shard, UserId};
use crate::index::{Index, Slab};
use crate::limits::{CONFLICTS_MAX, HOME_WAITING_MAX, REREAD_MS, REWRITE_MS};
use crate::machine::{Deadline, Machine};
use crate::measure::Queues;
use crate::outbox::Outbox;
use crate::setup::Setup;
use crate::store::{Key, Reply, Request, Write};
use crate::ticket::Purpose;
use crate::time::{Timestamp, Wall, WallClock};
use crate::timer::TimerQueue;
use crate::topology::Moved;
use crate::wire::body::inbox::{self, FromInbox, InboxChanged};
use crate::wire::record::Record;
use crate::wire::tail::Tail;

#[cfg(test)]
mod tests;

/// Everything that comes in.
#[derive(Debug)]
pub enum Input {
    /// From another machine.
    Tell(Envelope<ToInbox>),
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

/// Everything an inbox may ask for.
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

/// What runs for a person. Keeps one `OpId` from its start to its end.
#[derive(Debug)]
enum Run {
    /// Taken out while it is being looked at.
    Taken,
    Heads(Box<Batch>, Stage),
    /// Before its first page where the flag is not set.
    Fetch(Box<Listing>, bool),
}

#[derive(Debug)]
enum Stage {
    State,
    Item,
    Write {
        write: Write,
        was_unknown: bool,
    },
    /// The state row after an unknown outcome and a conflict: was it this batch?
    Verify,
}

/// A person something is wanted of.
#[derive(Debug)]
struct Home {
    user: UserId,
    shard: Shard,
    heads: Vec<Head>,
    fetches: VecDeque<Listing>,
    is_running: bool,
}

/// The inboxes of a node.
#[derive(Debug)]
pub struct Inbox {
    setup: Setup,
    wall: WallClock,
    attached: Attached,
    homes: Slab<Home>,
    by_user: Index<UserId>,
    runs: Slab<Run>,
    /// Per run: ask the store again.
    timers: TimerQueue<OpId>,
    out: Outbox<Output>,
}

impl Inbox {
    /// Its queues. What runs has a timer.
    pub fn queues(&self, queues: &mut Queues) {
        let homes = || self.homes.iter().map(|(_, home)| home);
        let heads = homes().map(|home| home.heads.len());
        queues.longest("inbox heads of a person", heads, HOME_WAITING_MAX);
        let fetches = homes().map(|home| home.fetches.len());
        queues.longest("inbox fetches of a person", fetches, HOME_WAITING_MAX);
        queues.add("inbox timers", self.timers.len(), self.runs.len());
    }

    /// Knows nobody yet.
    #[must_use]
    pub fn new(setup: Setup, _now: Timestamp) -> Self {
        let mut rng = setup.rng("inbox");
        Self {
            wall: setup.wall,
            attached: Attached::new(rng.next_u64()),
            homes: Slab::default(),
            by_user: Index::new(rng.next_u64()),
            runs: Slab::default(),
            timers: TimerQueue::default(),
            out: Outbox::default(),
            setup,
        }
    }

    fn on_tell(&mut self, envelope: Envelope<ToInbox>, now: Timestamp) {
        let Envelope { flow, from, op, tell } = envelope;
        match tell {
            ToInbox::Client(tell) => self.on_client(tell, flow, now),
            ToInbox::Mixer(tell) => {
                let mixer_inbox::ToInbox::Head { user, conversation, with, head, at } = tell;
                let waiter = Waiter { flow, node: from.node, op, head };
                if !self.setup.owns(Shard::of_user(user)) {
                    return self.tell(waiter.answer(user, conversation, Err(moved_refusal())));
                }
                let waiters = alloc::vec![waiter];
                let told = Head { conversation, with, head, at, waiters };
                if wait(&mut self.home(user).heads, told) {
                    self.begin_next(user);
                } else {
                    let busy = Refusal::later(Code::Busy, RETRY_MS);
                    self.tell(waiter.answer(user, conversation, Err(busy)));
                }
            }
        }
    }

    fn on_client(&mut self, tell: ToService, flow: Flow, now: Timestamp) {
        match tell {
            ToService::Opened { port, request, ticket } => {
                let asker = Asker { port, request, flow };
                let wall = self.wall.at(now);
                let Self { attached, setup, .. } = self;
                let posts = attached.handle_opened(setup, Purpose::Inbox, &asker, &ticket, wall);
                posts.into_iter().for_each(|post| self.tell(post));
            }
            ToService::Closed { port, .. } => self.attached.handle_closed(port),
            ToService::Frame { port, kind, request, body } => {
                let asker = Asker { port, request, flow };
                let Some(session) = self.attached.session(port) else {
                    return;
                };
                let user = session.user;
                match inbox::ToInbox::decode(kind, &body) {
                    Ok(Some((inbox::ToInbox::Fetch(fetch), _))) => {
                        self.on_fetch(Listing::new(user, asker, fetch.revision));
                    }
                    Ok(None) => self.refuse(&asker, Refusal::of(Code::Unsupported)),
                    Err(_) => self.refuse(&asker, Refusal::of(Code::Malformed)),
                }
            }
        }
    }

    fn on_fetch(&mut self, listing: Listing) {
        let user = listing.user;
        let home = self.home(user);
        if home.fetches.len() >= HOME_WAITING_MAX {
            return self.refuse(&listing.asker, Refusal::later(Code::Busy, RETRY_MS));
        }
        home.fetches.push_back(listing);
        self.begin_next(user);
    }

    /// Begins what waits for a person: reads first, they are waited for by eyes.
    fn begin_next(&mut self, user: UserId) {
        let home = self.home(user);
        if home.is_running {
            return;
        }
        let run = if let Some(listing) = home.fetches.pop_front() {
            Run::Fetch(Box::new(listing), false)
        } else if home.heads.is_empty() {
            return self.forget_idle(user);
        } else {
            let heads = core::mem::take(&mut home.heads);
            Run::Heads(Box::new(Batch::new(user, heads)), Stage::State)
        };
        home.is_running = true;
        let op = self.runs.insert(Run::Taken);
        self.ask(op, run, Request::Read(Key::inbox_state(user)));
    }

    fn end(&mut self, op: OpId, user: UserId) {
        self.runs.remove(op);
        self.home(user).is_running = false;
        self.begin_next(user);
    }

    fn on_stored(&mut self, op: OpId, reply: Reply, now: Timestamp) {
        let Some(slot) = self.runs.get_mut(op) else {
            return;
        };
        match core::mem::replace(slot, Run::Taken) {
            Run::Taken => {}
            Run::Fetch(listing, is_begun) => self.on_listing(op, listing, is_begun, reply),
            Run::Heads(batch, stage) => self.on_batch(op, batch, stage, reply, now),
        }
    }

    fn on_listing(&mut self, op: OpId, mut listing: Box<Listing>, is_begun: bool, reply: Reply) {
        let user = listing.user;
        let more = if is_begun {
            let Reply::Page { rows, more } = reply else {
                return self.on_listing_failed(op, &listing);
            };
            listing.on_rows(&rows).into_iter().for_each(|post| self.tell(post));
            more
        } else {
            let Some((state, _)) = read_state(&reply) else {
                return self.on_listing_failed(op, &listing);
            };
            listing.begin(state.revision)
        };
        if more {
            let request = listing.request();
            return self.ask(op, Run::Fetch(listing, true), request);
        }
        let last = listing.part(false);
        self.tell(last);
        self.end(op, user);
    }

    fn on_listing_failed(&mut self, op: OpId, listing: &Listing) {
        self.refuse(&listing.asker, Refusal::later(Code::Retry, RETRY_MS));
        self.end(op, listing.user);
    }

    fn on_batch(
        &mut self,
        op: OpId,
        mut batch: Box<Batch>,
        stage: Stage,
        reply: Reply,
        now: Timestamp,
    ) {
        match stage {
            Stage::State => {
                let Some((state, checked)) = read_state(&reply) else {
                    return self.give_up(op, &batch, Refusal::later(Code::Retry, RETRY_MS));
                };
                batch.on_state(state, checked);
                self.read_on(op, batch);
            }
            Stage::Item => {
                let old = if let Reply::Found { value, .. } = &reply {
                    Record::decode(value).ok().map(Some)
                } else {
                    (reply == Reply::Absent).then_some(None)
                };
                let Some(old) = old else {
                    return self.give_up(op, &batch, Refusal::later(Code::Retry, RETRY_MS));
                };
                batch.on_item(old);
                self.read_on(op, batch);
            }
            Stage::Write { write, was_unknown } => {
                self.on_write(op, batch, (write, was_unknown), &reply, now);
            }
            Stage::Verify => match read_state(&reply) {
                Some((state, _)) if state == batch.state => self.on_written(op, &batch),
                Some(_) => self.on_conflict(op, batch),
                None => {
                    self.timers.set(op, now + REREAD_MS, "read again what was written");
                    self.park(op, Run::Heads(batch, Stage::Verify));
                }
            },
        }
    }

    /// Reads the rows of a batch one after the other, then writes what moves.
    fn read_on(&mut self, op: OpId, batch: Box<Batch>) {
        if let Some(key) = batch.next_key() {
            return self.ask(op, Run::Heads(batch, Stage::Item), Request::Read(key));
        }
        let Some(write) = batch.write(self.setup.fenced(Shard::of_user(batch.user))) else {
            return self.on_written(op, &batch);
        };
        let stage = Stage::Write { write: write.clone(), was_unknown: false };
        self.ask(op, Run::Heads(batch, stage), Request::Write(write));
    }

    fn on_write(
        &mut self,
        op: OpId,
        batch: Box<Batch>,
        (write, was_unknown): (Write, bool),
        reply: &Reply,
        now: Timestamp,
    ) {
        match reply {
            Reply::Written { .. } => self.on_written(op, &batch),
            // Once it may have been written, a later refusal does not say that it was not.
            Reply::Unknown | Reply::Failed(_) if was_unknown || *reply == Reply::Unknown => {
                self.timers.set(op, now + REWRITE_MS, "write again");
                let stage = Stage::Write { write, was_unknown: true };
                self.park(op, Run::Heads(batch, stage));
            }
            Reply::Conflict if was_unknown => {
                let request = Request::Read(Key::inbox_state(batch.user));
                self.ask(op, Run::Heads(batch, Stage::Verify), request);
            }
            Reply::Conflict => self.on_conflict(op, batch),
            Reply::Found { .. }
            | Reply::Absent
            | Reply::Page { .. }
            | Reply::Tail { .. }
            | Reply::Entries { .. }
            | Reply::Unknown
            | Reply::Failed(_) => self.give_up(op, &batch, Refusal::of(Code::StoreFailed)),
        }
    }

    fn on_conflict(&mut self, op: OpId, mut batch: Box<Batch>) {
        batch.conflicts += 1;
        if batch.conflicts >= CONFLICTS_MAX {
            return self.give_up(op, &batch, Refusal::later(Code::Retry, RETRY_MS));
        }
        let request = Request::Read(Key::inbox_state(batch.user));
        self.ask(op, Run::Heads(batch, Stage::State), request);
    }

    fn on_written(&mut self, op: OpId, batch: &Batch) {
        for (head, item) in batch.moves() {
            let (revision, item) = (item.value.revision, item.clone());
            let frame = FromInbox::Changed(InboxChanged { revision, item });
            let flow = head.flow();
            let body = frame.encode(&Tail::of_flow(flow));
            for port in self.attached.ports(batch.user) {
                self.out.push(Output::Tell(event(flow, port, frame.kind(), body.clone())));
            }
        }
        batch.answers().into_iter().for_each(|post| self.tell(post));
        self.end(op, batch.user);
    }

    fn give_up(&mut self, op: OpId, batch: &Batch, refusal: Refusal) {
        batch.refusals(refusal).into_iter().for_each(|post| self.tell(post));
        self.end(op, batch.user);
    }

    fn home(&mut self, user: UserId) -> &mut Home {
        let slot = self.by_user.get(&user).unwrap_or_else(|| {
            let (heads, fetches) = (Vec::new(), VecDeque::new());
            let shard = Shard::of_user(user);
            let home = Home { user, shard, heads, fetches, is_running: false };
            let slot = self.homes.insert(home).slot;
            self.by_user.insert(user, slot);
            slot
        });
        self.homes.at_mut(slot).expect("the index names homes")
    }

    /// Who loses a range drops it whole: clients come back by themselves, mixers tell the new owner. A
    /// batch that is being written lands before the range moved, or fails by its check (PROTOCOL §9.5).
    fn on_moved(&mut self, moved: &Moved) {
        self.setup.topology.apply(moved);
        if !moved.is_loss(self.setup.node) {
            return;
        }
        for post in self.attached.handle_moved(moved) {
            self.tell(post);
        }
        let gone = self.homes.iter().filter(|(_, home)| moved.has(home.shard));
        for key in gone.map(|(key, _)| key).collect::<Vec<_>>() {
            let home = self.homes.remove(key).expect("found above");
            self.by_user.remove(&home.user);
            for head in home.heads {
                let answers = head.answers(home.user, Err(moved_refusal()));
                answers.into_iter().for_each(|post| self.tell(post));
            }
        }
        let is_gone = |run: &Run| match run {
            Run::Taken => false,
            Run::Heads(batch, _) => moved.has(Shard::of_user(batch.user)),
            Run::Fetch(listing, _) => moved.has(Shard::of_user(listing.user)),
        };
        let gone = self.runs.iter().filter(|(_, run)| is_gone(run));
        for op in gone.map(|(op, _)| op).collect::<Vec<_>>() {
            self.timers.clear(&op);
            if let Some(Run::Heads(batch, _)) = self.runs.remove(op) {
                batch.refusals(moved_refusal()).into_iter().for_each(|post| self.tell(post));
            }
        }
    }

    /// Forgets a person nothing is wanted of.
    fn forget_idle(&mut self, user: UserId) {
        if let Some(key) = self.by_user.remove(&user).and_then(|slot| self.homes.key_at(slot)) {
            self.homes.remove(key);
        }
    }

    fn refuse(&mut self, asker: &Asker, refusal: Refusal) {
        if let Some(post) = asker.refused(refusal) {
            self.tell(post);
        }
    }

    /// Puts a run back until something comes for it.
    fn park(&mut self, op: OpId, run: Run) {
        if let Some(slot) = self.runs.get_mut(op) {
            *slot = run;
        }
    }

    fn ask(&mut self, op: OpId, run: Run, request: Request) {
        self.park(op, run);
        self.out.push(Output::Store { op, request });
    }

    fn ask_again(&mut self, op: OpId) {
        let request = match self.runs.get(op) {
            Some(Run::Heads(_, Stage::Write { write, .. })) => Request::Write(write.clone()),
            Some(Run::Heads(batch, Stage::Verify)) => Request::Read(Key::inbox_state(batch.user)),
            Some(Run::Heads(_, Stage::State | Stage::Item) | Run::Fetch(..) | Run::Taken)
            | None => return,
        };
        self.out.push(Output::Store { op, request });
    }

    fn tell(&mut self, post: Post) {
        self.out.push(Output::Tell(post));
    }
}

/// A change that time heals is worth trying again after this.
const RETRY_MS: u32 = 1_000;

/// A state row as read; `None`: the store could not.
fn read_state(reply: &Reply) -> Option<(StateRow, Option<u64>)> {
    if let Reply::Found { value, revision } = reply {
        StateRow::decode(value).map(|row| (row, Some(*revision)))
    } else {
        (*reply == Reply::Absent).then(Default::default)
    }
}

impl Machine for Inbox {
    type Input<'a> = Input;
    type Output = Output;

    fn handle_input(&mut self, input: Input, now: Timestamp) {
        match input {
            Input::Tell(envelope) => self.on_tell(envelope, now),
            Input::Peer(Peer::Lost(node)) => self.attached.handle_lost(node),
            Input::Peer(Peer::Up(_)) => {}
            Input::Peer(Peer::Moved(moved)) => self.on_moved(&moved),
            Input::Wall(wall) => self.wall = WallClock::new(wall, now),
            Input::Stored { op, reply } => self.on_stored(op, reply, now),
        }
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        while let Some(op) = self.timers.pop_due(now) {
            self.ask_again(op);
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.out.pop()
    }

    fn poll_timeout(&self) -> Option<Deadline> {
        self.timers.next()
    }
}
