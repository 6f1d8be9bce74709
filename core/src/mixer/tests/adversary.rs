//! Two mixers that both believe they own one conversation, a store that answers late, twice in doubt
//! or not at all, reads that lag, cuts and restarts; clients that keep the client half of §6.1. In
//! thousands of schedules nothing acked is lost, nothing is doubled, and everyone sees one order. The
//! same where the conversation moves between the two, each hearing of it in its own time (§9.5).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::edge::gate_service::{Port, ToService};
use crate::edge::{self, Peer, Tell, cs_mixer, mixer_inbox};
use crate::id::{Channel, EndpointId, LinkId, NodeId, OpId, Shard, UserId};
use crate::machine::Machine;
use crate::mixer::tests::stage::{ALICE, BOB, Heard, LAPTOP, PHONE, envelope, heard, setup, talk};
use crate::mixer::{Input, Mixer, Output};
use crate::rng::Rng;
use crate::store::{Key, Reply, Request, Write};
use crate::time::Timestamp;
use crate::topology::{Moved, Placement};
use crate::wire::body::account::Grant;
use crate::wire::body::mixer::{self as body, FromMixer, ReadEntries, SendId, ToMixer};
use crate::wire::tail::Tail;
use crate::world::MemoryStore;

const SCHEDULES: u64 = 2_000;
const SENDS: u64 = 10;
const UNACKED: usize = 6;
/// After this no new fault comes.
const HEAL_MS: u64 = 6_000;
/// Then one owner is left, started after everything late has landed: until then the two may each
/// show their own people less than there is.
const ONE_OWNER_MS: u64 = 9_000;
const END_MS: u64 = 120_000;
const ANSWER_MS: u64 = 1_500;

/// The conversation never moved.
const SEATED: Placement = Placement { owner: NodeId(0), term: 0, revision: None };

type Shown = (u64, UserId, EndpointId, u64, [u8; 8]);

/// A store whose writes may be in doubt and whose reads may lag behind what is written, though never
/// behind what was answered.
struct Disk {
    truth: MemoryStore,
    seen: MemoryStore,
    written: Vec<Write>,
    seen_through: usize,
}

impl Disk {
    /// Writes; how many writes there are then.
    fn write(&mut self, write: &Write) -> (Reply, usize) {
        let reply = self.truth.handle(&Request::Write(write.clone()));
        if matches!(reply, Reply::Written { .. }) {
            self.written.push(write.clone());
        }
        (reply, self.written.len())
    }

    fn show(&mut self, through: usize) {
        while self.seen_through < through.min(self.written.len()) {
            let write = self.written[self.seen_through].clone();
            self.seen.handle(&Request::Write(write));
            self.seen_through += 1;
        }
    }
}

enum Event {
    /// The disk takes a request; whether its answer is lost.
    Execute { mixer: usize, life: u32, op: OpId, request: Request, doubt: bool },
    /// The disk answers.
    Answer { mixer: usize, life: u32, op: OpId, reply: Reply, show: usize },
    /// Something reaches a mixer.
    ToMixer { mixer: usize, life: u32, input: Input },
    /// Something reaches a client.
    ToClient { port: Port, heard: Heard },
    /// A CS has an answer for a client.
    Seated { client: usize, session: u64, grant: Option<Grant> },
    /// A client looks at the time.
    Look { client: usize, session: u64 },
    /// A mixer's deadline.
    Due { mixer: usize, life: u32 },
    /// A client's link is cut.
    Cut { client: usize },
    /// A mixer's node dies and comes back.
    Restart { mixer: usize },
    /// The conversation moves to a mixer.
    Move { to: usize },
    /// A mixer hears of a move.
    Moved { mixer: usize, life: u32, placement: Placement },
    /// Only one mixer is left.
    OneOwner,
    /// A read may see more from now on.
    Show,
}

#[derive(Default)]
struct Client {
    user: UserId,
    endpoint: EndpointId,
    /// All sends, by counter from 1.
    tags: Vec<[u8; 8]>,
    /// Sends the app asked for so far.
    asked: u64,
    acked: u64,
    /// What it may tell is stored because it was told so.
    promised: BTreeSet<u64>,
    shown: Vec<Shown>,
    ahead: BTreeMap<u64, Shown>,
    session: u64,
    mixer: usize,
    port: Option<Port>,
    joined: bool,
    /// Counter sent last in this go, and what it named before it.
    sent: u64,
    /// The highest counter it ever sent.
    furthest: u64,
    /// Requests of an older go are answered in vain.
    go: BTreeSet<u32>,
    heard_at: u64,
    reading: bool,
    head: u64,
}

