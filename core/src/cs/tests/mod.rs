//! A CS on node 0 of two; clients, homes and mixers are played by the tests.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test names only what it looks for")]

mod moves;
mod sessions;
mod watches;

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Cs, Input, Output};
use crate::edge::cs_ps;
use crate::edge::gate_service::{Port, ToGate, ToService, Who};
use crate::edge::{Address, Envelope, Post, Role, Tell, ToCs as CsTell, ToGate as GateTell, ToPs};
use crate::error::Refusal;
use crate::id::{
    Channel, EndpointId, Epoch, Flow, Incarnation, LinkId, NodeId, OpId, Shard, UserId,
};
use crate::machine::Machine;
use crate::model::presence::{Presence, Status};
use crate::setup::Setup;
use crate::ticket::{Keys, Purpose, SessionClaims};
use crate::time::{Timestamp, Wall, WallClock};
use crate::topology::Topology;
use crate::wire::body::cs::{FromCs, SetStatus, ToCs, Watch};
use crate::wire::body::link::FromGate;
use crate::wire::bounded::{List, Text};
use crate::wire::record::Record;
use crate::wire::tail::Tail;

pub(super) const T0: Timestamp = Timestamp(1_000_000);
pub(super) const WALL: Wall = Wall(1_700_000_000_000);
pub(super) const FLOW: Flow = Flow { id: 6, hop: 5 };
pub(super) const PHONE: EndpointId = EndpointId([1; 16]);
pub(super) const SIGN_IN: u64 = 41;
pub(super) const TABLET: EndpointId = EndpointId([2; 16]);

pub(super) fn setup() -> Setup {
    Setup {
        node: NodeId(0),
        incarnation: Incarnation(1),
        fence: 1,
        topology: Topology::even(2),
        keys: Arc::new(Keys::new(vec![(1, [3; 32])])),
        seed: [9; 32],
        wall: WallClock::new(WALL, T0),
        versions: crate::wire::hello::Versions::default(),
        trace: true,
    }
}

/// The n-th person whose home is on a node.
pub(super) fn user_at(node: u16, n: u16) -> UserId {
    let ids = (0u16..).map(|n| {
        let [a, b] = n.to_be_bytes();
        let mut id = [0; 16];
        id[..2].copy_from_slice(&[a, b]);
        UserId(id)
    });
    let home = |user: &UserId| Topology::even(2).owner(Shard::of_user(*user)) == NodeId(node);
    ids.filter(home).nth(usize::from(n)).unwrap()
}

pub(super) fn port(link: u64) -> Port {
    Port { node: NodeId(0), link: LinkId(link), channel: Channel(1) }
}

/// What a client was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Cs(u32, FromCs),
    Refused(u32, Refusal),
    Told(ToGate),
}

