//! One hub and what its host sees of it: its start, its hops, what a conflict makes it read.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::client::{self, Client, Event};
use crate::edge::Role;
use crate::error::{CloseReason, Code};
use crate::hub::{
    AdminReply, AdminRequest, AdminSecret, Config, HashReply, Hop, Hub, Input, Output, Party,
    StoreOp,
};
use crate::id::{Channel, LinkId, NodeId, OpId, Range};
use crate::limits::{ALIVE_DOUBT_MS, LIFE_READ_MS, LINKS_MAX, LINKS_PRE_AUTH_MAX, PLACES_READ_MS};
use crate::machine::Machine;
use crate::redact::Pii;
use crate::store::{Key, Reply, Request, Space};
use crate::time::{Timestamp, Wall};
use crate::wire::frame::Frame;
use crate::wire::hello::{HELLO, Hello, Versions};
use crate::world::MemoryStore;

struct Solo {
    hub: Hub,
    store: MemoryStore,
    now: Timestamp,
    /// Everything but requests to the store.
    out: VecDeque<Output>,
    /// What the store was asked.
    asked: Vec<(StoreOp, Request)>,
}

impl Solo {
    fn new(store: MemoryStore, nodes: u16, seed: u8) -> Self {
        let node = NodeId(0);
        let config = Config { node, nodes, trace: true, versions: Versions::default() };
        let now = Timestamp(1_000);
        let hub = Hub::new(config, [seed; 32], Wall(1_000_000), now);
        Self { hub, store, now, out: VecDeque::new(), asked: Vec::new() }
    }

    /// One that serves.
    fn ready(nodes: u16) -> Self {
        let mut solo = Self::new(MemoryStore::default(), nodes, 1);
        solo.settle();
        assert!(matches!(solo.out.pop_front(), Some(Output::Ready)));
        solo.asked.clear();
        solo
    }

    fn input(&mut self, input: Input<'_>) {
        self.hub.handle_input(input, self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Store { op, request } => self.asked.push((op, request)),
                other => self.out.push_back(other),
            }
        }
    }

    /// The store answers everything it is asked.
    fn settle(&mut self) {
        self.drain();
        let mut at = 0;
        while let Some((op, request)) = self.asked.get(at).cloned() {
            let reply = self.store.handle(&request);
            self.input(Input::Stored { op, reply });
            at += 1;
        }
    }

    /// The store answers the oldest request.
    fn answer_one(&mut self) -> bool {
        self.drain();
        if self.asked.is_empty() {
            return false;
        }
        let (op, request) = self.asked.remove(0);
        let reply = self.store.handle(&request);
        self.input(Input::Stored { op, reply });
        true
    }

    fn is_ready(&self) -> bool {
        self.out.iter().any(|output| matches!(output, Output::Ready))
    }

    fn admin(&mut self, request: AdminRequest) -> AdminReply {
        self.input(Input::Admin { op: 5, request });
        self.settle();
        self.asked.clear();
        let at = self.out.iter().position(|output| matches!(output, Output::Admin { .. }));
        match at.and_then(|at| self.out.remove(at)) {
            Some(Output::Admin { reply, .. }) => reply,
            other => panic!("{other:?}"),
        }
    }

    /// How often the rows of ranges were read since last asked.
    fn scans(&mut self) -> usize {
        let asked = core::mem::take(&mut self.asked).into_iter();
        let is_scan =
            |request: &Request| matches!(request, Request::Scan { space: Space::Range, .. });
        asked.filter(|(_, request)| is_scan(request)).count()
    }

    /// The reads of its own life since last asked.
    fn life_reads(&mut self) -> Vec<StoreOp> {
        let asked = core::mem::take(&mut self.asked).into_iter();
        let own = Request::Read(Key::incarnation(NodeId(0)));
        asked.filter(|(_, request)| *request == own).map(|(op, _)| op).collect()
    }

    fn timeout(&mut self, after_ms: u64) {
        self.now = self.now + after_ms;
        self.hub.handle_timeout(self.now);
        self.drain();
    }

    /// The store answers a request of account's that nobody made: only what the answer is matters.
    fn account_hears(&mut self, reply: Reply) {
        let life = self.hub.life;
        let op = StoreOp { life, role: Some(Role::Account), op: OpId { slot: 900, generation: 9 } };
        self.input(Input::Stored { op, reply });
    }
}

