use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use super::MemoryStore;
use crate::id::{ConversationId, EndpointId, UserId};
use crate::store::{Check, EntryMeta, EntryPut, Key, Part, Reply, Request, Space, Write};
use crate::time::Wall;

const TALK: ConversationId = ConversationId([7; 16]);

fn put(store: &mut MemoryStore, key: Key, revision: Option<u64>, value: &'static [u8]) -> Reply {
    store.handle(&Request::Write(Write {
        checks: vec![Check { key: key.clone(), revision }],
        puts: vec![(key, Bytes::from_static(value))],
        ..Write::default()
    }))
}

fn entry(sequence: u64, counter: u64, len: usize) -> EntryPut {
    EntryPut {
        conversation: TALK,
        sequence,
        meta: EntryMeta {
            user: UserId([1; 16]),
            endpoint: EndpointId([2; 16]),
            counter,
            tag: counter.to_be_bytes(),
            at: Wall(sequence * 10),
        },
        record: Bytes::from(vec![0; len]),
    }
}

fn append(store: &mut MemoryStore, entries: Vec<EntryPut>) -> Reply {
    store.handle(&Request::Write(Write { entries, ..Write::default() }))
}

fn sequences(
    store: &mut MemoryStore,
    span: (u64, u64),
    limit: u32,
    bytes: u32,
    newest: bool,
) -> (Vec<u64>, bool) {
    let ((from, until), conversation, checks) = (span, TALK, Vec::new());
    let request = Request::Entries { checks, conversation, from, until, limit, bytes, newest };
    let Reply::Entries { entries, more } = store.handle(&request) else {
        panic!("entries answer entries")
    };
    (entries.iter().map(|entry| entry.sequence).collect(), more)
}

#[test]
fn a_check_guards_the_whole_batch() {
    let mut store = MemoryStore::default();
    let key = Key::device(0);
    assert_eq!(put(&mut store, key.clone(), None, b"a"), Reply::Written { revision: 1 });
    assert_eq!(put(&mut store, key.clone(), None, b"b"), Reply::Conflict);
    assert_eq!(put(&mut store, key.clone(), Some(1), b"c"), Reply::Written { revision: 2 });
    let found = Reply::Found { value: Bytes::from_static(b"c"), revision: 2 };
    assert_eq!(store.handle(&Request::Read(key.clone())), found);
    let delete = Write { deletes: vec![key.clone(), Key::device(9)], ..Write::default() };
    assert_eq!(store.handle(&Request::Write(delete)), Reply::Written { revision: 3 });
    assert_eq!(store.handle(&Request::Read(key)), Reply::Absent);
}

#[test]
fn a_scan_stays_under_its_prefix_and_says_whether_more_follow() {
    let mut store = MemoryStore::default();
    let (me, you) = (UserId([1; 16]), UserId([2; 16]));
    for contact in 1..=3 {
        put(&mut store, Key::contact(me, UserId([contact; 16])), None, b"x");
    }
    put(&mut store, Key::contact(you, me), None, b"y");
    put(&mut store, Key::inbox(me, TALK), None, b"z");
    let mut page = |after: Option<Key>, limit| {
        let prefix = vec![Part::Id(me.0)];
        let scan = Request::Scan { space: Space::Contact, prefix, after, limit };
        let Reply::Page { rows, more } = store.handle(&scan) else { panic!("a page") };
        (rows, more)
    };
    let (rows, more) = page(None, 2);
    assert_eq!((rows.len(), more), (2, true));
    let (rows, more) = page(Some(rows[1].key.clone()), 2);
    assert_eq!((rows.len(), more), (1, false));
    assert_eq!(rows[0].key, Key::contact(me, UserId([3; 16])));
}

#[test]
fn a_sequence_is_taken_once_and_for_ever() {
    let mut store = MemoryStore::default();
    assert!(matches!(
        append(&mut store, vec![entry(1, 1, 1), entry(2, 2, 1)]),
        Reply::Written { .. }
    ));
    assert_eq!(append(&mut store, vec![entry(2, 3, 1)]), Reply::Conflict);
    assert_eq!(append(&mut store, vec![entry(3, 3, 1), entry(3, 4, 1)]), Reply::Conflict);
    store.forget_entries(TALK, 3);
    assert_eq!(append(&mut store, vec![entry(1, 5, 1)]), Reply::Conflict);
    let Reply::Tail { head, last } = store.handle(&Request::Tail(TALK)) else {
        panic!("a tail answers a tail")
    };
    assert_eq!((head, last.len(), last[0].counter, last[0].sequence), (2, 1, 2, 2));
}

#[test]
fn limits_cut_entries_at_the_side_asked_for() {
    let mut store = MemoryStore::default();
    append(&mut store, (1..=5).map(|n| entry(n, n, 100)).collect());
    let all = u32::MAX;
    assert_eq!(sequences(&mut store, (1, u64::MAX), all, all, false), (vec![1, 2, 3, 4, 5], false));
    assert_eq!(sequences(&mut store, (2, 5), 2, all, false), (vec![2, 3], true));
    assert_eq!(sequences(&mut store, (2, 5), 2, all, true), (vec![3, 4], true));
    assert_eq!(sequences(&mut store, (1, 6), all, 250, true), (vec![4, 5], true));
    assert_eq!(sequences(&mut store, (1, 6), all, 1, false), (vec![1], true));
    assert_eq!(sequences(&mut store, (9, 3), all, all, false), (vec![], false));
}
