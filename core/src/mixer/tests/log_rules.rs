//! What §6.1 and §7.2 say, one rule a test.

use alloc::vec;
use alloc::vec::Vec;

use crate::error::{Code, Refusal};
use crate::id::EndpointId;
use crate::limits::{REFUSED_ENDPOINTS_MAX, REWRITE_MS};
use crate::mixer::frames;
use crate::mixer::tests::stage::{
    ALICE, BOB, Disk, Heard, LAPTOP, PHONE, Stage, acks, entries, id, raise,
};
use crate::model::entry::{Entry, EntryKind};
use crate::store::{Reply, Request};
use crate::time::Wall;
use crate::wire::body::mixer::{
    Content, Expected, FromMixer, NewEntry, Page, ReadEntries, ToMixer,
};
use crate::wire::bounded::List;
use crate::wire::record::Record;
use crate::wire::tail::Tail;

fn is_tail(request: &Request) -> bool {
    matches!(request, Request::Tail(_))
}

fn is_append(request: &Request) -> bool {
    matches!(request, Request::Write(write) if !write.entries.is_empty())
}

#[test]
fn an_entry_reaches_all_legs_and_its_sender_is_acked_after_written() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.join(ALICE, PHONE), stage.join(BOB, PHONE));
    stage.hear(alice);
    stage.hear(bob);
    stage.disk = Disk::Holds;
    let request = stage.send(alice, 1, None);
    assert!(stage.hear(alice).is_empty() && stage.hear(bob).is_empty());
    stage.release();
    let heard = stage.hear(alice);
    assert_eq!((entries(&heard), acks(&heard)), (vec![1], vec![(request, 1, 1)]));
    assert_eq!(entries(&stage.hear(bob)), [1]);
}

#[test]
fn what_comes_while_a_batch_is_written_is_the_next_batch() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    stage.disk = Disk::Holds;
    stage.send(alice, 1, None);
    for n in 2..=64 {
        stage.send(alice, n, Some(n - 1));
    }
    assert_eq!(stage.count(is_append), 1);
    stage.release_all();
    assert_eq!(stage.count(is_append), 2);
    assert_eq!(stage.log(), (1..=64).collect::<Vec<_>>());
    assert_eq!(acks(&stage.hear(alice)).len(), 64);
}

#[test]
fn a_duplicate_is_answered_with_the_last_stored() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    stage.send(alice, 3, None);
    stage.send(alice, 5, Some(3));
    stage.hear(alice);
    let request = stage.send(alice, 3, None);
    assert_eq!(acks(&stage.hear(alice)), [(request, 5, 2)]);
    assert_eq!(stage.log(), [3, 5]);
}

#[test]
fn a_duplicate_of_what_is_in_flight_waits_for_written() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    stage.hear(alice);
    stage.disk = Disk::Holds;
    let first = stage.send(alice, 1, None);
    let again = stage.send(alice, 1, None);
    assert!(stage.hear(alice).is_empty());
    stage.release_all();
    assert_eq!(acks(&stage.hear(alice)), [(first, 1, 1), (again, 1, 1)]);
    assert_eq!(stage.log(), [1]);
}

#[test]
fn a_send_that_does_not_follow_is_told_what_is_expected() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    stage.send(alice, 1, None);
    stage.send(alice, 2, Some(1));
    stage.hear(alice);
    let tails = stage.count(is_tail);
    let request = stage.send(alice, 3, Some(1));
    let expected = FromMixer::Expected(Expected { last: Some(id(2)) });
    assert_eq!(stage.hear(alice), [Heard::Said(request, expected)]);
    assert_eq!(stage.count(is_tail), tails, "nothing is ahead, so nothing is read again");
    assert_eq!(stage.log(), [1, 2]);
}

