//! The store in a process that is killed, and how soon a large one serves.
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod folder;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use presently_core::id::ConversationId;
use presently_core::store::{Reply, Request};
use presently_core::world::conformance::{append, entry};
use presently_server::store::{Options, Store};

use folder::Folder;

/// Set for the child: the directory to write to.
const CHILD: &str = "PRESENTLY_TEST_STORE";
const CONVERSATIONS: u64 = 16;

fn options() -> Options {
    Options { cache_kib: 2_048, window: 300 }
}

fn conversation(n: u64) -> ConversationId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&n.to_be_bytes());
    ConversationId(id)
}

fn head(store: &Store, n: u64) -> u64 {
    let reply = store.door().ask_and_wait(Request::Tail(conversation(n)));
    let Reply::Tail { head, .. } = reply else { panic!("{reply:?}") };
    head
}

/// Writes for ever, saying what was acknowledged. Run only as the child of the test below.
#[test]
fn child_that_writes() {
    let Some(directory) = std::env::var_os(CHILD) else { return };
    let store = Store::open(Path::new(&directory), options()).unwrap();
    let heads: Vec<u64> = (0..CONVERSATIONS).map(|n| head(&store, n)).collect();
    let (tell, told) = mpsc::channel();
    let write = |n: u64, sequence: u64| {
        let tell = tell.clone();
        store.door().ask(append(vec![entry(conversation(n), sequence, 1)]), move |reply| {
            let _ = tell.send((n, sequence, reply));
        });
    };
    for (n, head) in (0..).zip(&heads) {
        write(n, head + 1);
    }
    while let Ok((n, sequence, reply)) = told.recv() {
        assert!(matches!(reply, Reply::Written { .. }), "{reply:?}");
        println!("acked {n} {sequence}");
        write(n, sequence + 1);
    }
}

#[test]
fn what_was_acknowledged_outlives_kill_9() {
    let folder = Folder::new("killed");
    let mut acked = vec![0u64; usize::try_from(CONVERSATIONS).unwrap()];
    for round in 0..5u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child_that_writes", "--exact", "--nocapture"])
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        let wanted = 300 + round * 700;
        while let Some(Ok(line)) = lines.next() {
            // The harness may say something on the line of the first one.
            let Some(at) = line.find("acked ") else { continue };
            let mut words = line[at..].split(' ').skip(1).map(|word| word.parse::<u64>().unwrap());
            let (n, sequence) = (words.next().unwrap(), words.next().unwrap());
            let n = usize::try_from(n).unwrap();
            acked[n] = acked[n].max(sequence);
            seen += 1;
            if seen == wanted {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        let store = Store::open(&folder.path(), options()).unwrap();
        for (n, acked) in (0..).zip(&acked) {
            let head = head(&store, n);
            assert!(head >= *acked, "conversation {n}: {head} of {acked}");
            verify(&store, n, head);
        }
    }
}

fn verify(store: &Store, n: u64, head: u64) {
    let reply = store.door().ask_and_wait(Request::Entries {
        checks: Vec::new(),
        conversation: conversation(n),
        from: 1,
        until: u64::MAX,
        limit: u32::MAX,
        bytes: u32::MAX,
        newest: false,
    });
    let Reply::Entries { entries, more: false } = reply else { panic!("{reply:?}") };
    assert_eq!(u64::try_from(entries.len()).unwrap(), head);
    for (stored, sequence) in entries.iter().zip(1..) {
        let put = entry(conversation(n), sequence, 1);
        assert_eq!((stored.sequence, &stored.record), (sequence, &put.record));
        assert_eq!(stored.meta, put.meta);
    }
}

#[test]
fn a_large_store_opens_within_two_seconds() {
    let folder = Folder::new("large");
    let store = Store::open(&folder.path(), Options::default()).unwrap();
    let (tell, told) = mpsc::channel();
    for batch in 0..400u64 {
        let tell = tell.clone();
        let entries = (1..=500).map(|sequence| entry(conversation(batch), sequence, 1)).collect();
        store.door().ask(append(entries), move |reply| tell.send(reply).unwrap());
    }
    for reply in told.iter().take(400) {
        assert!(matches!(reply, Reply::Written { .. }), "{reply:?}");
    }
    assert_eq!(store.counts().entries(), 200_000);
    store.close();
    let began = Instant::now();
    let store = Store::open(&folder.path(), Options::default()).unwrap();
    let opened = began.elapsed();
    assert_eq!(head(&store, 399), 500);
    assert!(opened < Duration::from_secs(2), "{opened:?}");
}
