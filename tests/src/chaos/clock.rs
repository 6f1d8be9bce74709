//! The wall clock jumps by an hour under a server whose people are signed in; monotonic time goes on.

use std::path::Path;
use std::time::Duration;

use super::judge::{judge, nobody_left};
use super::scene::{Cast, Scene, wait};
use super::{Came, Setting};
use crate::process::Scratch;

/// The server reads the wall clock every 5 s.
const SEEN: Duration = Duration::from_secs(15);
const HOUR_MS: i64 = 3_600_000;
/// A jump shows in stamps within this.
const NEAR_MS: i64 = 60_000;

/// Moves it to and fro.
pub(super) fn play(setting: &Setting) -> Came {
    let Some(library) = &setting.faketime else {
        return Came::Skipped("no libfaketime here".into());
    };
    let scratch = Scratch::new("chaos-clock");
    let file = scratch.path().join("clock");
    set(&file, 0);
    let mut cast = Cast::of(2, 2);
    cast.server.env = [
        ("LD_PRELOAD", library.display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("DONT_FAKE_MONOTONIC", "1".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let mut scene = Scene::open("clock", &cast);
    scene.goes_on();
    let cuts = scene.cuts();
    let mut jumps = 0;
    let mut highest = 0;
    for hours in setting.pick(vec![1, -1, 0], vec![1, -1, 0, -1, 1, 0, 1, 0, -1, 0]) {
        set(&file, hours);
        // Stamps never go back: after a jump back they stand still, which says nothing of the clock.
        if hours > highest {
            highest = hours;
            wait("stamps tell the new time", SEEN, || offset(&scene) > hours * HOUR_MS - NEAR_MS);
        } else {
            std::thread::sleep(SEEN / 2);
        }
        scene.goes_on();
        jumps += 1;
    }
    assert!(highest > 0 && offset(&scene) > HOUR_MS - NEAR_MS, "the clock was moved");
    assert_eq!(scene.cuts(), cuts, "no link was lost to a jump");
    let history = scene.close();
    let judged = judge("clock", &history);
    nobody_left("clock", &history);
    Came::Held(vec![
        ("jumps of the wall clock", jumps),
        ("links lost", 0),
        ("acks", judged.acks),
        ("offline seen", 0),
    ])
}

fn set(file: &Path, hours: i64) {
    // Whole at once: the library reads it at every look at the clock.
    let new = file.with_extension("new");
    std::fs::write(&new, format!("{:+}", hours * 3_600)).expect("the file can be written");
    std::fs::rename(&new, file).expect("the file can be put in its place");
}

/// How far the newest stamp is ahead of our clock.
fn offset(scene: &Scene) -> i64 {
    let newest = scene.devices.iter().map(|device| device.state().stamp).max().unwrap_or(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = i64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(i64::MAX);
    i64::try_from(newest).unwrap_or(i64::MAX) - now
}