#[test]
fn sends_that_are_ahead_share_one_reload() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    stage.hear(alice);
    stage.disk = Disk::Holds;
    stage.send(alice, 1, None);
    stage.send(alice, 6, Some(5));
    stage.send(alice, 7, Some(6));
    let tails = stage.count(is_tail);
    stage.release_all();
    assert_eq!(stage.count(is_tail), tails + 1);
    let expected = FromMixer::Expected(Expected { last: Some(id(1)) });
    let said = stage.hear(alice);
    let expected = said.iter().filter(|heard| matches!(heard, Heard::Said(_, e) if *e == expected));
    assert_eq!(expected.count(), 2);
    // Within the 100 ms no tail is read again; what is not ahead goes on meanwhile.
    stage.send(alice, 2, Some(1));
    stage.send(alice, 9, Some(8));
    assert_eq!((stage.count(is_tail), stage.log()), (tails + 1, vec![1, 2]));
    stage.pass(100);
    assert_eq!(stage.count(is_tail), tails + 2);
}

#[test]
fn what_a_leg_said_before_it_was_told_to_go_back_is_not_stored() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    stage.send(alice, 1, None);
    stage.hear(alice);
    // 2 was given up; 3, 4 and 5 name what was before them, and 5 comes late.
    stage.disk = Disk::Holds;
    stage.send(alice, 3, Some(2));
    stage.send(alice, 4, Some(3));
    stage.release();
    stage.send(alice, 5, Some(4));
    let expected = FromMixer::Expected(Expected { last: Some(id(1)) });
    let said = stage.hear(alice);
    let is_expected = |heard: &&Heard| matches!(heard, Heard::Said(_, said) if *said == expected);
    assert_eq!(said.iter().filter(is_expected).count(), 3, "{said:?}");
    // As told: all once more. The store refuses 4, and 5 named it.
    stage.send(alice, 3, Some(1));
    let again = stage.send(alice, 4, Some(3));
    stage.release();
    stage.send(alice, 5, Some(4));
    stage.reply(Reply::Failed("full".into()));
    stage.disk = Disk::Works;
    stage.pass(1_000);
    let heard = stage.hear(alice);
    let refused = heard.iter().filter_map(|heard| match heard {
        Heard::Refused(request, refusal) if refusal.code == Code::StoreFailed => Some(*request),
        _ => None,
    });
    assert_eq!(refused.collect::<Vec<u32>>(), [again]);
    assert_eq!(stage.log(), [1, 3]);
    stage.send(alice, 5, Some(3));
    assert_eq!(stage.log(), [1, 3, 5]);
}

#[test]
fn another_mixers_entries_are_pushed_before_the_own() {
    let mut one = Stage::new();
    let alice = one.join(ALICE, PHONE);
    one.send(alice, 1, None);
    // A second mixer over what is stored so far believes it owns the conversation too.
    let setup = super::stage::setup(&mut one.store, 9);
    let mut two = Stage::over(one.store.clone(), setup);
    let bob = two.join(BOB, PHONE);
    two.send(bob, 1, None);
    two.send(bob, 2, Some(1));
    one.store = two.store;
    one.hear(alice);
    let request = one.send(alice, 2, Some(1));
    let heard = one.hear(alice);
    assert_eq!(entries(&heard), [2, 3, 4]);
    assert_eq!(acks(&heard), [(request, 2, 4)]);
}

#[test]
fn an_unknown_batch_that_landed_is_recognised() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    stage.hear(alice);
    stage.disk = Disk::Holds;
    let first = stage.send(alice, 1, None);
    let request = stage.held[0].1.clone();
    stage.store.handle(&request);
    stage.reply(Reply::Unknown);
    assert!(stage.hear(alice).is_empty());
    stage.pass(100);
    assert_eq!(stage.held.len(), 1, "the same batch again");
    assert_eq!(stage.held[0].1, request);
    stage.release_all();
    let heard = stage.hear(alice);
    assert_eq!((entries(&heard), acks(&heard)), (vec![1], vec![(first, 1, 1)]));
    assert_eq!(stage.log(), [1]);
}

#[test]
fn an_unknown_batch_is_not_refused_by_a_later_failure() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    stage.hear(alice);
    stage.disk = Disk::Holds;
    stage.send(alice, 1, None);
    stage.reply(Reply::Unknown);
    stage.pass(100);
    stage.reply(Reply::Failed("full".into()));
    assert!(stage.hear(alice).is_empty());
    stage.pass(100);
    stage.release_all();
    assert_eq!(acks(&stage.hear(alice)).len(), 1);
}

