//! The Connection Server: sessions of signed-in devices, and whom they watch (PROTOCOL §4.5, §5.2
//! to §5.4).
//!
//! Owns sessions, the watches they add up to (one entry per friend, whoever watches here), and the
//! requests that wait for a home or a mixer. Decides nothing about who may see whom: homes do.
//! Holds nothing durable, so whatever it registered at a home it registers again when that home's
//! node comes up, and at the new owner when its range moves.
//!
//! - `sessions`: who is here.
//! - `friends`, `floor`: who is watched, and what may be shown.
//! - `presence`: what homes tell.
//! - `frames`: what clients say.
//! - `asks`: what is waited for.

mod asks;
mod floor;
mod frames;
mod friends;
mod presence;
mod said;
mod sessions;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use self::asks::{Ask, Asked, Asks};
use self::friends::Friends;
use self::said::Said;
use self::sessions::Sessions;
use crate::edge::gate_service::{Lane, Port, ToGate, ToService};
use crate::edge::{Envelope, Peer, Post, Tell, ToCs, cs_book, cs_mixer, cs_ps};
use crate::error::{CloseReason, Code, Refusal};
use crate::id::{ConversationId, Flow, NodeId, OpId, Shard, UserId};
use crate::limits::{CONTACTS_MAX, CS_ASKS_MAX, LINKS_MAX};
use crate::machine::{Deadline, Machine};
use crate::measure::Queues;
use crate::outbox::Outbox;
use crate::setup::Setup;
use crate::ticket::Purpose;
use crate::time::{Timestamp, Wall, WallClock};
use crate::topology::Moved;
use crate::wire::body::cs::{FromCs, Mixer, Ring};
use crate::wire::body::link::FromGate;
use crate::wire::tail::Tail;

/// Everything that comes into a CS.
#[derive(Debug)]
pub enum Input {
    /// From another machine.
    Tell(Envelope<ToCs>),
    /// Another node came or went.
    Peer(Peer),
    /// A reading of the wall clock.
    Wall(Wall),
}

/// Everything a CS may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// To another machine.
    Tell(Post),
}

/// When a lost or late answer may be asked for again.
const RETRY_MS: u32 = 200;
/// When a full CS may have room.
const FULL_MS: u32 = 1_000;

/// The Connection Server of one node.
#[derive(Debug)]
pub struct Cs {
    setup: Setup,
    sessions: Sessions,
    friends: Friends,
    asks: Asks,
    said: Said,
    out: Outbox<Output>,
}

/// How a session ends, as its home is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The device lingers.
    Lost,
    /// The home knows already, or another session takes its place.
    Silent,
}

impl Cs {
    /// The CS of a node that starts.
    #[must_use]
    pub fn new(setup: Setup, now: Timestamp) -> Self {
        let seed = setup.rng("cs").next_u64();
        Self {
            setup,
            sessions: Sessions::new(seed),
            friends: Friends::new(seed),
            asks: Asks::default(),
            said: Said::new(now),
            out: Outbox::default(),
        }
    }

    /// How many sessions there are.
    #[must_use]
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// How many friends are watched.
    #[must_use]
    pub fn friend_count(&self) -> usize {
        self.friends.len()
    }

    /// Its queues.
    pub fn queues(&self, queues: &mut Queues) {
        let sessions = || self.sessions.iter().map(|(_, session)| session);
        queues.add("cs sessions", self.sessions.len(), LINKS_MAX);
        let asks = sessions().map(|session| usize::from(session.asks));
        queues.longest("cs asks of a session", asks, usize::from(CS_ASKS_MAX));
        let watched = sessions().map(|session| session.watched.len());
        queues.longest("cs watches of a session", watched, CONTACTS_MAX);
        self.asks.queues(queues);
    }

    fn on_client(&mut self, flow: Flow, tell: ToService, now: Timestamp) {
        match tell {
            ToService::Opened { port, request, ticket } => {
                if let Err(refusal) = self.on_opened(flow, port, request, &ticket, now) {
                    self.post_gate(flow, port, ToGate::Refuse { port, request, refusal });
                }
            }
            ToService::Frame { port, kind, request, body } => {
                let Some(key) = self.sessions.of_port(port) else { return };
                if let Err(refusal) = self.on_frame(key, flow, request, (kind, &body), now) {
                    self.refuse(key, flow, request, refusal);
                }
            }
            ToService::Closed { port, detached: _ } => {
                if let Some(key) = self.sessions.of_port(port) {
                    self.end(key, End::Lost);
                }
            }
        }
    }

