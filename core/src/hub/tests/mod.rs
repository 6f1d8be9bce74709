//! Several hubs over one store and a fabric, both of which can be made to lie.
//!
//! Every row of a range that lands is noted: a term has one owner, terms rise by one, and no hub ever
//! believes what was never written.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks at the outputs it is about")]

mod moving;
mod solo;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;

use super::{AdminReply, AdminRequest, Config, Hub, Input, Output, StoreOp};
use crate::id::{NodeId, Range};
use crate::machine::Machine;
use crate::rng::Rng;
use crate::store::{Reply, Request, Row, Space};
use crate::time::{Timestamp, Wall};
use crate::topology::Place;
use crate::trunk::Parcel;
use crate::wire::hello::Versions;
use crate::world::MemoryStore;

const WALL: Wall = Wall(1_700_000_000_000);

enum Event {
    Wake(usize),
    Parcel {
        from: NodeId,
        to: usize,
        parcel: Parcel,
    },
    /// A request reaches the store; `None`: nobody waits for its answer.
    Store {
        by: Option<By>,
        request: Request,
    },
    Stored {
        by: By,
        reply: Reply,
    },
}

#[derive(Clone, Copy)]
struct By {
    node: usize,
    life: u32,
    op: StoreOp,
}

/// What may go wrong with a write, in permille.
#[derive(Clone, Copy, Default)]
struct Weather {
    unknown: u64,
    failed: u64,
    parcels_lost: u64,
}

struct Node {
    hub: Option<Hub>,
    life: u32,
    paused_until: Timestamp,
    wake: Option<Timestamp>,
    drained: bool,
}

struct World {
    now: Timestamp,
    rng: Rng,
    agenda: BTreeMap<(Timestamp, u64), Event>,
    events: u64,
    nodes: Vec<Node>,
    /// Ways on which nothing comes through.
    cut: BTreeSet<(usize, usize)>,
    weather: Weather,
    store: MemoryStore,
    /// Nodes whose requests the store does not answer.
    storeless: BTreeSet<usize>,
    written: BTreeMap<(Range, u32), Place>,
    alive_writes: u64,
    answers: BTreeMap<u64, AdminReply>,
    asked: u64,
}

impl World {
    fn new(seed: u8, nodes: usize) -> Self {
        let node =
            || Node { hub: None, life: 0, paused_until: Timestamp(0), wake: None, drained: false };
        let mut world = Self {
            now: Timestamp(1_000),
            rng: Rng::new([seed; 32]),
            agenda: BTreeMap::new(),
            events: 0,
            nodes: (0..nodes).map(|_| node()).collect(),
            cut: BTreeSet::new(),
            weather: Weather::default(),
            store: MemoryStore::default(),
            storeless: BTreeSet::new(),
            written: BTreeMap::new(),
            alive_writes: 0,
            answers: BTreeMap::new(),
            asked: 0,
        };
        for node in 0..nodes {
            world.start(node);
        }
        world
    }

    fn start(&mut self, at: usize) {
        let nodes = u16::try_from(self.nodes.len()).expect("few");
        let config = Config { node: id(at), nodes, trace: false, versions: Versions::default() };
        let seed = self.rng.bytes();
        let node = &mut self.nodes[at];
        node.life += 1;
        (node.wake, node.drained, node.paused_until) = (None, false, self.now);
        node.hub = Some(Hub::new(config, seed, WALL, self.now));
        self.pump(at);
    }

    fn kill(&mut self, at: usize) {
        self.nodes[at].hub = None;
    }

    fn pause(&mut self, at: usize, ms: u64) {
        self.nodes[at].paused_until = self.now + ms;
    }

    /// Cuts one way or both.
    fn part(&mut self, from: usize, to: usize, both: bool) {
        self.cut.insert((from, to));
        if both {
            self.cut.insert((to, from));
        }
    }

    fn after(&mut self, ms: u64, event: Event) {
        self.events += 1;
        self.agenda.insert((self.now + ms, self.events), event);
    }

    fn feed(&mut self, at: usize, input: Input<'_>) {
        if let Some(hub) = self.nodes[at].hub.as_mut() {
            hub.handle_input(input, self.now);
            self.pump(at);
        }
    }

    fn pump(&mut self, at: usize) {
        while let Some(output) = self.nodes[at].hub.as_mut().and_then(Machine::poll_output) {
            match output {
                Output::Store { op, request } => self.on_store(at, op, request),
                Output::Parcel { to, parcel } => {
                    let to = usize::from(to.0);
                    let lost = self.rng.below(1_000) < self.weather.parcels_lost;
                    if !lost && !self.cut.contains(&(at, to)) {
                        let ms = 1 + self.rng.below(10);
                        self.after(ms, Event::Parcel { from: id(at), to, parcel });
                    }
                }
                Output::Admin { op, reply } => {
                    self.answers.insert(op, reply);
                }
                Output::Drained => self.nodes[at].drained = true,
                Output::Ready => {}
                other => panic!("nobody is connected: {other:?}"),
            }
        }
        let node = &mut self.nodes[at];
        let due = node.hub.as_ref().and_then(Machine::poll_timeout);
        if let Some(due) = due.map(|due| due.at.max(self.now))
            && node.wake.is_none_or(|wake| due < wake)
        {
            node.wake = Some(due);
            let wait = due.since(self.now);
            self.after(wait, Event::Wake(at));
        }
    }