#[test]
fn what_comes_before_it_serves_is_kept() {
    let mut solo = Solo::new(MemoryStore::default(), 1, 1);
    let link = LinkId(1);
    let hello = Hello {
        version_min: 1,
        version_max: 1,
        features: 0,
        frame_bytes_max: 65_536,
        keepalive_ms: 0,
        node: None,
    };
    solo.input(Input::LinkOpened { link, remote: "::1" });
    let bytes = Frame::request(HELLO, Channel(0), 1, hello.encode()).encode();
    solo.input(Input::LinkBytes { link, bytes: &bytes });
    solo.input(Input::Admin { op: 7, request: AdminRequest::Counts });
    assert!(solo.out.is_empty());
    solo.settle();
    let out: Vec<_> = solo.out.iter().collect();
    assert!(matches!(out[0], Output::Ready));
    assert!(out.iter().any(|o| matches!(o, Output::LinkSend { link: LinkId(1), .. })), "welcome");
    assert!(out.iter().any(|o| matches!(o, Output::Admin { op: 7, .. })));
}

#[test]
fn two_starts_at_once_are_two_lives_with_the_same_keys() {
    let mut a = Solo::new(MemoryStore::default(), 1, 1);
    let mut b = Solo::new(MemoryStore::default(), 1, 2);
    // Turn by turn over one store.
    for turn in 0..100 {
        let (one, other) = if turn % 2 == 0 { (&mut a, &mut b) } else { (&mut b, &mut a) };
        if !one.is_ready() && one.answer_one() {
            other.store = one.store.clone();
        }
    }
    assert!(a.is_ready() && b.is_ready());
    let mut read = |key: Key| match a.store.handle(&Request::Read(key)) {
        Reply::Found { value, .. } => value,
        other => panic!("{other:?}"),
    };
    assert_eq!(read(Key::incarnation(NodeId(0))), Bytes::from_static(&[0, 0, 0, 2]));
    let key = read(Key::ticket_key(1));
    let mut again = Solo::new(a.store.clone(), 1, 3);
    again.settle();
    assert!(again.is_ready());
    match again.store.handle(&Request::Read(Key::ticket_key(1))) {
        Reply::Found { value, .. } => assert_eq!(value, key, "keys stay"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_node_counts_what_it_has() {
    let mut solo = Solo::ready(1);
    let ranges = Range::COUNT as u64;
    let counts = alloc::vec![("links", 0), ("ranges", ranges), ("moves", 0)];
    assert_eq!(solo.admin(AdminRequest::Counts), AdminReply::Counts(counts));
    solo.input(Input::LinkOpened { link: LinkId(1), remote: "::1" });
    let counts = alloc::vec![("links", 1), ("ranges", ranges), ("moves", 0)];
    assert_eq!(solo.admin(AdminRequest::Counts), AdminReply::Counts(counts));
    let AdminReply::Counts(counts) = Solo::ready(2).admin(AdminRequest::Counts) else {
        panic!("counts")
    };
    assert_eq!(counts[1], ("ranges", ranges / 2));
}

#[test]
fn a_conflict_makes_a_node_read_who_owns_what_now_and_then() {
    let mut solo = Solo::ready(2);
    solo.now = solo.now + 10 * PLACES_READ_MS;
    solo.account_hears(Reply::Written { revision: 3 });
    assert_eq!(solo.scans(), 0, "only what is refused is news");
    solo.account_hears(Reply::Conflict);
    solo.settle();
    assert_eq!(solo.scans(), 1);
    let due = solo.now + PLACES_READ_MS;
    solo.account_hears(Reply::Conflict);
    solo.account_hears(Reply::Conflict);
    assert_eq!(solo.scans(), 0, "not for each");
    solo.now = due - 1;
    solo.hub.handle_timeout(solo.now);
    solo.drain();
    assert_eq!(solo.scans(), 0);
    solo.now = due;
    solo.hub.handle_timeout(solo.now);
    solo.drain();
    let [.., (op, _)] = solo.asked[..] else { panic!("it reads again") };
    assert_eq!(solo.scans(), 1);
    // It fails: again after a while, and not at once.
    solo.input(Input::Stored { op, reply: Reply::Failed("disk".into()) });
    solo.hub.handle_timeout(solo.now);
    solo.drain();
    assert_eq!(solo.scans(), 0);
    solo.now = solo.now + 10 * PLACES_READ_MS;
    solo.hub.handle_timeout(solo.now);
    solo.drain();
    assert_eq!(solo.scans(), 1);
    // Alone there is nobody whose it could be.
    let mut alone = Solo::ready(1);
    alone.now = alone.now + 10 * PLACES_READ_MS;
    alone.account_hears(Reply::Conflict);
    assert_eq!(alone.scans(), 0);
}

#[test]
fn a_refusal_makes_a_node_read_its_life_now_and_then() {
    let mut solo = Solo::ready(1);
    let own = || Reply::Found { value: Bytes::from_static(&[0, 0, 0, 1]), revision: 1 };
    for reply in [Reply::Written { revision: 9 }, Reply::Failed("disk".into()), Reply::Unknown] {
        solo.account_hears(reply);
    }
    assert_eq!(solo.life_reads(), [], "only what is refused for what stands there");
    solo.account_hears(Reply::Conflict);
    let [op] = solo.life_reads()[..] else { panic!("at once") };
    // It may have been read before this one.
    solo.account_hears(Reply::Conflict);
    solo.account_hears(Reply::Conflict);
    assert_eq!(solo.life_reads(), [], "one at a time");
    solo.input(Input::Stored { op, reply: own() });
    solo.input(Input::Stored { op, reply: Reply::Found { value: Bytes::new(), revision: 99 } });
    solo.timeout(LIFE_READ_MS - 1);
    assert_eq!(solo.life_reads(), [], "not so soon again");
    solo.timeout(1);
    let [mut op] = solo.life_reads()[..] else { panic!("once for both") };
    for reply in [Reply::Failed("disk".into()), Reply::Unknown, Reply::Absent] {
        solo.input(Input::Stored { op, reply });
        solo.timeout(LIFE_READ_MS - 1);
        assert_eq!(solo.life_reads(), []);
        solo.timeout(1);
        let [next] = solo.life_reads()[..] else { panic!("until the store says") };
        assert_ne!(next, op);
        op = next;
    }
    solo.input(Input::Stored { op, reply: own() });
    solo.timeout(10 * LIFE_READ_MS);
    assert_eq!(solo.life_reads(), [], "and no longer");
    assert!(!solo.out.iter().any(|output| matches!(output, Output::Fenced)), "it has its life");
}

/// A node that serves, and what stands in the store once another process runs it.
fn replaced(nodes: u16) -> Solo {
    let mut old = Solo::ready(nodes);
    let mut new = Solo::new(old.store.clone(), nodes, 2);
    new.settle();
    assert!(new.is_ready());
    old.store = new.store;
    old
}

#[test]
fn who_is_fenced_off_tells_its_clients_to_come_again_and_nothing_more() {
    let mut solo = replaced(1);
    let link = LinkId(1);
    solo.input(Input::LinkOpened { link, remote: "::1" });
    solo.input(Input::LinkOpened { link: LinkId(2), remote: "::1" });
    let secret = AdminSecret::Phc(Pii("phc".into()));
    solo.input(Input::Admin {
        op: 5,
        request: AdminRequest::AddUser { name: "al".into(), secret },
    });
    assert!(solo.out.is_empty(), "it does not know");
    while !solo.asked.is_empty() {
        solo.answer_one();
    }
    let out: Vec<_> = solo.out.drain(..).collect();
    let closes = |output: &&Output| {
        matches!(output, Output::LinkClose { reason: CloseReason::Draining, flush_ms: 1.., .. })
    };
    assert_eq!(out.iter().filter(closes).count(), 2, "{out:?}");
    let says = |output: &&Output| matches!(output, Output::LinkSend { .. });
    assert_eq!(out.iter().filter(says).count(), 2, "why: {out:?}");
    assert!(matches!(out.last(), Some(Output::Fenced)), "the last it says: {out:?}");
    assert_eq!(out.len(), 5, "{out:?}");
    assert_eq!(solo.hub.poll_timeout(), None);
    // What comes all the same.
    solo.input(Input::LinkClosed { link });
    solo.input(Input::LinkBytes { link: LinkId(2), bytes: b"?" });
    solo.input(Input::Wall(Wall(2_000_000)));
    solo.account_hears(Reply::Conflict);
    solo.timeout(100_000);
    assert!(solo.out.is_empty() && solo.asked.is_empty());
    solo.input(Input::LinkOpened { link: LinkId(3), remote: "::1" });
    solo.input(Input::Admin { op: 7, request: AdminRequest::Counts });
    solo.input(Input::Drain);
    let out: Vec<_> = solo.out.drain(..).collect();
    assert!(matches!(out[0], Output::LinkClose { link: LinkId(3), flush_ms: 0, .. }), "{out:?}");
    let refused = AdminReply::Refused(Code::Draining);
    assert!(matches!(&out[1], Output::Admin { op: 7, reply } if *reply == refused), "{out:?}");
    assert!(matches!(out[2], Output::Drained), "{out:?}");
}

#[test]
fn who_is_asked_nothing_hears_of_its_end_by_its_sign_of_life() {
    let mut solo = replaced(2);
    let until = solo.now + 2 * ALIVE_DOUBT_MS + 2 * LIFE_READ_MS;
    while !solo.out.iter().any(|output| matches!(output, Output::Fenced)) {
        assert!(solo.now < until, "it lives on: {:?}", solo.out);
        while solo.answer_one() {}
        solo.timeout(100);
    }
}

/// A client on its way in; everything in order and at once. What it heard, and the hops.
fn sign_in(solo: &mut Solo) -> (Vec<Event>, Vec<Hop>) {
    let config = client::Config {
        user: Pii("alice".into()),
        password: Some(Pii("pw".into())),
        keepalive_ms: 0,
        trace: true,
        versions: Versions::default(),
        node: None,
    };
    let mut client = Client::new(config, [5; 32], solo.now);
    let (mut cache, mut events, mut hops) = (MemoryStore::default(), Vec::new(), Vec::new());
    loop {
        if let Some(output) = client.poll_output() {
            match output {
                client::Output::Dial { link } => {
                    solo.input(Input::LinkOpened { link, remote: "::1" });
                    client.handle_input(client::Input::LinkOpened { link }, solo.now);
                }
                client::Output::Send { link, bytes } => {
                    solo.input(Input::LinkBytes { link, bytes: &bytes });
                    let bytes = bytes.len();
                    client.handle_input(client::Input::LinkSent { link, bytes }, solo.now);
                }
                client::Output::Store { op, request } => {
                    let reply = cache.handle(&request);
                    client.handle_input(client::Input::Stored { op, reply }, solo.now);
                }
                client::Output::Event(event) => events.push(event),
                other => panic!("{other:?}"),
            }
        } else if let Some(output) = solo.out.pop_front() {
            match output {
                Output::LinkSend { link, bytes } => {
                    let sent = bytes.len();
                    solo.input(Input::LinkSent { link, bytes: sent });
                    let bytes = &bytes;
                    client.handle_input(client::Input::LinkBytes { link, bytes }, solo.now);
                }
                Output::Hash { op, .. } => {
                    solo.input(Input::Hashed { op, reply: HashReply::Verified(true) });
                }
                Output::Hop(hop) => hops.push(*hop),
                other => panic!("{other:?}"),
            }
        } else if !solo.answer_one() {
            return (events, hops);
        }
    }
}

#[test]
fn every_hop_of_a_sign_in_is_written_and_follows_from_one_before() {
    let mut solo = Solo::ready(1);
    let secret = AdminSecret::Phc(Pii("phc".into()));
    solo.admin(AdminRequest::AddUser { name: "alice".into(), secret });
    solo.out.clear();
    let (events, hops) = sign_in(&mut solo);
    assert!(events.iter().any(|event| matches!(event, Event::SignedIn { .. })), "{events:?}");
    let is_client = |party: &Party| matches!(party, Party::Client(_));
    let said: Vec<_> = hops.iter().filter(|hop| is_client(&hop.from)).collect();
    let told: Vec<_> = hops.iter().filter(|hop| is_client(&hop.to)).collect();
    for kind in ["attach", "sign_in", "fetch_book", "status"] {
        assert!(said.iter().any(|hop| hop.kind == kind), "the client's {kind}: {said:?}");
    }
    for kind in ["signed_in", "contacts", "done"] {
        assert!(told.iter().any(|hop| hop.kind == kind), "the client is told {kind}: {told:?}");
    }
    // What the client does once it is signed in follows from that.
    let signed_in = told.iter().find(|hop| hop.kind == "signed_in").expect("as seen above");
    let follows = |hop: &&&Hop| hop.kind == "attach" && hop.parent == signed_in.flow.hop;
    assert_eq!(said.iter().filter(follows).count(), 3);
    for (at, hop) in hops.iter().enumerate() {
        let is_before = |other: &Hop| other.flow.id == hop.flow.id && other.flow.hop == hop.parent;
        assert!(hop.parent == 0 || hops[..at].iter().any(is_before), "{hop:?}");
    }
}

/// What is not named here the simulator does not hold against its bound.
#[test]
fn every_machine_names_its_queues() {
    let mut solo = Solo::ready(2);
    solo.input(Input::LinkOpened { link: LinkId(1), remote: "::1" });
    let queues = solo.hub.queues();
    let all = queues.all();
    let of = |name: &str| {
        let queue = all.iter().find(|queue| queue.name == name);
        queue.map(|queue| (queue.length, queue.bound))
    };
    assert_eq!(of("gate links"), Some((1, LINKS_MAX)));
    assert_eq!(of("gate strangers"), Some((1, LINKS_PRE_AUTH_MAX)));
    assert_eq!(of("gate timers"), Some((1, 1)));
    for name in [
        "link waiting bytes",
        "link bytes with the host",
        "link frame bytes",
        "account hashes",
        "cs sessions",
        "cs asks of a session",
        "cs watches of a session",
        "cs timers",
        "ps saves",
        "ps endpoints",
        "ps timers",
        "book tasks of a person",
        "book people with tasks",
        "book timers",
        "intents",
        "intent timers",
        "inbox timers",
        "mixer sends",
        "mixer changes",
        "mixer seats",
        "mixer timers",
        "mixer reads of a leg",
    ] {
        let (length, bound) = of(name).unwrap_or_else(|| panic!("{name} is not named: {all:?}"));
        assert!(length <= bound, "{name}: {length} of {bound}");
    }
}
