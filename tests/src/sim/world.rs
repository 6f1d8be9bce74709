//! The world of one run: who is in it, and the loop.

use std::collections::{BTreeMap, VecDeque};

use presently_core::client::Command;
use presently_core::hub::AdminSecret;
use presently_core::hub::{AdminReply, AdminRequest, Hop, Input, StoreOp};
use presently_core::id::{Incarnation, NodeId, Shard};
use presently_core::redact::Pii;
use presently_core::rng::Rng;
use presently_core::time::Timestamp;
use presently_core::topology::Topology;
use presently_core::world::disk::Disk;
use presently_core::world::net::{Fabric, FabricWeather, LinkWeather};

use super::agenda::{Agenda, Job};
use super::crowd::{self, Crowd};
use super::device::Device;
use super::gauge::Gauge;
use super::liar::Overheard;
use super::marking::Ways;
use super::node::Node;
use super::notes::{Note, Noted};
use super::schedule::{Schedule, Step, Timed};
use super::swarm::{Swarm, seed_of, stream};
use super::tap::Taps;
use super::trace::{Sink, Trace};
use super::wire::Wire;
use super::workload::{Workload, parting_with_liar};
use super::writers::Writers;
use super::{Counts, Run};
use crate::coverage::Coverage;
use crate::history::{History, Seen, What};
use crate::reference::Reference;

/// After all is mended: keepalive, grace and linger, and the time to come back.
const CONVERGE_MS: u64 = 110_000;
/// From the apps' last questions to the end.
const ANSWER_MS: u64 = 20_000;
/// Hosts read their wall clocks this often.
const WALL_MS: u64 = 10_000;
/// The operator has made all accounts and friends by then.
const OPERATOR_MS: u64 = 600_000;
/// More jobs than any run needs: past it something spins.
const JOBS_MAX: u64 = 30_000_000;

/// All machines of a run and everything between them.
pub struct World {
    pub(super) swarm: Swarm,
    pub(super) now: Timestamp,
    pub(super) agenda: Agenda,
    pub(super) trace: Trace,
    /// What becomes of parcels, a stream per direction between two nodes.
    pub(super) ways: Vec<Rng>,
    /// Processes that run a node, or ran one.
    pub(super) nodes: Vec<Node>,
    /// Which of them is the node now, by its number.
    pub(super) serving: Vec<usize>,
    pub(super) devices: Vec<Device>,
    pub(super) wires: Vec<Wire>,
    pub(super) disk: Disk<(usize, u32, StoreOp)>,
    pub(super) disk_wake: Option<Timestamp>,
    /// Who wrote what on it.
    pub(super) writers: Writers,
    pub(super) fabric: Fabric,
    pub(super) links_weather: LinkWeather,
    pub(super) fabric_weather: FabricWeather,
    pub(super) history: History,
    pub(super) reference: Reference,
    pub(super) workload: Workload,
    pub(super) crowd: Crowd,
    pub(super) counts: Counts,
    pub(super) coverage: Coverage,
    pub(super) seen_ways: Ways,
    pub(super) notes: Option<Vec<Note>>,
    pub(super) troubles: u32,
    pub(super) healed: bool,
    pub(super) over: bool,
    /// The process is killed at the next write, and is down this long.
    pub(super) crash_at_write: Option<(bool, u64)>,
    /// How far all clocks together have jumped.
    pub(super) jumped_ms: i64,
    /// Steps of traced acts, where the swarm asks for them.
    pub hops: Vec<Hop>,
    /// The life and session in which a node last told another something.
    pub(super) understood: BTreeMap<(NodeId, usize), (Incarnation, u32)>,
    /// What passes on links, as frames.
    pub(super) taps: Taps,
    /// What a liar hears of what others say.
    pub(super) overheard: Overheard,
    /// How long queues grew.
    pub(super) gauge: Gauge,
    operator: Operator,
    /// When steps begin; theirs is the time since then.
    play_from: Timestamp,
    /// Steps to be played back.
    script: Option<Vec<Timed>>,
    /// Steps as they were done.
    pub(super) done: Vec<Timed>,
}

