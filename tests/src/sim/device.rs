//! Devices: clients, their caches, their lives.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use presently_core::client::{Client, Command, Config, Event, Input, Output};
use presently_core::id::{NodeId, OpId};
use presently_core::machine::Machine;
use presently_core::redact::Pii;
use presently_core::rng::Rng;
use presently_core::store::Reply;
use presently_core::time::Timestamp;
use presently_core::wire::body::mixer::ToMixer;
use presently_core::wire::frame::Deframer;
use presently_core::world::MemoryStore;
use presently_core::world::disk::{Crash, Disk, DiskWeather};

use super::agenda::Job;
use super::liar::Liar;
use super::rest::Rest;
use super::second;
use super::shadow::{Shadow, has_twins};
use super::swarm::{Swarm, seed_of, stream};
use super::world::World;
use crate::coverage::Mark;
use crate::effects::By;
use crate::history::What;

/// The kind of a send, looked for to count repeats.
const SEND_KIND: u16 = 0x0502;
/// Turns of one machine in one instant, past which it spins.
const TURNS_MAX: u32 = 10_000;

/// A device and its place in the world.
pub(super) struct Device {
    pub(super) client: Option<Client>,
    /// Its twin, which is drained late.
    pub(super) shadow: Option<Shadow<Client>>,
    pub(super) life: u32,
    pub(super) person: usize,
    pub(super) links: BTreeMap<u64, usize>,
    pub(super) dialled: BTreeSet<u64>,
    /// Whether the device has a network.
    pub(super) reaches: bool,
    /// Its person is gone for good: no process of it starts again.
    pub(super) stays_away: bool,
    pub(super) node: Option<NodeId>,
    /// Tags sent, and how often.
    pub(super) sends: BTreeMap<[u8; 8], u32>,
    /// The endpoint it signed in as last, and in which life.
    pub(super) signed_in: Option<(u32, String)>,
    /// When its processes start.
    pub(super) rng: Rng,
    /// What is broken of it stays so, to the end: nothing is expected of it.
    pub(super) given_up: bool,
    /// A copy of a cache that its next process starts from.
    pub(super) backup: Option<MemoryStore>,
    pub(super) rest: Rest,
    /// It has no client, and lies.
    pub(super) liar: Option<Liar>,
    ended: bool,
    cache: Disk<(u32, OpId)>,
    weather: DiskWeather,
    wake: Option<Timestamp>,
    cache_wake: Option<Timestamp>,
    turns: (Timestamp, u32),
}

impl Device {
    pub(super) fn new(swarm: &Swarm, number: usize) -> Self {
        let person = swarm.owner[number];
        let node = u16::try_from(number).unwrap_or(0) % swarm.nodes;
        Self {
            client: None,
            shadow: None,
            life: 0,
            person,
            links: BTreeMap::new(),
            dialled: BTreeSet::new(),
            reaches: true,
            stays_away: swarm.unborn.contains(&number) || swarm.liars.contains(&number),
            liar: swarm.liars.contains(&number).then(|| Liar::new(swarm.seed, number)),
            node: swarm.pinned.then_some(NodeId(node)),
            sends: BTreeMap::new(),
            rng: stream(swarm.seed, &format!("births {number}")),
            given_up: false,
            backup: None,
            rest: Rest::default(),
            ended: false,
            signed_in: None,
            cache: Disk::new(swarm.cache, seed_of(swarm.seed, &format!("cache {number}"))),
            weather: swarm.cache,
            wake: None,
            cache_wake: None,
            turns: (Timestamp(0), 0),
        }
    }
}

impl Device {
    /// Whether somebody is there: a client, or a liar.
    pub(super) fn runs(&self) -> bool {
        self.client.is_some() || self.liar.is_some()
    }

    /// Whether no process of it has run with the cache it has.
    pub(super) fn is_fresh(&self) -> bool {
        self.life == 0 || self.ended
    }

    /// What its cache durably holds.
    pub(super) fn cache_rows(&mut self) -> MemoryStore {
        self.cache.durable().clone()
    }
}

