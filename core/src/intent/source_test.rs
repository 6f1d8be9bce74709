//! A source gives dense numbers and tells until applied, also what a past life left.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for what it names")]

use alloc::vec;
use alloc::vec::Vec;

use super::{Effect, Reserve, Source};
use crate::attached::attached_test::setup;
use crate::edge::intent::{Act, Target, ToSource, ToTarget};
use crate::edge::{Tell, ToMixer};
use crate::id::{ConversationId, Flow, NodeId, OpId, Shard};
use crate::limits::{INTENT_RETELL_MS, SCAN_ROWS_MAX};
use crate::store::{Reply, Request, Space, Write};
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
            Effect::Delete(write) => {
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