#[test]
fn a_failed_batch_is_refused_and_changes_nothing() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    stage.hear(alice);
    stage.disk = Disk::Holds;
    let first = stage.send(alice, 1, None);
    stage.reply(Reply::Failed("full".into()));
    let refused = Refusal::of(Code::StoreFailed);
    assert_eq!(stage.hear(alice), [Heard::Refused(first, refused)]);
    stage.disk = Disk::Works;
    stage.send(alice, 2, None);
    assert_eq!(stage.log(), [2]);
}

#[test]
fn what_was_refused_is_not_stored_for_an_older_leg() {
    let mut stage = Stage::new();
    let (old, new) = (stage.join(ALICE, PHONE), stage.join(ALICE, PHONE));
    let other = stage.join(ALICE, LAPTOP);
    stage.send(new, 1, None);
    stage.disk = Disk::Holds;
    let first = stage.send(new, 2, Some(1));
    stage.hear(new);
    stage.hear(old);
    stage.reply(Reply::Failed("full".into()));
    stage.disk = Disk::Works;
    let refused = Refusal::of(Code::StoreFailed);
    assert_eq!(stage.hear(new), [Heard::Refused(first, refused)]);
    // Its app was told so. What its former link carried comes only now.
    let late = [stage.send(old, 2, Some(1)), stage.send(old, 3, Some(2))];
    assert_eq!(stage.hear(old)[0], Heard::Refused(late[0], refused));
    stage.send(new, 3, Some(1));
    stage.send(other, 2, None);
    assert_eq!(stage.log(), [1, 3, 2], "what comes after it, and of other devices, is stored");
}

#[test]
fn of_the_endpoints_that_were_refused_the_last_are_remembered() {
    let mut stage = Stage::new();
    let device = |n: usize| EndpointId([u8::try_from(n).expect("few"); 16]);
    let legs: Vec<_> = (0..=REFUSED_ENDPOINTS_MAX).map(|n| stage.join(ALICE, device(n))).collect();
    stage.disk = Disk::Holds;
    for leg in &legs {
        stage.send(*leg, 1, None);
        stage.reply(Reply::Failed("full".into()));
    }
    stage.disk = Disk::Works;
    for leg in &legs {
        stage.send(*leg, 1, None);
    }
    assert_eq!(stage.log(), [1], "the first of them was forgotten");
}

#[test]
fn a_close_elsewhere_refuses_what_was_in_flight() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    stage.send(alice, 1, None);
    let setup = super::stage::setup(&mut stage.store, 9);
    let mut other = Stage::over(stage.store.clone(), setup);
    other.close_pact(1, 1);
    stage.store = other.store;
    stage.hear(alice);
    let again = stage.send(alice, 1, None);
    let request = stage.send(alice, 2, Some(1));
    let heard = stage.hear(alice);
    assert_eq!(acks(&heard), [(again, 1, 1)]);
    assert_eq!(heard[1], Heard::Refused(request, Refusal::of(Code::NotAContact)));
    assert_eq!(stage.log(), [1]);
}

#[test]
fn a_close_waits_for_the_batch_in_flight() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    stage.hear(alice);
    stage.close_pact(1, 0);
    stage.disk = Disk::Holds;
    let first = stage.send(alice, 1, None);
    stage.close_pact(2, 1);
    let second = stage.send(alice, 2, Some(1));
    stage.release_all();
    let heard = stage.hear(alice);
    assert_eq!(acks(&heard), [(first, 1, 1)]);
    assert_eq!(heard[2], Heard::Refused(second, Refusal::of(Code::NotAContact)));
    assert_eq!(stage.log(), [1]);
}

#[test]
fn a_stale_node_stores_nothing() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    stage.hear(alice);
    raise(&mut stage.store);
    let request = stage.send(alice, 1, None);
    let heard = stage.hear(alice);
    assert!(matches!(&heard[..], [Heard::Refused(r, refusal)]
        if *r == request && refusal.code == Code::Retry));
    assert!(stage.log().is_empty());
}