    fn on_store(&mut self, node: usize, op: StoreOp, request: Request) {
        if self.storeless.contains(&node) {
            return;
        }
        let by = By { node, life: self.nodes[node].life, op };
        let ms = 1 + self.rng.below(5);
        if let Request::Write(_) = request {
            let fate = self.rng.below(1_000);
            if fate < self.weather.failed {
                return self.after(ms, Event::Stored { by, reply: Reply::Failed("full".into()) });
            }
            if fate < self.weather.failed + self.weather.unknown {
                match self.rng.below(3) {
                    0 => {}
                    1 => self.after(ms, Event::Store { by: None, request }),
                    _ => {
                        let late = self.rng.below(30_000);
                        self.after(late, Event::Store { by: None, request });
                    }
                }
                return self.after(ms + 1, Event::Stored { by, reply: Reply::Unknown });
            }
        }
        self.after(ms, Event::Store { by: Some(by), request });
    }

    fn on_landed(&mut self, request: &Request, reply: &Reply) {
        let (Request::Write(write), Reply::Written { revision }) = (request, reply) else { return };
        for (key, value) in &write.puts {
            match key.space {
                Space::Alive => self.alive_writes += 1,
                Space::Range => {
                    let row = Row { key: key.clone(), value: value.clone(), revision: *revision };
                    let place = Place::decode(&row).expect("a row of a range");
                    let before = place.term - 1;
                    let known = before == 0 || self.written.contains_key(&(place.range, before));
                    assert!(known, "a term was left out: {place:?}");
                    let twice = self.written.insert((place.range, place.term), place);
                    assert_eq!(twice, None, "two owners in one term");
                }
                _ => {}
            }
        }
    }

    fn run(&mut self, ms: u64) {
        let until = self.now + ms;
        while let Some(entry) = self.agenda.first_entry()
            && entry.key().0 <= until
        {
            let ((at, _), event) = entry.remove_entry();
            self.now = at;
            self.step(event);
        }
        self.now = until;
        self.check();
    }

    fn step(&mut self, event: Event) {
        let of = match &event {
            Event::Wake(at) | Event::Parcel { to: at, .. } => Some(*at),
            Event::Stored { by, .. } => Some(by.node),
            Event::Store { .. } => None,
        };
        if let Some(at) = of {
            let rest = self.nodes[at].paused_until.since(self.now);
            if rest > 0 {
                // What came while it slept is read before it looks at the clock.
                let wake = u64::from(matches!(event, Event::Wake(_)));
                return self.after(rest + wake, event);
            }
        }
        match event {
            Event::Wake(at) => {
                self.nodes[at].wake = None;
                if let Some(hub) = self.nodes[at].hub.as_mut() {
                    hub.handle_timeout(self.now);
                    self.pump(at);
                }
            }
            Event::Parcel { from, to, parcel } => self.feed(to, Input::Parcel { from, parcel }),
            Event::Store { by, request } => {
                let reply = self.store.handle(&request);
                self.on_landed(&request, &reply);
                if let Some(by) = by {
                    self.after(1, Event::Stored { by, reply });
                }
            }
            Event::Stored { by, reply } if by.life == self.nodes[by.node].life => {
                self.feed(by.node, Input::Stored { op: by.op, reply });
            }
            Event::Stored { .. } => {}
        }
    }

    /// What a node says to an operator; `None`: nothing yet.
    fn ask(&mut self, at: usize, request: AdminRequest) -> Option<AdminReply> {
        self.asked += 1;
        let op = self.asked;
        self.feed(at, Input::Admin { op, request });
        self.answers.get(&op).cloned()
    }

    /// The same with time for the store.
    fn ask_and_wait(&mut self, at: usize, request: AdminRequest) -> Option<AdminReply> {
        let now = self.ask(at, request);
        let op = self.asked;
        self.run(500);
        now.or_else(|| self.answers.get(&op).cloned())
    }

    /// A node's table; `None` while it does not serve.
    fn table(&mut self, at: usize) -> Option<Vec<Place>> {
        self.nodes[at].hub.as_ref()?;
        match self.ask(at, AdminRequest::Places)? {
            AdminReply::Places(places) => Some(places),
            other => panic!("{other:?}"),
        }
    }

    /// No hub believes what was never written.
    fn check(&mut self) {
        for at in 0..self.nodes.len() {
            if self.nodes[at].paused_until > self.now {
                continue;
            }
            for place in self.table(at).unwrap_or_default() {
                if place.term > 0 {
                    assert_eq!(self.written.get(&(place.range, place.term)), Some(&place));
                }
            }
        }
    }

    /// Whether the nodes that run all know the same, which is what stands in the rows.
    fn agree(&mut self) -> bool {
        let mut rows: Vec<Place> = Vec::new();
        for range in Range::all() {
            let last = self.written.range((range, 0)..=(range, u32::MAX)).next_back();
            rows.extend(last.map(|(_, place)| *place));
        }
        (0..self.nodes.len()).all(|at| {
            self.table(at).is_none_or(|table| {
                table.iter().filter(|place| place.term > 0).copied().eq(rows.iter().copied())
            })
        })
    }

    /// Ranges by owner, as a node knows.
    fn owned(&mut self, by: usize) -> Vec<usize> {
        let mut owned = vec![0; self.nodes.len()];
        for place in self.table(by).expect("it serves") {
            owned[usize::from(place.owner.0)] += 1;
        }
        owned
    }
}

fn id(at: usize) -> NodeId {
    NodeId(u16::try_from(at).expect("few"))
}
