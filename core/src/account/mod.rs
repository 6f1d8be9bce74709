//! Account: names, passwords, sign-ins and their tickets (PROTOCOL §4.2, §5.1).
//!
//! Owns the rows `account` and `endpoint`; keeps none of them in memory: each request reads what it
//! decides on, and each write checks what was read. A wrong password and a name nobody has take the
//! same steps: one read, one hash, one answer.
//!
//! - `sign_in`: by password, or minted for the operator.
//! - `resume`: by refresh token; sign-out.
//! - `admin`: new accounts, friendships, who has a name.
//! - `guard`: against guessing.

mod admin;
mod guard;
mod moves;
mod pending;
mod resume;
mod rows;
mod sign_in;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use self::guard::Guard;
use self::pending::{Asker, Cause, End, Signed, Stage, Work};
use alloc::vec::Vec;

use crate::attached::moved_refusal;
use crate::edge::gate_service::{FromOrigin, Lane, Port, ToGate, ToService};
use crate::edge::{Envelope, Peer, Post, ToAccount, book_account};
use crate::error::{Code, Refusal};
use crate::id::{Flow, OpId, Shard};
use crate::index::Slab;
use crate::limits::{ACCOUNT_PENDING_MAX, CONFLICTS_MAX, HASHES_MAX, REWRITE_MS, TELL_MS};
use crate::machine::{Deadline, Machine};
use crate::measure::Queues;
use crate::operator::{AdminReply, AdminRequest};
use crate::outbox::Outbox;
use crate::password::{HashReply, HashRequest};
use crate::rng::Rng;
use crate::setup::Setup;
use crate::store::{Check, Key, Reply, Request};
use crate::time::{Timestamp, Wall, WallClock};
use crate::timer::TimerQueue;
use crate::wire::body::account as body;
use crate::wire::body::link::FromGate;
use crate::wire::tail::Tail;

/// Everything that comes into account.
#[derive(Debug)]
pub enum Input {
    /// From another machine.
    Tell(Envelope<ToAccount>),
    /// Another node came or went.
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
    /// The completion of a `Hash`.
    Hashed {
        /// Echoed.
        op: OpId,
        /// The outcome.
        reply: HashReply,
    },
    /// From the operator's door.
    Admin {
        /// Echoed.
        op: u64,
        /// What is asked.
        request: AdminRequest,
    },
}

/// Everything account may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Work on a password, off this thread.
    Hash {
        /// To echo.
        op: OpId,
        /// What.
        request: HashRequest,
    },
    /// The answer to an operator.
    Admin {
        /// Echoed.
        op: u64,
        /// The answer.
        reply: AdminReply,
    },
}

/// When a refused request may succeed, where the store or the hashes are what is short.
const LATER_MS: u32 = 1_000;

/// The account of one node.
#[derive(Debug)]
pub struct Account {
    setup: Setup,
    rng: Rng,
    guard: Guard,
    pending: Slab<Work>,
    /// Writes of unknown outcome, to be written again.
    again: TimerQueue<OpId>,
    /// Requests that need a hash and have not had it.
    hashes: usize,
    out: Outbox<Output>,
}

impl Account {
    /// Its queues. A write has a timer.
    pub fn queues(&self, queues: &mut Queues) {
        queues.add("account requests", self.pending.len(), ACCOUNT_PENDING_MAX);
        queues.add("account hashes", self.hashes, HASHES_MAX);
        queues.add("account timers", self.again.len(), self.pending.len());
    }

    /// The account of a node that starts.
    #[must_use]
    pub fn new(setup: Setup, _now: Timestamp) -> Self {
        let mut rng = setup.rng("account");
        let guard = Guard::new(&mut rng);
        Self {
            setup,
            rng,
            guard,
            pending: Slab::default(),
            again: TimerQueue::default(),
            hashes: 0,
            out: Outbox::default(),
        }
    }

    fn on_client(&mut self, flow: Flow, from: FromOrigin, now: Timestamp) {
        let FromOrigin { origin, tell } = from;
        match tell {
            ToService::Opened { port, request, ticket: _ } => {
                let accept = ToGate::Accept { port, request, who: None };
                self.out.push(Output::Tell(Post::node(flow, port.node, accept)));
            }
            ToService::Frame { port, kind, request, body } => {
                let asker = Asker::Client { port, request };
                let cause = Cause { origin, ..Cause::new(asker, flow) };
                self.on_frame(&cause, request, (kind, body), now);
            }
            // Nothing is kept by port; answers to one that is gone are dropped by its gate.
            ToService::Closed { .. } => {}
        }
    }

