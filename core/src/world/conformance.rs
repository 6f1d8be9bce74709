//! What every store must do, whatever it is made of (PROTOCOL §7): one suite for all of them.
//!
//! Each check takes the store as a function and panics where it does not answer as
//! [`crate::store`] says. The store must be fresh.

#[cfg(test)]
#[path = "conformance_test.rs"]
mod conformance_test;

use alloc::vec::Vec;
use alloc::{format, vec};

use bytes::Bytes;

use crate::id::{ConversationId, EndpointId, UserId};
use crate::store::{
    Check, EntryMeta, EntryPut, Key, Part, Reply, Request, Row, Space, StoredEntry, Write,
};
use crate::time::Wall;

/// The store under test.
pub type Ask<'a> = dyn FnMut(Request) -> Reply + 'a;

/// Every check.
pub fn run(ask: &mut Ask<'_>) {
    rows_come_and_go(ask);
    revisions_only_rise(ask);
    checks_guard_a_whole_batch(ask);
    checks_guard_a_page(ask);
    scans_go_in_order(ask);
    entries_take_a_place_once(ask);
    tails_follow_the_entries(ask);
    pages_are_cut(ask);
}

/// The entry at a place, from which everything of it follows.
#[must_use]
pub fn entry(conversation: ConversationId, sequence: u64, device: u8) -> EntryPut {
    let meta = EntryMeta {
        user: UserId([device; 16]),
        endpoint: EndpointId([device.wrapping_add(1); 16]),
        counter: sequence * 10,
        tag: (sequence.wrapping_mul(0x9E37_79B9_7F4A_7C15)).to_be_bytes(),
        at: Wall(1_700_000_000_000 + sequence),
    };
    let record = Bytes::from(format!("entry {sequence} of {conversation} by {device}"));
    EntryPut { conversation, sequence, meta, record }
}

/// A batch of entries and nothing else.
#[must_use]
pub fn append(entries: Vec<EntryPut>) -> Request {
    Request::Write(Write { entries, ..Write::default() })
}

fn put(key: &Key, value: &'static str) -> Request {
    let puts = vec![(key.clone(), Bytes::from_static(value.as_bytes()))];
    Request::Write(Write { puts, ..Write::default() })
}

fn written(reply: &Reply) -> u64 {
    let Reply::Written { revision } = reply else { panic!("not written: {reply:?}") };
    *revision
}

fn user(n: u8) -> UserId {
    UserId([n; 16])
}

fn rows_come_and_go(ask: &mut Ask<'_>) {
    let keys = [
        Key::profile(user(1)),
        Key::account("alice"),
        Key::contact(user(1), user(2)),
        Key::intent(1, 2, (1 << 63) - 1),
        Key::device(0),
    ];
    for key in keys {
        assert_eq!(ask(Request::Read(key.clone())), Reply::Absent, "{key:?}");
        let first = written(&ask(put(&key, "one")));
        let found = Reply::Found { value: Bytes::from_static(b"one"), revision: first };
        assert_eq!(ask(Request::Read(key.clone())), found, "{key:?}");
        let second = written(&ask(put(&key, "")));
        let found = Reply::Found { value: Bytes::new(), revision: second };
        assert_eq!(ask(Request::Read(key.clone())), found, "an empty value is a value");
        let gone = Write { deletes: vec![key.clone()], ..Write::default() };
        written(&ask(Request::Write(gone.clone())));
        assert_eq!(ask(Request::Read(key.clone())), Reply::Absent, "{key:?}");
        written(&ask(Request::Write(gone)));
    }
}

fn revisions_only_rise(ask: &mut Ask<'_>) {
    let (a, b) = (Key::book(user(1)), Key::book(user(2)));
    let mut last = 0;
    for round in 0..10 {
        let key = if round % 2 == 0 { &a } else { &b };
        let revision = written(&ask(put(key, "x")));
        assert!(revision > last, "revision {revision} after {last}");
        last = revision;
    }
    let gone = Write { deletes: vec![a.clone()], ..Write::default() };
    written(&ask(Request::Write(gone)));
    assert!(written(&ask(put(&a, "x"))) > last, "a row that comes back is a new one");
}

fn checks_guard_a_page(ask: &mut Ask<'_>) {
    let (here, guard) = (ConversationId([8; 16]), Key::conversation(ConversationId([8; 16])));
    let revision = written(&ask(Request::Write(Write {
        puts: vec![(guard.clone(), Bytes::from_static(b"roster"))],
        entries: vec![entry(here, 1, 1)],
        ..Write::default()
    })));
    let mut page = |revision, (from, until)| {
        let checks = vec![Check { key: guard.clone(), revision }];
        let (conversation, limit, bytes, newest) = (here, 9, u32::MAX, true);
        ask(Request::Entries { checks, conversation, from, until, limit, bytes, newest })
    };
    for wrong in [None, Some(revision + 1)] {
        assert_eq!(page(wrong, (1, 2)), Reply::Conflict, "{wrong:?}");
        assert_eq!(page(wrong, (2, 2)), Reply::Conflict, "also where there is nothing to read");
    }
    let Reply::Entries { entries, more: false } = page(Some(revision), (1, 2)) else {
        panic!("a page")
    };
    assert_eq!(entries.len(), 1);
}