/// Who makes the accounts.
#[derive(Default)]
struct Operator {
    steps: VecDeque<AdminRequest>,
    waits: Option<u64>,
    number: u64,
}

impl World {
    /// The world of a swarm's seed, before its first instant.
    #[must_use]
    pub fn new(swarm: &Swarm, sink: Option<Sink>) -> Self {
        let seed = swarm.seed;
        let people = swarm.owner.iter().max().map_or(0, |last| last + 1);
        let names: Vec<String> = (0..people).map(|n| format!("p{n}")).collect();
        let history = History {
            people: names,
            users: vec![Default::default(); people],
            owner: swarm.owner.clone(),
            befriended: befriended(swarm, people),
            liars: swarm.liars.iter().map(|device| swarm.owner[*device]).collect(),
            ..History::default()
        };
        let reference = Reference::new(&history);
        let crowd = Crowd::new(swarm, &history);
        let mut world = Self {
            now: Timestamp(1_000),
            agenda: Agenda::default(),
            trace: Trace::new(sink),
            ways: ways(swarm),
            nodes: (0..swarm.nodes).map(|n| Node::new(swarm, n)).collect(),
            serving: (0..usize::from(swarm.nodes)).collect(),
            jumped_ms: 0,
            devices: (0..swarm.owner.len()).map(|n| Device::new(swarm, n)).collect(),
            wires: Vec::new(),
            disk: Disk::new(presently_core::world::disk::DiskWeather::CALM, seed_of(seed, "disk")),
            disk_wake: None,
            writers: Writers::default(),
            fabric: Fabric::default(),
            links_weather: swarm.links,
            fabric_weather: FabricWeather::CALM,
            history,
            reference,
            workload: Workload::new(swarm),
            crowd,
            counts: Counts::default(),
            coverage: Coverage::default(),
            seen_ways: Ways::default(),
            notes: None,
            troubles: 0,
            healed: false,
            over: false,
            crash_at_write: None,
            hops: Vec::new(),
            understood: BTreeMap::new(),
            taps: Taps::default(),
            overheard: Overheard::default(),
            gauge: Gauge::default(),
            operator: Operator::default(),
            play_from: Timestamp(0),
            script: None,
            done: Vec::new(),
            swarm: swarm.clone(),
        };
        world.disk.keep_stood();
        world.see_seats();
        world.plan();
        world
    }

    /// The world of a schedule, in which only its steps are done.
    #[must_use]
    pub fn of(schedule: &Schedule, sink: Option<Sink>) -> Self {
        Self { script: Some(schedule.steps.clone()), ..Self::new(&schedule.swarm, sink) }
    }

    /// Plays to the end.
    #[must_use]
    pub fn play(mut self) -> Run {
        self.run_out();
        self.into_run()
    }

    /// Plays to the end and reads what is durable then.
    ///
    /// # Panics
    /// Where a machine breaks an invariant of its own.
    pub fn run_out(&mut self) {
        while !self.over {
            self.step();
        }
        self.close_books();
    }

    /// What was seen until now.
    #[must_use]
    pub fn into_run(mut self) -> Run {
        self.counts.simulated_ms = self.now.0;
        let schedule = Schedule { swarm: self.swarm, steps: self.done };
        Run {
            hash: self.trace.hash(),
            coverage: self.coverage.with_faults(self.counts.faults),
            notes: self.notes.unwrap_or_default(),
            history: self.history,
            counts: self.counts,
            schedule,
        }
    }

    /// A machine panics then, as far as anybody can tell.
    #[cfg(test)]
    pub(crate) fn trip_at(&mut self, at: u64) {
        self.agenda.push(Timestamp(at), Job::Trip);
    }

    /// Plays until an instant of the world's clock.
    pub fn play_until(&mut self, at: Timestamp) {
        self.agenda.push(at, Job::End);
        while !self.over {
            self.step();
        }
        self.over = false;
    }

    /// Gives a device's client a command.
    pub fn command(&mut self, device: usize, command: Command) -> u64 {
        self.give(device, command)
    }

