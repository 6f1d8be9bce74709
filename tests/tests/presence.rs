//! Who sees whom, with real processes: show 3 of the first issue.

use std::time::{Duration, Instant};

use presently_tests::process::{Cable, JsonClient, Scratch, Server, ServerOptions};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(20);

fn pair(server: &Server) -> (JsonClient, JsonClient) {
    let mut alice = JsonClient::on_node(&server.ready().listen, "alice", 0);
    let mut bob = JsonClient::on_node(&server.ready().listen, "bob", 1);
    alice.wait_event("signed_in");
    bob.wait_event("signed_in");
    alice.wait_presence("bob", "online", SOON);
    bob.wait_presence("alice", "online", SOON);
    (alice, bob)
}

fn offlines(client: &mut JsonClient, user: &str) -> usize {
    let is = |e: &&Value| e["event"] == "presence" && e["user"] == user && e["status"] == "offline";
    client.drain().iter().filter(is).count()
}

fn two_nodes(name: &str) -> Server {
    Server::start(name, ServerOptions { nodes: 2, ..ServerOptions::default() })
}

#[test]
fn every_status_is_seen_and_signing_out_is_offline_at_once() {
    let server = two_nodes("statuses");
    let (mut alice, mut bob) = pair(&server);
    for status in
        ["busy", "idle", "be_right_back", "away", "on_the_phone", "out_to_lunch", "online"]
    {
        alice.give(&json!({"cmd": "status", "status": status}));
        bob.wait_presence("alice", status, SOON);
    }
    alice.give(&json!({"cmd": "status", "status": "appear_offline"}));
    bob.wait_presence("alice", "offline", SOON);
    alice.give(&json!({"cmd": "status", "status": "online"}));
    bob.wait_presence("alice", "online", SOON);
    alice.give(&json!({"cmd": "message", "text": "writing"}));
    bob.wait("message", SOON, |e| e["event"] == "presence" && e["message"] == "writing");

    // Two changes of a person stand at least 200 ms apart: that is not what is measured.
    std::thread::sleep(Duration::from_millis(300));
    let left = Instant::now();
    alice.give(&json!({"cmd": "sign_out", "id": "bye"}));
    let seen = bob.wait_presence("alice", "offline", SOON);
    println!("signing out was offline after {:?}", seen - left);
    assert!(seen - left < Duration::from_secs(2), "offline after {:?}", seen - left);
    assert_eq!(alice.finish(), Some(0));
    std::thread::sleep(Duration::from_secs(22));
    assert_eq!(offlines(&mut bob, "alice"), 0, "one offline, not more");
}

#[test]
fn a_killed_client_lingers_and_one_that_comes_back_was_never_gone() {
    let server = two_nodes("linger");
    let (mut alice, mut bob) = pair(&server);
    alice.kill();
    std::thread::sleep(Duration::from_secs(10));
    let mut alice = JsonClient::on_node(&server.ready().listen, "alice", 1);
    alice.wait_event("signed_in");
    std::thread::sleep(Duration::from_secs(15));
    assert_eq!(offlines(&mut bob, "alice"), 0, "back within the linger");

    alice.kill();
    let killed = Instant::now();
    let seen = bob.wait_presence("alice", "offline", Duration::from_secs(30)) - killed;
    println!("a killed client was offline after {seen:?}");
    assert!((19_000..=21_000).contains(&seen.as_millis()), "offline after {seen:?}");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(offlines(&mut bob, "alice"), 0, "one offline, not more");
}

#[test]
fn a_pulled_cable_is_offline_when_keepalive_grace_and_linger_end() {
    let server = two_nodes("cable");
    let cable = Cable::to(&server.ready().listen);
    let mut bob = JsonClient::on_node(&server.ready().listen, "bob", 1);
    let mut alice = JsonClient::on_node(cable.address(), "alice", 0);
    bob.wait_event("signed_in");
    alice.wait_event("signed_in");
    bob.wait_presence("alice", "online", SOON);
    cable.pull();
    let pulled = Instant::now();
    let seen = bob.wait_presence("alice", "offline", Duration::from_secs(100)) - pulled;
    println!("a pulled cable was offline after {seen:?}");
    // Nothing was heard since: keepalive 45 s, grace 15 s, linger 20 s.
    assert!((77_000..=81_000).contains(&seen.as_millis()), "offline after {seen:?}");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(offlines(&mut bob, "alice"), 0, "one offline, not more");
}