    fn on_opened(
        &mut self,
        flow: Flow,
        port: Port,
        request: u32,
        ticket: &[u8],
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let wall = self.setup.wall.at(now);
        let claims = self.setup.keys.open_session(Purpose::Cs, ticket, wall);
        let claims = claims.map_err(|_| Refusal::of(Code::BadTicket))?;
        if self.sessions.len() >= LINKS_MAX {
            return Err(Refusal::later(Code::Busy, FULL_MS));
        }
        if let Some(stale) = self.sessions.of_port(port) {
            self.end(stale, End::Lost);
        }
        // A device that comes back while its old link still hangs here.
        let replaced = self.sessions.of_device(claims.user, claims.endpoint);
        let registered = replaced.and_then(|old| self.replace(old, port));
        let device = (claims.endpoint, claims.sign_in);
        let key = self.sessions.insert(port, claims.user, device, now);
        if let Some(session) = self.sessions.get_mut(key) {
            session.registered = registered;
        }
        let who = Some(claims.who);
        self.post_gate(flow, port, ToGate::Accept { port, request, who });
        Ok(())
    }

    /// Closes a session that another of the same device takes the place of; what the home knows the
    /// device under.
    fn replace(&mut self, old: OpId, by: Port) -> Option<OpId> {
        let session = self.sessions.get(old)?;
        let (port, registered) = (session.port, session.registered);
        let tell = if (port.node, port.link) == (by.node, by.link) {
            ToGate::Refuse { port, request: 0, refusal: Refusal::of(Code::Superseded) }
        } else {
            ToGate::Close { port, reason: CloseReason::Superseded }
        };
        self.post_gate(Flow::default(), port, tell);
        self.end(old, End::Silent);
        registered
    }

    /// Ends a session and the watches that were only its own.
    fn end(&mut self, key: OpId, end: End) {
        let Some(user) = self.sessions.user_of(key) else { return };
        let Some(session) = self.sessions.remove(key) else { return };
        if let Some(registered) = session.registered.filter(|_| end == End::Lost) {
            let endpoint = session.endpoint;
            let lost = cs_ps::ToPs::Lost { user, endpoint, session: registered };
            self.post_home(Flow::default(), user, lost);
        }
        for friend in session.watched {
            self.part(friend, session.person, user);
        }
        self.sessions.drop_idle(session.person);
    }

    /// Ends a watch unless another session of the person keeps it.
    fn part(&mut self, friend: u32, person: u32, watcher: UserId) {
        if self.sessions.watching(person, friend).next().is_some() {
            return;
        }
        if let Some(friend) = self.friends.part(friend, person) {
            let unwatch = cs_ps::ToPs::Unwatch { friend, watcher };
            self.post_home(Flow::default(), friend, unwatch);
        }
    }

    fn on_book(&mut self, op: OpId, tell: cs_book::ToCs, now: Timestamp) {
        let Some(asked) = self.asks.take(op) else { return };
        let cs_book::ToCs::MayContact { outcome } = tell;
        let (Ask::MayContact(peer), Ok(pact)) = (asked.ask, outcome) else {
            return self.answered(asked, outcome.err());
        };
        let Some(session) = self.sessions.get(asked.session) else { return };
        let endpoint = session.endpoint;
        let Some(user) = self.sessions.user_of(asked.session) else { return };
        let conversation = ConversationId::one_to_one(user, peer);
        let shard = Shard::of_conversation(conversation);
        let (node, ask) = (self.setup.topology.owner(shard), Ask::Seat(conversation));
        let op = self.asks.insert(Asked { node, shard, ask, ..asked }, now);
        let seat = cs_mixer::ToMixer::Seat { conversation, user, endpoint, peer, pact };
        self.post(Post::mixer(asked.flow, conversation, seat).with_op(Some(op)));
    }

    fn on_mixer(&mut self, flow: Flow, op: Option<OpId>, tell: cs_mixer::ToCs) {
        match tell {
            cs_mixer::ToCs::Seated { outcome } => {
                let Some(asked) = op.and_then(|op| self.asks.take(op)) else { return };
                match (asked.ask, outcome) {
                    (Ask::Seat(conversation), Ok(grant)) => {
                        let word = FromCs::Mixer(Mixer { conversation, grant });
                        self.answer(asked.session, asked.flow, asked.request, &word);
                        self.release(asked.session);
                    }
                    (_, outcome) => self.answered(asked, outcome.err()),
                }
            }
            cs_mixer::ToCs::Ring { user, endpoint, conversation, from, head, grant } => {
                let Some(key) = self.sessions.of_device(user, endpoint) else { return };
                let ring = FromCs::Ring(Ring { conversation, from, head, grant: *grant });
                self.answer(key, flow, 0, &ring);
            }
        }
    }