/// What the schedules did, so that a test that tests nothing is seen.
#[derive(Default)]
struct Met {
    conflicts: u64,
    in_doubt: u64,
    landed_late: u64,
    repeats: u64,
    expected: u64,
    moved: u64,
}

struct World {
    met: Met,
    rng: Rng,
    now: u64,
    count: u64,
    events: BTreeMap<(u64, u64), Event>,
    disk: Disk,
    mixers: Vec<(Mixer, u32)>,
    /// Where the conversation is, and as each mixer knows it. `NodeId(mixer)` is its owner there; in
    /// term 0 each believes to own it.
    placement: Placement,
    known: [Placement; 2],
    due: Vec<Option<u64>>,
    clients: Vec<Client>,
    by_port: BTreeMap<Port, usize>,
    /// Links keep order, each way.
    last_to: BTreeMap<(Port, bool), u64>,
    links: u64,
    requests: u32,
}

impl World {
    fn new(seed: u64, moves: bool) -> Self {
        let mut bytes = [3; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut rng = Rng::new(bytes);
        let mut truth = MemoryStore::default();
        setup(&mut truth, 1);
        let seen = truth.clone();
        let disk = Disk { truth, seen, written: Vec::new(), seen_through: 0 };
        let clients = [(ALICE, PHONE), (ALICE, LAPTOP), (BOB, PHONE)]
            .map(|(user, endpoint)| Client {
                user,
                endpoint,
                tags: (0..SENDS).map(|_| rng.bytes()).collect(),
                ..Client::default()
            })
            .into_iter()
            .collect();
        let mut world = Self {
            met: Met::default(),
            rng,
            now: 1_000,
            count: 0,
            events: BTreeMap::new(),
            disk,
            mixers: Vec::new(),
            placement: SEATED,
            known: [SEATED; 2],
            due: vec![None, None],
            clients,
            by_port: BTreeMap::new(),
            last_to: BTreeMap::new(),
            links: 0,
            requests: 0,
        };
        for mixer in 0..2 {
            let made = world.make_mixer(mixer, 0);
            world.mixers.push((made, 0));
            world.drain(mixer);
        }
        for client in 0..3 {
            world.dial(client);
            for _ in 0..2 {
                let at = world.rng.below(HEAL_MS);
                world.at(at, Event::Cut { client });
            }
        }
        if moves {
            for _ in 0..6 {
                let (at, to) = (world.rng.below(HEAL_MS), world.rng.below(2) as usize);
                world.at(at, Event::Move { to });
            }
            world.at(HEAL_MS, Event::Move { to: 0 });
        }
        world.at(ONE_OWNER_MS, Event::OneOwner);
        for mixer in 0..2 {
            if world.rng.below(2) == 0 {
                let at = world.rng.below(HEAL_MS);
                world.at(at, Event::Restart { mixer });
            }
        }
        world
    }

    fn make_mixer(&mut self, mixer: usize, life: u32) -> Mixer {
        let mut setup = setup(&mut self.disk.truth, 1);
        let moved = self.moved(mixer, self.placement);
        setup.topology.apply(&moved);
        self.known[mixer] = self.placement;
        setup.seed = self.rng.bytes();
        setup.incarnation.0 += life;
        Mixer::new(setup, Timestamp(self.now))
    }

    /// What a mixer is told, to which itself is node 0 and the other one node 1.
    fn moved(&self, mixer: usize, placement: Placement) -> Moved {
        let as_told = |of: Placement| {
            let is_own = of.term == 0 || usize::from(of.owner.0) == mixer;
            NodeId(u16::from(!is_own))
        };
        let range = Shard::of_conversation(talk()).range();
        let (from, owner) = (as_told(self.known[mixer]), as_told(placement));
        Moved { range, from, placement: Placement { owner, ..placement } }
    }

    /// The row is written; from then on every read sees what stood before it.
    fn on_move(&mut self, to: usize) {
        let key = Key::range(Shard::of_conversation(talk()).range());
        let write = Write { puts: vec![(key, Bytes::new())], ..Write::default() };
        let (Reply::Written { revision }, through) = self.disk.write(&write) else {
            panic!("a write without checks is written");
        };
        self.disk.show(through);
        let owner = NodeId(u16::try_from(to).expect("two mixers"));
        let term = self.placement.term + 1;
        self.placement = Placement { owner, term, revision: Some(revision) };
        for mixer in 0..2 {
            let (life, placement) = (self.mixers[mixer].1, self.placement);
            let after = self.rng.below(700);
            self.at(after, Event::Moved { mixer, life, placement });
        }
    }

    fn at(&mut self, after: u64, event: Event) {
        self.count += 1;
        self.events.insert((self.now + after, self.count), event);
    }

    fn faulty(&mut self, percent: u64) -> bool {
        self.now < HEAL_MS && self.rng.below(100) < percent
    }

    fn delay(&mut self) -> u64 {
        if self.faulty(10) { self.rng.below(400) } else { 1 + self.rng.below(8) }
    }

    fn run(&mut self) {
        while let Some(((at, _), event)) = self.events.pop_first() {
            self.now = at;
            assert!(at < END_MS, "not everything was stored and shown in time: {}", self.state());
            self.take(event);
            if self.is_done() {
                return;
            }
        }
        panic!("nothing is left to happen");
    }

    fn is_done(&self) -> bool {
        let head = self.clients.len() * SENDS as usize;
        self.clients.iter().all(|c| c.acked == SENDS && c.shown.len() == head)
    }

    fn state(&self) -> String {
        let of = |c: &Client| alloc::format!("{:?} ", (c.acked, c.sent, c.shown.len(), c.joined));
        self.clients.iter().map(of).collect()
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Execute { mixer, life, op, request, doubt } => {
                self.execute(mixer, life, op, request, doubt);
            }
            Event::Answer { mixer, life, op, reply, show } => {
                if self.mixers[mixer].1 == life {
                    self.disk.show(show);
                    self.input(mixer, Input::Stored { op, reply });
                }
            }
            Event::ToMixer { mixer, life, input } => {
                if self.mixers[mixer].1 == life {
                    self.input(mixer, input);
                }
            }
            Event::ToClient { port, heard } => self.on_heard(port, heard),
            Event::Seated { client, session, grant } => {
                if self.clients[client].session == session {
                    match grant {
                        Some(grant) => self.attach(client, &grant),
                        None => self.dial(client),
                    }
                }
            }
            Event::Look { client, session } => {
                if self.clients[client].session == session {
                    self.look(client);
                }
            }
            Event::Due { mixer, life } => {
                self.due[mixer] = None;
                if self.mixers[mixer].1 == life {
                    self.mixers[mixer].0.handle_timeout(Timestamp(self.now));
                }
                self.drain(mixer);
            }
            Event::Move { to } => self.on_move(to),
            Event::Moved { mixer, life, placement } => {
                let is_news = placement.term > self.known[mixer].term;
                if is_news && self.mixers[mixer].1 == life {
                    let moved = self.moved(mixer, placement);
                    self.known[mixer] = placement;
                    self.met.moved += u64::from(moved.is_loss(NodeId(0)));
                    self.input(mixer, Input::Peer(Peer::Moved(moved)));
                }
            }
            Event::OneOwner => self.take(Event::Restart { mixer: 0 }),
            Event::Cut { client } => self.dial(client),
            Event::Restart { mixer } => {
                let life = self.mixers[mixer].1 + 1;
                let made = self.make_mixer(mixer, life);
                self.mixers[mixer] = (made, life);
                self.drain(mixer);
                for client in 0..self.clients.len() {
                    if self.clients[client].mixer == mixer || self.now >= ONE_OWNER_MS {
                        self.dial(client);
                    }
                }
            }
            Event::Show => {
                let through = self.disk.written.len();
                self.disk.show(through);
            }
        }
    }

