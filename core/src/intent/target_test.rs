//! A target applies each number once, in order, whatever is told.

use alloc::vec::Vec;

use super::{TargetLog, Verdict};
use crate::edge::intent::Target;
use crate::id::Shard;
use crate::limits::APPLIED_CACHED_MAX;
use crate::store::{Reply, Request, Write};
use crate::world::MemoryStore;

const SOURCE: Shard = Shard(3);
const TARGET: Target = Target::Mixer(Shard(9));

fn read(log: &mut TargetLog, store: &mut MemoryStore) {
    let reply = store.handle(&Request::Read(TargetLog::key(SOURCE, TARGET)));
    assert!(log.on_read(SOURCE, TARGET, &reply));
}

fn apply(log: &mut TargetLog, store: &mut MemoryStore, number: u64) -> Reply {
    let mut write = Write::default();
    log.begin(SOURCE, TARGET, number, &mut write);
    store.handle(&Request::Write(write))
}

#[test]
fn numbers_apply_once_and_in_order() {
    let (mut log, mut store) = (TargetLog::new(1), MemoryStore::default());
    assert_eq!(log.judge(SOURCE, TARGET, 1), Verdict::Unread);
    read(&mut log, &mut store);
    assert_eq!(log.judge(SOURCE, TARGET, 2), Verdict::Expected { last: 0 });
    assert_eq!(log.judge(SOURCE, TARGET, 1), Verdict::Apply);
    let Reply::Written { revision } = apply(&mut log, &mut store, 1) else {
        panic!("nothing stands in the way");
    };
    assert_eq!(log.judge(SOURCE, TARGET, 1), Verdict::InFlight);
    assert_eq!(log.judge(SOURCE, TARGET, 2), Verdict::InFlight);
    log.written(SOURCE, TARGET, 1, revision);
    assert_eq!(log.judge(SOURCE, TARGET, 1), Verdict::AlreadyApplied { through: 1 });
    assert_eq!(log.judge(SOURCE, TARGET, 2), Verdict::Apply);
}

#[test]
fn what_a_past_life_applied_is_read_and_a_stale_copy_writes_nothing() {
    let (mut log, mut store) = (TargetLog::new(1), MemoryStore::default());
    read(&mut log, &mut store);
    let mut stale = TargetLog::new(2);
    read(&mut stale, &mut store);
    apply(&mut log, &mut store, 1);
    assert_eq!(apply(&mut stale, &mut store, 1), Reply::Conflict);
    stale.dropped(SOURCE, TARGET);
    read(&mut stale, &mut store);
    assert_eq!(stale.judge(SOURCE, TARGET, 1), Verdict::AlreadyApplied { through: 1 });
}

#[test]
fn a_read_that_comes_late_changes_nothing() {
    let (mut log, mut store) = (TargetLog::new(1), MemoryStore::default());
    let early = store.handle(&Request::Read(TargetLog::key(SOURCE, TARGET)));
    read(&mut log, &mut store);
    let Reply::Written { revision } = apply(&mut log, &mut store, 1) else {
        panic!("nothing stands in the way");
    };
    log.written(SOURCE, TARGET, 1, revision);
    assert!(log.on_read(SOURCE, TARGET, &early));
    assert_eq!(log.judge(SOURCE, TARGET, 2), Verdict::Apply);
    assert!(!log.on_read(SOURCE, TARGET, &Reply::Unknown));
}

#[test]
fn the_memory_is_bounded_and_spares_what_is_in_flight() {
    let mut log = TargetLog::new(1);
    let shards: Vec<(Shard, Target)> = (0..3u16)
        .flat_map(|target| {
            (0..4096u16).map(move |source| (Shard(source), Target::Book(Shard(target))))
        })
        .collect();
    let mut write = Write::default();
    log.on_read(shards[0].0, shards[0].1, &Reply::Absent);
    log.begin(shards[0].0, shards[0].1, 1, &mut write);
    for (source, target) in &shards {
        log.on_read(*source, *target, &Reply::Absent);
    }
    let known = shards.iter().filter(|(s, t)| log.judge(*s, *t, 9) != Verdict::Unread).count();
    assert_eq!(known, APPLIED_CACHED_MAX);
    assert_eq!(log.judge(shards[0].0, shards[0].1, 1), Verdict::InFlight);
}
