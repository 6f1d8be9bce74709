//! One mixer over a store in memory; the test plays gates, CSs, homes and inboxes.

use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::edge::gate_service::{Port, ToGate, ToService};
use crate::edge::{
    self, Address, Envelope, Post, Role, Tell, ToMixer, cs_mixer, intent, mixer_inbox,
};
use crate::error::Refusal;
use crate::id::{
    Channel, ConversationId, EndpointId, Flow, Incarnation, LinkId, NodeId, OpId, Shard, UserId,
};
use crate::machine::Machine;
use crate::mixer::{Input, Mixer, Output};
use crate::setup::Setup;
use crate::store::{Key, Reply, Request, Write};
use crate::ticket::Keys;
use crate::time::{Timestamp, Wall, WallClock};
use crate::topology::Topology;
use crate::wire::body::account::Grant;
use crate::wire::body::link::FromGate;
use crate::wire::body::mixer::{self as body, FromMixer, SendId};
use crate::wire::tail::Tail;
use crate::world::MemoryStore;

pub(super) const ALICE: UserId = UserId([1; 16]);
pub(super) const BOB: UserId = UserId([2; 16]);
pub(super) const PHONE: EndpointId = EndpointId([11; 16]);
pub(super) const LAPTOP: EndpointId = EndpointId([12; 16]);

pub(super) fn talk() -> ConversationId {
    ConversationId::one_to_one(ALICE, BOB)
}

/// What a gate was told for a port.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Heard {
    Accepted,
    Closed(Refusal),
    Said(u32, FromMixer),
    Refused(u32, Refusal),
}

/// How the store does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Disk {
    Works,
    /// Requests wait in `held`.
    Holds,
}

pub(super) struct Stage {
    pub(super) mixer: Mixer,
    pub(super) store: MemoryStore,
    pub(super) now: Timestamp,
    pub(super) disk: Disk,
    pub(super) held: Vec<(OpId, Request)>,
    pub(super) heard: Vec<(Port, Heard)>,
    pub(super) posts: Vec<Post>,
    /// Every request the store got.
    pub(super) asked: Vec<Request>,
    /// Whether inboxes answer.
    pub(super) inboxes: bool,
    links: u64,
    requests: u32,
}

pub(super) fn setup(store: &mut MemoryStore, seed: u8) -> Setup {
    let node = NodeId(0);
    let key = Key::incarnation(node);
    let fence = match store.handle(&Request::Read(key)) {
        Reply::Found { revision, .. } => revision,
        _ => raise(store),
    };
    Setup {
        node,
        incarnation: Incarnation(1),
        fence,
        topology: Topology::even(1),
        keys: Arc::new(Keys::new(alloc::vec![(1, [7; 32])])),
        seed: [seed; 32],
        wall: WallClock::new(Wall(1_000_000), Timestamp(0)),
        versions: crate::wire::hello::Versions::default(),
        trace: true,
    }
}

/// Starts a later life of the node.
pub(super) fn raise(store: &mut MemoryStore) -> u64 {
    let puts = alloc::vec![(Key::incarnation(NodeId(0)), Bytes::from_static(&[1]))];
    match store.handle(&Request::Write(Write { puts, ..Write::default() })) {
        Reply::Written { revision } => revision,
        other => panic!("a write without checks is written: {other:?}"),
    }
}

pub(super) fn id(counter: u64) -> SendId {
    SendId { counter, tag: [counter as u8; 8] }
}

pub(super) fn envelope(op: Option<OpId>, tell: ToMixer) -> Input {
    let from = Address { role: Role::Cs, node: NodeId(0) };
    Input::Tell(Envelope { flow: Flow::default(), from, op, tell })
}

impl Stage {
    pub(super) fn new() -> Self {
        let mut store = MemoryStore::default();
        let setup = setup(&mut store, 1);
        Self::over(store, setup)
    }

    pub(super) fn over(store: MemoryStore, setup: Setup) -> Self {
        let now = Timestamp(10_000);
        let mut stage = Self {
            mixer: Mixer::new(setup, now),
            store,
            now,
            disk: Disk::Works,
            held: Vec::new(),
            heard: Vec::new(),
            posts: Vec::new(),
            asked: Vec::new(),
            inboxes: true,
            links: 0,
            requests: 0,
        };
        stage.drain();
        stage
    }

