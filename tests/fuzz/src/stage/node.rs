//! A node with a store and links, all in one's hand: links may say anything, the store may answer late
//! or badly, another node may lie.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use presently_core::hub::{AdminReply, AdminRequest, AdminSecret, Config, Hub, Input, Output};
use presently_core::hub::{HashReply, HashRequest, StoreOp};
use presently_core::id::{Channel, EndpointId, LinkId, NodeId, Shard, UserId};
use presently_core::limits::{FRAME_BYTES_MAX, LINK_IN_FLIGHT_BYTES_MAX};
use presently_core::machine::Machine;
use presently_core::model::presence::Status;
use presently_core::redact::Pii;
use presently_core::store::{Reply, Request};
use presently_core::time::{Timestamp, Wall};
use presently_core::topology::Topology;
use presently_core::trunk::Parcel;
use presently_core::wire::body::account::{FromAccount, SignIn, SignedIn, ToAccount};
use presently_core::wire::body::cs::{Contact, FromCs, SetStatus, ToCs, Watch};
use presently_core::wire::body::link::{Attach, Service, ToGate};
use presently_core::wire::body::mixer::{Join, ToMixer};
use presently_core::wire::bounded::{Blob, List, Text};
use presently_core::wire::frame::{Deframer, Frame};
use presently_core::wire::hello::{HELLO, Hello, Versions};
use presently_core::wire::tail::Tail;
use presently_core::world::MemoryStore;
use presently_tests::words::learn;
use presently_tests::words::value::Pool;

use super::{OUTPUTS, TURNS};

/// The wall clock when a stage begins.
const WALL: Wall = Wall(1_700_000_000_000);

/// A client's end of a link.
#[derive(Debug, Default)]
struct Link {
    deframer: Deframer,
    /// What came and was not asked for.
    frames: VecDeque<Frame>,
    /// Bytes the hub handed over and was not told to be sent.
    unsent: usize,
    /// The hub said to close it.
    closing: bool,
}

/// A person with an account.
#[derive(Clone, Debug)]
pub struct Person {
    /// Their name, and their password.
    pub name: String,
    /// Their id.
    pub user: UserId,
}

/// A hub and what is around it.
#[derive(Debug)]
pub struct Stage {
    hub: Hub,
    now: Timestamp,
    store: MemoryStore,
    asked: VecDeque<(StoreOp, Request)>,
    links: BTreeMap<u64, Link>,
    last_link: u64,
    /// Links whose bytes are never reported sent: nobody reads there.
    pub deaf: bool,
    /// What was said that can be said again.
    pub pool: Pool,
    /// Parcels for other nodes.
    pub parcels: Vec<(NodeId, Parcel)>,
    /// The accounts.
    pub people: Vec<Person>,
    /// Bytes fed to the hub.
    pub fed: usize,
    /// What was fed, where somebody listens.
    pub tap: Option<Vec<u8>>,
}

impl Stage {
    /// A node that serves, with accounts for `names`, the first two of whom are friends.
    #[must_use]
    pub fn new(nodes: u16, names: &[&str]) -> Self {
        let now = Timestamp(1_000);
        let config = Config { node: NodeId(0), nodes, trace: false, versions: Versions::default() };
        let mut stage = Self {
            hub: Hub::new(config, [7; 32], WALL, now),
            now,
            store: MemoryStore::default(),
            asked: VecDeque::new(),
            links: BTreeMap::new(),
            last_link: 0,
            deaf: false,
            pool: Pool::default(),
            parcels: Vec::new(),
            people: Vec::new(),
            fed: 0,
            tap: None,
        };
        stage.drain(0);
        stage.answer_all();
        for name in names {
            let secret = AdminSecret::Phc(Pii(format!("sim:{name}")));
            let request = AdminRequest::AddUser { name: (*name).to_owned(), secret };
            stage.input(Input::Admin { op: 1, request });
            stage.answer_all();
            stage.people.last_mut().expect("the account was made").name = (*name).to_owned();
            stage.pool.text(name);
        }
        if let [a, b, ..] = names {
            let request = AdminRequest::Befriend { a: (*a).to_owned(), b: (*b).to_owned() };
            stage.input(Input::Admin { op: 2, request });
            stage.answer_all();
        }
        stage
    }

    /// Milliseconds on the monotonic clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Gives the hub an input and carries out what it asks.
    pub fn input(&mut self, input: Input<'_>) {
        let bytes = if let Input::LinkBytes { bytes, .. } = &input { bytes } else { &[][..] };
        if let Some(tap) = &mut self.tap {
            tap.extend_from_slice(bytes);
        }
        let bytes = bytes.len();
        self.fed += bytes;
        self.hub.handle_input(input, self.now);
        self.drain(bytes);
    }