fn checks_guard_a_whole_batch(ask: &mut Ask<'_>) {
    let (guard, guarded) = (Key::conversation(ConversationId([9; 16])), Key::profile(user(9)));
    let conversation = ConversationId([9; 16]);
    let revision = written(&ask(put(&guard, "roster")));
    let batch = |revision: Option<u64>, sequence| {
        Request::Write(Write {
            checks: vec![Check { key: guard.clone(), revision }],
            puts: vec![(guarded.clone(), Bytes::from_static(b"changed"))],
            deletes: Vec::new(),
            entries: vec![entry(conversation, sequence, 1)],
        })
    };
    for wrong in [None, Some(revision + 1), Some(0)] {
        assert_eq!(ask(batch(wrong, 1)), Reply::Conflict, "{wrong:?}");
    }
    assert_eq!(ask(Request::Read(guarded.clone())), Reply::Absent, "a conflict writes nothing");
    let nothing = Reply::Tail { head: 0, last: Vec::new() };
    assert_eq!(ask(Request::Tail(conversation)), nothing, "nor an entry");
    let first = written(&ask(batch(Some(revision), 1)));
    assert_eq!(ask(batch(Some(revision), 1)), Reply::Conflict, "the place is taken");
    let found = Reply::Found { value: Bytes::from_static(b"changed"), revision: first };
    assert_eq!(ask(Request::Read(guarded.clone())), found, "and so the row is as it was");
    let absent = |key: &Key| {
        Request::Write(Write {
            checks: vec![Check { key: key.clone(), revision: None }],
            puts: vec![(key.clone(), Bytes::from_static(b"new"))],
            ..Write::default()
        })
    };
    let fresh = Key::profile(user(10));
    written(&ask(absent(&fresh)));
    assert_eq!(ask(absent(&fresh)), Reply::Conflict, "it is there now");
    written(&ask(Request::Write(Write { deletes: vec![fresh.clone()], ..Write::default() })));
    written(&ask(absent(&fresh)));
}

fn scans_go_in_order(ask: &mut Ask<'_>) {
    let owner = user(20);
    for n in [7u8, 3, 200, 1, 90] {
        written(&ask(put(&Key::contact(owner, user(n)), "c")));
    }
    written(&ask(put(&Key::contact(user(19), user(1)), "other")));
    written(&ask(put(&Key::contact(user(21), user(1)), "other")));
    let prefix = vec![Part::Id(owner.0)];
    let mut page = |after: Option<Key>, limit| {
        let space = Space::Contact;
        let reply = ask(Request::Scan { space, prefix: prefix.clone(), after, limit });
        let Reply::Page { rows, more } = reply else { panic!("not a page: {reply:?}") };
        (rows.into_iter().map(|row: Row| row.key).collect::<Vec<_>>(), more)
    };
    let all: Vec<_> = [1u8, 3, 7, 90, 200].map(|n| Key::contact(owner, user(n))).into();
    assert_eq!(page(None, 100), (all.clone(), false));
    assert_eq!(page(None, 5), (all.clone(), false), "exactly full is not cut");
    assert_eq!(page(None, 2), (all[..2].to_vec(), true));
    assert_eq!(page(Some(all[1].clone()), 2), (all[2..4].to_vec(), true));
    assert_eq!(page(Some(all[3].clone()), 2), (all[4..].to_vec(), false));
    assert_eq!(page(Some(all[4].clone()), 2), (Vec::new(), false));
    let between = Key::contact(owner, user(50));
    assert_eq!(page(Some(between), 9), (all[3..].to_vec(), false), "a key that is not there");

    for name in ["b", "a", "aa", "ä", "z"] {
        written(&ask(put(&Key::endpoint(name, EndpointId([1; 16])), "e")));
    }
    let everything =
        Request::Scan { space: Space::Endpoint, prefix: Vec::new(), after: None, limit: u32::MAX };
    let Reply::Page { rows, more: false } = ask(everything) else { panic!("not a whole page") };
    let names: Vec<_> = rows.iter().map(|row| row.key.parts[0].clone()).collect();
    assert_eq!(names, ["a", "aa", "b", "z", "ä"].map(|name| Part::Text(name.into())));
    for number in [300, 2, 1 << 40] {
        written(&ask(put(&Key::outbox(number), "o")));
    }
    let numbers = Request::Scan { space: Space::Outbox, prefix: Vec::new(), after: None, limit: 9 };
    let Reply::Page { rows, .. } = ask(numbers) else { panic!("not a page") };
    let numbers: Vec<_> = rows.iter().map(|row| row.key.clone()).collect();
    assert_eq!(numbers, [2, 300, 1 << 40].map(Key::outbox));
}