/// The hops of one act, in the order they were written, as (from, to, kind).
fn hops(path: &std::path::Path, first: &str) -> Vec<(String, String, String)> {
    let text = std::fs::read_to_string(path).expect("hops are written");
    let all: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let text_of = |hop: &Value, field: &str| hop[field].as_str().expect("text").to_owned();
    let start = all
        .iter()
        .rfind(|hop| text_of(hop, "kind") == first && text_of(hop, "from").starts_with("client/"))
        .expect("the act is traced");
    let flow = &start["flow"];
    let of_flow = all.iter().filter(|hop| hop["flow"] == *flow);
    for hop in of_flow.clone() {
        let parent = &hop["parent"];
        let known = *parent == 0 || all.iter().any(|other| other["hop"] == *parent);
        assert!(known, "{hop} follows from a hop that was written");
    }
    of_flow.map(|hop| (text_of(hop, "from"), text_of(hop, "to"), text_of(hop, "kind"))).collect()
}

/// Whether the wanted (from, to) pairs stand in this order among the hops; `*` stands for any node.
fn assert_order(hops: &[(String, String, String)], wanted: &[(&str, &str)]) {
    let fits = |have: &str, want: &str| match want.strip_suffix('*') {
        Some(start) => have.starts_with(start),
        None => have == want,
    };
    let mut rest = hops.iter();
    for (from, to) in wanted {
        let found = rest.any(|(f, t, _)| fits(f, from) && fits(t, to));
        assert!(found, "no hop {from} -> {to} in its place in {hops:#?}");
    }
}

#[test]
fn the_trace_of_a_status_and_of_a_first_message_goes_through_every_layer() {
    let scratch = Scratch::new("hops");
    let path = scratch.path().join("hops.jsonl");
    let options =
        ServerOptions { nodes: 2, trace_hops: Some(path.clone()), ..ServerOptions::default() };
    let server = Server::start("trace", options);
    let (mut alice, mut bob) = pair(&server);

    alice.give(&json!({"cmd": "status", "status": "busy"}));
    bob.wait_presence("alice", "busy", SOON);
    std::thread::sleep(Duration::from_millis(500));
    assert_order(
        &hops(&path, "status"),
        &[("client/alice/1", "cs/0"), ("cs/0", "ps/*"), ("ps/*", "cs/1"), ("cs/1", "client/bob/1")],
    );

    alice.give(&json!({"cmd": "send", "id": 1, "to": "bob", "text": "first"}));
    bob.wait("message", SOON, |e| e["event"] == "message" && e["text"] == "first");
    alice.wait("ack", SOON, |e| e["event"] == "acked" && e["id"] == 1);
    std::thread::sleep(Duration::from_millis(500));
    assert_order(
        &hops(&path, "contact"),
        &[
            ("client/alice/1", "cs/0"),
            ("cs/0", "client/alice/1"),
            ("client/alice/1", "mixer/*"),
            ("mixer/*", "cs/1"),
            ("cs/1", "client/bob/1"),
            ("client/bob/1", "mixer/*"),
            ("mixer/*", "client/bob/1"),
        ],
    );

    bob.give(&json!({"cmd": "send", "id": 2, "to": "alice", "text": "back"}));
    alice.wait("message", SOON, |e| e["event"] == "message" && e["text"] == "back");
    std::thread::sleep(Duration::from_millis(500));
    assert_order(
        &hops(&path, "send"),
        &[("client/bob/1", "mixer/*"), ("mixer/*", "client/alice/1")],
    );
}