pub(super) struct Bench {
    pub(super) cs: Cs,
    pub(super) now: Timestamp,
    pub(super) out: Vec<Post>,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self { cs: Cs::new(setup(), T0), now: T0, out: Vec::new() }
    }

    pub(super) fn input(&mut self, input: Input) {
        self.cs.handle_input(input, self.now);
        while let Some(Output::Tell(post)) = self.cs.poll_output() {
            self.out.push(post);
        }
    }

    pub(super) fn tell(&mut self, from: Role, op: Option<OpId>, tell: impl Into<CsTell>) {
        let from = Address { role: from, node: NodeId(0) };
        let envelope = Envelope { flow: FLOW, from, op, tell: tell.into() };
        self.input(Input::Tell(envelope));
    }

    pub(super) fn open(&mut self, port: Port, user: UserId, endpoint: EndpointId) {
        let who = Who { name: "alice".into(), number: 1 };
        let claims = SessionClaims { user, endpoint, who, sign_in: SIGN_IN, expires: WALL };
        let keys = setup().keys;
        let ticket = keys.seal(Purpose::Cs, &claims, &mut setup().rng("test"));
        self.tell(Role::Gate, None, ToService::Opened { port, request: 3, ticket });
    }

    /// A session, accepted.
    pub(super) fn session(&mut self, link: u64, user: UserId, endpoint: EndpointId) {
        self.open(port(link), user, endpoint);
        let accepted = self.out.iter().any(|post| {
            let accept = |tell: &ToGate| matches!(tell, ToGate::Accept { request: 3, .. });
            matches!(&post.tell, Tell::Gate(GateTell::Service(tell)) if accept(tell))
        });
        assert!(accepted);
    }

    pub(super) fn say(&mut self, link: u64, request: u32, word: &ToCs) {
        let body = word.encode(&Tail::default());
        let (port, kind) = (port(link), word.kind());
        self.tell(Role::Gate, None, ToService::Frame { port, kind, request, body });
    }

    pub(super) fn watch(&mut self, link: u64, users: &[UserId]) {
        let users = List::new(users.to_vec()).unwrap();
        self.say(link, 0, &ToCs::Watch(Watch { users }));
    }

    pub(super) fn status(&mut self, link: u64, status: Status) {
        self.say(link, 8, &ToCs::SetStatus(SetStatus { status }));
    }

    pub(super) fn closed(&mut self, link: u64) {
        self.tell(Role::Gate, None, ToService::Closed { port: port(link), detached: false });
    }

    pub(super) fn ps(&mut self, tell: cs_ps::ToCs) {
        self.tell(Role::Ps, None, tell);
    }

    /// What homes were told since the last look.
    pub(super) fn homes(&mut self) -> Vec<cs_ps::ToPs> {
        let posts = core::mem::take(&mut self.out);
        let (homes, rest) = posts.into_iter().partition(|p| matches!(p.tell, Tell::Ps(_)));
        self.out = rest;
        let homes: Vec<Post> = homes;
        homes
            .into_iter()
            .filter_map(|post| match post.tell {
                Tell::Ps(ToPs::Cs(tell)) => Some(tell),
                _ => None,
            })
            .collect()
    }

    /// What the gates were told since the last look, by link.
    pub(super) fn said(&mut self) -> Vec<(u64, Said)> {
        let posts = core::mem::take(&mut self.out);
        posts.into_iter().filter_map(said).collect()
    }

    /// The presence each link was shown since the last look.
    pub(super) fn shown(&mut self) -> Vec<(u64, UserId, Status)> {
        self.said()
            .into_iter()
            .filter_map(|(link, said)| match said {
                Said::Cs(0, FromCs::Presence(p)) => Some((link, p.user, p.presence.value.status)),
                _ => None,
            })
            .collect()
    }
}

fn said(post: Post) -> Option<(u64, Said)> {
    let Tell::Gate(GateTell::Service(tell)) = post.tell else { return None };
    Some(match tell {
        ToGate::Frame { port, kind, request, body, .. } => {
            let link = port.link.0;
            if let Some((word, _)) = FromCs::decode(kind, &body).unwrap() {
                return Some((link, Said::Cs(request, word)));
            }
            match FromGate::decode(kind, &body).unwrap().unwrap().0 {
                FromGate::Refused(refusal) => (link, Said::Refused(request, refusal)),
                other => panic!("{other:?}"),
            }
        }
        ToGate::Accept { port, .. }
        | ToGate::Refuse { port, .. }
        | ToGate::SignedIn { port, .. }
        | ToGate::Close { port, .. } => (port.link.0, Said::Told(tell)),
    })
}

pub(super) fn presence(status: Status) -> Record<Presence> {
    let name = Text::new("Bob").unwrap();
    Record::from(Presence { status, name, message: Text::default() })
}

/// The numbers of watches among what a home was told.
pub(super) fn numbers(homes: &[cs_ps::ToPs]) -> Vec<u32> {
    homes
        .iter()
        .filter_map(|tell| match tell {
            cs_ps::ToPs::Watch { number, .. } => Some(*number),
            _ => None,
        })
        .collect()
}

pub(super) fn empty() -> Bytes {
    Bytes::new()
}

pub(super) const fn epoch(n: u32) -> Epoch {
    Epoch::new(0, n)
}