    /// Tells the asker that its request is refused, or lost where no refusal is named.
    fn answered(&mut self, asked: Asked, refusal: Option<Refusal>) {
        let refusal = refusal.unwrap_or(Refusal::later(Code::Retry, RETRY_MS));
        self.refuse(asked.session, asked.flow, asked.request, refusal);
        self.release(asked.session);
    }

    /// A session has one request less that waits.
    fn release(&mut self, session: OpId) {
        if let Some(session) = self.sessions.get_mut(session) {
            session.asks -= 1;
        }
    }

    /// Tells homes that hold nothing of it what is here.
    fn tell_again(&mut self, is_anew: impl Fn(Shard) -> bool, now: Timestamp) {
        let flow = Flow::default();
        let mut tells = alloc::vec::Vec::new();
        for (key, session) in self.sessions.iter() {
            let Some(person) = self.sessions.person(session.person) else { continue };
            let Some(status) = session.status.filter(|_| is_anew(person.shard)) else { continue };
            let (user, endpoint, sign_in) = (person.user, session.endpoint, session.sign_in);
            let (session, ago_ms) = (key, Some(now.since(session.chosen)));
            tells.push((user, cs_ps::ToPs::Arrive { user, endpoint, session, sign_in }));
            let publish = cs_ps::ToPs::Publish { user, endpoint, session, status, ago_ms };
            tells.push((user, publish));
        }
        for (friend, person, number) in self.friends.ask_again(is_anew) {
            let Some(person) = self.sessions.person(person) else { continue };
            tells.push((friend, cs_ps::ToPs::Watch { friend, watcher: person.user, number }));
        }
        for (user, tell) in tells {
            self.post_home(flow, user, tell);
        }
    }

    fn on_lost(&mut self, node: NodeId) {
        for asked in self.asks.lost(|asked| asked.node == node) {
            self.answered(asked, None);
        }
    }

    /// A new owner knows nothing of what its predecessor was told. What is shown stays until it says
    /// otherwise (PROTOCOL §9.5).
    fn on_moved(&mut self, moved: &Moved, now: Timestamp) {
        self.setup.topology.apply(moved);
        for asked in self.asks.lost(|asked| moved.has(asked.shard)) {
            self.answered(asked, None);
        }
        self.tell_again(|shard| moved.has(shard), now);
    }

    fn post(&mut self, post: Post) {
        self.out.push(Output::Tell(post));
    }

    fn post_home(&mut self, flow: Flow, user: UserId, tell: impl Into<Tell>) {
        self.post(Post::home(flow, user, tell));
    }

    fn post_gate(&mut self, flow: Flow, port: Port, tell: ToGate) {
        self.post(Post::node(flow, port.node, tell));
    }

    /// A word to one session: an answer where `request` is a number.
    fn answer(&mut self, key: OpId, flow: Flow, request: u32, word: &FromCs) {
        let body = word.encode(&Tail::of_flow(flow));
        self.frame(key, flow, request, word.kind(), body);
    }

    fn refuse(&mut self, key: OpId, flow: Flow, request: u32, refusal: Refusal) {
        if request != 0 {
            let word = FromGate::Refused(refusal);
            let body = word.encode(&Tail::of_flow(flow));
            self.frame(key, flow, request, word.kind(), body);
        }
    }

    fn frame(&mut self, key: OpId, flow: Flow, request: u32, kind: u16, body: Bytes) {
        let Some(session) = self.sessions.get(key) else { return };
        let (port, lane) = (session.port, Lane::Control);
        let frame = ToGate::Frame { port, lane, kind, request, more: false, body };
        self.post_gate(flow, port, frame);
    }
}

impl Machine for Cs {
    type Input<'a> = Input;
    type Output = Output;

    fn handle_input(&mut self, input: Input, now: Timestamp) {
        match input {
            Input::Tell(Envelope { flow, from: _, op, tell }) => match tell {
                ToCs::Client(tell) => self.on_client(flow, tell, now),
                ToCs::Ps(tell) => self.on_ps(flow, op, tell),
                ToCs::Book(tell) => {
                    if let Some(op) = op {
                        self.on_book(op, tell, now);
                    }
                }
                ToCs::Mixer(tell) => self.on_mixer(flow, op, tell),
            },
            Input::Peer(Peer::Up(node)) => {
                let topology = self.setup.topology.clone();
                self.tell_again(|shard| topology.owns(node, shard), now);
            }
            Input::Peer(Peer::Lost(node)) => self.on_lost(node),
            Input::Peer(Peer::Moved(moved)) => self.on_moved(&moved, now),
            Input::Wall(wall) => self.setup.wall = WallClock::new(wall, now),
        }
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.said.tick(now);
        while let Some(asked) = self.asks.overdue(now) {
            self.answered(asked, None);
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.out.pop()
    }

    fn poll_timeout(&self) -> Option<Deadline> {
        self.asks.next()
    }
}
