//! Links between devices and gates.

use bytes::Bytes;
use presently_core::client;
use presently_core::hub::Input;
use presently_core::id::{LinkId, NodeId};
use presently_core::rng::Rng;
use presently_core::time::Timestamp;
use presently_core::world::net::{LinkWeather, Pipe};

use super::agenda::Job;
use super::second;
use super::swarm::seed_of;
use super::world::World;
use crate::coverage::Mark;
use crate::effects::By;
use crate::history::What;

/// What a slow link may still have to carry when it is slow no longer, milliseconds.
const BACKLOG_MS: u64 = 2_000;
/// Longest time until an end learns of a cut.
const CUT_HEARD_MS: u64 = 200;

/// One link, from its dial on.
pub(super) struct Wire {
    pub(super) device: usize,
    pub(super) device_life: u32,
    pub(super) device_link: LinkId,
    pub(super) device_open: bool,
    pub(super) node: usize,
    node_life: u32,
    node_link: LinkId,
    node_open: bool,
    up: Way,
    down: Way,
    cut: bool,
    torn: bool,
    /// The version spoken on it, once it is known.
    version: Option<u16>,
}

/// One direction of a link, with its own randomness: what passes on others does not touch it, and what
/// passes on it at one instant does not touch what passes later.
struct Way {
    pipe: Pipe,
    seed: [u8; 32],
}

impl Way {
    fn new(seed: [u8; 32], label: &str) -> Self {
        Self { pipe: Pipe::default(), seed: Rng::child_seed(seed, label) }
    }

    /// What goes out at one instant goes alike.
    fn rng(&self, now: Timestamp) -> Rng {
        let mut seed = self.seed;
        for (byte, at) in seed.iter_mut().zip(now.0.to_le_bytes()) {
            *byte ^= at;
        }
        Rng::new(seed)
    }

    fn carry(
        &mut self,
        sky: &LinkWeather,
        bytes: Bytes,
        now: Timestamp,
    ) -> Vec<(Timestamp, Bytes)> {
        let mut rng = self.rng(now);
        self.pipe.carry(sky, bytes, &mut rng, now)
    }

    /// What an end says, in the version that is spoken.
    fn said(&self, bytes: Bytes, version: Option<u16>, now: Timestamp) -> Bytes {
        match version {
            Some(second::SECOND) => second::adorn(bytes, &mut self.rng(now)),
            Some(_) | None => bytes,
        }
    }

    fn arrival(&mut self, sky: &LinkWeather, now: Timestamp) -> Timestamp {
        let mut rng = self.rng(now);
        self.pipe.arrival(sky, &mut rng, now)
    }

    fn is_stalled(&self) -> bool {
        self.pipe.is_stalled()
    }

    /// When an end learns of a cut.
    fn soon(&self, now: Timestamp) -> Timestamp {
        now + self.rng(now).below(CUT_HEARD_MS)
    }
}

impl World {
    pub(super) fn dial(&mut self, device: usize, link: LinkId) {
        let life = self.devices[device].life;
        self.history.effects.asked((By::Dial(device), life), (link.0, 0));
        self.see(What::Dials { device, link: link.0 });
        let seed = seed_of(self.swarm.seed, &format!("link {device} {life} {}", link.0));
        let mut rng = Rng::new(seed);
        let up = self.serving.iter().copied();
        let up: Vec<usize> = up.filter(|host| self.nodes[*host].hub.is_some()).collect();
        let away = !self.devices[device].reaches;
        if away || up.is_empty() {
            let at = self.now + 1 + rng.below(300);
            self.agenda.push(at, Job::NoDial { device, life, link });
            return;
        }
        let which = usize::try_from(rng.below(up.len() as u64)).unwrap_or(0);
        let node = up[which];
        let wire = self.wires.len();
        let mut up = Way::new(seed, "up");
        let at = up.arrival(&self.links_weather, self.now);
        self.wires.push(Wire {
            device,
            device_life: life,
            device_link: link,
            device_open: true,
            node,
            node_life: self.nodes[node].life,
            node_link: LinkId(0),
            node_open: false,
            up,
            down: Way::new(seed, "down"),
            cut: false,
            torn: false,
            version: None,
        });
        self.devices[device].links.insert(link.0, wire);
        self.agenda.push(at, Job::Connect { wire });
    }