    fn input(&mut self, mixer: usize, input: Input) {
        self.mixers[mixer].0.handle_input(input, Timestamp(self.now));
        self.drain(mixer);
    }

    fn drain(&mut self, mixer: usize) {
        let life = self.mixers[mixer].1;
        while let Some(output) = self.mixers[mixer].0.poll_output() {
            match output {
                Output::Store { op, request } => {
                    let after = self.delay();
                    let doubt = matches!(request, Request::Write(_)) && self.faulty(20);
                    self.at(after, Event::Execute { mixer, life, op, request, doubt });
                }
                Output::Tell(post) => self.carry(mixer, life, post),
            }
        }
        let due = self.mixers[mixer].0.poll_timeout().map(|due| due.at.0.max(self.now));
        if let Some(at) = due.filter(|at| self.due[mixer].is_none_or(|set| set > *at)) {
            self.due[mixer] = Some(at);
            self.at(at - self.now, Event::Due { mixer, life });
        }
    }

    fn execute(&mut self, mixer: usize, life: u32, op: OpId, request: Request, doubt: bool) {
        let after = self.delay();
        let Request::Write(write) = &request else {
            let reply = self.disk.seen.handle(&request);
            return self.at(after, Event::Answer { mixer, life, op, reply, show: 0 });
        };
        if !doubt {
            let (reply, through) = self.disk.write(write);
            let stored = matches!(reply, Reply::Written { .. }) && !write.entries.is_empty();
            self.met.landed_late += u64::from(stored && life == u32::MAX);
            self.met.conflicts += u64::from(reply == Reply::Conflict && life != u32::MAX);
            let show = if matches!(reply, Reply::Written { .. }) { through } else { 0 };
            let lag = self.rng.below(300);
            self.at(lag, Event::Show);
            return self.at(after, Event::Answer { mixer, life, op, reply, show });
        }
        let reply =
            if self.rng.below(6) == 0 { Reply::Failed("full".into()) } else { Reply::Unknown };
        if reply == Reply::Unknown {
            self.met.in_doubt += 1;
            match self.rng.below(3) {
                0 => drop(self.disk.write(write)),
                // Lands after the answer, perhaps after the mixer's death.
                1 => {
                    let late = self.rng.below(600);
                    let op = OpId { slot: u32::MAX, generation: 0 };
                    let request = request.clone();
                    let (life, doubt) = (u32::MAX, false);
                    self.at(late, Event::Execute { mixer, life, op, request, doubt });
                }
                _ => {}
            }
        }
        self.at(after, Event::Answer { mixer, life, op, reply, show: 0 });
    }