    /// Lets time pass.
    pub fn pass(&mut self, ms: u64) {
        let until = self.now + ms;
        let mut turns = 0;
        while let Some(due) = self.hub.poll_timeout().filter(|due| due.at <= until) {
            turns = if due.at > self.now { 0 } else { turns + 1 };
            assert!(turns < TURNS, "the hub spins on {due:?}");
            self.now = self.now.max(due.at);
            self.hub.handle_timeout(self.now);
            self.drain(0);
        }
        self.now = until;
        self.hub.handle_timeout(self.now);
        self.drain(0);
    }

    /// The wall clock was read.
    pub fn wall(&mut self, wall: u64) {
        self.input(Input::Wall(Wall(wall)));
    }

    fn drain(&mut self, bytes: usize) {
        let mut steps = 0;
        let mut hashes = Vec::new();
        while let Some(output) = self.hub.poll_output() {
            steps += 1;
            match output {
                Output::LinkSend { link, bytes } => self.on_send(link, &bytes),
                Output::LinkClose { link, .. } => {
                    if let Some(link) = self.links.get_mut(&link.0) {
                        link.closing = true;
                    }
                }
                Output::Handover { link, .. } => {
                    self.links.remove(&link.0);
                }
                Output::Store { op, request } => self.asked.push_back((op, request)),
                Output::Hash { op, request } => hashes.push((op, request)),
                Output::Parcel { to, parcel } => self.parcels.push((to, parcel)),
                Output::Admin { reply: AdminReply::Added(user), .. } => {
                    self.pool.id(user.0);
                    self.people.push(Person { name: String::new(), user });
                }
                Output::Admin { .. }
                | Output::Hop(_)
                | Output::Ready
                | Output::Drained
                | Output::Fenced => {}
            }
        }
        assert!(steps <= OUTPUTS + bytes, "{bytes} bytes cost {steps} outputs");
        for (op, request) in hashes {
            let reply = hash(request);
            self.input(Input::Hashed { op, reply });
        }
        self.read();
    }

    fn on_send(&mut self, link: LinkId, bytes: &Bytes) {
        let Some(link) = self.links.get_mut(&link.0) else { return };
        assert!(!link.closing, "after its close nothing is said on a link");
        link.unsent += bytes.len();
        let most = LINK_IN_FLIGHT_BYTES_MAX + FRAME_BYTES_MAX + 3;
        assert!(link.unsent <= most, "{} bytes are on their way", link.unsent);
        link.deframer.push(bytes);
        while let Some(frame) = link.deframer.next_frame().expect("the hub speaks frames") {
            learn(&frame, &mut self.pool);
            link.frames.push_back(frame);
            if link.frames.len() > 32 {
                link.frames.pop_front();
            }
        }
    }

    /// The host writes what stands there, unless nobody reads; links that were to close are gone.
    fn read(&mut self) {
        let sent: Vec<(u64, usize, bool)> = self
            .links
            .iter()
            .filter(|(_, link)| link.closing || (link.unsent > 0 && !self.deaf))
            .map(|(number, link)| (*number, link.unsent, link.closing))
            .collect();
        for (number, bytes, closing) in sent {
            let link = LinkId(number);
            if closing {
                self.links.remove(&number);
                self.input(Input::LinkClosed { link });
            } else if let Some(end) = self.links.get_mut(&number) {
                end.unsent = 0;
                self.input(Input::LinkSent { link, bytes });
            }
        }
    }