    pub(super) fn connect(&mut self, wire: usize) {
        let w = &mut self.wires[wire];
        let node = w.node;
        let alive = self.nodes[node].hub.is_some() && self.nodes[node].life == w.node_life;
        if !alive || w.cut {
            self.agenda.push(self.now, Job::DeviceHears { wire });
            return;
        }
        let w = &mut self.wires[wire];
        w.node_open = true;
        w.node_link = self.nodes[node].link(wire);
        let link = w.node_link;
        let at = w.down.arrival(&self.links_weather, self.now);
        self.agenda.push(at, Job::Connected { wire });
        self.trace.step(self.now, 20, &link.0.to_le_bytes(), || {
            format!("node {node} accepts link {}", link.0)
        });
        let remote = self.remote(wire);
        self.feed_node(node, Input::LinkOpened { link, remote: &remote });
    }

    /// Each device has an address of its own.
    fn remote(&self, wire: usize) -> String {
        let device = self.wires[wire].device;
        format!("10.0.{}.{}", device >> 8, device & 0xff)
    }

    pub(super) fn connected(&mut self, wire: usize) {
        let w = &self.wires[wire];
        let (device, link) = (w.device, w.device_link);
        if w.cut || !w.device_open {
            return;
        }
        let life = w.device_life;
        self.history.effects.answered((By::Dial(device), life), (link.0, 0));
        self.devices[device].dialled.insert(link.0);
        self.feed_device(device, life, client::Input::LinkOpened { link });
    }

    pub(super) fn no_dial(&mut self, device: usize, life: u32, link: LinkId) {
        if self.devices[device].life == life && self.devices[device].runs() {
            self.history.effects.answered((By::Dial(device), life), (link.0, 0));
        }
        self.feed_device(device, life, client::Input::LinkClosed { link });
    }

    pub(super) fn device_sends(&mut self, device: usize, link: LinkId, bytes: Bytes) {
        let Some(&wire) = self.devices[device].links.get(&link.0) else {
            return;
        };
        self.note_sends(device, &bytes);
        self.mark_frames(&bytes);
        self.remark_frames(device, self.wires[wire].node, true, &bytes);
        self.tap_up(wire, &bytes);
        let len = bytes.len();
        let w = &mut self.wires[wire];
        if w.cut || w.up.is_stalled() {
            return;
        }
        let bytes = w.up.said(bytes, w.version, self.now);
        let left = w.up.pipe.leave(len, self.now);
        let pieces = w.up.carry(&self.links_weather, bytes, self.now);
        if pieces.len() > 1 {
            self.coverage.hit(Mark::LinkPieces);
        }
        for (at, bytes) in pieces {
            self.agenda.push(at, Job::Up { wire, bytes });
        }
        if left > self.now {
            self.agenda.push(left, Job::Sent { wire, link, up: true, bytes: len });
        } else {
            self.tell_client(device, client::Input::LinkSent { link, bytes: len });
        }
    }

    /// What a liar says goes as it is: it need be no frame.
    pub(super) fn raw_up(&mut self, device: usize, link: LinkId, bytes: Bytes) {
        let Some(&wire) = self.devices[device].links.get(&link.0) else {
            return;
        };
        self.remark_frames(device, self.wires[wire].node, true, &bytes);
        self.tap_up(wire, &bytes);
        let w = &mut self.wires[wire];
        if w.cut || w.up.is_stalled() {
            return;
        }
        for (at, bytes) in w.up.carry(&self.links_weather, bytes, self.now) {
            self.agenda.push(at, Job::Up { wire, bytes });
        }
    }

    pub(super) fn node_sends(&mut self, node: usize, link: LinkId, bytes: Bytes) {
        let Some(&wire) = self.nodes[node].links.get(&link.0) else {
            return;
        };
        self.mark_frames(&bytes);
        self.remark_frames(self.wires[wire].device, node, false, &bytes);
        self.tap_down(wire, &bytes);
        let len = bytes.len();
        self.gauge_handed(wire, &bytes);
        let w = &mut self.wires[wire];
        if w.cut || w.down.is_stalled() {
            return;
        }
        if w.version.is_none() {
            w.version = second::agreed(&bytes);
            self.counts.second_links += u64::from(w.version == Some(second::SECOND));
        }
        let bytes = w.down.said(bytes, w.version, self.now);
        let left = w.down.pipe.leave(len, self.now);
        let pieces = w.down.carry(&self.links_weather, bytes, self.now);
        if pieces.len() > 1 {
            self.coverage.hit(Mark::LinkPieces);
        }
        for (at, bytes) in pieces {
            self.agenda.push(at, Job::Down { wire, bytes });
        }
        if left > self.now {
            self.agenda.push(left, Job::Sent { wire, link, up: false, bytes: len });
        } else {
            self.counts.inputs += 1;
            self.gauge_sent(wire, len);
            self.nodes[node].feed(Input::LinkSent { link, bytes: len }, self.now);
        }
    }

