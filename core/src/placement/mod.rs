//! Who owns which range of shards, and who moves them (PROTOCOL §9.2, §9.5).
//!
//! Every node has one [`Placer`]. It keeps the table, learns from rows and from other nodes what
//! moved, and tells all machines of its node ([`Output::Moved`]). It moves ranges by one write at a
//! time (`errand`): for an operator, back to their seats, away from a node that leaves, and from
//! owners that are lost (`watches`).
//!
//! Invariant: a term of a range is written once, so two nodes never own it in the same term. Tested
//! by `placement/tests`, which lets several of them quarrel over a store that lies.

mod errand;
mod moving;
mod reach;
mod watches;

#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use self::errand::Errand;
use self::reach::Reach;
use self::watches::Watches;
use crate::edge::placement::ToPlacement as Fabric;
use crate::edge::{Envelope, Peer, Post, ToPlacement};
use crate::id::{Flow, NodeId, OpId, Range};
use crate::index::Slab;
use crate::limits::{
    ALIVE_DOUBT_MS, ALIVE_MS, PAUSE_MS, PLACES_READ_MS, RELOAD_FAILED_MS, SCAN_ROWS_MAX,
};
use crate::machine::{Deadline, Machine};
use crate::operator::{AdminReply, AdminRequest};
use crate::outbox::Outbox;
use crate::setup::Setup;
use crate::store::{Key, Reply, Request, Space, Write};
use crate::time::Timestamp;
use crate::timer::TimerQueue;
use crate::topology::{Moved, Place, Placement};

/// What a placer takes in.
#[derive(Debug)]
pub enum Input {
    /// From that of another node.
    Tell(Envelope<ToPlacement>),
    /// How another node does.
    Peer(Peer),
    /// A node that we hear does not hear us.
    Deaf(NodeId),
    /// A tell for a range that this node does not own came and was dropped.
    Misdirected {
        /// The range.
        range: Range,
        /// Who told.
        from: NodeId,
    },
    /// A write of a machine of this node did not hold: perhaps its range has moved.
    Conflicted,
    /// The completion of a `Store`.
    Stored {
        /// Echoed.
        op: OpId,
        /// What the store says.
        reply: Reply,
    },
    /// From an operator: `Move` or `Places`.
    Admin {
        /// The host's number, echoed.
        op: u64,
        /// What is asked.
        request: AdminRequest,
    },
    /// The node goes away: its ranges go to others, then comes `Left`.
    Leave,
}

/// What a placer asks for.
#[derive(Debug)]
pub enum Output {
    /// Tell another node's.
    Tell(Post),
    /// Ask the store.
    Store {
        /// To echo.
        op: OpId,
        /// What.
        request: Request,
    },
    /// All machines of this node are told, before anything else is handed over.
    Moved(Moved),
    /// The answer to an operator.
    Admin {
        /// Echoed.
        op: u64,
        /// The answer.
        reply: AdminReply,
    },
    /// Everything that could be handed over after `Leave` is.
    Left,
}

/// What the store was asked.
#[derive(Clone, Copy, Debug)]
enum Pending {
    /// To move ranges.
    Move,
    /// Where ranges stand.
    Scan,
    /// To raise our sign of life.
    Raise,
    /// For another's.
    Watch(NodeId),
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// To raise our sign of life.
    Raise,
    /// To read another's.
    Watch(NodeId),
    /// To write again what has no clear outcome.
    Rewrite,
    /// To go on after the store refused.
    Rest,
    /// To read the rows.
    Scan,
    /// To send a range to its seat.
    Return,
    /// To have heard who else goes away.
    Hear,
    /// To have handed over what could be.
    Leave,
}

/// How the node goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It does not.
    Staying,
    /// It does, and waits to hear who else.
    Hearing,
    /// It hands its ranges over.
    Leaving,
    /// It has.
    Left,
}