    fn carry(&mut self, mixer: usize, life: u32, post: edge::Post) {
        match &post.tell {
            Tell::Gate(edge::ToGate::Service(to_gate)) => {
                let Some((port, heard)) = heard(to_gate) else { return };
                let at = self.in_order(port, true);
                self.at(at, Event::ToClient { port, heard });
            }
            Tell::Cs(edge::ToCs::Mixer(cs_mixer::ToCs::Seated { outcome })) => {
                let op = post.op.expect("a CS asked");
                let (client, session) = (op.slot as usize, u64::from(op.generation));
                let grant = outcome.clone().ok();
                let after = self.delay();
                self.at(after, Event::Seated { client, session, grant });
            }
            Tell::Inbox(edge::ToInbox::Mixer(tell)) => {
                let mixer_inbox::ToInbox::Head { user, conversation, head, .. } = *tell;
                let outcome = Ok(());
                let tell = mixer_inbox::ToMixer::Written { user, conversation, head, outcome };
                if !self.faulty(30) {
                    let (after, input) = (self.delay(), envelope(post.op, tell.into()));
                    self.at(after, Event::ToMixer { mixer, life, input });
                }
            }
            _ => {}
        }
    }

    /// A delay that keeps what goes one way over one link in order.
    fn in_order(&mut self, port: Port, to_client: bool) -> u64 {
        let at = self.now + self.delay();
        let last = self.last_to.entry((port, to_client)).or_default();
        *last = at.max(*last);
        *last - self.now
    }

    /// Drops what link there is and asks for a seat, at either mixer.
    fn dial(&mut self, client: usize) {
        let mixer = if self.now < ONE_OWNER_MS { self.rng.below(2) as usize } else { 0 };
        let c = &mut self.clients[client];
        let (old, old_mixer) = (c.port.take(), core::mem::replace(&mut c.mixer, mixer));
        c.session += 1;
        (c.joined, c.reading, c.heard_at) = (false, false, self.now);
        c.ahead.clear();
        let (session, user, endpoint) = (c.session, c.user, c.endpoint);
        if let Some(port) = old {
            self.by_port.remove(&port);
            let life = self.mixers[old_mixer].1;
            let input = envelope(None, ToService::Closed { port, detached: false }.into());
            let after = self.in_order(port, false) + self.rng.below(300);
            self.at(after, Event::ToMixer { mixer: old_mixer, life, input });
        }
        let peer = if user == ALICE { BOB } else { ALICE };
        let conversation = talk();
        let seat = cs_mixer::ToMixer::Seat { conversation, user, endpoint, peer, pact: 1 };
        let op = OpId { slot: client as u32, generation: session as u32 };
        let (life, input) = (self.mixers[mixer].1, envelope(Some(op), seat.into()));
        let after = self.delay();
        self.at(after, Event::ToMixer { mixer, life, input });
        self.at(200, Event::Look { client, session });
    }