#[test]
fn a_stale_node_reads_nothing_to_anybody() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    stage.send(alice, 1, None);
    stage.hear(alice);
    raise(&mut stage.store);
    // Its successor may have appended: what this one knows is perhaps not the newest, nor its end.
    for from in [1, 2] {
        let read = ReadEntries { from, until: u64::MAX, limit: 3, newest: true };
        let request = stage.say(alice, &ToMixer::Read(read));
        let heard = stage.hear(alice);
        assert!(
            matches!(&heard[..], [Heard::Refused(r, refusal)]
                if *r == request && refusal.code == Code::Retry),
            "{heard:?}"
        );
    }
}

#[test]
fn empty_content_is_invalid() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    stage.hear(alice);
    let send = crate::wire::body::mixer::Send {
        id: id(1),
        after: None,
        content_type: 1,
        content: Content::default(),
    };
    let request = stage.say(alice, &ToMixer::Send(send));
    assert_eq!(stage.hear(alice), [Heard::Refused(request, Refusal::of(Code::Invalid))]);
}

#[test]
fn pages_show_nothing_beyond_what_is_written() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    let other = stage.join(ALICE, LAPTOP);
    for n in 1..=5 {
        stage.send(alice, n, (n > 1).then(|| n - 1));
    }
    stage.hear(other);
    let read = ReadEntries { from: 2, until: u64::MAX, limit: 3, newest: true };
    let request = stage.say(other, &ToMixer::Read(read));
    let heard = stage.hear(other);
    let [Heard::Said(number, FromMixer::Page(page))] = &heard[..] else { panic!("{heard:?}") };
    let sequences: Vec<_> = page.entries.iter().map(|e| e.value.sequence).collect();
    assert_eq!((*number, sequences, page.more), (request, vec![3, 4, 5], true));
    let read = ReadEntries { from: 6, until: u64::MAX, limit: 3, newest: false };
    stage.say(other, &ToMixer::Read(read));
    assert!(matches!(&stage.hear(other)[..],
        [Heard::Said(_, FromMixer::Page(page))] if page.entries.is_empty() && !page.more));
}

/// An answer of the store to a read of entries, its last record spoilt.
fn spoilt(stage: &mut Stage, spoil: impl Fn(&[u8]) -> Vec<u8>) -> Reply {
    let request = stage.held[0].1.clone();
    let Reply::Entries { mut entries, more } = stage.store.handle(&request) else {
        panic!("{request:?}")
    };
    let last = entries.last_mut().expect("entries were asked for");
    last.record = spoil(&last.record).into();
    Reply::Entries { entries, more }
}

/// The record with so many bytes behind it that a later version might know.
fn with_tail(record: &[u8], bytes: usize) -> Vec<u8> {
    let mut record = Record::<Entry>::decode(record).expect("an entry");
    record.tail.set(4, &vec![0; bytes]);
    record.encode().to_vec()
}

#[test]
fn a_page_with_an_entry_that_is_none_is_refused() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    for n in 1..=2 {
        stage.send(alice, n, (n > 1).then(|| n - 1));
    }
    let first = ReadEntries { from: 1, until: 2, limit: 1, newest: false };
    let all = ReadEntries { from: 1, until: u64::MAX, limit: 9, newest: false };
    stage.hear(alice);
    stage.say(alice, &ToMixer::Read(first));
    let heard = stage.hear(alice);
    let [Heard::Said(_, FromMixer::Page(page))] = &heard[..] else { panic!("{heard:?}") };
    let other = page.entries[0].encode();
    type Spoil<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;
    let spoils: [Spoil<'_>; 5] = [
        &|record| record[..record.len() - 1].to_vec(),
        &|_| Vec::new(),
        &|_| other.to_vec(),
        &|record| with_tail(record, 50_000),
        &|record| [record, &[4, 9]].concat(),
    ];
    for spoil in spoils {
        stage.disk = Disk::Holds;
        let request = stage.say(alice, &ToMixer::Read(all.clone()));
        let reply = spoilt(&mut stage, spoil);
        stage.reply(reply);
        let refused = Heard::Refused(request, Refusal::of(Code::StoreFailed));
        assert_eq!(stage.hear(alice), [refused]);
        stage.disk = Disk::Works;
        stage.say(alice, &ToMixer::Read(all.clone()));
        let heard = stage.hear(alice);
        let [Heard::Said(_, FromMixer::Page(page))] = &heard[..] else { panic!("{heard:?}") };
        assert_eq!(page.entries.len(), 2, "a good answer is a page again");
    }
}

