//! A server with much stored serves soon: show 4 of the first issue.
#![expect(clippy::print_stdout, reason = "it says what it measured")]

use std::sync::mpsc;
use std::time::Duration;

use presently_core::id::ConversationId;
use presently_core::store::Reply;
use presently_core::world::conformance::{append, entry};
use presently_server::store::{Options, Store};
use presently_tests::process::{JsonClient, Server, ServerOptions};
use serde_json::json;

const CONVERSATIONS: u32 = 400;
const ENTRIES: u64 = 500;

fn conversation(n: u32) -> ConversationId {
    let mut id = [0xc0; 16];
    id[..4].copy_from_slice(&n.to_be_bytes());
    ConversationId(id)
}

/// 200,000 messages, as a server leaves them that is killed: a part not yet folded, and the
/// write-ahead log not moved.
fn fill(server: &Server) {
    let (data, kept) = (server.data(), server.data().with_extension("kept"));
    let store = Store::open(&data, Options::default()).expect("the store opens");
    let (tell, told) = mpsc::channel();
    for n in 0..CONVERSATIONS {
        let tell = tell.clone();
        let entries = (1..=ENTRIES).map(|sequence| entry(conversation(n), sequence, 1)).collect();
        store.door().ask(append(entries), move |reply| tell.send(reply).expect("it is awaited"));
    }
    for reply in told.iter().take(CONVERSATIONS as usize) {
        assert!(matches!(reply, Reply::Written { .. }), "{reply:?}");
    }
    assert_eq!(store.counts().entries(), u64::from(CONVERSATIONS) * ENTRIES);
    std::fs::create_dir_all(&kept).expect("the scratch can be written");
    let mut log = 0;
    for file in std::fs::read_dir(&data).expect("it can be read") {
        let file = file.expect("it can be read");
        log = log.max(if file.file_name() == "presently.db-wal" {
            file.metadata().expect("it is there").len()
        } else {
            0
        });
        std::fs::copy(file.path(), kept.join(file.file_name())).expect("it can be copied");
    }
    store.close();
    std::fs::remove_dir_all(&data).expect("it can be removed");
    std::fs::rename(&kept, &data).expect("it can be moved");
    println!("a write-ahead log of {log} bytes is left");
}

#[test]
fn two_hundred_thousand_messages_are_served_within_two_seconds() {
    let mut server = Server::start("opening", ServerOptions::default());
    {
        let mut alice = JsonClient::start(&server.ready().listen, "alice");
        alice.wait_event("signed_in");
        alice.give(&json!({"cmd": "send", "id": 1, "to": "bob", "text": "before"}));
        alice.wait_event("acked");
    }
    assert_eq!(server.stop().0, Some(0));
    fill(&server);
    let took = server.restart();
    println!("served after {took:?} with 200,000 messages stored");
    assert!(took < Duration::from_secs(2), "{took:?}");
    let mut bob = JsonClient::start(&server.ready().listen, "bob");
    bob.wait("what was said before", Duration::from_secs(20), |e| e["text"] == "before");
    // After kill -9 as well.
    server.kill();
    let took = server.restart();
    println!("served after {took:?} once more, killed");
    assert!(took < Duration::from_secs(2), "{took:?}");
}
