//! Real servers record, and their records replay to equal outputs.

use std::path::Path;
use std::time::Duration;

use presently_tests::process::{JsonClient, Scratch, Server, ServerOptions};
use presently_tests::replay::{Counts, files, replay};
use serde_json::json;

const SOON: Duration = Duration::from_secs(60);
const MESSAGES: usize = 200;

/// A status for each talk: one that is seen already, or may be lost in a crash, proves nothing.
const STATUSES: [&str; 3] = ["busy", "away", "be_right_back"];

/// Both say so many things and change their status; each hears the other.
fn talk(alice: &mut JsonClient, bob: &mut JsonClient, first: usize) {
    for n in first..first + MESSAGES {
        alice.give(&json!({"cmd": "send", "id": n, "to": "bob", "text": format!("alice {n}")}));
        bob.give(&json!({"cmd": "send", "id": n, "to": "alice", "text": format!("bob {n}")}));
    }
    let last = first + MESSAGES - 1;
    let status = STATUSES[first / MESSAGES];
    let hears = |side: &mut JsonClient, other: &str| {
        let text = format!("{other} {last}");
        side.wait("message", SOON, |e| e["event"] == "message" && e["text"] == text.as_str());
        side.give(&json!({"cmd": "status", "status": status}));
    };
    hears(alice, "bob");
    hears(bob, "alice");
    alice.wait_presence("bob", status, SOON);
    bob.wait_presence("alice", status, SOON);
}

/// Replays all files of a record; the counts of each.
fn replayed(base: &Path) -> Vec<Counts> {
    let paths = files(base);
    let one = |path: &std::path::PathBuf| {
        let bytes = std::fs::read(path).expect("the record can be read");
        let counts = replay(&bytes).unwrap_or_else(|at| panic!("{}: {at}", path.display()));
        assert!(counts.inputs > 0 && counts.outputs > 0, "{}: {counts:?}", path.display());
        counts
    };
    paths.iter().map(one).collect()
}

#[test]
fn a_server_that_is_killed_twice_leaves_records_that_replay() {
    let scratch = Scratch::new("records");
    let base = scratch.path().join("record");
    let options = ServerOptions { nodes: 2, record: Some(base.clone()), ..Default::default() };
    let mut server = Server::start("recorded", options);
    let mut alice = JsonClient::on_node(&server.ready().listen, "alice", 0);
    let mut bob = JsonClient::on_node(&server.ready().listen, "bob", 1);
    alice.wait_event("signed_in");
    bob.wait_event("signed_in");
    alice.wait_presence("bob", "online", SOON);
    bob.wait_presence("alice", "online", SOON);
    talk(&mut alice, &mut bob, 0);
    server.kill();
    server.restart();
    talk(&mut alice, &mut bob, MESSAGES);
    // Killed within: what was being written is torn, and what stands before it replays.
    server.kill();
    let counts = replayed(&base);
    assert_eq!(counts.len(), 4, "two nodes, two processes");
    for counts in &counts {
        // How many inputs the talk is cut into depends on how busy the machine is.
        assert!(counts.inputs > 20 && counts.outputs > 50, "{counts:?}");
        assert_eq!((counts.lives, counts.panics, counts.cut), (1, 0, 0));
    }
    assert!(counts.iter().any(|counts| counts.timeouts > 0), "{counts:?}");
}

#[test]
fn lives_that_an_operator_ends_stand_in_one_record_and_replay() {
    let scratch = Scratch::new("record-crash");
    let base = scratch.path().join("record");
    let log = scratch.path().join("log");
    let options = ServerOptions {
        nodes: 2,
        record: Some(base.clone()),
        log: Some(log.clone()),
        ..Default::default()
    };
    let mut server = Server::start("recorded-crash", options);
    let mut alice = JsonClient::on_node(&server.ready().listen, "alice", 0);
    let mut bob = JsonClient::on_node(&server.ready().listen, "bob", 1);
    alice.wait_event("signed_in");
    bob.wait_event("signed_in");
    for round in 0..3 {
        assert!(server.crash_node(round % 2), "the node is there to be crashed");
        talk(&mut alice, &mut bob, usize::from(round) * MESSAGES);
    }
    assert_eq!(server.stop().0, Some(0));
    let counts = replayed(&base);
    let lives: Vec<_> = counts.iter().map(|counts| (counts.lives, counts.crashes)).collect();
    assert_eq!(lives, [(3, 2), (2, 1)]);
    assert!(counts.iter().all(|counts| counts.torn == 0 && counts.panics == 0));

    // What led to it is told without a word of what people said.
    let log = std::fs::read_to_string(&log).expect("the log is written");
    let told: Vec<_> = log.lines().filter(|line| line.contains("the hub panicked")).collect();
    assert_eq!(told.len(), 3, "{log}");
    for line in told {
        // Which inputs came last is the moment's: each is a kind and how long ago, in milliseconds.
        let (_, last) = line.split_once("last=").expect("what led to it is told");
        let inputs = last.split(", ").filter(|input| {
            let (kind, ago) = input.split_once(" -").unwrap_or_default();
            kind.chars().all(char::is_alphabetic) && ago.starts_with(|c: char| c.is_ascii_digit())
        });
        assert!(inputs.count() > 5 && last.contains("bytes "), "{line}");
        assert!(!line.contains("alice") && !line.contains("bob"), "{line}");
    }
}

#[test]
fn an_orderly_end_is_recorded_to_its_last_input() {
    let scratch = Scratch::new("record-end");
    let base = scratch.path().join("record");
    let options = ServerOptions { nodes: 1, record: Some(base.clone()), ..Default::default() };
    let mut server = Server::start("recorded-end", options);
    let mut alice = JsonClient::on_node(&server.ready().listen, "alice", 0);
    alice.wait_event("signed_in");
    let (code, _) = server.stop();
    assert_eq!(code, Some(0));
    let counts = replayed(&base);
    assert_eq!((counts.len(), counts[0].torn, counts[0].lives), (1, 0, 1));
    assert!(counts[0].inputs > 20, "{counts:?}");

    let path = files(&base).remove(0);
    let ended = presently_tests::process::run(&["serve", "--help"], "");
    assert!(ended.out.contains("--record <FILE>") && ended.out.contains("passwords"), "{ended:?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let about = std::fs::metadata(path).expect("it is there");
        assert_eq!(about.permissions().mode() & 0o777, 0o600);
    }
}
