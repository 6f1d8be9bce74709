//! No ack is written before the sync that covers its message, seen from outside: strace.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use presently_tests::process::trace::{Call, WRITES_AND_SYNCS, calls, judge};
use presently_tests::process::{JsonClient, Scratch, Server, ServerOptions};
use serde_json::json;

/// Sends, one at a time.
const SENDS: usize = 50;

/// Sends one at a time under strace; the trace, once it is whole.
fn traced(strace: &str, file: &Path) -> String {
    let mut wrapper: Vec<String> = vec![strace.to_owned()];
    wrapper.extend(WRITES_AND_SYNCS.map(str::to_owned));
    wrapper.push(file.display().to_string());
    let mut server = Server::start("strace", ServerOptions { wrapper, ..Default::default() });
    let mut alice = JsonClient::start(&server.ready().listen, "alice");
    alice.wait_event("signed_in");
    for n in 0..SENDS {
        alice.give(&json!({"cmd": "send", "id": n, "to": "bob", "text": text(n)}));
        alice.wait("ack", Duration::from_secs(20), |e| e["event"] == "acked" && e["id"] == n);
    }
    drop(alice);
    let (code, _) = server.stop();
    assert_eq!(code, Some(0));
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let trace = std::fs::read_to_string(file).expect("strace writes its file");
        if trace.lines().last().is_some_and(|last| last.contains("+++ exited with 0 +++")) {
            return trace;
        }
        assert!(Instant::now() < until, "the trace does not end");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn text(n: usize) -> String {
    format!("message number {n:04} of the trace")
}

#[test]
fn no_ack_leaves_before_the_sync_of_its_message() {
    let strace = std::env::var("STRACE").unwrap_or_else(|_| "strace".into());
    let works = Command::new(&strace).args(["-f", "-o", "/dev/null", "true"]).status();
    if !works.is_ok_and(|status| status.success()) {
        println!("SKIPPED no_ack_leaves_before_the_sync_of_its_message: no strace here");
        return;
    }
    let scratch = Scratch::new("trace");
    let trace = traced(&strace, &scratch.path().join("trace"));
    let texts: Vec<String> = (0..SENDS).map(text).collect();
    let syncs = judge(&calls(&trace), &texts).expect("the law holds");
    println!("{SENDS} acks, each written after a sync of its message; {syncs:?}");
}

/// A trace as strace writes it: of one send and its ack, the lines in the order given.
fn made(order: &[&str]) -> Vec<Call> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
    let (wal, message) = (hex(b"/d/presently.db-wal"), hex(text(0).as_bytes()));
    let ack = hex(&[0, 0, 5, 5, 0x12, 0, 1, 9]);
    let lines = order.iter().map(|line| match *line {
        "write" => format!("7 pwrite64(9<{wal}>, \"{message}\", 4096, 0) = 4096"),
        "sync" => format!("7 fdatasync(9<{wal}>) = 0"),
        "sync begins" => format!("7 fdatasync(9<{wal}> <unfinished ...>"),
        "sync ends" => "7 <... fdatasync resumed>) = 0".to_owned(),
        "sync fails" => format!("7 fdatasync(9<{wal}>) = -1 EIO (Input/output error)"),
        "ack" => format!("8 writev(11<socket:[4]>, [{{iov_base=\"{ack}\", iov_len=8}}], 1) = 8"),
        other => other.to_owned(),
    });
    calls(&lines.collect::<Vec<_>>().join("\n"))
}

#[test]
fn the_judge_sees_an_ack_that_is_early() {
    let judge = |order: &[&str]| judge(&made(order), &[text(0)]);
    for good in [
        &["write", "sync", "ack"][..],
        &["write", "sync begins", "sync ends", "ack"],
        // What was written anew after a failure stands on a sync of its own.
        &["write", "sync fails", "write", "sync", "ack"],
    ] {
        assert!(judge(good).is_ok(), "{good:?}");
    }
    for broken in [
        &["write", "ack", "sync"][..],
        &["ack", "write", "sync"],
        &["sync", "write", "ack"],
        &["write", "sync begins", "ack", "sync ends"],
        &["sync begins", "write", "sync ends", "ack"],
        &["write", "sync fails", "ack"],
        // The page may have been dropped with the first: the second says nothing of it.
        &["write", "sync fails", "sync", "ack"],
        &["write", "ack"],
        &["sync", "ack"],
        &["write", "sync"],
    ] {
        assert!(judge(broken).is_err(), "{broken:?}");
    }
}
