//! What happens to nodes, their disk and their clocks.

use presently_core::hub::Input;
use presently_core::id::{NodeId, Shard};
use presently_core::operator::{AdminReply, AdminRequest};
use presently_core::world::disk::{Crash, Spell};

use super::{After, number};
use crate::history::What;
use crate::sim::agenda::Job;
use crate::sim::node::Node;
use crate::sim::world::World;

/// How long a drain may take: hand over, tell clients, flush.
const DRAIN_MS: u64 = 10_000;
/// Numbers of an operator's moves have this bit; below it stand how often it was sent elsewhere, the
/// shard and the node.
const MOVES: u64 = 1 << 48;
/// So often an operator asks the next node.
const ASKED_MAX: u64 = 3;

impl World {
    /// Drains a node, which is away for a while then.
    pub(super) fn drain_for(&mut self, node: usize, ms: u64) -> bool {
        if !self.is_served(node) {
            return false;
        }
        self.trouble_for(DRAIN_MS);
        self.drain_node(node, ms);
        true
    }

    /// What `presently node move` does: it asks a node, and then whom that names.
    pub(super) fn move_range(&mut self, shard: u16, to: usize) -> bool {
        self.is_served(to) && {
            self.ask_move(to, 0, (shard, number(to)));
            true
        }
    }

    fn ask_move(&mut self, node: usize, asked: u64, (shard, to): (u16, u16)) {
        let op = MOVES | asked << 32 | u64::from(shard) << 16 | u64::from(to);
        let request = AdminRequest::Move { shard: Shard(shard), to: NodeId(to) };
        self.feed_node(self.serving[node], Input::Admin { op, request });
    }

    /// Takes an answer to an operator; whether it was about a move.
    pub(in crate::sim) fn on_move_answered(&mut self, op: u64, reply: &AdminReply) -> bool {
        let asked = (op & !MOVES) >> 32;
        if let AdminReply::Elsewhere(owner) = reply
            && op & MOVES != 0
            && asked < ASKED_MAX
            && self.is_served(usize::from(owner.0))
        {
            let [shard, to] = [op >> 16 & 0xffff, op & 0xffff].map(|half| half as u16);
            self.ask_move(usize::from(owner.0), asked + 1, (shard, to));
        }
        op & MOVES != 0
    }

    fn is_served(&self, node: usize) -> bool {
        let host = &self.nodes[self.serving[node]];
        host.hub.is_some() && host.ready && !host.rest.is_held()
    }

    pub(super) fn kill_for(&mut self, node: usize, ms: u64) -> bool {
        let took = self.kill_node(self.serving[node]);
        self.agenda.push(self.now + ms, Job::StartNode(node));
        took
    }

    /// All nodes at once, and what the disk had not synced.
    pub(super) fn crash(&mut self, machine: bool, ms: u64) -> bool {
        for host in 0..self.nodes.len() {
            self.kill_node(host);
        }
        for node in 0..self.serving.len() {
            let within = self.nodes[self.serving[node]].rng.below(200);
            self.agenda.push(self.now + ms + within, Job::StartNode(node));
        }
        let before = self.disk.counts().lost;
        self.disk.crash(if machine { Crash::Machine } else { Crash::Process });
        self.see_stood();
        let lost = self.disk.counts().lost - before;
        self.tell(|| format!("the disk loses {lost} writes that were not synced"));
        self.disk_wake = None;
        true
    }

    pub(super) fn pause_node(&mut self, node: usize, ms: u64) -> bool {
        let host = self.serving[node];
        if self.nodes[host].hub.is_none() {
            return false;
        }
        self.hold_host(host, ms);
        self.trouble_for(ms);
        true
    }

    fn hold_host(&mut self, host: usize, ms: u64) {
        let until = self.now + ms;
        self.nodes[host].rest.hold(until);
        self.see(What::Halts { host: Some(host), until });
        self.agenda.push(until, Job::NodeGoesOn(host));
    }

    pub(super) fn pause_all(&mut self, ms: u64) -> bool {
        let mut any = false;
        for node in 0..self.serving.len() {
            any |= self.pause_node(node, ms);
        }
        any
    }

    /// The node is thought dead and started elsewhere, but its old process only stands still.
    pub(super) fn replace(&mut self, node: usize, still_ms: u64, beside_ms: u64) -> bool {
        let old = self.serving[node];
        // One that has not begun its life yet begins it after its successor's, and takes the node.
        if self.nodes[old].hub.is_none() {
            return false;
        }
        if still_ms > 0 {
            self.hold_host(old, still_ms);
        }
        let host = self.nodes.len();
        self.nodes.push(Node::after(&self.nodes[old], host));
        self.serving[node] = host;
        self.trouble_begins();
        let end = self.now + still_ms + beside_ms;
        self.agenda.push(end, Job::After(After::EndHost { host: old }));
        self.agenda.push(self.now, Job::StartNode(node));
        true
    }

    /// A replaced process ends at last.
    pub(super) fn end_host(&mut self, host: usize) {
        self.kill_node(host);
    }

    pub(super) fn still_disk(&mut self, ms: u64) -> bool {
        self.disk.stand_still(self.now + ms);
        self.see(What::Halts { host: None, until: self.now + ms });
        self.disk_wake = None;
        self.rewake_disk();
        self.trouble_for(ms)
    }

    pub(super) fn disk_spell(&mut self, spell: Spell, ms: u64) -> bool {
        self.disk.set_spell(spell);
        self.see(What::Halts { host: None, until: self.now + ms });
        self.agenda.push(self.now + ms, Job::After(After::DiskWell));
        self.trouble_for(ms)
    }

    pub(super) fn jump(&mut self, ms: i64) -> bool {
        self.jumped_ms = self.jumped_ms.saturating_add(ms);
        for host in 0..self.nodes.len() {
            self.nodes[host].clock.jump(ms);
            self.read_wall(host);
        }
        true
    }

    pub(super) fn skew(&mut self, node: usize, ms: i64) -> bool {
        let host = self.serving[node];
        self.nodes[host].clock.set_skew(self.jumped_ms.saturating_add(ms));
        self.read_wall(host);
        true
    }

    pub(in crate::sim) fn read_wall(&mut self, host: usize) {
        if !self.nodes[host].rest.is_held() {
            let wall = self.nodes[host].clock.read(self.now);
            self.feed_node(host, Input::Wall(wall));
        }
    }
}
