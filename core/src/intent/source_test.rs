//! A source gives dense numbers and tells until applied, also what a past life left.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for what it names")]

use alloc::vec;
use alloc::vec::Vec;

use super::{Effect, Reserve, Source};
use crate::attached::attached_test::{moved, setup};
use crate::edge::intent::{Act, Target, ToSource, ToTarget};
use crate::edge::{Tell, ToMixer};
use crate::id::{ConversationId, Flow, NodeId, OpId, Range, Shard};
use crate::limits::{INTENT_RETELL_MS, INTENTS_WAITING_MAX, REREAD_MS, SCAN_ROWS_MAX};
use crate::store::{Part, Reply, Request, Space, Write};
use crate::time::Timestamp;
use crate::world::MemoryStore;

const SOURCE: Shard = Shard(3 * 16);
const TARGET: Target = Target::Mixer(Shard(9 * 16));
const NOW: Timestamp = Timestamp(0);

fn op(slot: u32) -> OpId {
    OpId { slot, generation: 0 }
}

fn act(pact: u32) -> Act {
    Act::Close { conversation: ConversationId::default(), pact }
}

/// Carries out what is asked of the store; what was told, and who was woken.
fn carry(source: &mut Source, store: &mut MemoryStore, now: Timestamp) -> (Vec<u64>, Vec<OpId>) {
    let (mut told, mut woken) = (Vec::new(), Vec::new());
    while let Some(effect) = source.poll_effect() {
        match effect {
            Effect::Tell(post) => {
                let Tell::Mixer(ToMixer::Intent(ToTarget::Intent { number, .. })) = post.tell
                else {
                    panic!("an intent for a mixer");
                };
                told.push(number);
            }
            Effect::Read { lane, key } => {
                source.on_number(lane, &store.handle(&Request::Read(key)), now);
            }
            Effect::Scan(request) => source.on_page(store.handle(&request), now),
            Effect::Delete { write, .. } => {
                assert!(matches!(store.handle(&Request::Write(write)), Reply::Written { .. }));
            }
            Effect::Wake(op) => woken.push(op),
        }
    }
    (told, woken)
}

fn rows(store: &mut MemoryStore) -> usize {
    let scan = Request::Scan { space: Space::Intent, prefix: vec![], after: None, limit: 500 };
    match store.handle(&scan) {
        Reply::Page { rows, .. } => rows.len(),
        other => panic!("{other:?}"),
    }
}

/// Reserves, stages and writes one intent.
fn give(source: &mut Source, store: &mut MemoryStore, pact: u32) {
    while source.reserve(SOURCE, &[TARGET], op(1)) == Reserve::Waiting {
        carry(source, store, NOW);
    }
    let mut write = Write::default();
    source.stage(SOURCE, vec![(TARGET, act(pact))], &mut write);
    let Reply::Written { revision } = store.handle(&Request::Write(write)) else {
        panic!("nothing stands in the way");
    };
    source.written(SOURCE, &[TARGET], revision, Flow::default(), NOW);
}

fn applied(through: u64) -> ToSource {
    ToSource::Applied { source: SOURCE, target: TARGET, through }
}

#[test]
fn an_intent_is_told_until_applied_and_then_deleted() {
    let mut store = MemoryStore::default();
    let mut source = Source::new(setup(&mut store, 0, 1, 1), 1);
    give(&mut source, &mut store, 1);
    assert_eq!(carry(&mut source, &mut store, NOW).0, [1]);
    source.handle_timeout(NOW + INTENT_RETELL_MS);
    assert_eq!(carry(&mut source, &mut store, NOW).0, [1]);
    source.handle_up(NodeId(0), NOW);
    assert_eq!(carry(&mut source, &mut store, NOW).0, [1]);
    assert_eq!(rows(&mut store), 1);
    source.handle_answer(&applied(1), NOW);
    source.handle_answer(&applied(1), NOW);
    assert_eq!(carry(&mut source, &mut store, NOW).0, []);
    assert_eq!((rows(&mut store), source.waiting()), (0, 0));
    assert_eq!(source.poll_timeout(), None);
}

