//! The clients attached to a service of a home: their ports, by person (PROTOCOL §4.3, §4.4).
//!
//! Invariant: a port stands here from its `Accept` until it is closed, refused or its node is lost.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::edge::Post;
use crate::edge::gate_service::{Lane, Port, ToGate, Who};
use crate::error::{Code, Refusal};
use crate::id::{Flow, NodeId, OpId, Shard, UserId};
use crate::index::{Index, Slab};
use crate::limits::HOME_PORTS_MAX;
use crate::setup::Setup;
use crate::ticket::Purpose;
use crate::time::Wall;
use crate::topology::Moved;
use crate::wire::body::link::FromGate;
use crate::wire::tail::Tail;

/// A client that asks: where its answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The client's channel.
    pub port: Port,
    /// The number to answer under; 0: none asked.
    pub request: u32,
    /// The act asked for.
    pub flow: Flow,
}

impl Asker {
    /// An answer.
    #[must_use]
    pub fn answer(&self, kind: u16, more: bool, body: Bytes) -> Post {
        frame(self.flow, self.port, kind, self.request, more, body)
    }

    /// A refusal; `None` where no answer was asked for.
    #[must_use]
    pub fn refused(&self, refusal: Refusal) -> Option<Post> {
        let frame = FromGate::Refused(refusal);
        let body = frame.encode(&Tail::of_flow(self.flow));
        (self.request != 0).then(|| self.answer(frame.kind(), false, body))
    }
}

/// What clients of a range that is another node's are told: its owner is soon known everywhere.
#[must_use]
pub fn moved_refusal() -> Refusal {
    Refusal::later(Code::Retry, MOVED_MS)
}

/// When a channel to a home that has moved may be attached again.
const MOVED_MS: u32 = 200;

/// A frame that nobody asked for.
#[must_use]
pub fn event(flow: Flow, port: Port, kind: u16, body: Bytes) -> Post {
    frame(flow, port, kind, 0, false, body)
}

fn frame(flow: Flow, port: Port, kind: u16, request: u32, more: bool, body: Bytes) -> Post {
    let lane = Lane::Control;
    Post::node(flow, port.node, ToGate::Frame { port, lane, kind, request, more, body })
}

/// A client behind a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its channel.
    pub port: Port,
    /// The person.
    pub user: UserId,
    /// Of their home.
    pub shard: Shard,
    /// Their account's name and the device's number.
    pub who: Who,
}

/// All ports of one service.
#[derive(Debug)]
pub struct Attached {
    sessions: Slab<Session>,
    by_port: Index<Port>,
    /// Per person, the slots of their sessions, oldest first.
    people: Slab<Vec<u32>>,
    by_user: Index<UserId>,
}

impl Attached {
    /// Nobody; `seed` keys its tables.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            sessions: Slab::default(),
            by_port: Index::new(seed),
            people: Slab::default(),
            by_user: Index::new(seed),
        }
    }

    /// A client attaches with a ticket: what to tell its gate, the accepting or refusing last.
    pub fn handle_opened(
        &mut self,
        setup: &Setup,
        purpose: Purpose,
        asker: &Asker,
        ticket: &[u8],
        wall: Wall,
    ) -> Vec<Post> {
        let Asker { port, request, flow } = *asker;
        let claims = setup.keys.open_session(purpose, ticket, wall);
        let claims = claims.map_err(|_| Refusal::of(Code::BadTicket)).and_then(|claims| {
            // The gate does not know yet that the home has moved, or this node does not.
            let is_here = setup.owns(Shard::of_user(claims.user));
            is_here.then_some(claims).ok_or_else(moved_refusal)
        });
        let claims = match claims {
            Ok(claims) => claims,
            Err(refusal) => {
                let refuse = ToGate::Refuse { port, request, refusal };
                return alloc::vec![Post::node(flow, port.node, refuse)];
            }
        };
        let mut posts = Vec::new();
        let (user, shard) = (claims.user, Shard::of_user(claims.user));
        let session = Session { port, user, shard, who: claims.who.clone() };
        if let Some(port) = self.insert(session) {
            let refusal = Refusal::of(Code::LimitReached);
            let refuse = ToGate::Refuse { port, request: 0, refusal };
            posts.push(Post::node(flow, port.node, refuse));
        }
        let accept = ToGate::Accept { port, request, who: Some(claims.who) };
        posts.push(Post::node(flow, port.node, accept));
        posts
    }

    /// A port is gone.
    pub fn handle_closed(&mut self, port: Port) {
        if let Some(slot) = self.by_port.get(&port) {
            self.remove(slot);
        }
    }

    /// A gate's node is gone with all its ports.
    pub fn handle_lost(&mut self, node: NodeId) {
        let lost: Vec<OpId> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.port.node == node)
            .map(|(key, _)| key)
            .collect();
        for key in lost {
            self.remove(key.slot);
        }
    }

    /// A range is another node's: the ports of its people are closed, which also ends all that was asked
    /// on them (PROTOCOL §9.5).
    pub fn handle_moved(&mut self, moved: &Moved) -> Vec<Post> {
        let gone = self.sessions.iter().filter(|(_, session)| moved.has(session.shard));
        let gone: Vec<(OpId, Port)> = gone.map(|(key, session)| (key, session.port)).collect();
        let close = |(key, port): (OpId, Port)| {
            self.remove(key.slot);
            let refuse = ToGate::Refuse { port, request: 0, refusal: moved_refusal() };
            Post::node(Flow::default(), port.node, refuse)
        };
        gone.into_iter().map(close).collect()
    }

    /// Who is behind a port.
    #[must_use]
    pub fn session(&self, port: Port) -> Option<&Session> {
        self.sessions.at(self.by_port.get(&port)?)
    }

    /// The ports of a person, oldest first.
    pub fn ports(&self, user: UserId) -> impl Iterator<Item = Port> {
        let slots = self.by_user.get(&user).and_then(|slot| self.people.at(slot));
        let slots = slots.map(Vec::as_slice).unwrap_or_default();
        slots.iter().filter_map(|slot| self.sessions.at(*slot)).map(|session| session.port)
    }

    /// Whether there is no port.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Adds a session; the port that had to give way, if the person has too many.
    fn insert(&mut self, session: Session) -> Option<Port> {
        let (port, user) = (session.port, session.user);
        self.handle_closed(port);
        let full = self.ports(user).count() >= HOME_PORTS_MAX;
        let oldest = if full { self.ports(user).next() } else { None };
        if let Some(oldest) = oldest {
            self.handle_closed(oldest);
        }
        let key = self.sessions.insert(session);
        self.by_port.insert(port, key.slot);
        let person = self.by_user.get(&user);
        let person = person.unwrap_or_else(|| {
            let made = self.people.insert(Vec::new()).slot;
            self.by_user.insert(user, made);
            made
        });
        self.people.at_mut(person).expect("the index names people").push(key.slot);
        oldest
    }

    fn remove(&mut self, slot: u32) {
        let key = self.sessions.key_at(slot).expect("the index names sessions");
        let session = self.sessions.remove(key).expect("the key was just taken");
        self.by_port.remove(&session.port);
        let person = self.by_user.get(&session.user).expect("a session has its person");
        let slots = self.people.at_mut(person).expect("the index names people");
        slots.retain(|other| *other != slot);
        if slots.is_empty() {
            self.by_user.remove(&session.user);
            let key = self.people.key_at(person).expect("the index names people");
            self.people.remove(key);
        }
    }
}

#[cfg(test)]
#[path = "attached_test.rs"]
pub(crate) mod attached_test;