/// Who owns what, as one life of a node knows and decides it.
#[derive(Debug)]
pub struct Placer {
    setup: Setup,
    /// Whether each range stays where it is.
    kept: Box<[bool]>,
    reach: Reach,
    watches: Watches,
    errand: Option<Errand>,
    /// What operators asked for: number, range, node.
    asked: VecDeque<(u64, Range, NodeId)>,
    /// Whether the rows are being read, and whether once more after that.
    scanning: Option<bool>,
    scanned: Option<Timestamp>,
    raising: bool,
    raises: u64,
    returned: Option<Timestamp>,
    stage: Stage,
    moves: u64,
    pending: Slab<Pending>,
    timers: TimerQueue<Due>,
    out: Outbox<Output>,
}

impl Placer {
    /// The placer of a node that starts: `places` are the rows it read.
    #[must_use]
    pub fn new(setup: Setup, places: &[Place], now: Timestamp) -> Self {
        let (own, nodes) = (setup.node, setup.topology.nodes());
        let mut placer = Self {
            setup,
            kept: vec![false; Range::COUNT].into(),
            reach: Reach::new(own, nodes, now),
            watches: Watches::default(),
            errand: None,
            asked: VecDeque::new(),
            scanning: None,
            scanned: None,
            raising: false,
            raises: 0,
            returned: None,
            stage: Stage::Staying,
            moves: 0,
            pending: Slab::default(),
            timers: TimerQueue::default(),
            out: Outbox::default(),
        };
        for place in places {
            placer.kept[usize::from(place.range.0)] = place.kept;
        }
        if nodes > 1 {
            placer.timers.set(Due::Raise, now + ALIVE_DOUBT_MS, "raise a sign of life");
        }
        placer.advance(now);
        placer
    }