    /// What an end said on a narrow link has left at last.
    pub(super) fn sent(&mut self, wire: usize, link: LinkId, up: bool, bytes: usize) {
        let w = &self.wires[wire];
        if up && w.device_open && w.device_link == link {
            let (device, life) = (w.device, w.device_life);
            self.feed_device(device, life, client::Input::LinkSent { link, bytes });
        } else if !up && w.node_open && w.node_link == link {
            let node = w.node;
            self.gauge_sent(wire, bytes);
            self.feed_node(node, Input::LinkSent { link, bytes });
        }
    }

    pub(super) fn up(&mut self, wire: usize, bytes: Bytes) {
        let bytes = self.torn(wire, bytes, |w| &mut w.up);
        let w = &self.wires[wire];
        let (node, link) = (w.node, w.node_link);
        if !w.node_open || bytes.is_empty() {
            return;
        }
        self.trace.step(self.now, 21, &bytes, || {
            format!("link {} of node {node} gets {} bytes", link.0, bytes.len())
        });
        self.feed_node(node, Input::LinkBytes { link, bytes: &bytes });
    }

    pub(super) fn down(&mut self, wire: usize, bytes: Bytes) {
        let bytes = self.torn(wire, bytes, |w| &mut w.down);
        let w = &self.wires[wire];
        let (device, life, link) = (w.device, w.device_life, w.device_link);
        if !w.device_open || bytes.is_empty() {
            return;
        }
        self.trace
            .step(self.now, 22, &bytes, || format!("device {device} gets {} bytes", bytes.len()));
        self.feed_device(device, life, client::Input::LinkBytes { link, bytes: &bytes });
    }

    /// Of what was on the way when a link was cut, a prefix of the first piece may still arrive.
    fn torn(&mut self, wire: usize, mut bytes: Bytes, way: fn(&mut Wire) -> &mut Way) -> Bytes {
        let w = &mut self.wires[wire];
        if w.cut {
            let kept = if w.torn { 0 } else { way(w).rng(self.now).below(bytes.len() as u64 + 1) };
            w.torn = true;
            if (1..bytes.len() as u64).contains(&kept) {
                self.coverage.hit(Mark::LinkTorn);
            }
            bytes.truncate(usize::try_from(kept).unwrap_or(0));
        }
        bytes
    }

    pub(super) fn node_closes(&mut self, node: usize, link: LinkId, flush_ms: u32) {
        let Some(&wire) = self.nodes[node].links.get(&link.0) else {
            return;
        };
        let w = &mut self.wires[wire];
        let flushed = self.now + u64::from(flush_ms);
        if w.cut || w.down.is_stalled() {
            self.agenda.push(flushed, Job::NodeHears { wire });
            return;
        }
        let at = w.down.arrival(&self.links_weather, self.now);
        self.agenda.push(at, Job::DeviceHears { wire });
        self.agenda.push(at.min(flushed), Job::NodeHears { wire });
    }

    pub(super) fn device_closes(&mut self, device: usize, link: LinkId, flush_ms: u32) {
        let Some(&wire) = self.devices[device].links.get(&link.0) else {
            return;
        };
        let w = &mut self.wires[wire];
        let flushed = self.now + u64::from(flush_ms);
        if w.cut || w.up.is_stalled() {
            self.agenda.push(flushed, Job::DeviceHears { wire });
            return;
        }
        let at = w.up.arrival(&self.links_weather, self.now);
        self.agenda.push(at, Job::NodeHears { wire });
        self.agenda.push(at.min(flushed), Job::DeviceHears { wire });
    }

    pub(super) fn node_hears(&mut self, wire: usize) {
        let w = &self.wires[wire];
        let (node, link) = (w.node, w.node_link);
        if !w.node_open {
            return;
        }
        self.wires[wire].node_open = false;
        self.nodes[node].links.remove(&link.0);
        self.trace.step(self.now, 23, &link.0.to_le_bytes(), || {
            format!("node {node} loses link {}", link.0)
        });
        self.feed_node(node, Input::LinkClosed { link });
    }

    pub(super) fn device_hears(&mut self, wire: usize) {
        let w = &mut self.wires[wire];
        let (device, life, link) = (w.device, w.device_life, w.device_link);
        let gone = !self.devices[device].runs() || self.devices[device].life != life;
        let w = &mut self.wires[wire];
        if !std::mem::take(&mut w.device_open) || gone {
            return;
        }
        self.devices[device].links.remove(&link.0);
        if !self.devices[device].dialled.remove(&link.0) {
            self.history.effects.answered((By::Dial(device), life), (link.0, 0));
        }
        self.see(What::Unlinked { device });
        self.trace.step(self.now, 24, &link.0.to_le_bytes(), || {
            format!("device {device} loses link {}", link.0)
        });
        self.feed_device(device, life, client::Input::LinkClosed { link });
    }

