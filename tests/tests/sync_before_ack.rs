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
        let (whole, began) =
            match said.strip_prefix("<... ").and_then(|it| it.split_once(" resumed>")) {
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

/// What strace printed as `\xNN`.
fn unescape(string: &str) -> Vec<u8> {
    let pairs = string.split("\\x").skip(1);
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("two hexadecimal digits")).collect()
}

impl Call {
    /// The bytes of every string, one after the other.
    fn bytes(&self) -> Vec<u8> {
        self.rest.split('"').skip(1).step_by(2).flat_map(unescape).collect()
    }

    /// What its file is called: `7</path>`.
    fn file(&self) -> String {
        let name = self.rest.split(['<', '>']).nth(1).unwrap_or_default();
        if name.contains("\\x") {
            String::from_utf8_lossy(&unescape(name)).into_owned()
        } else {
            name.to_owned()
        }
    }

    fn is_sync(&self) -> bool {
        matches!(&*self.name, "fsync" | "fdatasync")
    }
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

/// Holds the law against a trace of sends whose acks came one at a time; how many syncs there were.
fn judge(calls: &[Call], sends: usize) -> Result<usize, String> {
    let to_log = calls.iter().filter(|call| call.file().ends_with(".db-wal"));
    let (syncs, writes): (Vec<&Call>, Vec<&Call>) = to_log.partition(|call| call.is_sync());
    let writes: Vec<_> = writes.into_iter().map(|call| (call, call.bytes())).collect();
    let to_sockets = calls.iter().filter(|call| call.file().starts_with("socket:"));
    let acks: Vec<&Call> = to_sockets.filter(|call| frames(&call.bytes(), STORED) > 0).collect();
    if acks.len() != sends {
        return Err(format!("{} writes hold acks, not {sends}", acks.len()));
    }
    for (n, ack) in acks.iter().enumerate() {
        // The log repeats whole pages: what the ack stands on is the first that holds the message.
        let write = writes.iter().find(|(_, bytes)| holds(bytes, &text(n))).map(|(call, _)| *call);
        let write = write.ok_or_else(|| format!("message {n} is not in the log"))?;
        let sync = syncs.iter().find(|sync| sync.began > write.ended);
        let sync = sync.ok_or_else(|| format!("message {n} is never synced"))?;
        if !sync.rest.ends_with("= 0") || sync.ended > ack.began {
            return Err(format!("ack {n} left before its sync: {ack:?}, {sync:?}"));
        }
    }
    Ok(syncs.len())
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
    let syncs = judge(&calls(&trace), SENDS).expect("the law holds");
    println!("{SENDS} acks, each written after the sync of its message; {syncs} syncs of the log");
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
    assert_eq!(judge(&made(&["write", "sync", "ack"]), 1), Ok(1));
    assert_eq!(judge(&made(&["write", "sync begins", "sync ends", "ack"]), 1), Ok(1));
    for broken in [
        &["write", "ack", "sync"][..],
        &["ack", "write", "sync"],
        &["sync", "write", "ack"],
        &["write", "sync begins", "ack", "sync ends"],
        &["sync begins", "write", "sync ends", "ack"],
        &["write", "sync fails", "ack"],
        &["write", "ack"],
        &["sync", "ack"],
        &["write", "sync"],
    ] {
        assert!(judge(&made(broken), 1).is_err(), "{broken:?}");
    }
}