    fn on_frame(
        &mut self,
        cause: &Cause,
        request: u32,
        (kind, body): (u16, Bytes),
        now: Timestamp,
    ) {
        if request == 0 {
            // Account has nothing that wants no answer.
            return;
        }
        let outcome = match body::ToAccount::decode(kind, &body) {
            Ok(Some((body::ToAccount::SignIn(sign_in), _))) => self.on_sign_in(cause, sign_in, now),
            Ok(Some((body::ToAccount::Resume(resume), _))) => {
                self.on_resume(cause, &resume.refresh, now)
            }
            Ok(Some((body::ToAccount::SignOut(sign_out), _))) => {
                self.on_sign_out(cause, &sign_out.refresh)
            }
            Ok(None) => Err(Refusal::of(Code::Unsupported)),
            Err(_) => Err(Refusal::of(Code::Malformed)),
        };
        if let Err(refusal) = outcome {
            self.refuse(cause, refusal);
        }
    }

    /// Room for one more request, or why not.
    fn admit(&self) -> Result<(), Refusal> {
        if self.pending.len() < ACCOUNT_PENDING_MAX {
            return Ok(());
        }
        Err(Refusal::later(Code::Busy, LATER_MS))
    }

    /// Room for one more hash, taken; or why not.
    fn admit_hash(&mut self) -> Result<(), Refusal> {
        self.admit()?;
        if self.hashes >= HASHES_MAX {
            return Err(Refusal::later(Code::Busy, LATER_MS));
        }
        self.hashes += 1;
        Ok(())
    }

    /// Whether a client asks where the name is, or is to ask again elsewhere (PROTOCOL §9.5).
    fn is_here(&self, name: &str) -> Result<(), Refusal> {
        let is_here = self.setup.owns(Shard::of_name(name));
        is_here.then_some(()).ok_or_else(moved_refusal)
    }

    /// What a write of a name's rows checks: the fence, and the row it was decided on.
    fn checks(&self, name: &str, key: &Key, revision: Option<u64>) -> Vec<Check> {
        let row = Check { key: key.clone(), revision };
        self.setup.fenced(Shard::of_name(name)).into_iter().chain([row]).collect()
    }

    fn store(&mut self, work: Work, request: Request) {
        let op = self.pending.insert(work);
        self.out.push(Output::Store { op, request });
    }

    /// Writes the batch of the stage that work has come to.
    fn write(&mut self, work: Work) {
        let write = work.stage.write().expect("a stage with a batch").clone();
        self.store(work, Request::Write(write));
    }

    /// Asks for a hash, for which room was taken.
    fn hash(&mut self, work: Work, request: HashRequest) {
        let op = self.pending.insert(work);
        self.out.push(Output::Hash { op, request });
    }

    fn on_stored(&mut self, op: OpId, reply: Reply, now: Timestamp) {
        let Some(mut work) = self.pending.remove(op) else { return };
        match reply {
            Reply::Unknown if work.stage.write().is_some() => {
                let op = self.pending.insert(work);
                return self.again.set(op, now + REWRITE_MS, "store again");
            }
            Reply::Failed(_) | Reply::Unknown => return self.on_store_failed(&work),
            Reply::Conflict => {
                work.cause.conflicts += 1;
                if work.cause.conflicts >= CONFLICTS_MAX {
                    // Most likely the fence itself: this life is over and does not know it yet.
                    let refusal = Refusal::later(Code::Retry, LATER_MS);
                    return self.refuse(&work.cause, refusal);
                }
            }
            Reply::Found { .. }
            | Reply::Absent
            | Reply::Page { .. }
            | Reply::Tail { .. }
            | Reply::Entries { .. }
            | Reply::Written { .. } => {}
        }
        self.step(work, reply, now);
    }

    fn on_store_failed(&mut self, work: &Work) {
        if let Stage::Credentials { name, .. } = &work.stage {
            self.hashes -= 1;
            self.guard.forgive(name.as_str(), work.cause.origin);
        }
        self.refuse(&work.cause, Refusal::later(Code::StoreFailed, LATER_MS));
    }

