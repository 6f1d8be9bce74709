//! The server, then a client, stands still for 20 s: nobody is seen going offline.

use std::time::Duration;

use super::judge::{judge, nobody_left};
use super::scene::{Cast, Scene};
use super::{Came, Setting};
use crate::process::signal;

const STOP: Duration = Duration::from_secs(20);
/// What a false Offline would need to show itself: the linger, and a little.
const AFTER: Duration = Duration::from_secs(22);

/// Stops and continues.
pub(super) fn play(setting: &Setting) -> Came {
    let mut scene = Scene::open("pauses", &Cast::of(2, 2));
    let mut stops = 0;
    for turn in 0..setting.pick(1, 6) {
        scene.goes_on();
        scene.load.surge();
        scene.trouble();
        signal::stop(scene.server.pid());
        std::thread::sleep(STOP);
        signal::resume(scene.server.pid());
        scene.is_well();
        scene.goes_on();
        stops += 1;
        if setting.pick(false, true) {
            let victim = turn % scene.devices.len();
            scene.devices[victim].freeze();
            std::thread::sleep(STOP);
            scene.devices[victim].thaw();
            scene.goes_on();
            std::thread::sleep(AFTER);
        }
    }
    std::thread::sleep(setting.pick(AFTER / 4, AFTER));
    let cuts = scene.cuts();
    let history = scene.close();
    let judged = judge("pauses", &history);
    nobody_left("pauses", &history);
    Came::Held(vec![
        ("stops of 20 s", stops),
        ("links that clients gave up", cuts),
        ("acks", judged.acks),
        ("offline seen", 0),
    ])
}