    /// How many ranges this node owns, and how many moves it has heard of.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.owned().count() as u64, self.moves)
    }

    fn own(&self) -> NodeId {
        self.setup.node
    }

    fn known(&self, range: Range) -> Placement {
        self.setup.topology.placement(range)
    }

    fn place(&self, range: Range) -> Place {
        let Placement { owner, term, revision } = self.known(range);
        Place { range, owner, term, kept: self.kept[usize::from(range.0)], revision }
    }

    fn owned(&self) -> impl Iterator<Item = Range> {
        Range::all().filter(|range| self.known(*range).owner == self.own())
    }

    fn tell(&mut self, to: NodeId, tell: Fabric) {
        self.out.push(Output::Tell(Post::node(Flow::default(), to, tell)));
    }

    fn store(&mut self, pending: Pending, request: Request) -> OpId {
        let op = self.pending.insert(pending);
        self.out.push(Output::Store { op, request });
        op
    }

    /// Takes in where ranges stand, and hands on what is news.
    fn learn(&mut self, places: impl IntoIterator<Item = Place>, teller: Option<NodeId>) {
        // Nothing moves 2^32 times: a node that says so lies, and its word would stand for ever.
        let is_news =
            |place: &Place| place.term > self.known(place.range).term && place.term < u32::MAX;
        let news: Vec<Place> = places.into_iter().filter(is_news).collect();
        let mut gained: BTreeMap<NodeId, Vec<Place>> = BTreeMap::new();
        for place in &news {
            let owner = place.owner;
            if owner != self.own() && Some(owner) != teller && self.reach.is_up(owner) {
                gained.entry(owner).or_default().push(*place);
            }
        }
        for (owner, places) in gained {
            self.tell(owner, Fabric::Placed { places });
        }
        for place in news {
            self.put(&place);
        }
    }

    /// Puts a range where it stands from here on.
    fn put(&mut self, place: &Place) {
        if let Some(moved) = self.setup.topology.place(place.range, place.placement()) {
            self.kept[usize::from(place.range.0)] = place.kept;
            self.moves += 1;
            self.out.push(Output::Moved(moved));
        }
    }

    fn on_tell(&mut self, from: NodeId, tell: Fabric) {
        match tell {
            Fabric::Placed { places } => self.learn(places, Some(from)),
            Fabric::Elsewhere { place } => self.on_elsewhere(from, place),
            Fabric::Leaving {} => self.reach.on_leaving(from),
        }
    }

    /// Something we told a node was dropped there.
    fn on_elsewhere(&mut self, from: NodeId, place: Place) {
        let known = self.place(place.range);
        if place.term >= known.term {
            // In the same term what was dropped was told before we knew, and counted as lost then.
            return self.learn([place], Some(from));
        }
        self.tell(from, Fabric::Placed { places: vec![known] });
        if known.owner != from {
            return;
        }
        // It owns the range and did not know: what was told it is lost all the same.
        let moved = Moved { range: place.range, from: known.owner, placement: known.placement() };
        self.out.push(Output::Moved(moved));
    }

    fn on_peer(&mut self, peer: Peer, now: Timestamp) {
        match peer {
            Peer::Up(node) => {
                self.reach.on_up(node, now);
                let moved = Range::all().filter(|range| self.known(*range).term > 0);
                let places: Vec<Place> = moved.map(|range| self.place(range)).collect();
                if !places.is_empty() {
                    self.tell(node, Fabric::Placed { places });
                }
                if self.stage != Stage::Staying {
                    self.tell(node, Fabric::Leaving {});
                }
            }
            Peer::Lost(node) => {
                self.reach.on_lost(node, now);
                self.doubt_soon(now);
            }
            // Our own word.
            Peer::Moved(_) => {}
        }
    }

    fn doubt_soon(&mut self, now: Timestamp) {
        self.timers.set_if_idle(Due::Raise, now + ALIVE_DOUBT_MS, "raise a sign of life");
    }

    /// Raises our sign of life while another node may doubt that we live.
    fn on_raise(&mut self, now: Timestamp) {
        if !self.reach.is_doubted(now) || self.stage == Stage::Left {
            return;
        }
        self.timers.set(Due::Raise, now + ALIVE_MS, "raise a sign of life");
        if self.raising {
            return;
        }
        (self.raising, self.raises) = (true, self.raises + 1);
        let key = Key::alive(self.own());
        let value = Bytes::copy_from_slice(&self.raises.to_be_bytes());
        let write =
            Write { checks: vec![self.setup.life()], puts: vec![(key, value)], ..Write::default() };
        self.store(Pending::Raise, Request::Write(write));
    }

    /// Watches owners out of reach, and no others.
    fn watch(&mut self, now: Timestamp) {
        let mut out: Vec<NodeId> = Vec::new();
        if self.stage == Stage::Staying {
            let owners = Range::all().map(|range| self.known(range).owner);
            out.extend(owners.filter(|node| self.reach.exists(*node)));
            out.retain(|node| self.reach.is_out(*node, now));
            out.sort_unstable();
            out.dedup();
        }
        for ended in self.watches.keep(|node| out.binary_search(&node).is_ok()) {
            self.timers.clear(&Due::Watch(ended));
        }
        for node in out {
            if self.watches.begin(node) {
                self.read_alive(node, now);
            }
        }
    }

    fn read_alive(&mut self, node: NodeId, now: Timestamp) {
        if self.watches.is_idle(node) {
            let op = self.store(Pending::Watch(node), Request::Read(Key::alive(node)));
            self.watches.on_asked(node, op, now);
        }
    }

    /// Reads the rows, soon.
    fn scan(&mut self, now: Timestamp) {
        if let Some(again) = &mut self.scanning {
            *again = true;
            return;
        }
        let at = self.scanned.map_or(now, |scanned| scanned + PLACES_READ_MS);
        if at > now {
            return self.timers.set_if_idle(Due::Scan, at, "read where ranges stand");
        }
        self.timers.clear(&Due::Scan);
        (self.scanning, self.scanned) = (Some(false), Some(now));
        let limit = u32::try_from(SCAN_ROWS_MAX).unwrap_or(u32::MAX);
        let scan = Request::Scan { space: Space::Range, prefix: vec![], after: None, limit };
        self.store(Pending::Scan, scan);
    }

    fn on_scanned(&mut self, reply: Reply, now: Timestamp) {
        let again = self.scanning.take().unwrap_or(false);
        let Reply::Page { rows, .. } = reply else {
            return self.timers.set(Due::Scan, now + RELOAD_FAILED_MS, "read where ranges stand");
        };
        self.learn(rows.iter().filter_map(Place::decode), None);
        if again {
            return self.scan(now);
        }
        self.on_read_over(now);
    }

    fn on_stored(&mut self, op: OpId, reply: Reply, now: Timestamp) {
        let Some(pending) = self.pending.remove(op) else { return };
        match pending {
            Pending::Move => self.on_written(reply, now),
            Pending::Scan => self.on_scanned(reply, now),
            Pending::Raise => self.raising = false,
            Pending::Watch(node) => {
                let revision = match reply {
                    Reply::Found { revision, .. } => Some(Some(revision)),
                    Reply::Absent => Some(None),
                    Reply::Page { .. }
                    | Reply::Tail { .. }
                    | Reply::Entries { .. }
                    | Reply::Written { .. }
                    | Reply::Conflict
                    | Reply::Failed(_)
                    | Reply::Unknown => None,
                };
                if self.watches.on_read(node, op, revision, now) {
                    self.timers.set(Due::Watch(node), now + ALIVE_MS, "read a sign of life");
                }
            }
        }
    }

    fn on_admin(&mut self, op: u64, request: &AdminRequest) {
        let reply = match request {
            AdminRequest::Move { shard, to } => match self.ask(op, shard.range(), *to) {
                Ok(()) => return,
                Err(reply) => reply,
            },
            AdminRequest::Places => {
                AdminReply::Places(Range::all().map(|range| self.place(range)).collect())
            }
            AdminRequest::AddUser { .. }
            | AdminRequest::Befriend { .. }
            | AdminRequest::MintSignIn { .. }
            | AdminRequest::Counts => AdminReply::Refused(crate::error::Code::Unsupported),
        };
        self.out.push(Output::Admin { op, reply });
    }

    fn on_due(&mut self, due: Due, now: Timestamp) {
        match due {
            Due::Raise => self.on_raise(now),
            Due::Watch(node) => self.read_alive(node, now),
            Due::Rewrite => self.attempt(),
            Due::Scan => self.scan(now),
            // What waited for these is looked at after every input.
            Due::Rest | Due::Return => {}
            Due::Hear => self.stage = Stage::Leaving,
            Due::Leave => self.left(),
        }
    }
}