#[test]
fn one_at_a_time_is_told_in_order() {
    let mut store = MemoryStore::default();
    let mut source = Source::new(setup(&mut store, 0, 1, 1), 1);
    for pact in 1..=3 {
        give(&mut source, &mut store, pact);
    }
    assert_eq!(carry(&mut source, &mut store, NOW).0, [1]);
    source.handle_answer(&applied(1), NOW);
    assert_eq!(carry(&mut source, &mut store, NOW).0, [2]);
    // The target knows of more than was heard here.
    source.handle_answer(&ToSource::Expected { source: SOURCE, target: TARGET, last: 2 }, NOW);
    assert_eq!(carry(&mut source, &mut store, NOW).0, [3]);
}

#[test]
fn two_writes_never_share_a_number() {
    let mut store = MemoryStore::default();
    let mut source = Source::new(setup(&mut store, 0, 1, 1), 1);
    assert_eq!(source.reserve(SOURCE, &[TARGET], op(1)), Reserve::Waiting);
    assert_eq!(carry(&mut source, &mut store, NOW).1, [op(1)]);
    assert_eq!(source.reserve(SOURCE, &[TARGET], op(1)), Reserve::Ready);
    assert_eq!(source.reserve(SOURCE, &[TARGET], op(2)), Reserve::Waiting);
    assert_eq!(carry(&mut source, &mut store, NOW).1, []);
    let mut write = Write::default();
    source.stage(SOURCE, vec![(TARGET, act(1))], &mut write);
    source.released(SOURCE, &[TARGET], false);
    assert_eq!(carry(&mut source, &mut store, NOW), (vec![], vec![op(2)]));
    give(&mut source, &mut store, 1);
    assert_eq!(carry(&mut source, &mut store, NOW).0, [1], "what was released is given again");
}

#[test]
fn who_waits_for_one_lane_holds_no_other() {
    let mut store = MemoryStore::default();
    let mut source = Source::new(setup(&mut store, 0, 1, 1), 1);
    let other = Target::Mixer(Shard(10));
    give(&mut source, &mut store, 1);
    assert_eq!(source.reserve(SOURCE, &[TARGET], op(1)), Reserve::Ready);
    assert_eq!(source.reserve(SOURCE, &[other, TARGET], op(2)), Reserve::Waiting);
    assert_eq!(carry(&mut source, &mut store, NOW).1, [op(2)]);
    assert_eq!(source.reserve(SOURCE, &[other, TARGET], op(2)), Reserve::Waiting);
    assert_eq!(source.reserve(SOURCE, &[other], op(3)), Reserve::Ready);
}

#[test]
fn what_a_past_life_left_is_told_from_the_scan() {
    let mut store = MemoryStore::default();
    let mut source = Source::new(setup(&mut store, 0, 1, 1), 1);
    let many = u32::try_from(SCAN_ROWS_MAX).expect("small") + 10;
    (1..=many).for_each(|pact| give(&mut source, &mut store, pact));
    drop(source);
    let mut next = Source::new(setup(&mut store, 0, 1, 2), 1);
    assert_eq!(carry(&mut next, &mut store, NOW).0, [1]);
    assert_eq!(next.waiting(), many as usize);
    next.handle_answer(&applied(u64::from(many)), NOW);
    carry(&mut next, &mut store, NOW);
    assert_eq!(rows(&mut store), 0);
    give(&mut next, &mut store, 1);
    let told = carry(&mut next, &mut store, NOW).0;
    assert_eq!(told, [u64::from(many) + 1], "numbers go on where they were");
}

#[test]
fn intents_of_shards_of_other_nodes_are_left_alone() {
    let mut store = MemoryStore::default();
    let mut source = Source::new(setup(&mut store, 1, 2, 1), 1);
    give(&mut source, &mut store, 1);
    let mut other = Source::new(setup(&mut store, 0, 2, 1), 1);
    assert_eq!(carry(&mut other, &mut store, NOW).0, []);
}