    fn step(&mut self, work: Work, reply: Reply, now: Timestamp) {
        let Work { cause, stage } = work;
        let written = if let Reply::Written { revision } = reply { Some(revision) } else { None };
        match stage {
            Stage::Credentials { name, password, endpoint } => {
                self.on_credentials(cause, (name, password, endpoint), &reply);
            }
            Stage::Account { name, endpoint } => {
                let row = read_row(&reply);
                self.on_account(cause, (name, endpoint), row);
            }
            Stage::Devices { name, endpoint, account, revision } => {
                self.on_devices(cause, (name, endpoint), (account, revision), reply);
            }
            Stage::SigningIn { signed, .. } | Stage::Using { signed, .. }
                if let Some(revision) = written =>
            {
                self.on_signed_in(&cause, &signed, revision, now);
            }
            Stage::Ending { end, .. } if written.is_some() => self.on_ended(&cause, end),
            // Below, what was checked has changed: it is read and decided upon again.
            Stage::SigningIn { signed: Signed { name, endpoint, .. }, .. } => {
                self.read_account(cause.with(Stage::Account { name, endpoint }));
            }
            Stage::Ending { claims, end: End::SignedOut, .. } => {
                self.read_device(cause.with(Stage::SigningOut { claims }));
            }
            Stage::Using { claims, .. } | Stage::Ending { claims, end: End::Stale, .. } => {
                self.read_device(cause.with(Stage::Resuming { claims }));
            }
            Stage::Resuming { claims } => self.on_resuming(cause, claims, &reply),
            Stage::SigningOut { claims } => self.on_signing_out(cause, claims, &reply),
            Stage::Adding { name, user, .. } => self.on_added(cause, &name, user, &reply),
            Stage::Taken { user } => self.on_taken(&cause, user, &reply),
            Stage::Befriending { a, b, first } => self.on_befriending(cause, (a, b), first, &reply),
            Stage::Finding { name } => self.on_finding(&cause, &name, &reply),
            Stage::Verifying { .. } | Stage::Hashing { .. } => {
                unreachable!("a hash is no answer of the store")
            }
        }
    }

    fn on_hashed(&mut self, op: OpId, reply: HashReply) {
        let Some(work) = self.pending.remove(op) else { return };
        self.hashes -= 1;
        let Work { cause, stage } = work;
        if let Stage::Verifying { name, endpoint, account } = stage {
            self.on_verified(cause, (name, endpoint), account, &reply);
        } else if let Stage::Hashing { name } = stage {
            self.on_made(cause, name, reply);
        } else {
            unreachable!("only two stages ask for a hash");
        }
    }

    fn frame(&mut self, flow: Flow, port: Port, request: u32, (kind, body): (u16, Bytes)) {
        let lane = Lane::Control;
        let frame = ToGate::Frame { port, lane, kind, request, more: false, body };
        self.out.push(Output::Tell(Post::node(flow, port.node, frame)));
    }

    fn answer(&mut self, flow: Flow, port: Port, request: u32, word: &body::FromAccount) {
        self.frame(flow, port, request, (word.kind(), word.encode(&Tail::of_flow(flow))));
    }

    fn refuse(&mut self, cause: &Cause, refusal: Refusal) {
        match cause.asker {
            Asker::Client { port, request } => {
                let word = FromGate::Refused(refusal);
                let body = word.encode(&Tail::of_flow(cause.flow));
                self.frame(cause.flow, port, request, (word.kind(), body));
            }
            Asker::Operator(op) => self.reply(op, AdminReply::Refused(refusal.code)),
            // A book that hears nothing tells its client to try again after TELL_MS.
            Asker::Book { .. } => {}
        }
    }

    fn reply(&mut self, op: u64, reply: AdminReply) {
        self.out.push(Output::Admin { op, reply });
    }
}

/// The row of a `Read`, with its revision.
fn read_row<T: rows::Row>(reply: &Reply) -> Option<(T, u64)> {
    let Reply::Found { value, revision } = reply else { return None };
    rows::decode(value).map(|row| (row, *revision))
}

const _: () = assert!(TELL_MS > REWRITE_MS, "an unknown write is settled before its asker asks");

impl Machine for Account {
    type Input<'a> = Input;
    type Output = Output;

    fn handle_input(&mut self, input: Input, now: Timestamp) {
        match input {
            Input::Tell(envelope) => {
                let Envelope { flow, from, op, tell } = envelope;
                match tell {
                    ToAccount::Client(from) => self.on_client(flow, from, now),
                    ToAccount::Book(book_account::ToAccount::Find { name }) => {
                        self.on_find(Cause::new(Asker::Book { from, op }, flow), &name);
                    }
                }
            }
            Input::Peer(Peer::Moved(moved)) => self.on_moved(&moved),
            // Account asks no other node anything and keeps no ports.
            Input::Peer(Peer::Up(_) | Peer::Lost(_)) => {}
            Input::Wall(wall) => self.setup.wall = WallClock::new(wall, now),
            Input::Stored { op, reply } => self.on_stored(op, reply, now),
            Input::Hashed { op, reply } => self.on_hashed(op, reply),
            Input::Admin { op, request } => self.on_admin(op, request),
        }
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        while let Some(op) = self.again.pop_due(now) {
            let write = self.pending.get(op).and_then(|work| work.stage.write()).cloned();
            if let Some(write) = write {
                self.out.push(Output::Store { op, request: Request::Write(write) });
            }
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.out.pop()
    }

    fn poll_timeout(&self) -> Option<Deadline> {
        self.again.next()
    }
}
