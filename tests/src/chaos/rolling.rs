//! SIGTERM and a new start, again and again, under load: nothing is lost and nobody is seen leaving.

use std::time::Duration;

use super::judge::{judge, nobody_left};
use super::scene::{Cast, Scene};
use super::{Came, Setting};

/// Drains and starts again.
pub(super) fn play(setting: &Setting) -> Came {
    let mut scene = Scene::open("rolling", &Cast::of(3, 2));
    let (mut restarts, mut slowest, mut under_way) = (0, 0, 0);
    for _ in 0..setting.pick(3, 40) {
        scene.goes_on();
        scene.load.surge();
        std::thread::sleep(Duration::from_millis(15));
        under_way += scene.in_flight() as u64;
        scene.trouble();
        let (code, took) = scene.server.stop();
        assert_eq!(code, Some(0), "a drain ends well");
        slowest = slowest.max(took.as_millis());
        scene.server.restart();
        scene.goes_on();
        restarts += 1;
    }
    let history = scene.close();
    let judged = judge("rolling", &history);
    nobody_left("rolling", &history);
    Came::Held(vec![
        ("restarts", restarts),
        ("sends under way then", under_way),
        ("slowest drain in ms", u64::try_from(slowest).unwrap_or(u64::MAX)),
        ("acks", judged.acks),
        ("offline seen", 0),
    ])
}
