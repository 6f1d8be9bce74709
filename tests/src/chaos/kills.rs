//! kill -9, stop and continue, crashes of a node, cut and poisoned lines: all at once, under load.

use std::time::Duration;

use presently_core::rng::Rng;

use super::judge::{judge, offlines};
use super::scene::{Cast, Scene};
use super::{Came, Setting};
use crate::process::{Scratch, Weather, signal};

/// Rounds in which nothing was under way may be one in so many.
const IDLE_ONE_IN: u64 = 50;
/// Nodes of the server.
const NODES: u16 = 2;

/// How long an app takes nothing before its client is killed.
const DEAF: Duration = Duration::from_millis(400);

/// A misfortune.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Kill,
    Stop,
    Crash,
    KillClient,
    StopClient,
    Cut,
    HalfOpen,
    Weather,
}

/// How many of each in one episode.
const SHORT: [(Fault, usize); 8] = [
    (Fault::Kill, 15),
    (Fault::Stop, 4),
    (Fault::Crash, 6),
    (Fault::KillClient, 4),
    (Fault::StopClient, 2),
    (Fault::Cut, 4),
    (Fault::HalfOpen, 1),
    (Fault::Weather, 3),
];
const FULL: [(Fault, usize); 8] = [
    (Fault::Kill, 100),
    (Fault::Stop, 20),
    (Fault::Crash, 30),
    (Fault::KillClient, 20),
    (Fault::StopClient, 10),
    (Fault::Cut, 20),
    (Fault::HalfOpen, 3),
    (Fault::Weather, 15),
];
/// How often a load that is all acked is surged again before a fault strikes it all the same.
const SURGES: usize = 20;
/// Episodes of a full run, each with a new data directory.
const EPISODES: u64 = 10;

#[derive(Debug, Default)]
struct Counts {
    done: [u64; 8],
    rounds: u64,
    /// Rounds with sends under way when it struck.
    laden: u64,
    in_flight: u64,
    /// The fewest acks between two faults.
    fewest: u64,
    acks: u64,
    entries: u64,
    shown: u64,
    again: u64,
    offlines: u64,
    slowest_start_ms: u64,
}

/// Plays episodes.
pub(super) fn play(setting: &Setting) -> Came {
    if !Scratch::new("chaos-disk").is_on_disk() {
        return Came::Skipped(
            "the build directory is in memory, where a sync means nothing".into(),
        );
    }
    let mut counts = Counts { fewest: u64::MAX, ..Counts::default() };
    for episode in 0..setting.pick(1, EPISODES) {
        let number = setting.round * EPISODES + episode;
        episode_of(setting, number, &mut counts);
        eprintln!("kills: episode {number}: {counts:?}");
    }
    let wanted = setting.pick(SHORT, FULL).map(|(_, n)| n as u64 * setting.pick(1, EPISODES));
    assert_eq!(counts.done, wanted, "every fault struck as often as it should");
    let idle = counts.rounds - counts.laden;
    assert!(idle <= 1 + counts.rounds / IDLE_ONE_IN, "the load was idle {idle} times: {counts:?}");
    let [kills, stops, crashes, client_kills, client_stops, cuts, half_opens, weathers] =
        counts.done;
    Came::Held(vec![
        ("kill -9 of the server", kills),
        ("stops of the server", stops),
        ("crashes of a node", crashes),
        ("kill -9 of a client", client_kills),
        ("stops of a client", client_stops),
        ("cuts at a byte", cuts),
        ("half-open lines", half_opens),
        ("poisoned lines", weathers),
        ("struck with sends under way", counts.laden),
        ("sends under way then", counts.in_flight),
        ("fewest acks between two faults", counts.fewest),
        ("acks", counts.acks),
        ("entries", counts.entries),
        ("shown", counts.shown),
        ("shown again after a kill of the client", counts.again),
        ("offline seen", counts.offlines),
        ("slowest start in ms", counts.slowest_start_ms),
    ])
}

