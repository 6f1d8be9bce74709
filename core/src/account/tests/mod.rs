//! Clients and an operator against account, with a store of rows and hashes that the tests decide.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test names only what it looks for")]

mod moves;
mod operator;
mod signing;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Account, Input, Output};
use crate::edge::gate_service::{FromOrigin, Port, ToGate, ToService};
use crate::edge::{Address, Envelope, Role, Tell, ToAccount, ToGate as GateTell};
use crate::error::{Code, Refusal};
use crate::id::{Channel, EndpointId, Flow, Incarnation, LinkId, NodeId, OpId, UserId};
use crate::machine::Machine;
use crate::operator::AdminSecret;
use crate::operator::{AdminReply, AdminRequest};
use crate::origin::Origin;
use crate::password::{HashReply, HashRequest};
use crate::redact::Pii;
use crate::setup::Setup;
use crate::store::{Key, Reply, Request, Row, Write};
use crate::ticket::Keys;
use crate::time::{Timestamp, Wall, WallClock};
use crate::topology::Topology;
use crate::wire::body::account as body;
use crate::wire::body::link::FromGate;
use crate::wire::bounded::{Blob, Text};
use crate::wire::tail::Tail;

pub(super) const T0: Timestamp = Timestamp(1_000_000);
pub(super) const WALL: Wall = Wall(1_700_000_000_000);
pub(super) const PHONE: EndpointId = EndpointId([1; 16]);
pub(super) const TABLET: EndpointId = EndpointId([2; 16]);

/// What came of a client's request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    In(body::SignedIn),
    Out,
    Refused(Refusal),
}

pub(super) struct Bench {
    pub(super) account: Account,
    pub(super) rows: BTreeMap<Key, (Bytes, u64)>,
    pub(super) revision: u64,
    pub(super) now: Timestamp,
    /// Where clients come from.
    pub(super) origin: Origin,
    /// Replies to the next writes instead of writing.
    pub(super) faults: Vec<Reply>,
    /// Hashes asked for, in order: whether with a stored string.
    pub(super) hashed: Vec<bool>,
    /// What went out beside store and hash.
    pub(super) out: Vec<Output>,
}

impl Bench {
    pub(super) fn new() -> Self {
        let setup = setup();
        let mut rows = BTreeMap::new();
        rows.insert(Key::incarnation(NodeId(0)), (Bytes::new(), setup.fence));
        let account = Account::new(setup, T0);
        let (faults, hashed, out) = (Vec::new(), Vec::new(), Vec::new());
        let origin = Origin::of("192.0.2.1");
        Self { account, rows, revision: 10, now: T0, origin, faults, hashed, out }
    }

    /// With alice, whose password is `secret`.
    pub(super) fn with_alice() -> Self {
        let mut bench = Self::new();
        assert!(matches!(bench.add("alice"), AdminReply::Added(_)));
        bench
    }

    pub(super) fn add(&mut self, name: &str) -> AdminReply {
        let secret = AdminSecret::Password(Pii("secret".into()));
        self.admin(AdminRequest::AddUser { name: name.into(), secret })
    }

    pub(super) fn admin(&mut self, request: AdminRequest) -> AdminReply {
        self.account.handle_input(Input::Admin { op: 5, request }, self.now);
        self.run();
        let reply = self.out.iter().find_map(|output| match output {
            Output::Admin { op: 5, reply } => Some(reply.clone()),
            _ => None,
        });
        self.out.retain(|output| matches!(output, Output::Tell(_)));
        reply.unwrap()
    }

    /// Answers store and hash until nothing is asked.
    pub(super) fn run(&mut self) {
        while let Some(output) = self.account.poll_output() {
            match output {
                Output::Store { op, request } => {
                    let reply = self.answer(request);
                    self.account.handle_input(Input::Stored { op, reply }, self.now);
                }
                Output::Hash { op, request } => self.hash(op, request),
                other => self.out.push(other),
            }
        }
    }

    pub(super) fn hash(&mut self, op: OpId, request: HashRequest) {
        let made = |password: &str| alloc::format!("$phc${password}");
        let reply = match request {
            HashRequest::Make { password } => HashReply::Made(Pii(made(&password.0))),
            HashRequest::Verify { password, phc } => {
                self.hashed.push(phc.is_some());
                HashReply::Verified(phc.is_some_and(|phc| phc.0 == made(&password.0)))
            }
        };
        self.account.handle_input(Input::Hashed { op, reply }, self.now);
    }

    fn answer(&mut self, request: Request) -> Reply {
        match request {
            Request::Read(key) => match self.rows.get(&key) {
                Some((value, revision)) => {
                    Reply::Found { value: value.clone(), revision: *revision }
                }
                None => Reply::Absent,
            },
            Request::Scan { space, prefix, .. } => {
                let all = self.rows.iter();
                let under = |key: &Key| key.space == space && key.parts.starts_with(&prefix);
                let rows = all.filter(|(key, _)| under(key)).map(|(key, (value, revision))| Row {
                    key: key.clone(),
                    value: value.clone(),
                    revision: *revision,
                });
                Reply::Page { rows: rows.collect(), more: false }
            }
            Request::Write(write) if self.faults.is_empty() => self.write(write),
            Request::Write(_) => self.faults.remove(0),
            other => panic!("account does not ask {other:?}"),
        }
    }