#[test]
fn a_page_over_a_frame_is_refused() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    stage.send(alice, 1, None);
    stage.send(alice, 2, Some(1));
    let all = ReadEntries { from: 1, until: u64::MAX, limit: 9, newest: false };
    for (bytes, fits) in [(30_000, true), (40_000, false)] {
        stage.disk = Disk::Holds;
        stage.hear(alice);
        stage.say(alice, &ToMixer::Read(all.clone()));
        let mut reply = spoilt(&mut stage, |record| with_tail(record, bytes));
        let Reply::Entries { entries, .. } = &mut reply else { panic!("{reply:?}") };
        entries[0].record = with_tail(&entries[0].record, bytes).into();
        stage.reply(reply);
        let heard = stage.hear(alice);
        assert_eq!(matches!(&heard[..], [Heard::Said(_, FromMixer::Page(_))]), fits);
        assert_eq!(matches!(&heard[..], [Heard::Refused(..)]), !fits);
    }
}

#[test]
fn an_entry_of_others_that_is_none_is_read_again() {
    let mut one = Stage::new();
    let alice = one.join(ALICE, PHONE);
    one.send(alice, 1, None);
    let setup = super::stage::setup(&mut one.store, 9);
    let mut two = Stage::over(one.store.clone(), setup);
    let bob = two.join(BOB, PHONE);
    two.send(bob, 1, None);
    two.send(bob, 2, Some(1));
    one.store = two.store;
    one.hear(alice);
    one.disk = Disk::Holds;
    let request = one.send(alice, 2, Some(1));
    while !matches!(one.held[0].1, Request::Entries { .. }) {
        one.release();
    }
    let reply = spoilt(&mut one, |record| record[1..].to_vec());
    one.reply(reply);
    assert_eq!(entries(&one.hear(alice)), [2], "the one before it is good");
    let reply = spoilt(&mut one, |record| record[1..].to_vec());
    one.reply(reply);
    assert!(one.hear(alice).is_empty() && one.held.is_empty());
    one.pass(REWRITE_MS);
    one.release_all();
    let heard = one.hear(alice);
    assert_eq!((entries(&heard), acks(&heard)), (vec![3, 4], vec![(request, 2, 4)]));
}

#[test]
fn stamps_never_go_back() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    stage.send(alice, 1, None);
    stage.input(crate::mixer::Input::Wall(Wall(5)));
    stage.hear(alice);
    stage.send(alice, 2, Some(1));
    let heard = stage.hear(alice);
    let Heard::Said(_, FromMixer::Entry(second)) = &heard[0] else { panic!("{heard:?}") };
    assert!(second.entry.value.at.0 >= 1_000_000);
}

#[test]
fn frames_built_from_records_are_the_frozen_bodies() {
    let entry = Entry {
        sequence: 300,
        kind: EntryKind::MESSAGE,
        user: ALICE,
        endpoint: PHONE,
        id: id(4),
        at: Wall(77),
        content_type: 1,
        content: Content::new(vec![1; 200]).expect("short"),
    };
    let flow = crate::id::Flow { id: 3, hop: 9 };
    let (frame, record) = frames::new_entry(&entry);
    let record_of = Record::from(entry);
    assert_eq!(record, record_of.encode());
    let body = FromMixer::Entry(NewEntry { entry: record_of.clone() });
    assert_eq!(frames::traced(&frame, flow), body.encode(&Tail::of_flow(flow)));
    let meta = crate::store::EntryMeta {
        user: ALICE,
        endpoint: PHONE,
        counter: 4,
        tag: [4; 8],
        at: Wall(77),
    };
    let stored = crate::store::StoredEntry { sequence: 300, meta, record };
    assert_eq!((frames::ENTRY, frames::stored_entry(&stored)), (body.kind(), Some(frame)));
    let entries = List::new(vec![record_of.clone(), record_of]).expect("two");
    let page = FromMixer::Page(Page { entries, more: true });
    assert_eq!(frames::PAGE, page.kind());
    let built = frames::page(&[stored.clone(), stored], true, flow);
    assert_eq!(built, Some(page.encode(&Tail::of_flow(flow))));
}