    /// The node starts again over the same store.
    pub(super) fn restart(mut self) -> Self {
        let setup = setup(&mut self.store, 2);
        Self::over(self.store, setup)
    }

    pub(super) fn input(&mut self, input: Input) {
        self.mixer.handle_input(input, self.now);
        self.drain();
    }

    pub(super) fn tell(&mut self, op: Option<OpId>, tell: impl Into<ToMixer>) {
        self.input(envelope(op, tell.into()));
    }

    /// Lets time pass, deadline by deadline.
    pub(super) fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(due) = self.mixer.poll_timeout().filter(|due| due.at <= end) {
            self.now = self.now.max(due.at);
            self.mixer.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    /// Answers the oldest held request of the store as it would.
    pub(super) fn release(&mut self) {
        let (op, request) = self.held.remove(0);
        let reply = self.store.handle(&request);
        self.input(Input::Stored { op, reply });
    }

    pub(super) fn release_all(&mut self) {
        self.disk = Disk::Works;
        while !self.held.is_empty() {
            self.release();
        }
    }

    /// Answers the oldest held request with something else.
    pub(super) fn reply(&mut self, reply: Reply) {
        let (op, _) = self.held.remove(0);
        self.input(Input::Stored { op, reply });
    }

    fn drain(&mut self) {
        while let Some(output) = self.mixer.poll_output() {
            match output {
                Output::Store { op, request } => {
                    self.asked.push(request.clone());
                    if self.disk == Disk::Holds {
                        self.held.push((op, request));
                    } else {
                        let reply = self.store.handle(&request);
                        self.mixer.handle_input(Input::Stored { op, reply }, self.now);
                    }
                }
                Output::Tell(post) => self.take(post),
            }
        }
    }

    fn take(&mut self, post: Post) {
        match &post.tell {
            Tell::Gate(edge::ToGate::Service(to_gate)) => self.heard.extend(heard(to_gate)),
            Tell::Inbox(edge::ToInbox::Mixer(tell)) if self.inboxes => {
                let mixer_inbox::ToInbox::Head { user, conversation, head, .. } = *tell;
                let outcome = Ok(());
                let tell = mixer_inbox::ToMixer::Written { user, conversation, head, outcome };
                self.posts.push(post.clone());
                let answer = envelope(post.op, tell.into());
                self.mixer.handle_input(answer, self.now);
            }
            _ => self.posts.push(post),
        }
    }

    pub(super) fn ask_seat(&mut self, user: UserId, endpoint: EndpointId, pact: u32) {
        let peer = if user == ALICE { BOB } else { ALICE };
        let conversation = talk();
        let seat = cs_mixer::ToMixer::Seat { conversation, user, endpoint, peer, pact };
        self.tell(Some(OpId { slot: 77, generation: 0 }), seat);
    }

    /// The last answer a CS got.
    pub(super) fn seated(&mut self) -> Option<Result<Grant, Refusal>> {
        let at = self.posts.iter().rposition(|post| {
            matches!(&post.tell, Tell::Cs(edge::ToCs::Mixer(cs_mixer::ToCs::Seated { .. })))
        })?;
        match self.posts.remove(at).tell {
            Tell::Cs(edge::ToCs::Mixer(cs_mixer::ToCs::Seated { outcome })) => Some(outcome),
            _ => None,
        }
    }

    pub(super) fn seat(&mut self, user: UserId, endpoint: EndpointId) -> Grant {
        self.ask_seat(user, endpoint, 1);
        self.seated().expect("a seat is answered").expect("friends get a seat")
    }

    pub(super) fn open(&mut self, grant: &Grant) -> Port {
        self.links += 1;
        let port = Port { node: NodeId(0), link: LinkId(self.links), channel: Channel(1) };
        let ticket = grant.ticket.clone();
        self.tell(None, ToService::Opened { port, request: 1, ticket });
        port
    }

    /// Seat, attach, join.
    pub(super) fn join(&mut self, user: UserId, endpoint: EndpointId) -> Port {
        let grant = self.seat(user, endpoint);
        let port = self.open(&grant);
        assert_eq!(self.hear(port), [Heard::Accepted]);
        self.say(port, &body::ToMixer::Join(body::Join {}));
        port
    }

    /// Says something under a new request number.
    pub(super) fn say(&mut self, port: Port, said: &body::ToMixer) -> u32 {
        self.requests += 1;
        let (kind, request) = (said.kind(), self.requests);
        let frame = ToService::Frame { port, kind, request, body: said.encode(&Tail::default()) };
        self.tell(None, frame);
        request
    }

    pub(super) fn send(&mut self, port: Port, counter: u64, after: Option<u64>) -> u32 {
        let content = body::Content::new(alloc::vec![b'x'; 3]).expect("short");
        let after = after.map(id);
        let send = body::Send { id: id(counter), after, content_type: 1, content };
        self.say(port, &body::ToMixer::Send(send))
    }

    /// What a port heard since it was last asked.
    pub(super) fn hear(&mut self, port: Port) -> Vec<Heard> {
        let (own, others) =
            self.heard.drain(..).partition::<Vec<_>, _>(|(other, _)| *other == port);
        self.heard = others;
        own.into_iter().map(|(_, heard)| heard).collect()
    }

    /// Counters of the stored entries, in order.
    pub(super) fn log(&mut self) -> Vec<u64> {
        let all = Request::Entries {
            checks: Vec::new(),
            conversation: talk(),
            from: 1,
            until: u64::MAX,
            limit: 1000,
            bytes: u32::MAX,
            newest: false,
        };
        match self.store.handle(&all) {
            Reply::Entries { entries, .. } => entries.iter().map(|e| e.meta.counter).collect(),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn close_pact(&mut self, number: u64, pact: u32) {
        let target = intent::Target::Mixer(Shard::of_conversation(talk()));
        let act = intent::Act::Close { conversation: talk(), pact }.into();
        let source = Shard::of_user(ALICE);
        self.tell(None, intent::ToTarget::Intent { source, target, number, act });
    }

    pub(super) fn answers_to_source(&mut self) -> Vec<intent::ToSource> {
        let taken: Vec<Post> = self.posts.drain(..).collect();
        let mut answers = Vec::new();
        for post in taken {
            match post.tell {
                Tell::AddressBook(edge::ToBook::Applied(answer)) => answers.push(answer),
                _ => self.posts.push(post),
            }
        }
        answers
    }

    /// How many of the store's requests satisfy a test.
    pub(super) fn count(&self, test: impl Fn(&Request) -> bool) -> usize {
        self.asked.iter().filter(|request| test(request)).count()
    }
}

pub(super) fn heard(to_gate: &ToGate) -> Option<(Port, Heard)> {
    Some(match to_gate {
        ToGate::Accept { port, .. } => (*port, Heard::Accepted),
        ToGate::Refuse { port, refusal, .. } => (*port, Heard::Closed(*refusal)),
        ToGate::Frame { port, kind, request, body, .. } => {
            if let Ok(Some((FromGate::Refused(refusal), _))) = FromGate::decode(*kind, body) {
                return Some((*port, Heard::Refused(*request, refusal)));
            }
            let (said, _) = FromMixer::decode(*kind, body)
                .expect("a mixer's frames decode")
                .expect("a mixer says what mixers say");
            (*port, Heard::Said(*request, said))
        }
        ToGate::SignedIn { .. } | ToGate::Close { .. } => return None,
    })
}

/// Sequence numbers of the live entries heard.
pub(super) fn entries(heard: &[Heard]) -> Vec<u64> {
    let entry = |heard: &Heard| match heard {
        Heard::Said(_, FromMixer::Entry(entry)) => Some(entry.entry.value.sequence),
        _ => None,
    };
    heard.iter().filter_map(entry).collect()
}

/// (request, counter, sequence) of the acks heard.
pub(super) fn acks(heard: &[Heard]) -> Vec<(u32, u64, u64)> {
    let ack = |heard: &Heard| match heard {
        Heard::Said(request, FromMixer::Stored(stored)) => {
            Some((*request, stored.id.counter, stored.sequence))
        }
        _ => None,
    };
    heard.iter().filter_map(ack).collect()
}
