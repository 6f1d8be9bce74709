//! Nodes: hubs, their lives, and what they ask for.

use std::collections::BTreeMap;

use bytes::Bytes;
use presently_core::hub::record::Recorder;
use presently_core::hub::{Config, HashReply, HashRequest, Hub, Input, Output, StoreOp};
use presently_core::id::{LinkId, NodeId};
use presently_core::limits::RECORD_BYTES_MAX;
use presently_core::machine::Machine;
use presently_core::redact::Pii;
use presently_core::rng::Rng;
use presently_core::store::{Reply, Request};
use presently_core::time::{Timestamp, Wall};
use presently_core::trunk::Parcel;
use presently_core::world::clock::SkewedClock;

use super::agenda::Job;
use super::faults::After;
use super::rest::Rest;
use super::second;
use super::shadow::{Shadow, has_twins};
use super::swarm::{Swarm, seed_of, stream};
use super::world::World;
use crate::coverage::Mark;
use crate::coverage::marks::close_name;
use crate::effects::By;
use crate::history::What;

/// The wall clock at the world's instant 0.
const ANCHOR: Wall = Wall(1_700_000_000_000);
/// A process that was fenced off is started anew after this, or up to twice as long.
const FENCED_AWAY_MS: u64 = 1_000;
/// Turns of one machine in one instant, past which it spins.
const TURNS_MAX: u32 = 10_000;

/// A process that runs a node, and its place in the world.
pub(super) struct Node {
    /// Which node.
    pub(super) number: u16,
    pub(super) hub: Option<Hub>,
    /// Its twin, which is drained late.
    shadow: Option<Shadow<Hub>>,
    pub(super) life: u32,
    pub(super) links: BTreeMap<u64, usize>,
    pub(super) next_link: u64,
    pub(super) clock: SkewedClock,
    pub(super) rest: Rest,
    /// It was killed, and its node is down.
    down: bool,
    /// Its hub serves.
    pub(super) ready: bool,
    /// Goes away when it has let its clients go, for this long.
    pub(super) drains: Option<u64>,
    /// How long what its host does takes.
    pub(super) rng: Rng,
    /// What it did, where somebody asked for it.
    pub(super) record: Option<Recorder>,
    wake: Option<Timestamp>,
    turns: (Timestamp, u32),
}

impl Node {
    pub(super) fn new(swarm: &Swarm, number: u16) -> Self {
        let mut rng = stream(swarm.seed, &format!("clock {number}"));
        let skew = i64::try_from(rng.below(2 * swarm.skew_ms + 1)).unwrap_or(0);
        let skew = skew - i64::try_from(swarm.skew_ms).unwrap_or(0);
        Self::at(
            number,
            SkewedClock::new(ANCHOR, skew),
            0,
            stream(swarm.seed, &format!("host {number}")),
        )
    }

    /// Another process that is to run the node of one.
    pub(super) fn after(old: &Self, host: usize) -> Self {
        let seed = Rng::child_seed(old.rng.clone().bytes(), &format!("host {host}"));
        let record = old.record.as_ref().map(|_| Recorder::new(RECORD_BYTES_MAX));
        Self { record, ..Self::at(old.number, old.clock, old.life, Rng::new(seed)) }
    }

    fn at(number: u16, clock: SkewedClock, life: u32, rng: Rng) -> Self {
        Self {
            number,
            hub: None,
            shadow: None,
            life,
            links: BTreeMap::new(),
            next_link: 0,
            clock,
            rest: Rest::default(),
            down: false,
            ready: false,
            drains: None,
            rng,
            record: None,
            wake: None,
            turns: (Timestamp(0), 0),
        }
    }

    /// Feeds the hub, if there is one.
    pub(super) fn feed(&mut self, input: Input<'_>, now: Timestamp) -> bool {
        let Some(hub) = self.hub.as_mut() else {
            return false;
        };
        self.record.iter_mut().for_each(|record| record.input(&input, now));
        if let Some(shadow) = &mut self.shadow {
            shadow.input(input.clone(), now);
        }
        hub.handle_input(input, now);
        true
    }