fn episode_of(setting: &Setting, number: u64, counts: &mut Counts) {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&setting.seed.to_be_bytes());
    let mut rng = Rng::new(Rng::child_seed(seed, &format!("episode {number}")));
    let plan = setting.pick(SHORT, FULL);
    let mut faults: Vec<usize> =
        plan.iter().enumerate().flat_map(|(at, (_, count))| vec![at; *count]).collect();
    for at in (1..faults.len()).rev() {
        faults.swap(at, usize::try_from(rng.below(at as u64 + 1)).expect("below a length"));
    }
    let mut scene = Scene::open("kills", &Cast::of(3, NODES));
    let mut since = scene.acks();
    for at in faults {
        counts.fewest = counts.fewest.min(scene.at_work(&since));
        scene.load.surge();
        std::thread::sleep(Duration::from_millis(rng.below(40)));
        let mut in_flight = scene.in_flight() as u64;
        for _ in 0..SURGES {
            if in_flight > 0 {
                break;
            }
            // A quick machine has acked it all: what strikes an idle load proves little.
            scene.load.surge();
            std::thread::sleep(Duration::from_millis(1));
            in_flight = scene.in_flight() as u64;
        }
        since = strike(&mut scene, plan[at].0, &mut rng, counts);
        counts.done[at] += 1;
        counts.rounds += 1;
        counts.laden += u64::from(in_flight > 0);
        counts.in_flight += in_flight;
    }
    let history = scene.close();
    let judged = judge("kills", &history);
    counts.acks += judged.acks;
    counts.entries += judged.entries;
    counts.shown += judged.shown;
    counts.again += judged.again;
    counts.offlines += offlines(&history);
}

/// Does it; the acks there were when it had struck.
fn strike(scene: &mut Scene, fault: Fault, rng: &mut Rng, counts: &mut Counts) -> Vec<u64> {
    let device = usize::try_from(rng.below(scene.devices.len() as u64)).expect("a few devices");
    let victim = std::sync::Arc::clone(&scene.devices[device]);
    let pause = Duration::from_millis(50 + rng.below(1_500));
    match fault {
        Fault::Kill => {
            scene.trouble();
            scene.server.kill();
            let acks = scene.acks();
            let took = u64::try_from(scene.server.restart().as_millis()).unwrap_or(u64::MAX);
            counts.slowest_start_ms = counts.slowest_start_ms.max(took);
            return acks;
        }
        Fault::Stop => {
            scene.trouble();
            signal::stop(scene.server.pid());
            std::thread::sleep(pause);
            let acks = scene.acks();
            signal::resume(scene.server.pid());
            return acks;
        }
        Fault::Crash => {
            scene.trouble();
            let node = u16::try_from(rng.below(u64::from(NODES))).expect("a few nodes");
            assert!(scene.server.crash_node(node), "node {node} crashes");
        }
        Fault::KillClient => {
            if rng.below(2) == 0 {
                // What it could not say any more is said by its next process.
                victim.deafen(true);
                scene.load.surge();
                std::thread::sleep(DEAF);
            }
            victim.kill();
            victim.start(false);
        }
        Fault::StopClient => {
            victim.freeze();
            std::thread::sleep(pause);
            victim.thaw();
        }
        Fault::Cut => {
            victim.unlinked();
            victim.proxy.cut_after(i64::try_from(rng.below(2_000)).expect("small"));
        }
        Fault::HalfOpen => {
            victim.unlinked();
            victim.proxy.half_open();
            // It finds out by itself, from the answer that does not come.
            scene.excused[device] = Some(victim.state().sign_ins + 1);
        }
        Fault::Weather => poison(&victim.proxy, rng),
    }
    scene.acks()
}

/// Changes the weather of a line, most often to something bad.
fn poison(proxy: &crate::process::Proxy, rng: &mut Rng) {
    let fair = Weather::default();
    let weather = match rng.below(5) {
        0 => Weather { latency_ms: 5 + rng.below(60), ..fair },
        1 => Weather { bandwidth: 16 * 1024 + rng.below(64 * 1024), ..fair },
        2 => Weather { slice: 1 + usize::try_from(rng.below(40)).expect("small"), ..fair },
        3 => {
            proxy.set(Weather { stalled: true, ..fair });
            std::thread::sleep(Duration::from_millis(200 + rng.below(1_500)));
            fair
        }
        _ => fair,
    };
    proxy.set(weather);
}
