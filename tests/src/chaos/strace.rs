//! Calls of the system that fail, injected by strace.

use std::path::Path;
use std::process::{Child, Command as Program, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::judge::judge;
use super::scene::{Cast, Scene, wait};
use super::{Came, Setting};
use crate::process::trace::{WRITES_AND_SYNCS, calls, judge as judge_syncs};
use crate::process::{JsonClient, Scratch, Server, ServerOptions, signal};

/// Sends, one at a time, while syncs fail.
const SENDS: usize = 40;
/// A strace that has come, or a fault that has struck.
const SOON: Duration = Duration::from_secs(20);

/// A strace on a process that runs already.
struct Tracer {
    child: Child,
    out: std::path::PathBuf,
}

impl Tracer {
    /// Injects an error into calls, from now on.
    fn attach(strace: &Path, pid: u32, out: &Path, call: &str, inject: &str) -> Self {
        let mut command = Program::new(strace);
        command.args(["-f", "-p", &pid.to_string(), "-e", &format!("trace={call}")]);
        command.args(["-e", "signal=none", "-e", &format!("inject={call}:{inject}"), "-o"]);
        let child = command.arg(out).stderr(Stdio::null()).spawn().expect("strace runs");
        Self { child, out: out.to_owned() }
    }

    /// How often it struck.
    fn struck(&self) -> u64 {
        let trace = std::fs::read_to_string(&self.out).unwrap_or_default();
        trace.matches("(INJECTED)").count() as u64
    }

    /// Lets the process go.
    fn detach(mut self) -> u64 {
        signal::terminate(self.child.id());
        self.child.wait().expect("strace ends");
        self.struck()
    }
}

/// No ack after a failed sync, and work goes on by itself.
pub(super) fn sync_fails(setting: &Setting) -> Came {
    let Some(strace) = &setting.strace else { return Came::Skipped("no strace here".into()) };
    let scratch = Scratch::new("chaos-strace");
    if !scratch.is_on_disk() {
        return Came::Skipped(
            "the build directory is in memory, where a sync means nothing".into(),
        );
    }
    let syncs = one_at_a_time(strace, &scratch.path().join("trace"));
    let mut scene = Scene::open("sync_fails", &Cast::of(2, 2));
    let (pid, mut struck, mut times) = (scene.server.pid(), 0, 0);
    for time in 0..setting.pick(2, 20) {
        scene.goes_on();
        let out = scratch.path().join(format!("attached-{time}"));
        let inject = "error=EIO";
        let tracer = Tracer::attach(strace, pid, &out, "fsync,fdatasync", inject);
        wait("syncs fail", SOON, || tracer.struck() > 1);
        std::thread::sleep(Duration::from_secs(1));
        struck += tracer.detach();
        assert!(scene.server.runs(), "it goes on");
        scene.goes_on();
        times += 1;
    }
    let history = scene.close();
    let judged = judge("sync_fails", &history);
    Came::Held(vec![
        ("acks traced", SENDS as u64),
        ("syncs that failed before them", syncs.failed as u64),
        ("syncs that succeeded", syncs.good as u64),
        ("times without syncs, under load", times),
        ("syncs that failed then", struck),
        ("acks", judged.acks),
    ])
}

/// Every 9th sync of each thread fails while one message after the other is sent.
fn one_at_a_time(strace: &Path, file: &Path) -> crate::process::trace::Syncs {
    let mut wrapper = vec![strace.display().to_string()];
    let inject = "inject=fsync,fdatasync:error=EIO:when=30+9";
    wrapper.extend(["-e", inject].map(str::to_owned));
    wrapper.extend(WRITES_AND_SYNCS.map(str::to_owned));
    wrapper.push(file.display().to_string());
    let options = ServerOptions { wrapper, ..ServerOptions::default() };
    let mut server = Server::start("chaos-sync", options);
    let mut alice = JsonClient::start(&server.ready().listen, "alice");
    alice.wait_event("signed_in");
    let text = |n: usize| format!("message number {n:04} of the trace");
    let (mut acked, mut n) = (Vec::new(), 0);
    while acked.len() < SENDS {
        alice.give(&json!({"cmd": "send", "id": n, "to": "bob", "text": text(n)}));
        let (_, event) = alice.wait("an outcome", Duration::from_secs(60), |event| {
            event["id"] == n && (event["event"] == "acked" || event["event"] == "error")
        });
        if event["event"] == "acked" {
            acked.push(text(n));
        }
        n += 1;
    }
    alice.kill();
    server.stop();
    let mut trace = String::new();
    wait("the trace ends", SOON, || {
        trace = std::fs::read_to_string(file).expect("strace writes its file");
        trace.lines().last().is_some_and(|last| last.contains("+++ exited with"))
    });
    let syncs = judge_syncs(&calls(&trace), &acked).expect("no ack after a failed sync");
    assert!(syncs.failed > 2, "syncs failed: {syncs:?}");
    syncs
}

/// The N-th write or sync fails, for each N, under load.
pub(super) fn every_write(setting: &Setting) -> Came {
    let Some(strace) = &setting.strace else { return Came::Skipped("no strace here".into()) };
    let scratch = Scratch::new("chaos-writes");
    let mut scene = Scene::open("every_write", &Cast::of(2, 2));
    let kinds = [("pwrite64", "EIO"), ("pwrite64", "ENOSPC"), ("fdatasync,fsync", "EIO")];
    let (pid, mut struck, mut slowest) = (scene.server.pid(), 0, Duration::ZERO);
    let last = setting.pick(4, 60);
    for n in 1..=last {
        for (call, error) in kinds {
            let out = scratch.path().join(format!("{n}-{error}-{}", &call[..5]));
            let inject = format!("error={error}:when={n}");
            let tracer = Tracer::attach(strace, pid, &out, call, &inject);
            wait(&format!("{call} {n} fails with {error}"), SOON, || tracer.struck() > 0);
            struck += u64::from(tracer.detach() > 0);
            assert!(scene.server.runs(), "it goes on after {call} {n}: {error}");
            let began = Instant::now();
            scene.goes_on();
            slowest = slowest.max(began.elapsed());
        }
    }
    assert_eq!(struck, last * kinds.len() as u64, "each fault struck");
    let history = scene.close();
    let judged = judge("every_write", &history);
    Came::Held(vec![
        ("faults, each at another call", struck),
        ("slowest recovery in ms", u64::try_from(slowest.as_millis()).unwrap_or(u64::MAX)),
        ("acks", judged.acks),
    ])
}
