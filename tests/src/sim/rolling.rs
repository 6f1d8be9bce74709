//! A rolling restart: every node in turn is drained under talk and comes back; nothing else goes wrong.

use presently_core::client::Command;
use presently_core::hub::Input;
use presently_core::time::Timestamp;
use presently_core::world::disk::DiskWeather;
use presently_core::world::net::LinkWeather;

use super::Run;
use super::agenda::Job;
use super::swarm::{Swarm, stream};
use super::world::World;
use crate::history::What;

/// All have signed in.
const BEGIN_MS: u64 = 40_000;
/// From one drain to the next: all who came back have settled.
const NEXT_MS: u64 = 60_000;
/// Longest time that a drained node is away.
const DOWN_MS: u64 = 8_000;
/// Between two acts, at most.
const GAP_MS: u64 = 400;

/// Plays the rolling restart of a seed.
#[must_use]
pub fn play(seed: u64) -> Run {
    let mut rng = stream(seed, "rolling");
    let people = 4 + usize::try_from(rng.below(5)).unwrap_or(0);
    let nodes = 2 + rng.below(3);
    let swarm = Swarm {
        nodes: u16::try_from(nodes).unwrap_or(2),
        owner: (0..people).collect(),
        links: LinkWeather {
            delay_min_ms: 1 + rng.below(20),
            delay_mean_ms: rng.below(40),
            pieces_permille: rng.below(300),
        },
        disk: DiskWeather {
            read_mean_ms: rng.below(5),
            sync_mean_ms: rng.below(15),
            ..DiskWeather::CALM
        },
        pinned: false,
        play_ms: nodes * NEXT_MS,
        ..Swarm::calm(seed)
    };
    let mut world = World::new(&swarm, None);
    world.play_until(Timestamp(BEGIN_MS));
    for (turn, node) in (0..nodes).enumerate() {
        let from = BEGIN_MS + turn as u64 * NEXT_MS;
        world.drain_node(usize::try_from(node).unwrap_or(0), 1 + rng.below(DOWN_MS));
        // They go on talking for a while, and then all is quiet until the next.
        let mut said = 0;
        while world.now() < Timestamp(from + 20_000) {
            let until = world.now() + 1 + rng.below(GAP_MS);
            world.play_until(until);
            said += 1;
            let from = usize::try_from(rng.below(people as u64)).unwrap_or(0);
            // Neighbours are friends.
            let to = format!("p{}", (from + 1) % people);
            let text = format!("round {turn} line {said}");
            world.command(from, Command::Send { to, text });
        }
        world.play_until(Timestamp(from + NEXT_MS));
    }
    world.play()
}

impl World {
    /// Tells a node to go away; when it has, it is away for a while.
    pub(super) fn drain_node(&mut self, node: usize, down_ms: u64) {
        let host = self.serving[node];
        if self.nodes[host].hub.is_none() {
            return;
        }
        self.trace.step(self.now, 62, &[], || format!("node {node} drains"));
        self.see(What::Draining { node: host });
        self.nodes[host].drains = Some(down_ms);
        self.feed_node(host, Input::Drain);
    }

    /// A node has let all its clients go: its process ends.
    pub(super) fn on_drained(&mut self, host: usize) {
        let links = self.nodes[host].links.len();
        self.see(What::Drained { node: host, links });
        if let Some(ms) = self.nodes[host].drains.take() {
            self.agenda.push(self.now, Job::StopNode { host, ms });
        }
    }

    /// The process of a node ends; it is started again.
    pub(super) fn stop_node(&mut self, host: usize, ms: u64) {
        let node = usize::from(self.nodes[host].number);
        let ms = if self.healed { 0 } else { ms };
        self.kill_node(host);
        self.agenda.push(self.now + ms, Job::StartNode(node));
    }
}
