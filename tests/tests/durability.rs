//! Nothing acked is lost: show 4 of the first issue.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use presently_tests::process::{JsonClient, Server, ServerOptions};
use serde_json::{Value, json};

/// Messages each way.
const MESSAGES: usize = 10_000;
/// Sends of one client that wait for their ack.
const UNACKED: usize = 64;
/// kill -9 of the server while sends are in flight.
const KILLS: usize = 10;
/// No progress for this long is a failure.
const STALLED: Duration = Duration::from_secs(60);

/// What one side saw.
struct Side {
    client: JsonClient,
    me: &'static str,
    acked: Vec<(u64, u64)>,
    shown: Vec<(u64, String, String)>,
}

fn show(event: &Value) -> (u64, String, String) {
    let text = |field: &str| event[field].as_str().expect("text").to_owned();
    (event["seq"].as_u64().expect("a number"), text("from"), text("text"))
}

impl Side {
    /// Says everything, at most 64 unacked, and takes in until both sides' messages were shown.
    fn talk(&mut self, to: &str, acked: &AtomicUsize) {
        let mut given = 0;
        while self.acked.len() < MESSAGES || self.shown.len() < 2 * MESSAGES {
            while given < MESSAGES && given - self.acked.len() < UNACKED {
                let text = format!("{} {given}", self.me);
                self.client.give(&json!({"cmd": "send", "id": given, "to": to, "text": text}));
                given += 1;
            }
            let Some((_, event)) = self.client.next(STALLED) else {
                panic!("{}: {} acked, {} shown", self.me, self.acked.len(), self.shown.len());
            };
            match event["event"].as_str() {
                Some("acked") => {
                    let id = event["id"].as_u64().expect("the id given");
                    self.acked.push((id, event["seq"].as_u64().expect("a number")));
                    acked.fetch_add(1, Ordering::Relaxed);
                }
                Some("message") => self.shown.push(show(&event)),
                Some("error") => panic!("{}: {event}", self.me),
                _ => {}
            }
        }
    }

    /// The whole history, page by page from the newest.
    fn history(&mut self, with: &str) -> Vec<(u64, String, String)> {
        let mut all = Vec::new();
        let mut before = Value::Null;
        loop {
            let ask = json!({"cmd": "history", "with": with, "before": before, "limit": 200});
            self.client.give(&ask);
            let page = self.client.wait_event("history");
            let list = page["list"].as_array().expect("a list");
            let mut entries: Vec<_> = list.iter().map(show).collect();
            before = entries.first().map_or(Value::Null, |entry| entry.0.into());
            entries.append(&mut all);
            all = entries;
            if page["more"] != true {
                return all;
            }
        }
    }
}

fn side(server: &Server, me: &'static str) -> Side {
    let mut client = JsonClient::start(&server.ready().listen, me);
    client.wait_event("signed_in");
    client.drain();
    Side { client, me, acked: Vec::new(), shown: Vec::new() }
}

#[test]
fn ten_kills_lose_and_double_nothing() {
    let mut server = Server::start("durability", ServerOptions { nodes: 2, ..Default::default() });
    let (mut alice, mut bob) = (side(&server, "alice"), side(&server, "bob"));
    let acked = AtomicUsize::new(0);
    let (mut slowest, began) = (Duration::ZERO, Instant::now());
    std::thread::scope(|scope| {
        let one = scope.spawn(|| alice.talk("bob", &acked));
        let two = scope.spawn(|| bob.talk("alice", &acked));
        for kill in 1..=KILLS {
            let due = kill * 2 * MESSAGES / (KILLS + 2);
            let began = Instant::now();
            while acked.load(Ordering::Relaxed) < due {
                assert!(began.elapsed() < STALLED * 2, "stalled before kill {kill}");
                assert!(!one.is_finished() && !two.is_finished(), "sends are in flight");
                std::thread::sleep(Duration::from_millis(2));
            }
            server.kill();
            slowest = slowest.max(server.restart());
        }
        one.join().expect("alice's side holds");
        two.join().expect("bob's side holds");
    });
    let took = began.elapsed();
    println!("kills: {KILLS}, slowest start: {slowest:?}, {MESSAGES} each way in {took:?}");
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    judge(&mut alice, &mut bob);
}

fn judge(alice: &mut Side, bob: &mut Side) {
    let (at_alice, at_bob) = (alice.history("bob"), bob.history("alice"));
    assert_eq!(at_alice.len(), 2 * MESSAGES);
    assert!(at_alice == at_bob, "history is equal on both sides");
    assert!(alice.shown == at_alice, "alice was shown live what history says");
    assert!(bob.shown == at_bob, "bob was shown live what history says");
    for side in [alice, bob] {
        let own = at_alice.iter().filter(|entry| entry.1 == side.me);
        let texts: Vec<_> = own.clone().map(|entry| entry.2.clone()).collect();
        let expected: Vec<_> = (0..MESSAGES).map(|n| format!("{} {n}", side.me)).collect();
        assert!(texts == expected, "{}: each once, in the order given", side.me);
        let ids: BTreeSet<_> = side.acked.iter().map(|ack| ack.0).collect();
        assert_eq!((ids.len(), side.acked.len()), (MESSAGES, MESSAGES), "acked once each");
        let places: Vec<_> = own.map(|entry| entry.0).collect();
        for (id, seq) in &side.acked {
            let at = usize::try_from(*id).expect("small");
            assert_eq!(places[at], *seq, "{}: the ack names the place", side.me);
        }
    }
}