#[test]
fn a_send_that_names_itself_is_stored_once() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    stage.hear(alice);
    stage.disk = Disk::Holds;
    stage.send(alice, 1, None);
    let second = stage.send(alice, 2, Some(1));
    let again = stage.send(alice, 2, Some(2));
    stage.release_all();
    assert_eq!(stage.log(), [1, 2]);
    let acks = acks(&stage.hear(alice));
    assert!(acks.contains(&(second, 2, 2)) && acks.contains(&(again, 2, 2)), "{acks:?}");
}

#[test]
fn sends_of_two_people_and_of_two_devices_share_a_batch() {
    let mut stage = Stage::new();
    let (alice, laptop, bob) =
        (stage.join(ALICE, PHONE), stage.join(ALICE, LAPTOP), stage.join(BOB, PHONE));
    stage.disk = Disk::Holds;
    stage.send(alice, 1, None);
    stage.send(alice, 2, Some(1));
    stage.send(bob, 1, None);
    stage.send(laptop, 1, None);
    stage.release_all();
    assert_eq!((stage.count(is_append), stage.log()), (2, vec![1, 2, 1, 1]));
}

#[test]
fn queues_are_measured_beside_their_bounds() {
    use crate::limits::{APPEND_BATCH_MAX, APPENDS_WAITING_MAX, CHANGES_WAITING_MAX, READS_MAX};
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    stage.seat(BOB, PHONE);
    stage.disk = Disk::Holds;
    stage.send(alice, 1, None);
    stage.send(alice, 2, Some(1));
    stage.send(alice, 3, Some(2));
    let mut queues = crate::measure::Queues::default();
    stage.mixer.queues(&mut queues);
    let of = |name: &str| {
        let queue = queues.all().iter().find(|queue| queue.name == name).expect("is named");
        (queue.length, queue.bound)
    };
    assert_eq!(of("mixer sends"), (2, APPENDS_WAITING_MAX + APPEND_BATCH_MAX));
    assert_eq!(of("mixer changes"), (0, CHANGES_WAITING_MAX + 1));
    assert_eq!(of("mixer seats"), (1, crate::limits::SEATS_MAX));
    assert_eq!(of("mixer timers").1, 8, "six of the conversation, two of the mixer");
    assert_eq!(of("mixer reads of a leg"), (0, READS_MAX));
}

#[test]
fn many_entries_of_another_mixer_are_read_page_by_page_at_once() {
    let mut one = Stage::new();
    let alice = one.join(ALICE, PHONE);
    let setup = super::stage::setup(&mut one.store, 9);
    let mut two = Stage::over(one.store.clone(), setup);
    let bob = two.join(BOB, PHONE);
    let many = crate::limits::PAGE_ENTRIES_MAX as u64 * 2 + 10;
    for n in 1..=many {
        two.send(bob, n, (n > 1).then(|| n - 1));
    }
    one.store = two.store;
    one.hear(alice);
    let request = one.send(alice, 1, None);
    let heard = one.hear(alice);
    assert_eq!(entries(&heard), (1..=many + 1).collect::<Vec<_>>());
    assert_eq!(acks(&heard), [(request, 1, many + 1)]);
}

#[test]
fn a_batch_holds_so_many_and_no_more() {
    let many = crate::limits::APPEND_BATCH_MAX as u64 + 2;
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    stage.disk = Disk::Holds;
    (1..=many).for_each(|n| {
        stage.send(alice, n, (n > 1).then(|| n - 1));
    });
    stage.release_all();
    assert_eq!(stage.log(), (1..=many).collect::<Vec<_>>());
    let sizes: Vec<_> = stage
        .asked
        .iter()
        .filter_map(|request| match request {
            Request::Write(write) if !write.entries.is_empty() => Some(write.entries.len()),
            _ => None,
        })
        .collect();
    assert_eq!(sizes, [1, crate::limits::APPEND_BATCH_MAX, 1]);
}