impl World {
    pub(super) fn birth(&mut self, device: usize, fresh: bool) {
        let name = self.history.people[self.devices[device].person].clone();
        let state = &mut self.devices[device];
        if state.client.is_some() || state.stays_away {
            return;
        }
        state.life += 1;
        // Who signed out has erased the cache.
        let fresh = fresh || std::mem::take(&mut state.ended) || state.life == 1;
        let label = format!("device {device} life {}", state.life);
        let seed = seed_of(self.swarm.seed, &label);
        if fresh {
            state.signed_in = None;
            state.cache = Disk::new(state.weather, Rng::child_seed(seed, "cache"));
        }
        if let Some(backup) = state.backup.take() {
            *state.cache.durable() = backup;
        }
        state.wake = None;
        state.cache_wake = None;
        let config = Config {
            user: Pii(name.clone()),
            password: Some(Pii(name)),
            keepalive_ms: 0,
            trace: self.swarm.hops,
            node: state.node,
            versions: second::spoken(&self.swarm, &format!("version of device {device}")),
        };
        state.shadow = (device == 0 && has_twins(self.swarm.seed)).then(|| {
            let twin = Client::new(config.clone(), seed, self.now);
            Shadow::new(twin, stream(self.swarm.seed, "late app"), self.now)
        });
        state.client = Some(Client::new(config, seed, self.now));
        self.trace.step(self.now, 40, &[u8::from(fresh)], || format!("{label} starts"));
        self.see(What::Born { device, fresh });
        self.pump_device(device);
    }

    /// Ends a client process where it stands.
    pub(super) fn kill_device(&mut self, device: usize, silently: bool) -> bool {
        if self.devices[device].client.take().is_none() {
            return false;
        }
        let cache = &mut self.devices[device].cache;
        let before = cache.counts().lost;
        cache.crash(Crash::Process);
        let lost = cache.counts().lost - before;
        self.coverage.hits(Mark::CacheLost, lost);
        self.end_shadow(device);
        self.trace.step(self.now, 41, &[], || format!("device {device} is killed"));
        self.bury(device, silently);
        self.see(What::Killed { device });
        self.devices[device].rest.let_go();
        self.device_goes_on(device);
        true
    }

    fn bury(&mut self, device: usize, silently: bool) {
        let life = self.devices[device].life;
        self.see(What::Gone { by: (By::Device(device), life) });
        self.see(What::Gone { by: (By::Dial(device), life) });
        let links = std::mem::take(&mut self.devices[device].links);
        self.devices[device].dialled.clear();
        for (_, wire) in links {
            self.device_side_dies(wire, silently);
        }
    }

    pub(super) fn give(&mut self, device: usize, command: Command) -> u64 {
        let id = self.workload.next_id();
        self.counts.acts += 1;
        let life = self.devices[device].life;
        self.trace.step(self.now, 42, &id.to_le_bytes(), || {
            let text = serde_json::to_string(&command).unwrap_or_default();
            format!("device {device} is told {id} {text}")
        });
        self.see(What::Act { device, id, command: command.clone() });
        self.feed_device(device, life, Input::Command { id: Some(id), command });
        id
    }

    pub(super) fn feed_device(&mut self, device: usize, life: u32, input: Input<'_>) {
        if self.devices[device].life != life {
            return;
        }
        if self.devices[device].liar.is_some() {
            return self.liar_gets(device, &input);
        }
        if self.tell_client(device, input) {
            self.pump_device(device);
            self.gauge_device(device);
        }
    }

    /// Gives a client an input, and its twin the same; whether there is a client.
    pub(super) fn tell_client(&mut self, device: usize, input: Input<'_>) -> bool {
        let Device { client: Some(client), shadow, .. } = &mut self.devices[device] else {
            return false;
        };
        if let Some(shadow) = shadow {
            shadow.input(input.clone(), self.now);
        }
        self.counts.inputs += 1;
        client.handle_input(input, self.now);
        true
    }

    /// The client is gone, and its twin with it.
    pub(super) fn end_shadow(&mut self, device: usize) {
        if let Some(shadow) = self.devices[device].shadow.take() {
            shadow.end();
        }
    }

    pub(super) fn wake_device(&mut self, device: usize) {
        let state = &mut self.devices[device];
        if state.wake != Some(self.now) {
            return;
        }
        state.wake = None;
        let Some(client) = state.client.as_mut() else {
            return;
        };
        state.turns =
            if state.turns.0 == self.now { (self.now, state.turns.1 + 1) } else { (self.now, 0) };
        assert!(
            state.turns.1 < TURNS_MAX,
            "device {device} spins on its deadline {:?}",
            client.poll_timeout()
        );
        self.counts.inputs += 1;
        client.handle_timeout(self.now);
        if let Some(shadow) = &mut state.shadow {
            shadow.timeout(self.now);
        }
        self.pump_device(device);
    }

    fn pump_device(&mut self, device: usize) {
        while let Some(output) = self.devices[device].client.as_mut().and_then(Machine::poll_output)
        {
            if let Some(shadow) = &mut self.devices[device].shadow {
                shadow.said(&output);
            }
            self.on_client(device, output);
        }
        self.rewake_client(device);
    }

