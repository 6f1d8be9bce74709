//! A disk that fills up under load and gets its space back.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command as Program;
use std::time::{Duration, Instant};

use presently_core::client::Command;

use super::judge::judge;
use super::scene::{Cast, Scene, wait};
use super::{Came, Setting};
use crate::process::Scratch;

/// Enough for a few minutes of talk.
const SIZE: &str = "size=24m,mode=700";
/// How long the disk stays full.
const FULL: Duration = Duration::from_secs(4);
/// From space to acks.
const RECOVERY: Duration = Duration::from_secs(10);

/// A file system in memory, unmounted with the value.
struct Mount {
    at: PathBuf,
    _scratch: Scratch,
}

impl Mount {
    /// `None` where this user may not mount.
    fn new() -> Option<Self> {
        let scratch = Scratch::new("chaos-small");
        let at = scratch.path().join("disk");
        std::fs::create_dir(&at).expect("the directory is new");
        let mut mount = Program::new("mount");
        mount.args(["-t", "tmpfs", "-o", SIZE, "tmpfs"]).arg(&at);
        let done = mount.output().is_ok_and(|output| output.status.success());
        done.then_some(Self { at, _scratch: scratch })
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        Program::new("umount").arg("-l").arg(&self.at).status().ok();
    }
}

/// Fills it and empties it.
pub(super) fn full(setting: &Setting) -> Came {
    let Some(mount) = Mount::new() else {
        return Came::Skipped("only root may mount a small disk".into());
    };
    let mut cast = Cast::of(2, 2);
    cast.server.data = Some(mount.at.join("data"));
    // The log of the server stands on the full disk too: it must not mind.
    cast.server.log = Some(mount.at.join("log"));
    let mut scene = Scene::open("disk_full", &cast);
    let pid = scene.server.pid();
    let (mut times, mut slowest, mut read) = (0, Duration::ZERO, 0);
    for _ in 0..setting.pick(2, 12) {
        scene.goes_on();
        let refused = refusals(&scene, "store_failed");
        fill(&mount.at.join("fill"));
        scene.load.surge();
        wait("senders are told, typed", Duration::from_secs(20), || {
            refusals(&scene, "store_failed") > refused
        });
        let began = Instant::now();
        while began.elapsed() < FULL {
            read += u64::from(reads(&scene));
            std::thread::sleep(FULL / 8);
        }
        assert!(scene.server.runs(), "it goes on");
        std::fs::remove_file(mount.at.join("fill")).expect("the space comes back");
        let began = Instant::now();
        scene.goes_on();
        slowest = slowest.max(began.elapsed());
        times += 1;
    }
    assert!(slowest < RECOVERY, "{slowest:?} until it worked again");
    assert_eq!(scene.server.pid(), pid, "without a restart");
    let kinds: Vec<String> =
        scene.devices.iter().flat_map(|device| device.state().errors.into_keys()).collect();
    let known = ["store_failed", "busy", "retry"];
    assert!(kinds.iter().all(|kind| known.contains(&kind.as_str())), "{kinds:?}");
    let refused = refusals(&scene, "store_failed");
    let history = scene.close();
    let judged = judge("disk_full", &history);
    Came::Held(vec![
        ("times full", times),
        ("sends refused with store_failed", refused),
        ("histories read while full", read),
        ("slowest recovery in ms", u64::try_from(slowest.as_millis()).unwrap_or(u64::MAX)),
        ("acks", judged.acks),
    ])
}

/// Writes until there is no room for a byte.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).expect("a file has no size yet");
    let block = [0; 4_096];
    while file.write(&block).is_ok_and(|count| count > 0) {}
}

fn refusals(scene: &Scene, code: &str) -> u64 {
    let each = scene.devices.iter().map(|device| device.state().errors.get(code).copied());
    each.flatten().sum()
}

/// Whether a history can be read now.
fn reads(scene: &Scene) -> bool {
    let device = &scene.devices[0];
    let ask = Command::History { with: device.to.clone(), before: None, limit: Some(5) };
    let Some(id) = device.give(ask) else { return false };
    let until = Instant::now() + Duration::from_secs(5);
    while device.state().open.contains(&id) {
        if Instant::now() > until {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    device.state().histories.contains(&id)
}
