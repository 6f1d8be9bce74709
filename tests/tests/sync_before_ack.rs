//! No ack is written before the sync that covers its message, seen from outside: strace.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use presently_tests::process::{JsonClient, Scratch, Server, ServerOptions};
use serde_json::json;

/// Sends, one at a time.
const SENDS: usize = 50;
/// The kind of the frame that acks a send: `mixer::Stored`.
const STORED: [u8; 2] = [0x05, 0x12];

/// A call of the system, by the lines of the trace on which it began and ended.
#[derive(Debug)]
struct Call {
    name: String,
    rest: String,
    began: usize,
    ended: usize,
}

/// Puts calls together that other threads' calls interrupted in the trace.
fn calls(trace: &str) -> Vec<Call> {
    let mut open: BTreeMap<&str, (String, usize)> = BTreeMap::new();
    let mut calls = Vec::new();
    for (at, line) in trace.lines().enumerate() {
        let Some((thread, said)) = line.split_once(' ') else { continue };
        let said = said.trim_start();
        if let Some(start) = said.strip_suffix(" <unfinished ...>") {
            open.insert(thread, (start.to_owned(), at));
            continue;
        }
        let (whole, began) = match said.strip_prefix("<... ").and_then(|it| it.split_once(" resumed>")) {
            Some((_, rest)) => {
                let Some((start, began)) = open.remove(thread) else { continue };
                (start + rest, began)
            }
            None => (said.to_owned(), at),
        };
        if let Some((name, rest)) = whole.split_once('(') {
            calls.push(Call { name: name.into(), rest: rest.into(), began, ended: at });
        }
    }
    calls
}

/// The bytes of every string of a call, one after the other; strace printed them as `\xNN`.
fn bytes(rest: &str) -> Vec<u8> {
    // The file's name stands in <> before the first string, the result behind the last.
    let strings = rest.split('"').skip(1).step_by(2);
    let pairs = strings.flat_map(|string| string.split("\\x").skip(1));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("two hexadecimal digits")).collect()
}

/// How many frames of a kind stand in what was written to a socket, cut at frames as servers do.
fn frames(bytes: &[u8], kind: [u8; 2]) -> usize {
    let (mut rest, mut found) = (bytes, 0);
    while let [a, b, c, body @ ..] = rest {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let Some((frame, more)) = body.split_at_checked(length) else {
            panic!("a write that ends within a frame: {rest:?}")
        };
        found += usize::from(frame.starts_with(&kind));
        rest = more;
    }
    found
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Sends one at a time under strace; the trace, once it is whole.
fn traced(strace: &str, file: &Path) -> String {
    let calls = "trace=write,writev,pwrite64,pwritev,sendto,sendmsg,fsync,fdatasync";
    let mut wrapper: Vec<String> =
        [strace, "-D", "-f", "-y", "-xx", "-s", "100000", "-e", calls, "-e", "signal=none", "-o"]
            .map(str::to_owned)
            .into();
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
    let calls = calls(&trace);
    let is_sync = |call: &&Call| matches!(&*call.name, "fsync" | "fdatasync");
    let log = |call: &&Call| call.rest.split('>').next().is_some_and(|fd| fd.ends_with(".db-wal"));
    let socket = |call: &&Call| call.rest.split('>').next().is_some_and(|fd| fd.contains("<socket:"));
    let acks: Vec<&Call> = calls
        .iter()
        .filter(socket)
        .filter(|call| call.name != "fsync" && frames(&bytes(&call.rest), STORED) > 0)
        .collect();
    assert_eq!(acks.len(), SENDS, "each send has its ack, in a write of its own");
    let mut syncs = 0;
    for (n, ack) in acks.iter().enumerate() {
        // Later writes repeat a page that holds it: the first one is what the ack stands on.
        let write = calls
            .iter()
            .filter(log)
            .find(|call| call.name.starts_with("pwrite") && holds(&bytes(&call.rest), &text(n)));
        let write = write.unwrap_or_else(|| panic!("message {n} is in the log"));
        let covers = |call: &&Call| {
            is_sync(call) && log(call) && call.began > write.ended && call.ended < ack.began
        };
        let sync = calls.iter().find(covers);
        let sync = sync.unwrap_or_else(|| panic!("no sync between {write:?} and {ack:?}"));
        assert!(sync.rest.contains("= 0"), "{sync:?}");
        syncs += 1;
    }
    println!("{syncs} acks, each after the sync of its message");
}
