//! What is said to somebody who is away, and by somebody who has no connection.

use std::time::Duration;

use presently_tests::process::{JsonClient, Scratch, Server, ServerOptions};
use serde_json::json;

const SOON: Duration = Duration::from_secs(20);
/// Long enough for anything doubled to show.
const QUIET: Duration = Duration::from_secs(2);

fn sign_in(server: &Server, user: &str, cache: Option<&Scratch>) -> JsonClient {
    let cache = cache.map(Scratch::path);
    let mut client = JsonClient::with(&server.ready().listen, user, user, &[], cache);
    client.wait_event("signed_in");
    client
}

/// Everything shown so far as (seq, text), once nothing more comes.
fn shown(client: &mut JsonClient) -> Vec<(u64, String)> {
    client.give(&json!({"cmd": "sync", "id": "sync"}));
    client.wait("sync", SOON, |e| e["event"] == "done" && e["id"] == "sync");
    std::thread::sleep(QUIET);
    let all = client.drain().into_iter().filter(|e| e["event"] == "message");
    all.map(|e| {
        let text = e["text"].as_str().expect("text").to_owned();
        (e["seq"].as_u64().expect("a number"), text)
    })
    .collect()
}

fn say(client: &mut JsonClient, to: &str, text: &str) -> u64 {
    client.give(&json!({"cmd": "send", "id": text, "to": to, "text": text}));
    let (_, acked) = client.wait("ack", SOON, |e| e["event"] == "acked" && e["id"] == text);
    acked["seq"].as_u64().expect("a number")
}

#[test]
fn five_wait_for_bob_and_come_once_to_each_of_his_devices() {
    let server = Server::start("offline", ServerOptions { nodes: 2, ..Default::default() });
    let (one, two) = (Scratch::new("bob-one"), Scratch::new("bob-two"));
    let mut alice = sign_in(&server, "alice", None);
    let five = |alice: &mut JsonClient, round: &str| -> Vec<(u64, String)> {
        let texts = (0..5).map(|n| format!("{round} {n}"));
        texts.map(|text| (say(alice, "bob", &text), text)).collect()
    };
    let said = five(&mut alice, "at first");
    assert_eq!(said.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    let mut first = sign_in(&server, "bob", Some(&one));
    assert_eq!(shown(&mut first), said, "once, in order");

    // What another device of his showed is not news to a new one, but there to read.
    let mut second = sign_in(&server, "bob", Some(&two));
    let news = shown(&mut second);
    assert!(said.ends_with(&news), "in order, none twice: {news:?}");
    second.give(&json!({"cmd": "history", "id": "h", "with": "alice"}));
    let (_, history) = second.wait("history", SOON, |e| e["event"] == "history");
    assert_eq!(history["list"].as_array().expect("a list").len(), 5);

    // Both hear what comes next, once.
    let next = (say(&mut alice, "bob", "to both"), "to both".to_owned());
    assert_eq!(shown(&mut first), std::slice::from_ref(&next));
    assert_eq!(shown(&mut second), [next]);

    // Both away, one by its own will: each gets the five it missed, and nothing it had.
    assert_eq!(first.finish(), Some(0));
    second.kill();
    let missed = five(&mut alice, "missed");
    for cache in [&one, &two] {
        let mut again = sign_in(&server, "bob", Some(cache));
        assert_eq!(shown(&mut again), missed);
        again.kill();
        let mut again = sign_in(&server, "bob", Some(cache));
        assert_eq!(shown(&mut again), []);
    }
}

#[test]
fn a_send_without_a_server_outlives_the_client_and_goes_out_once() {
    let mut server = Server::start("outbox", ServerOptions::default());
    let cache = Scratch::new("alice");
    let mut alice = sign_in(&server, "alice", Some(&cache));
    say(&mut alice, "bob", "before");
    server.kill();
    alice.wait_event("offline");
    for text in ["from the outbox", "and another"] {
        alice.give(&json!({"cmd": "send", "id": text, "to": "bob", "text": text}));
    }
    // Nothing says that the cache has it; a sync of its disk takes far less.
    std::thread::sleep(QUIET);
    alice.kill();
    server.restart();
    let mut bob = sign_in(&server, "bob", None);
    let before = vec![(1, "before".to_owned())];
    assert_eq!(shown(&mut bob), before, "a device that is gone sends nothing");

    let mut alice = sign_in(&server, "alice", Some(&cache));
    let out = vec![(2, "from the outbox".to_owned()), (3, "and another".to_owned())];
    assert_eq!(shown(&mut bob), out);
    assert_eq!(shown(&mut alice), out, "shown to her as well, and what was before is not");
    alice.kill();
    let mut alice = sign_in(&server, "alice", Some(&cache));
    assert_eq!(shown(&mut alice), []);
    assert_eq!(shown(&mut bob), [], "once");
}
