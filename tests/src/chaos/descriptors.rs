//! A server that may open 200 files, and a crowd that opens more.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::judge::{judge, nobody_left};
use super::scene::{Cast, Scene, wait};
use super::{Came, Setting};
use crate::process::JsonClient;

/// What it may open.
const LIMIT: usize = 200;
/// The crowd.
const CROWD: usize = 400;
/// Of one core: what a server may use that cannot accept.
const BUSY_PART: f64 = 0.3;

/// Exhausts them and lets go.
pub(super) fn play(setting: &Setting) -> Came {
    let mut cast = Cast::of(2, 2);
    let limit = format!("--nofile={LIMIT}:{LIMIT}");
    cast.server.wrapper = vec!["prlimit".into(), limit, "--".into()];
    let mut scene = Scene::open("descriptors", &cast);
    let cuts = scene.cuts();
    let (mut turns, mut busiest) = (0, 0.0_f64);
    for _ in 0..setting.pick(1, 5) {
        scene.goes_on();
        let pid = scene.server.pid();
        let listen = scene.server.ready().listen.clone();
        let mut crowd = Vec::new();
        // Who says nothing is let go after 5 s, so they come again and again.
        for wave in 0..3 {
            fill(&mut crowd, &listen);
            wait("descriptors run out", Duration::from_secs(10), || open_files(pid) >= LIMIT - 2);
            scene.goes_on();
            if wave == 0 {
                scene.load.pause(true);
                busiest = busiest.max(busy(pid, Duration::from_secs(3)));
                scene.load.pause(false);
            }
            crowd.retain(is_open);
        }
        assert!(scene.server.runs(), "it goes on");
        drop(crowd);
        // Somebody new comes in without a restart.
        let mut late = JsonClient::start(&listen, "p1");
        late.wait_event("signed_in");
        late.kill();
        turns += 1;
    }
    assert_eq!(scene.cuts(), cuts, "links that stood went on");
    assert!(busiest < BUSY_PART, "it spins: {busiest:.2} of a core");
    let history = scene.close();
    let judged = judge("descriptors", &history);
    nobody_left("descriptors", &history);
    Came::Held(vec![
        ("times without descriptors", turns),
        ("percent of a core then", (busiest * 100.0) as u64),
        ("links lost", 0),
        ("acks", judged.acks),
    ])
}

fn fill(crowd: &mut Vec<TcpStream>, listen: &str) {
    while crowd.len() < CROWD {
        let Ok(stream) = TcpStream::connect(listen) else { return };
        stream.set_nonblocking(true).ok();
        crowd.push(stream);
    }
}

fn is_open(stream: &TcpStream) -> bool {
    !matches!(stream.peek(&mut [0]), Ok(0))
}

fn open_files(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// The part of a core that a process uses.
fn busy(pid: u32, over: Duration) -> f64 {
    let ticks = || -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // After the name, which may hold anything: utime and stime are the 12th and 13th.
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let numbers = rest.split_whitespace().skip(11).take(2);
        numbers.filter_map(|number| number.parse::<u64>().ok()).sum()
    };
    let (before, began) = (ticks(), Instant::now());
    std::thread::sleep(over);
    // A tick is 10 ms everywhere that this runs.
    (ticks() - before) as f64 / 100.0 / began.elapsed().as_secs_f64()
}