impl Machine for Placer {
    type Input<'a> = Input;
    type Output = Output;

    fn handle_input(&mut self, input: Input, now: Timestamp) {
        match input {
            Input::Tell(Envelope { from, tell: ToPlacement::Fabric(tell), .. }) => {
                self.on_tell(from.node, tell);
            }
            Input::Peer(peer) => self.on_peer(peer, now),
            Input::Deaf(node) => {
                self.reach.on_deaf(node, now);
                self.doubt_soon(now);
            }
            Input::Misdirected { range, from } => {
                let place = self.place(range);
                self.tell(from, Fabric::Elsewhere { place });
            }
            Input::Conflicted if self.setup.topology.nodes() > 1 => self.scan(now),
            Input::Conflicted => {}
            Input::Stored { op, reply } => self.on_stored(op, reply, now),
            Input::Admin { op, request } => self.on_admin(op, &request),
            Input::Leave => self.on_leave(now),
        }
        self.advance(now);
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        let Some(due) = self.timers.next().filter(|due| due.at <= now) else { return };
        if now.since(due.at) > PAUSE_MS {
            // We slept: others may have taken us for lost, and we heard no sign of their lives.
            self.watches.on_pause();
            self.scan(now);
        }
        while let Some(due) = self.timers.pop_due(now) {
            self.on_due(due, now);
        }
        self.advance(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.out.pop()
    }

    fn poll_timeout(&self) -> Option<Deadline> {
        self.timers.next()
    }
}