    /// The hub is gone, and its twin with it.
    pub(super) fn end_shadow(&mut self) {
        if let Some(shadow) = self.shadow.take() {
            shadow.end();
        }
    }

    /// A number for a new link.
    pub(super) fn link(&mut self, wire: usize) -> LinkId {
        self.next_link += 1;
        self.links.insert(self.next_link, wire);
        LinkId(self.next_link)
    }
}

fn op_key(op: &StoreOp) -> (u64, u64) {
    let role = op.role.map_or(0, |role| 1 + role as u64);
    let number = u64::from(op.op.slot) << 32 | u64::from(op.op.generation);
    (op.life.wrapping_mul(16).wrapping_add(role), number)
}

impl World {
    pub(super) fn start_node(&mut self, node: usize) {
        let host = self.serving[node];
        if self.nodes[host].hub.is_some() {
            return;
        }
        self.nodes[host].life += 1;
        let life = self.nodes[host].life;
        if life > 1 {
            self.coverage.hit(Mark::NodeRestarted);
        }
        if std::mem::take(&mut self.nodes[host].down) {
            self.trouble_ends();
        }
        let seed = seed_of(self.swarm.seed, &format!("node {node} life {life}"));
        let number = self.nodes[host].number;
        let config = Config {
            node: NodeId(number),
            nodes: self.swarm.nodes,
            trace: self.swarm.hops,
            versions: second::spoken(&self.swarm, &format!("version of node {node}")),
        };
        let wall = self.nodes[host].clock.read(self.now);
        self.tell(|| format!("node {node} starts (life {life})"));
        self.trace.step(self.now, 1, &[number.to_le_bytes()[0]], || {
            format!("node {node} starts its life {life}")
        });
        let state = &mut self.nodes[host];
        (state.wake, state.ready) = (None, false);
        state.note_life(config, seed, wall, self.now);
        state.hub = Some(Hub::new(config, seed, wall, self.now));
        state.shadow = (node == 0 && has_twins(self.swarm.seed)).then(|| {
            let twin = Hub::new(config, seed, wall, self.now);
            Shadow::new(twin, stream(self.swarm.seed, "late"), self.now)
        });
        self.pump_node(host);
    }

    /// Drops a host's hub and everything that hung on it; whether there was one.
    pub(super) fn kill_node(&mut self, node: usize) -> bool {
        if self.nodes[node].hub.take().is_none() {
            return false;
        }
        self.tell(|| format!("node {node} is killed"));
        self.nodes[node].end_shadow();
        self.trace.step(self.now, 2, &[], || format!("node {node} is killed"));
        let life = self.nodes[node].life;
        self.see(What::Gone { by: (By::Node(node), life) });
        self.see(What::Gone { by: (By::Hash(node), life) });
        let links = std::mem::take(&mut self.nodes[node].links);
        for (_, wire) in links {
            self.node_side_dies(wire);
        }
        self.nodes[node].rest.let_go();
        self.node_goes_on(node);
        if self.serving[usize::from(self.nodes[node].number)] == node {
            self.nodes[node].down = true;
            self.trouble_begins();
        } else {
            self.trouble_ends();
        }
        self.counts.crashes += 1;
        true
    }

    pub(super) fn feed_node(&mut self, node: usize, input: Input<'_>) {
        if self.nodes[node].feed(input, self.now) {
            self.counts.inputs += 1;
            self.pump_node(node);
            self.gauge_node(node);
        }
    }

    pub(super) fn wake_node(&mut self, node: usize) {
        if self.nodes[node].wake != Some(self.now) {
            return;
        }
        self.nodes[node].wake = None;
        let state = &mut self.nodes[node];
        let Some(hub) = state.hub.as_mut() else {
            return;
        };
        state.turns =
            if state.turns.0 == self.now { (self.now, state.turns.1 + 1) } else { (self.now, 0) };
        assert!(
            state.turns.1 < TURNS_MAX,
            "node {node} spins on its deadline {:?}",
            hub.poll_timeout()
        );
        state.record.iter_mut().for_each(|record| record.timeout(self.now));
        self.counts.inputs += 1;
        hub.handle_timeout(self.now);
        if let Some(shadow) = &mut state.shadow {
            shadow.timeout(self.now);
        }
        self.pump_node(node);
    }