fn entries_take_a_place_once(ask: &mut Ask<'_>) {
    let here = ConversationId([30; 16]);
    written(&ask(append((1..=3).map(|sequence| entry(here, sequence, 1)).collect())));
    for sequence in 1..=3 {
        let reply = ask(append(vec![entry(here, sequence, 2)]));
        assert_eq!(reply, Reply::Conflict, "{sequence}");
    }
    let half = append(vec![entry(here, 3, 2), entry(here, 4, 2)]);
    assert_eq!(ask(half), Reply::Conflict);
    let twice = append(vec![entry(here, 4, 2), entry(here, 4, 3)]);
    assert_eq!(ask(twice), Reply::Conflict, "one place twice in a batch");
    let there = ConversationId([31; 16]);
    let both = append(vec![entry(there, 1, 2), entry(here, 4, 2), entry(there, 2, 2)]);
    written(&ask(both));
    let (entries, more) = page(ask, here, (1, 100), (100, u32::MAX), false);
    let wanted: Vec<_> = (1..=4)
        .map(|sequence| stored(entry(here, sequence, 1 + u8::from(sequence == 4))))
        .collect();
    assert_eq!((entries, more), (wanted, false));
}

fn tails_follow_the_entries(ask: &mut Ask<'_>) {
    let here = ConversationId([40; 16]);
    let empty = Reply::Tail { head: 0, last: Vec::new() };
    assert_eq!(ask(Request::Tail(here)), empty);
    for sequence in 1..=9 {
        let device = if sequence % 3 == 0 { 7 } else { 5 };
        written(&ask(append(vec![entry(here, sequence, device)])));
    }
    let Reply::Tail { head: 9, last } = ask(Request::Tail(here)) else { panic!("not the tail") };
    let last: Vec<_> = last
        .iter()
        .map(|last| (last.user, last.endpoint, last.counter, last.tag, last.sequence, last.at))
        .collect();
    let wanted = [entry(here, 8, 5), entry(here, 9, 7)].map(|put| {
        let meta = put.meta;
        (meta.user, meta.endpoint, meta.counter, meta.tag, put.sequence, meta.at)
    });
    assert_eq!(last, wanted, "per user and endpoint, in that order");
}

fn pages_are_cut(ask: &mut Ask<'_>) {
    let here = ConversationId([50; 16]);
    written(&ask(append((1..=20).map(|sequence| entry(here, sequence, 1)).collect())));
    let one = u32::try_from(entry(here, 1, 1).record.len()).unwrap_or(u32::MAX);
    let cases = [
        ((1, 21), (100, u32::MAX), false, (1, 20), false),
        ((1, 21), (20, u32::MAX), false, (1, 20), false),
        ((1, 21), (5, u32::MAX), false, (1, 5), true),
        ((1, 21), (5, u32::MAX), true, (16, 20), true),
        ((4, 9), (100, u32::MAX), true, (4, 8), false),
        ((4, 9), (2, u32::MAX), true, (7, 8), true),
        ((1, 21), (100, 1), false, (1, 1), true),
        ((1, 21), (100, 1), true, (20, 20), true),
        ((1, 21), (100, one * 3), false, (1, 3), true),
        ((18, u64::MAX), (100, u32::MAX), true, (18, 20), false),
    ];
    for (range, limits, newest, (first, last), cut) in cases {
        let (entries, more) = page(ask, here, range, limits, newest);
        let wanted: Vec<_> =
            (first..=last).map(|sequence| stored(entry(here, sequence, 1))).collect();
        let case = format!("{range:?} {limits:?} newest {newest}");
        assert_eq!((entries, more), (wanted, cut), "{case}");
    }
    for range in [(21, 30), (5, 5), (9, 4)] {
        let (entries, more) = page(ask, here, range, (10, u32::MAX), false);
        assert!(entries.is_empty() && !more, "{range:?}");
    }
}

fn stored(put: EntryPut) -> StoredEntry {
    StoredEntry { sequence: put.sequence, meta: put.meta, record: put.record }
}

fn page(
    ask: &mut Ask<'_>,
    conversation: ConversationId,
    (from, until): (u64, u64),
    (limit, bytes): (u32, u32),
    newest: bool,
) -> (Vec<StoredEntry>, bool) {
    let checks = Vec::new();
    let reply = ask(Request::Entries { checks, conversation, from, until, limit, bytes, newest });
    let Reply::Entries { entries, more } = reply else { panic!("not entries: {reply:?}") };
    (entries, more)
}