    /// After a standstill deadlines are looked at anew.
    pub(super) fn rewake_device(&mut self, device: usize) {
        let state = &mut self.devices[device];
        (state.wake, state.cache_wake) = (None, None);
        self.rewake_client(device);
        self.rewake_cache(device);
    }

    fn rewake_client(&mut self, device: usize) {
        let state = &mut self.devices[device];
        let Some(deadline) = state.client.as_ref().and_then(Machine::poll_timeout) else {
            return;
        };
        let at = deadline.at.max(self.now);
        if state.wake.is_none_or(|wake| at < wake) {
            state.wake = Some(at);
            self.agenda.push_deadline(at, Job::WakeDevice(device));
        }
    }

    fn on_client(&mut self, device: usize, output: Output) {
        match output {
            Output::Dial { link } => {
                self.trace.step(self.now, 43, &link.0.to_le_bytes(), || {
                    format!("device {device} dials link {}", link.0)
                });
                self.dial(device, link);
            }
            Output::Send { link, bytes } => self.device_sends(device, link, bytes),
            Output::Close { link, flush_ms } => {
                self.trace.step(self.now, 44, &link.0.to_le_bytes(), || {
                    format!("device {device} closes link {}", link.0)
                });
                self.device_closes(device, link, flush_ms);
            }
            Output::Store { op, request } => {
                self.trace.step(self.now, 45, &op.slot.to_le_bytes(), || {
                    format!("device {device} asks its cache {request:?}")
                });
                let life = self.devices[device].life;
                let key = (u64::from(op.slot), u64::from(op.generation));
                self.history.effects.asked((By::Device(device), life), key);
                self.devices[device].cache.submit((life, op), request, self.now);
                self.rewake_cache(device);
            }
            Output::Event(event) => {
                self.trace.step(self.now, 46, &[], || {
                    let text = serde_json::to_string(&event).unwrap_or_default();
                    format!("device {device} tells {text}")
                });
                if matches!(event, Event::Acked { .. }) {
                    self.counts.acks += 1;
                }
                self.mark_event(device, &event);
                let messages = u64::from(matches!(event, Event::Message { .. }));
                self.see(What::Event { device, event });
                if messages > 0 {
                    self.tell_client(device, Input::Taken { messages });
                }
            }
            Output::Ended => {
                self.trace.step(self.now, 47, &[], || format!("device {device} has ended"));
                self.see(What::Ended { device });
                self.coverage.hit(Mark::ClientEnded);
                self.devices[device].client = None;
                self.end_shadow(device);
                self.devices[device].ended = true;
                self.bury(device, false);
                let at = self.now + 1_000 + self.devices[device].rng.below(20_000);
                self.agenda.push(at, Job::Birth { device, fresh: true });
            }
        }
    }

    pub(super) fn wake_cache(&mut self, device: usize) {
        if self.devices[device].cache_wake != Some(self.now) {
            return;
        }
        self.devices[device].cache_wake = None;
        let mut done: Vec<((u32, OpId), Reply)> = Vec::new();
        self.devices[device].cache.advance(self.now, &mut done);
        for ((life, op), reply) in done {
            if self.devices[device].life == life && self.devices[device].client.is_some() {
                let key = (u64::from(op.slot), u64::from(op.generation));
                self.history.effects.answered((By::Device(device), life), key);
            }
            self.feed_device(device, life, Input::Stored { op, reply });
        }
        self.rewake_cache(device);
    }

    fn rewake_cache(&mut self, device: usize) {
        let state = &mut self.devices[device];
        let Some(at) = state.cache.poll_timeout() else {
            return;
        };
        let at = at.max(self.now);
        if state.cache_wake.is_none_or(|wake| at < wake) {
            state.cache_wake = Some(at);
            self.agenda.push(at, Job::WakeCache(device));
        }
    }

    /// Counts sends that go out more than once. A client hands over whole frames.
    pub(super) fn note_sends(&mut self, device: usize, bytes: &Bytes) {
        if bytes.len() < 5 {
            return;
        }
        let mut frames = Deframer::default();
        frames.push(bytes);
        while let Ok(Some(frame)) = frames.next_frame() {
            if frame.kind != SEND_KIND {
                continue;
            }
            if let Ok(Some((ToMixer::Send(send), _))) = ToMixer::decode(frame.kind, &frame.body) {
                *self.devices[device].sends.entry(send.id.tag).or_default() += 1;
            }
        }
    }
}