    fn pump_node(&mut self, node: usize) {
        while let Some(output) = self.nodes[node].hub.as_mut().and_then(Machine::poll_output) {
            self.nodes[node].record.iter_mut().for_each(|record| record.output(&output));
            if let Some(shadow) = &mut self.nodes[node].shadow {
                shadow.said(&output);
            }
            self.on_hub(node, output);
        }
        self.rewake(node);
    }

    /// After a standstill deadlines are looked at anew.
    pub(super) fn rewake_node(&mut self, node: usize) {
        self.nodes[node].wake = None;
        self.rewake(node);
    }

    fn rewake(&mut self, node: usize) {
        let state = &mut self.nodes[node];
        state.record.iter_mut().for_each(Recorder::drained);
        let Some(deadline) = state.hub.as_ref().and_then(Machine::poll_timeout) else {
            return;
        };
        let at = deadline.at.max(self.now);
        if state.wake.is_none_or(|wake| at < wake) {
            state.wake = Some(at);
            self.agenda.push_deadline(at, Job::WakeNode(node));
        }
    }

    fn on_hub(&mut self, node: usize, output: Output) {
        let life = self.nodes[node].life;
        match output {
            Output::LinkSend { link, bytes } => self.node_sends(node, link, bytes),
            Output::LinkClose { link, reason, flush_ms } => {
                self.trace.step(self.now, 3, &link.0.to_le_bytes(), || {
                    format!("node {node} closes link {} ({reason:?})", link.0)
                });
                self.coverage.close(close_name(reason));
                self.see_fault(node, link, reason);
                self.node_closes(node, link, flush_ms);
            }
            Output::Handover { link, node: to, bytes } => self.hand_over(node, link, to, &bytes),
            Output::Store { op, request } => {
                self.trace.step(self.now, 4, &op.op.slot.to_le_bytes(), || {
                    format!("node {node} {:?} asks its store {request:?}", op.role)
                });
                self.history.effects.asked((By::Node(node), life), op_key(&op));
                self.remark_write(node, &request);
                let writes = matches!(request, Request::Write(_));
                self.mark_move(&request);
                self.disk.submit((node, life, op), request, self.now);
                self.rewake_disk();
                if let Some((machine, ms)) = self.crash_at_write.take_if(|_| writes) {
                    let within = self.swarm.disk.sync_mean_ms + 1;
                    let at = self.now + self.nodes[node].rng.below(within);
                    self.agenda.push(at, Job::After(After::Crash { machine, ms }));
                }
            }
            Output::Hash { op, request } => {
                self.history.effects.asked((By::Hash(node), life), op_key(&op));
                let at = self.now + 20 + self.nodes[node].rng.below(100);
                self.agenda.push(at, Job::Hashed { node, life, op, reply: hash(request) });
            }
            Output::Parcel { to, parcel } => self.send_parcel(node, to, &parcel),
            Output::Admin { op, reply } => self.on_admin(op, &reply),
            Output::Hop(hop) => {
                self.trace.step(self.now, 5, &hop.flow.hop.to_le_bytes(), || {
                    format!("hop {} {} {}", hop.from, hop.to, hop.kind)
                });
                self.hops.push(*hop);
            }
            Output::Ready => {
                self.nodes[node].ready = true;
                self.trace.step(self.now, 6, &[], || format!("node {node} is ready"));
            }
            Output::Drained => self.on_drained(node),
            Output::Fenced => self.on_fenced(node),
        }
    }