    fn attach(&mut self, client: usize, grant: &Grant) {
        self.links += 1;
        let port = Port { node: NodeId(0), link: LinkId(self.links), channel: Channel(1) };
        self.clients[client].port = Some(port);
        self.clients[client].heard_at = self.now;
        self.by_port.insert(port, client);
        let ticket = grant.ticket.clone();
        self.tell(client, port, ToService::Opened { port, request: 1, ticket });
        self.say(client, &ToMixer::Join(body::Join {}));
    }

    fn tell(&mut self, client: usize, port: Port, tell: ToService) {
        let mixer = self.clients[client].mixer;
        let (life, input) = (self.mixers[mixer].1, envelope(None, tell.into()));
        let after = self.in_order(port, false);
        self.at(after, Event::ToMixer { mixer, life, input });
    }

    fn say(&mut self, client: usize, said: &ToMixer) -> u32 {
        self.requests += 1;
        let request = self.requests;
        if let Some(port) = self.clients[client].port {
            let (kind, body) = (said.kind(), said.encode(&Tail::default()));
            self.tell(client, port, ToService::Frame { port, kind, request, body });
        }
        request
    }

    /// Every so often: the app sends, and a silent link counts as dead.
    fn look(&mut self, client: usize) {
        let more = self.rng.below(3);
        let c = &mut self.clients[client];
        c.asked = if self.now > HEAL_MS { SENDS } else { SENDS.min(c.asked + more) };
        let waits = c.acked < c.asked || !c.joined || c.reading;
        if waits && self.now - c.heard_at > ANSWER_MS {
            return self.dial(client);
        }
        let session = c.session;
        self.send_more(client);
        self.at(100, Event::Look { client, session });
    }

    fn id(&self, client: usize, counter: u64) -> Option<SendId> {
        let tag = *self.clients[client].tags.get(counter.checked_sub(1)? as usize)?;
        Some(SendId { counter, tag })
    }

    fn send_more(&mut self, client: usize) {
        while self.clients[client].joined {
            let c = &self.clients[client];
            let next = c.sent.max(c.acked) + 1;
            if next > c.asked || next > c.acked + UNACKED as u64 {
                return;
            }
            self.met.repeats += u64::from(next <= c.furthest);
            self.clients[client].furthest = next.max(self.clients[client].furthest);
            let id = self.id(client, next).expect("it was asked for");
            let after = self.id(client, next - 1);
            let content = body::Content::new(vec![b'x']).expect("short");
            let send = body::Send { id, after, content_type: 1, content };
            let request = self.say(client, &ToMixer::Send(send));
            self.clients[client].go.insert(request);
            self.clients[client].sent = next;
        }
    }

    /// Sends again from what is acked.
    fn go_back(&mut self, client: usize, acked: u64) {
        let c = &mut self.clients[client];
        c.go.clear();
        c.sent = acked.max(c.acked);
        self.send_more(client);
    }

    fn on_heard(&mut self, port: Port, heard: Heard) {
        let Some(client) = self.by_port.get(&port).copied() else { return };
        self.clients[client].heard_at = self.now;
        match heard {
            Heard::Accepted => {}
            Heard::Closed(_) => self.dial(client),
            Heard::Refused(request, refusal) => {
                assert!(
                    refusal.retry_after_ms > 0 || refusal.code == crate::error::Code::StoreFailed,
                    "{refusal:?}"
                );
                if self.clients[client].go.contains(&request) {
                    self.go_back(client, 0);
                }
                self.clients[client].reading = false;
            }
            Heard::Said(request, said) => self.on_said(client, request, said),
        }
    }