#[test]
fn who_gains_a_range_tells_what_its_past_owner_left() {
    let mut store = MemoryStore::default();
    let mut past = Source::new(setup(&mut store, 1, 2, 1), 1);
    let mut next = Source::new(setup(&mut store, 0, 2, 1), 1);
    carry(&mut next, &mut store, NOW);
    assert_eq!(SOURCE.range(), Range(3), "the seat of node 1");
    for pact in 1..=3 {
        give(&mut past, &mut store, pact);
    }
    let moved = moved(&mut store, SOURCE, 1, 0);
    past.handle_moved(&moved, NOW);
    assert_eq!((past.waiting(), past.poll_timeout()), (0, None));
    past.handle_timeout(NOW + 60_000);
    past.handle_answer(&applied(1), NOW);
    carry(&mut past, &mut store, NOW);
    assert_eq!(rows(&mut store), 3, "nothing is told or deleted any more");
    next.handle_moved(&moved, NOW);
    assert_eq!(carry(&mut next, &mut store, NOW).0, [1]);
    assert_eq!(next.waiting(), 3);
    next.handle_answer(&applied(3), NOW);
    assert_eq!((carry(&mut next, &mut store, NOW).0, rows(&mut store)), (vec![], 0));
}

#[test]
fn a_range_s_scan_reads_its_own_intents_only() {
    let mut store = MemoryStore::default();
    let mut past = Source::new(setup(&mut store, 1, 2, 1), 1);
    let around = [SOURCE.0 - 1, SOURCE.0, SOURCE.0 + 15, SOURCE.0 + 16].map(Shard);
    for shard in around {
        while past.reserve(shard, &[TARGET], op(1)) == Reserve::Waiting {
            carry(&mut past, &mut store, NOW);
        }
        let mut write = Write::default();
        past.stage(shard, vec![(TARGET, act(1))], &mut write);
        store.handle(&Request::Write(write));
    }
    let mut next = Source::new(setup(&mut store, 0, 2, 1), 1);
    carry(&mut next, &mut store, NOW);
    let moved = moved(&mut store, SOURCE, 1, 0);
    next.handle_moved(&moved, NOW);
    let Some(Effect::Scan(request)) = next.poll_effect() else { panic!("a scan") };
    let Request::Scan { after: Some(after), .. } = &request else { panic!("{request:?}") };
    assert_eq!(after.parts[0], Part::Number(u64::from(SOURCE.0) - 1), "not from the beginning");
    next.on_page(store.handle(&request), NOW);
    carry(&mut next, &mut store, NOW);
    // Neighbours of range 3 are ranges 2 and 4, which node 0 has: the scan at the start told them.
    assert_eq!(next.waiting(), 4);
}

#[test]
fn a_range_that_comes_twice_while_the_store_fails_is_scanned_once_more() {
    let mut store = MemoryStore::default();
    let mut past = Source::new(setup(&mut store, 1, 2, 1), 1);
    give(&mut past, &mut store, 1);
    let mut next = Source::new(setup(&mut store, 0, 2, 1), 1);
    let Some(Effect::Scan(_)) = next.poll_effect() else { panic!("the scan at the start") };
    for _ in 0..300 {
        let moved = moved(&mut store, SOURCE, 0, 0);
        next.handle_moved(&moved, NOW);
    }
    assert_eq!(next.poll_effect(), None, "one at a time");
    next.on_page(Reply::Unknown, NOW);
    next.handle_timeout(NOW + REREAD_MS);
    let mut scans = 0;
    while let Some(effect) = next.poll_effect() {
        if let Effect::Scan(request) = effect {
            scans += 1;
            next.on_page(store.handle(&request), NOW);
        }
    }
    assert_eq!((scans, next.waiting()), (2, 1));
}

