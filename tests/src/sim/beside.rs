//! Two pairs who talk, in two worlds: in one they are alone, in the other somebody floods, somebody hardly
//! reads what is said to them, and somebody lies. Nothing else goes wrong.

use presently_core::client::Command;
use presently_core::time::Timestamp;
use presently_core::world::disk::DiskWeather;
use presently_core::world::net::LinkWeather;

use super::faults::Fault;
use super::swarm::{Swarm, stream};
use super::world::World;
use crate::history::History;

/// Who talks: the first with the second, the third with the fourth.
pub const TALKERS: usize = 4;
/// Who floods, who hardly reads, who lies.
const FLOODER: usize = 4;
const READER: usize = 5;
const LIAR: usize = 6;
/// All have signed in.
const BEGIN_MS: u64 = 40_000;
/// How long they talk.
const TALK_MS: u64 = 24_000;
/// Between two lines, at most.
const GAP_MS: u64 = 200;
/// From one flood to the next.
const FLOOD_MS: u64 = 4_000;

/// Plays one of the two worlds of a seed.
#[must_use]
pub fn play(seed: u64, is_loud: bool) -> History {
    let mut rng = stream(seed, "beside");
    let swarm = Swarm {
        owner: (0..=LIAR).collect(),
        links: LinkWeather {
            // Always as long: what differs is not the weather.
            delay_min_ms: 1 + rng.below(40),
            delay_mean_ms: 0,
            pieces_permille: 0,
        },
        disk: DiskWeather {
            read_mean_ms: 1 + rng.below(5),
            sync_mean_ms: 1 + rng.below(10),
            ..DiskWeather::CALM
        },
        pinned: rng.below(2) == 0,
        play_ms: BEGIN_MS + TALK_MS,
        liars: vec![LIAR],
        ..Swarm::calm(seed)
    };
    let mut world = World::new(&swarm, None);
    world.play_until(Timestamp(BEGIN_MS));
    let until = Timestamp(BEGIN_MS + TALK_MS);
    let mut loud_at = Timestamp(BEGIN_MS);
    let mut lines = 0;
    while world.now() < until {
        if is_loud && loud_at <= world.now() {
            world.be_loud(rng.clone().next_u64());
            loud_at = loud_at + FLOOD_MS;
        }
        let next = world.now() + 1 + rng.below(GAP_MS);
        world.play_until(next);
        lines += 1;
        let from = usize::try_from(rng.below(TALKERS as u64)).unwrap_or(0);
        let to = format!("p{}", from ^ 1);
        world.command(from, Command::Send { to, text: format!("line {lines}") });
    }
    world.play_until(until + 10_000);
    world.into_run().history
}

impl World {
    fn be_loud(&mut self, order: u64) {
        // Those who talk have friends among the loud: neighbours are friends.
        for to in [TALKERS - 1, READER] {
            self.fault(Fault::Flood { device: FLOODER, to, count: 100, bytes: 2_000, reads: 0 });
        }
        self.fault(Fault::Slow { device: READER, rate: 500, reader: true, ms: FLOOD_MS });
        self.fault(Fault::Lie { device: LIAR, order: order >> 12, words: 50 });
    }
}