    pub(super) fn write(&mut self, write: Write) -> Reply {
        let holds = |check: &crate::store::Check| {
            self.rows.get(&check.key).map(|(_, revision)| *revision) == check.revision
        };
        assert!(write.checks.iter().any(|check| check.key == Key::incarnation(NodeId(0))));
        if !write.checks.iter().all(holds) {
            return Reply::Conflict;
        }
        self.revision += 1;
        for (key, value) in write.puts {
            self.rows.insert(key, (value, self.revision));
        }
        for key in write.deletes {
            self.rows.remove(&key);
        }
        Reply::Written { revision: self.revision }
    }

    pub(super) fn tell(&mut self, tell: ToService) {
        let from = Address { role: Role::Gate, node: NodeId(0) };
        let tell = ToAccount::Client(FromOrigin { origin: self.origin, tell });
        let envelope = Envelope { flow: Flow { id: 4, hop: 2 }, from, op: None, tell };
        self.account.handle_input(Input::Tell(envelope), self.now);
    }

    pub(super) fn say(&mut self, word: &body::ToAccount) {
        let body = word.encode(&Tail::default());
        self.tell(ToService::Frame { port: port(), kind: word.kind(), request: 9, body });
    }

    /// One request and what came of it.
    pub(super) fn ask(&mut self, word: &body::ToAccount) -> Outcome {
        self.say(word);
        self.run();
        self.outcome()
    }

    pub(super) fn outcome(&mut self) -> Outcome {
        let mut outcomes: Vec<Outcome> =
            core::mem::take(&mut self.out).into_iter().filter_map(outcome).collect();
        assert_eq!(outcomes.len(), 1, "exactly one answer");
        outcomes.remove(0)
    }

    pub(super) fn sign_in(&mut self, name: &str, password: &str, endpoint: EndpointId) -> Outcome {
        self.ask(&sign_in(name, password, endpoint))
    }

    pub(super) fn resume(&mut self, signed: &body::SignedIn) -> Outcome {
        let refresh = signed.refresh.clone();
        self.ask(&body::ToAccount::Resume(body::Resume { refresh }))
    }

    /// Signs alice in on a device.
    pub(super) fn alice(&mut self, endpoint: EndpointId) -> body::SignedIn {
        self.sign_in("alice", "secret", endpoint).signed_in()
    }

    pub(super) fn has_endpoint(&self, endpoint: EndpointId) -> bool {
        self.rows.contains_key(&Key::endpoint("alice", endpoint))
    }
}

impl Outcome {
    pub(super) fn signed_in(self) -> body::SignedIn {
        match self {
            Self::In(signed) => signed,
            other => panic!("{other:?}"),
        }
    }
}

pub(super) fn setup() -> Setup {
    Setup {
        node: NodeId(0),
        incarnation: Incarnation(1),
        fence: 3,
        topology: Topology::even(1),
        keys: keys(),
        seed: [9; 32],
        wall: WallClock::new(WALL, T0),
        versions: crate::wire::hello::Versions::default(),
        trace: true,
    }
}

pub(super) fn keys() -> Arc<Keys> {
    Arc::new(Keys::new(vec![(1, [3; 32]), (2, [4; 32])]))
}

pub(super) fn port() -> Port {
    Port { node: NodeId(1), link: LinkId(7), channel: Channel(1) }
}

pub(super) fn sign_in(name: &str, password: &str, endpoint: EndpointId) -> body::ToAccount {
    let (name, password) = (Text::new(name).unwrap(), Text::new(password).unwrap());
    body::ToAccount::SignIn(body::SignIn { name, password, endpoint })
}

pub(super) fn refused(code: Code) -> Outcome {
    Outcome::Refused(Refusal::of(code))
}

fn outcome(output: Output) -> Option<Outcome> {
    let Output::Tell(post) = output else { return None };
    let Tell::Gate(GateTell::Service(ToGate::Frame { kind, request, body, .. })) = post.tell else {
        return None;
    };
    assert_eq!((post.flow, request), (Flow { id: 4, hop: 2 }, 9));
    if let Some((word, tail)) = body::FromAccount::decode(kind, &body).unwrap() {
        assert_eq!(tail.flow(), post.flow);
        return Some(match word {
            body::FromAccount::SignedIn(signed) => Outcome::In(signed),
            body::FromAccount::SignedOut(_) => Outcome::Out,
        });
    }
    match FromGate::decode(kind, &body).unwrap().unwrap().0 {
        FromGate::Refused(refusal) => Some(Outcome::Refused(refusal)),
        other => panic!("{other:?}"),
    }
}

pub(super) fn blob(bytes: &[u8]) -> Blob<512> {
    Blob::new(Bytes::copy_from_slice(bytes)).unwrap()
}

pub(super) fn name(text: &str) -> String {
    text.into()
}

pub(super) fn user(reply: &AdminReply) -> UserId {
    match reply {
        AdminReply::Added(user) => *user,
        other => panic!("{other:?}"),
    }
}