    /// The world's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) fn see(&mut self, what: What) {
        if self.notes.is_some() {
            let what = what.clone();
            self.remark(|| Noted::Seen(what));
        }
        if let What::Gone { by } = &what {
            self.history.effects.gone(*by);
        }
        let seen = Seen { at: self.now, what };
        self.reference.note(&seen);
        self.history.seen.push(seen);
    }

    fn plan(&mut self) {
        for name in self.history.people.clone() {
            let secret = AdminSecret::Phc(Pii(format!("sim:{name}")));
            self.operator.steps.push_back(AdminRequest::AddUser { name, secret });
        }
        for (a, b) in self.history.befriended.clone() {
            let (a, b) = (self.history.people[a].clone(), self.history.people[b].clone());
            self.operator.steps.push_back(AdminRequest::Befriend { a, b });
        }
        for node in 0..self.nodes.len() {
            self.agenda.push(self.now, Job::StartNode(node));
        }
        self.agenda.push(self.now + 200, Job::Operator);
        self.agenda.push(self.now + WALL_MS, Job::Walls);
    }

    fn step(&mut self) {
        let (at, job) = self.agenda.pop().expect("a wall clock is always read again");
        assert!(at >= self.now, "time goes forward");
        self.now = at;
        self.counts.jobs += 1;
        assert!(self.counts.jobs < JOBS_MAX, "the run does not come to rest: {job:?}");
        self.run(job);
    }

    /// Does a job, now or when who it is for can.
    pub(super) fn run(&mut self, job: Job) {
        let Some(job) = self.hold(job) else {
            return;
        };
        match job {
            Job::WakeNode(node) => self.wake_node(node),
            Job::WakeDevice(device) => self.wake_device(device),
            Job::WakeDisk => self.wake_disk(),
            Job::WakeCache(device) => self.wake_cache(device),
            Job::Connect { wire } => self.connect(wire),
            Job::Connected { wire } => self.connected(wire),
            Job::NoDial { device, life, link } => self.no_dial(device, life, link),
            Job::Up { wire, bytes } => self.up(wire, bytes),
            Job::Down { wire, bytes } => self.down(wire, bytes),
            Job::Sent { wire, link, up, bytes } => self.sent(wire, link, up, bytes),
            Job::NodeGoesOn(host) => self.node_goes_on(host),
            Job::DeviceGoesOn(device) => self.device_goes_on(device),
            Job::NodeHears { wire } => self.node_hears(wire),
            Job::DeviceHears { wire } => self.device_hears(wire),
            Job::Stored { node, life, op, reply } => self.stored(node, life, op, reply),
            Job::Hashed { node, life, op, reply } => self.hashed(node, life, op, reply),
            Job::Parcel { from, to, bytes } => self.parcel(from, to, bytes),
            Job::Walls => self.walls(),
            Job::Operator => self.operate(),
            Job::Begin => self.begin(),
            Job::Begins => self.remark(|| Noted::Begins),
            Job::Act => self.act(),
            Job::PartWithLiar => self.part_with_liar(),
            Job::Lie(device) => self.lie_on(device),
            Job::Crowd(doing) => self.crowd(doing),
            Job::Step(step) => self.do_step(step),
            Job::After(after) => self.after(after),
            Job::StartNode(node) => self.start_node(node),
            Job::StopNode { host, ms } => self.stop_node(host, ms),
            Job::Birth { device, fresh } => self.birth(device, fresh),
            Job::Heal => self.heal(),
            Job::Question => self.question(),
            Job::End => self.over = true,
            #[cfg(test)]
            Job::Trip => panic!("tripped"),
        }
    }

    fn do_step(&mut self, step: Step) {
        match step {
            _ if self.healed => {}
            Step::Act { device, command } => {
                if self.fits(device, &command) {
                    self.does(device, command);
                }
            }
            Step::Fault(fault) if !fault.is_within(self.serving.len(), self.devices.len()) => {}
            Step::Fault(fault) => {
                self.note(Step::Fault(fault));
                self.fault(fault);
            }
        }
    }

    /// A device's person does something.
    pub(super) fn does(&mut self, device: usize, command: Command) {
        self.note(Step::Act { device, command: command.clone() });
        self.give(device, command);
    }

    fn note(&mut self, step: Step) {
        self.done.push(Timed { at: self.now.since(self.play_from), step });
    }

    fn walls(&mut self) {
        (0..self.nodes.len()).for_each(|host| self.read_wall(host));
        self.agenda.push(self.now + WALL_MS, Job::Walls);
    }

    fn operate(&mut self) {
        let Some(step) = self.operator.steps.front().cloned() else {
            return;
        };
        if self.operator.waits.is_none() {
            self.operator.number += 1;
            let op = self.operator.number;
            self.operator.waits = Some(op);
            let (AdminRequest::AddUser { name, .. } | AdminRequest::Befriend { a: name, .. }) =
                &step
            else {
                return;
            };
            let topology = Topology::even(self.swarm.nodes);
            let node = usize::from(topology.owner(Shard::of_name(name)).0);
            self.feed_node(self.serving[node], Input::Admin { op, request: step });
        }
        if self.now.0 > OPERATOR_MS {
            panic!("the operator gets no answer to {:?}", self.operator.steps.front());
        }
        let gap = if self.swarm.is_population { 1 } else { 50 };
        self.agenda.push(self.now + gap, Job::Operator);
    }

    pub(super) fn on_admin(&mut self, op: u64, reply: &AdminReply) {
        if self.on_move_answered(op, reply) || self.operator.waits != Some(op) {
            return;
        }
        self.operator.waits = None;
        match reply {
            AdminReply::Added(user) => {
                let done = self.history.people.len();
                let left = self.operator.steps.iter();
                let left = left.filter(|s| matches!(s, AdminRequest::AddUser { .. })).count();
                self.history.users[done - left] = *user;
                self.operator.steps.pop_front();
            }
            AdminReply::Done => {
                self.operator.steps.pop_front();
            }
            AdminReply::Refused(_)
            | AdminReply::SignIn(_)
            | AdminReply::Counts(_)
            | AdminReply::Elsewhere(_)
            | AdminReply::Places(_) => {}
        }
        if self.operator.steps.is_empty() {
            // The operator is answered before both books have written.
            self.agenda.push(self.now + 2_000, Job::Begin);
        }
    }

    /// All accounts are made: people come, and things go wrong.
    fn begin(&mut self) {
        for device in 0..self.devices.len() {
            let at = self.now + 100 + self.devices[device].rng.below(5_000);
            self.agenda.push(at, Job::Birth { device, fresh: true });
        }
        let from = self.now + 15_000;
        self.disk.set_weather(self.swarm.disk);
        self.fabric_weather = self.swarm.fabric;
        self.play_from = from;
        self.agenda.push_step(from, Job::Begins);
        if let Some(steps) = self.script.take() {
            for Timed { at, step } in steps {
                self.agenda.push_step(from + at, Job::Step(step));
            }
        } else {
            self.plan_faults(from);
            if self.swarm.is_population {
                self.gather(from);
            }
            if self.swarm.acts > 0 {
                self.agenda.push_step(from, Job::Act);
            }
            if let Some(ms) = parting_with_liar(&self.swarm) {
                self.agenda.push_step(from + ms, Job::PartWithLiar);
            }
        }
        let heal = from + self.swarm.play_ms;
        self.agenda.push(heal, Job::Heal);
        self.agenda.push(heal + CONVERGE_MS, Job::Question);
        self.agenda.push(heal + CONVERGE_MS + ANSWER_MS, Job::End);
    }
}

fn ways(swarm: &Swarm) -> Vec<Rng> {
    let nodes = 0..swarm.nodes;
    let pairs = nodes.clone().flat_map(|from| nodes.clone().map(move |to| (from, to)));
    pairs.map(|(from, to)| stream(swarm.seed, &format!("fabric {from} {to}"))).collect()
}

fn befriended(swarm: &Swarm, people: usize) -> Vec<(usize, usize)> {
    if swarm.is_population {
        return crowd::acquaintances(swarm, people);
    }
    (0..people).map(|n| History::pair(n, (n + 1) % people)).collect()
}