    /// How many requests wait for the store.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.asked.len()
    }

    /// Answers one request of those that wait, as `answer` changes the store's reply.
    pub fn answer(&mut self, at: usize, answer: impl FnOnce(&Request, &mut MemoryStore) -> Reply) {
        let Some((op, request)) = self.asked.remove(at) else { return };
        let reply = answer(&request, &mut self.store);
        self.input(Input::Stored { op, reply });
    }

    /// The store answers everything, until nobody asks.
    pub fn answer_all(&mut self) {
        let mut answers = 0;
        while !self.asked.is_empty() {
            self.answer(0, |request, store| store.handle(request));
            answers += 1;
            assert!(answers < 10_000, "the hub asks its store for ever");
        }
    }

    /// A client connects.
    pub fn open(&mut self) -> LinkId {
        self.last_link += 1;
        self.links.insert(self.last_link, Link::default());
        let link = LinkId(self.last_link);
        self.input(Input::LinkOpened { link, remote: "192.0.2.1" });
        link
    }

    /// A client's socket is gone.
    pub fn close(&mut self, link: LinkId) {
        if self.links.remove(&link.0).is_some() {
            self.input(Input::LinkClosed { link });
        }
    }

    /// The links that are open, oldest first.
    #[must_use]
    pub fn open_links(&self) -> Vec<LinkId> {
        self.links.keys().map(|number| LinkId(*number)).collect()
    }

    /// A client says bytes.
    pub fn say(&mut self, link: LinkId, bytes: &[u8]) {
        if self.links.contains_key(&link.0) {
            self.input(Input::LinkBytes { link, bytes });
        }
    }

    /// Says HELLO.
    pub fn greet(&mut self, link: LinkId) {
        let hello = Hello {
            version_min: 1,
            version_max: 1,
            features: 0,
            frame_bytes_max: 65_536,
            keepalive_ms: 0,
            node: None,
        };
        self.say(link, &Frame::event(HELLO, Channel(0), hello.encode()).encode());
    }

    /// Asks honestly, lets the store answer, and takes the last answer.
    fn ask(&mut self, link: LinkId, channel: u32, kind: u16, body: Bytes) -> Option<Frame> {
        const REQUEST: u32 = 1_000_000;
        let frame = Frame::request(kind, Channel(channel), REQUEST, body);
        self.say(link, &frame.encode());
        self.answer_all();
        let frames = &mut self.links.get_mut(&link.0)?.frames;
        let at = frames.iter().rposition(|frame| frame.request == REQUEST)?;
        frames.remove(at)
    }

    fn attach(&mut self, link: LinkId, channel: u32, attach: Attach) {
        let attach = ToGate::Attach(attach);
        self.ask(link, channel, attach.kind(), attach.encode(&Tail::default()));
    }

    /// A person signs in as clients do: account on channel 1, then book, inbox and cs on 2 to 4.
    ///
    /// # Panics
    /// Where the hub does not let them in.
    pub fn sign_in(&mut self, person: &Person, endpoint: u8) -> (LinkId, SignedIn) {
        let link = self.open();
        self.greet(link);
        let (service, shard) = (Service::ACCOUNT, Shard::of_name(&person.name));
        self.attach(link, 1, Attach { service, node: None, shard, ticket: Blob::default() });
        let name = Text::new(person.name.as_str()).expect("names are short");
        let password = Text::new(person.name.as_str()).expect("names are short");
        let sign_in = SignIn { name, password, endpoint: EndpointId([endpoint; 16]) };
        let sign_in = ToAccount::SignIn(sign_in);
        let answer = self.ask(link, 1, sign_in.kind(), sign_in.encode(&Tail::default()));
        let answer = answer.expect("account answers");
        let Ok(Some((FromAccount::SignedIn(signed), _))) =
            FromAccount::decode(answer.kind, &answer.body)
        else {
            panic!("{} cannot sign in: {answer:?}", person.name);
        };
        for (channel, grant) in (2..).zip(signed.grants.iter()) {
            let (service, shard) = (grant.service, grant.shard);
            let attach = Attach { service, node: grant.node, shard, ticket: grant.ticket.clone() };
            self.attach(link, channel, attach);
        }
        (link, signed)
    }

    /// A person who signed in becomes visible to all, watches everybody, and joins the conversation
    /// with `peer` on channel 5 where there is one.
    pub fn settle(&mut self, link: LinkId, peer: UserId) {
        let none = Tail::default();
        let users = self.people.iter().map(|person| person.user).collect();
        let watch = ToCs::Watch(Watch { users: List::new(users).expect("people are few") });
        self.ask(link, 4, watch.kind(), watch.encode(&none));
        let status = ToCs::SetStatus(SetStatus { status: Status::Online });
        self.ask(link, 4, status.kind(), status.encode(&none));
        let contact = ToCs::Contact(Contact { user: peer });
        let Some(answer) = self.ask(link, 4, contact.kind(), contact.encode(&none)) else { return };
        let Ok(Some((FromCs::Mixer(mixer), _))) = FromCs::decode(answer.kind, &answer.body) else {
            return;
        };
        let grant = mixer.grant;
        let (node, shard) = (grant.node, grant.shard);
        let attach = Attach { service: Service::MIXER, node, shard, ticket: grant.ticket };
        self.attach(link, 5, attach);
        let join = ToMixer::Join(Join {});
        self.ask(link, 5, join.kind(), join.encode(&none));
    }

    /// A node with one neighbour, and people whose account is here: the first one's home is here too,
    /// the second one's is there.
    #[must_use]
    pub fn with_neighbour() -> Self {
        let topology = Topology::even(2);
        let here = |shard| topology.owns(NodeId(0), shard);
        let names: Vec<String> = (0..64).map(|number| format!("n{number}")).collect();
        let names = names.iter().filter(|name| here(Shard::of_name(name))).take(8);
        let mut stage = Self::new(2, &names.map(String::as_str).collect::<Vec<_>>());
        stage.people.sort_by_key(|person| !here(Shard::of_user(person.user)));
        let there = stage.people.pop().expect("eight were made");
        assert!(!here(Shard::of_user(there.user)), "one of eight homes is there");
        stage.people.insert(1, there);
        // Its first timer greets the neighbour.
        stage.pass(1);
        stage
    }
}

/// Work on a password that costs nothing.
fn hash(request: HashRequest) -> HashReply {
    match request {
        HashRequest::Make { password } => HashReply::Made(Pii(format!("sim:{}", password.0))),
        HashRequest::Verify { password, phc } => {
            HashReply::Verified(phc.is_some_and(|phc| phc.0 == format!("sim:{}", password.0)))
        }
    }
}

#[cfg(test)]
#[path = "node_test.rs"]
mod tests;