    fn on_said(&mut self, client: usize, request: u32, said: FromMixer) {
        match said {
            FromMixer::Joined(joined) => {
                self.clients[client].joined = true;
                self.clients[client].head = joined.head;
                self.on_last(client, joined.last.as_ref());
                self.go_back(client, 0);
                self.read_on(client);
            }
            FromMixer::Stored(stored) => self.on_last(client, Some(&stored.id)),
            FromMixer::Expected(expected) => {
                self.met.expected += 1;
                self.on_last(client, expected.last.as_ref());
                if self.clients[client].go.contains(&request) {
                    self.go_back(client, 0);
                }
            }
            FromMixer::Page(page) => {
                self.clients[client].reading = false;
                for entry in page.entries.into_vec() {
                    self.on_entry(client, entry.value);
                }
                self.read_on(client);
            }
            FromMixer::Entry(entry) => {
                let sequence = entry.entry.value.sequence;
                let c = &mut self.clients[client];
                assert!(sequence <= c.head + 1, "{sequence} after {}: a gap is pushed", c.head);
                c.head = c.head.max(sequence);
                self.on_entry(client, entry.entry.value);
            }
            FromMixer::Typing(_) => {}
        }
        self.send_more(client);
    }

    /// Everything of this endpoint up to `last` is stored.
    fn on_last(&mut self, client: usize, last: Option<&SendId>) {
        let Some(last) = last else { return };
        assert_eq!(self.id(client, last.counter).as_ref(), Some(last), "its own tag");
        let c = &mut self.clients[client];
        c.promised.extend(1..=last.counter);
        c.acked = c.acked.max(last.counter);
    }

    fn on_entry(&mut self, client: usize, entry: crate::model::entry::Entry) {
        let c = &mut self.clients[client];
        let shown = (entry.sequence, entry.user, entry.endpoint, entry.id.counter, entry.id.tag);
        if entry.sequence > c.shown.len() as u64 {
            c.ahead.insert(entry.sequence, shown);
        }
        while let Some(next) = c.ahead.remove(&(c.shown.len() as u64 + 1)) {
            c.shown.push(next);
            if (next.1, next.2) == (c.user, c.endpoint) {
                c.acked = c.acked.max(next.3);
            }
        }
    }

    fn read_on(&mut self, client: usize) {
        let c = &mut self.clients[client];
        let (from, until) = (c.shown.len() as u64 + 1, c.head + 1);
        if c.joined && !c.reading && from < until && !c.ahead.contains_key(&from) {
            c.reading = true;
            let read = ReadEntries { from, until, limit: 7, newest: false };
            self.say(client, &ToMixer::Read(read));
        }
    }

    /// One order, nothing doubled, nothing lost, each sender's own order kept.
    fn check(&mut self) {
        let all = Request::Entries {
            checks: Vec::new(),
            conversation: talk(),
            from: 1,
            until: u64::MAX,
            limit: u32::MAX,
            bytes: u32::MAX,
            newest: false,
        };
        let Reply::Entries { entries, .. } = self.disk.truth.handle(&all) else { panic!("a log") };
        let log: Vec<Shown> = entries
            .iter()
            .map(|e| (e.sequence, e.meta.user, e.meta.endpoint, e.meta.counter, e.meta.tag))
            .collect();
        for client in &self.clients {
            assert_eq!(client.shown, log, "one order for everyone");
            let own = |shown: &&Shown| (shown.1, shown.2) == (client.user, client.endpoint);
            let counters: Vec<u64> = log.iter().filter(own).map(|shown| shown.3).collect();
            assert_eq!(counters, (1..=SENDS).collect::<Vec<_>>(), "each once, in its order");
            assert!(client.promised.iter().all(|counter| counters.contains(counter)));
        }
    }
}

/// What the schedules met, all together.
fn run_all(moves: bool) -> [u64; 6] {
    let mut met = Met::default();
    for seed in 0..SCHEDULES {
        let mut world = World::new(seed, moves);
        world.run();
        world.check();
        met.conflicts += world.met.conflicts;
        met.in_doubt += world.met.in_doubt;
        met.landed_late += world.met.landed_late;
        met.repeats += world.met.repeats;
        met.expected += world.met.expected;
        met.moved += world.met.moved;
    }
    let Met { conflicts, in_doubt, landed_late, repeats, expected, moved } = met;
    [conflicts, in_doubt, landed_late, repeats, expected, moved]
}

#[test]
fn two_mixers_lose_nothing_and_double_nothing() {
    let [met @ .., moved] = run_all(false);
    assert!(met.iter().all(|count| *count > SCHEDULES / 8), "the schedules are tame: {met:?}");
    assert_eq!(moved, 0);
}

#[test]
fn a_conversation_that_moves_loses_nothing_and_doubles_nothing() {
    let met = run_all(true);
    assert!(met.iter().all(|count| *count > SCHEDULES / 8), "the schedules are tame: {met:?}");
}