    /// A later life has the node: this process ends. Where it is the one that all dial, whoever looks
    /// after it starts it anew.
    fn on_fenced(&mut self, host: usize) {
        self.coverage.hit(Mark::NodeFenced);
        self.tell(|| format!("host {host} is fenced off"));
        self.trace.step(self.now, 9, &[], || format!("host {host} is fenced off"));
        self.nodes[host].drains = None;
        let serves = self.serving[usize::from(self.nodes[host].number)] == host;
        let ms = FENCED_AWAY_MS + self.nodes[host].rng.below(FENCED_AWAY_MS);
        let ends = Job::After(After::EndHost { host });
        self.agenda.push(self.now, if serves { Job::StopNode { host, ms } } else { ends });
    }

    fn send_parcel(&mut self, node: usize, to: NodeId, parcel: &Parcel) {
        let bytes = Bytes::from(postcard::to_allocvec(parcel).expect("parcels serialize"));
        let from = self.nodes[node].number;
        let way = (from, to.0);
        self.mark_parcel(way, parcel);
        let rng = &mut self.ways[usize::from(from) * self.serving.len() + usize::from(to.0)];
        let fates = self.fabric.fates(&self.fabric_weather, way, rng, self.now);
        self.mark_fates(way, &fates);
        self.remark_parcel(usize::from(from), to, parcel, fates.len());
        for at in fates {
            let job =
                Job::Parcel { from: NodeId(from), to: usize::from(to.0), bytes: bytes.clone() };
            self.agenda.push(at, job);
        }
    }

    pub(super) fn parcel(&mut self, from: NodeId, to: usize, bytes: Bytes) {
        let parcel: Parcel = postcard::from_bytes(&bytes).expect("parcels read back");
        let understanding = (parcel.from, parcel.session);
        if self.understood.insert((from, to), understanding) != Some(understanding) {
            self.see(What::Resync);
        }
        self.trace.step(self.now, 7, &bytes, || format!("parcel {} > {to} {parcel:?}", from.0));
        self.feed_node(self.serving[to], Input::Parcel { from, parcel });
    }

    pub(super) fn wake_disk(&mut self) {
        if self.disk_wake != Some(self.now) {
            return;
        }
        self.disk_wake = None;
        let mut done = Vec::new();
        self.disk.advance(self.now, &mut done);
        self.see_stood();
        for ((node, life, op), reply) in done {
            self.run(Job::Stored { node, life, op, reply });
        }
        self.rewake_disk();
    }

    pub(super) fn rewake_disk(&mut self) {
        let Some(at) = self.disk.poll_timeout() else {
            return;
        };
        let at = at.max(self.now);
        if self.disk_wake.is_none_or(|wake| at < wake) {
            self.disk_wake = Some(at);
            self.agenda.push(at, Job::WakeDisk);
        }
    }

    pub(super) fn stored(&mut self, node: usize, life: u32, op: StoreOp, reply: Reply) {
        if self.nodes[node].life != life || self.nodes[node].hub.is_none() {
            return;
        }
        self.trace.step(self.now, 8, &op.op.slot.to_le_bytes(), || {
            format!("node {node} {:?} is answered by its store {reply:?}", op.role)
        });
        self.history.effects.answered((By::Node(node), life), op_key(&op));
        if op.role.is_some() && reply == Reply::Conflict {
            let number = usize::from(self.nodes[node].number);
            self.see(What::Refused { node: number, by: (node, life) });
        }
        self.mark_reply(op.role, &reply);
        self.remark_reply(node, op.role, &reply);
        self.feed_node(node, Input::Stored { op, reply });
    }

    pub(super) fn hashed(&mut self, node: usize, life: u32, op: StoreOp, reply: HashReply) {
        if self.nodes[node].life != life || self.nodes[node].hub.is_none() {
            return;
        }
        self.history.effects.answered((By::Hash(node), life), op_key(&op));
        self.feed_node(node, Input::Hashed { op, reply });
    }
}

/// Work on a password that costs nothing.
fn hash(request: HashRequest) -> HashReply {
    match request {
        HashRequest::Make { password } => HashReply::Made(Pii(format!("sim:{}", password.0))),
        HashRequest::Verify { password, phc } => {
            let right = phc.is_some_and(|phc| phc.0 == format!("sim:{}", password.0));
            HashReply::Verified(right)
        }
    }
}