    pub(super) fn hand_over(&mut self, node: usize, link: LinkId, to: NodeId, bytes: &Bytes) {
        let Some(wire) = self.nodes[node].links.remove(&link.0) else {
            return;
        };
        self.coverage.hit(Mark::GateHandover);
        let to = self.serving[usize::from(to.0)];
        if self.nodes[to].hub.is_none() || self.wires[wire].cut {
            self.wires[wire].node_open = false;
            self.agenda.push(self.now + 1, Job::DeviceHears { wire });
            return;
        }
        let link = self.nodes[to].link(wire);
        let w = &mut self.wires[wire];
        (w.node, w.node_life, w.node_link) = (to, self.nodes[to].life, link);
        self.trace.step(self.now, 25, bytes, || format!("node {node} hands a link to {to}"));
        let remote = self.remote(wire);
        self.feed_node(to, Input::LinkOpened { link, remote: &remote });
        self.feed_node(to, Input::LinkBytes { link, bytes });
    }

    /// The hub is gone; the device hears of it.
    pub(super) fn node_side_dies(&mut self, wire: usize) {
        self.wires[wire].node_open = false;
        if !self.wires[wire].down.is_stalled() {
            let at = self.wires[wire].down.soon(self.now);
            self.agenda.push(at, Job::DeviceHears { wire });
        }
    }

    /// The client is gone; the gate hears of it, unless its cable went with it.
    pub(super) fn device_side_dies(&mut self, wire: usize, silently: bool) {
        let w = &mut self.wires[wire];
        w.device_open = false;
        if silently {
            w.up.pipe.stall();
            w.down.pipe.stall();
        } else if !w.up.is_stalled() {
            let at = w.up.arrival(&self.links_weather, self.now);
            self.agenda.push(at, Job::NodeHears { wire });
        }
    }

    /// Cuts a link: both ends hear of it, and what was on the way is lost.
    pub(super) fn cut(&mut self, wire: usize) -> bool {
        let w = &mut self.wires[wire];
        if w.cut || w.up.is_stalled() || !w.device_open {
            return false;
        }
        w.cut = true;
        self.counts.cuts += 1;
        let (node_at, device_at) = (w.up.soon(self.now), w.down.soon(self.now));
        self.agenda.push(node_at, Job::NodeHears { wire });
        self.agenda.push(device_at, Job::DeviceHears { wire });
        true
    }

    /// Pulls the cable of a link: nothing passes, and nobody is told.
    pub(super) fn stall(&mut self, wire: usize) -> bool {
        let w = &mut self.wires[wire];
        if w.cut || w.up.is_stalled() || !w.device_open {
            return false;
        }
        w.up.pipe.stall();
        w.down.pipe.stall();
        w.torn = true;
        self.counts.cuts += 1;
        true
    }

    /// Nothing passes in one direction of a link any more, and nobody is told.
    pub(super) fn stall_way(&mut self, wire: usize, up: bool) -> bool {
        let w = &mut self.wires[wire];
        let open = !w.cut && w.device_open;
        let way = if up { &mut w.up } else { &mut w.down };
        if !open || way.is_stalled() {
            return false;
        }
        way.pipe.stall();
        self.counts.cuts += 1;
        true
    }

    /// One direction of a link holds all that is sent from now on until then.
    pub(super) fn clog(&mut self, wire: usize, up: bool, until: Timestamp) -> bool {
        let w = &mut self.wires[wire];
        let way = if up { &mut w.up } else { &mut w.down };
        way.pipe.clog(until);
        !w.cut && w.device_open
    }

    /// A link carries so many bytes a second, or its device reads no more.
    pub(super) fn narrow(&mut self, wire: usize, rate: u64, reader: bool) -> bool {
        let w = &mut self.wires[wire];
        w.down.pipe.set_rate(rate);
        if !reader {
            w.up.pipe.set_rate(rate);
        }
        !w.cut && w.device_open
    }

    /// A link carries as much as ever; one that has much to make up for is given up instead.
    pub(super) fn widen(&mut self, wire: usize) {
        let w = &mut self.wires[wire];
        w.down.pipe.set_rate(0);
        w.up.pipe.set_rate(0);
        if w.down.pipe.backlog(self.now).max(w.up.pipe.backlog(self.now)) > BACKLOG_MS {
            self.cut(wire);
        }
    }
}