#[test]
fn the_new_owner_of_a_target_is_told_at_once() {
    let mut store = MemoryStore::default();
    let mut source = Source::new(setup(&mut store, 1, 2, 1), 1);
    give(&mut source, &mut store, 1);
    assert_eq!(carry(&mut source, &mut store, NOW).0, [1]);
    let elsewhere = moved(&mut store, Shard(8 * 16), 0, 1);
    source.handle_moved(&elsewhere, NOW);
    assert_eq!(carry(&mut source, &mut store, NOW).0, []);
    let target = moved(&mut store, TARGET.shard(), 1, 0);
    source.handle_moved(&target, NOW);
    assert_eq!(carry(&mut source, &mut store, NOW).0, [1]);
}

#[test]
fn a_number_that_nobody_gave_is_read_again() {
    let mut store = MemoryStore::default();
    let mut source = Source::new(setup(&mut store, 0, 1, 1), 1);
    carry(&mut source, &mut store, NOW);
    assert_eq!(source.reserve(SOURCE, &[TARGET], op(1)), Reserve::Waiting);
    let mut asked = 0;
    let mut now = NOW;
    for number in [u64::MAX, crate::store::COUNTER_END, 6] {
        source.handle_timeout(now);
        while let Some(effect) = source.poll_effect() {
            if let Effect::Read { lane, .. } = effect {
                let value = postcard::to_allocvec(&number).unwrap().into();
                source.on_number(lane, &Reply::Found { value, revision: 1 }, now);
                asked += 1;
            }
        }
        now = now + REREAD_MS;
    }
    assert_eq!(asked, 3);
    assert_ne!(source.reserve(SOURCE, &[TARGET], op(1)), Reserve::Waiting, "6 can be one");
}

#[test]
fn a_conflict_forgets_no_intent_that_waits() {
    let mut store = MemoryStore::default();
    let mut source = Source::new(setup(&mut store, 0, 1, 1), 1);
    give(&mut source, &mut store, 1);
    assert_eq!(carry(&mut source, &mut store, NOW).0, [1]);
    assert_eq!(source.poll_timeout().map(|due| due.at), Some(NOW + INTENT_RETELL_MS));
    assert_eq!(source.reserve(SOURCE, &[TARGET], op(1)), Reserve::Ready);
    source.stage(SOURCE, vec![(TARGET, act(2))], &mut Write::default());
    source.released(SOURCE, &[TARGET], true);
    source.handle_timeout(NOW + INTENT_RETELL_MS);
    assert_eq!(carry(&mut source, &mut store, NOW).0, [1]);
    source.handle_answer(&applied(1), NOW);
    carry(&mut source, &mut store, NOW);
    assert_eq!((rows(&mut store), source.waiting()), (0, 0));
}

#[test]
fn a_scan_that_fails_is_asked_again_after_a_while() {
    let mut store = MemoryStore::default();
    let mut source = Source::new(setup(&mut store, 0, 1, 1), 1);
    let Some(Effect::Scan(_)) = source.poll_effect() else { panic!("it begins with a scan") };
    source.on_page(Reply::Failed("disk".into()), NOW + 10);
    assert_eq!(source.poll_timeout().map(|due| due.at), Some(NOW + 10 + REREAD_MS));
    source.handle_timeout(NOW + 10 + REREAD_MS);
    assert!(matches!(source.poll_effect(), Some(Effect::Scan(_))));
}

#[test]
fn where_too_many_wait_no_number_is_given() {
    let mut store = MemoryStore::default();
    let mut source = Source::new(setup(&mut store, 0, 1, 1), 1);
    let many = |count: usize| vec![TARGET; count];
    assert_eq!(source.reserve(SOURCE, &many(INTENTS_WAITING_MAX + 1), op(1)), Reserve::Full);
    assert_eq!(source.reserve(SOURCE, &many(INTENTS_WAITING_MAX), op(1)), Reserve::Waiting);
}
