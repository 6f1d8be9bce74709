use alloc::vec::Vec;

use bytes::Bytes;

use super::disk::{Crash, Disk, DiskWeather, Spell};
use crate::id::NodeId;
use crate::store::{Check, Key, Reply, Request, Write};
use crate::time::Timestamp;

const SLOW: DiskWeather = DiskWeather { sync_mean_ms: 50, read_mean_ms: 10, ..DiskWeather::CALM };

fn put(number: u64, value: &'static [u8]) -> Request {
    let mut write = Write::default();
    write.puts.push((Key::device(number), Bytes::from_static(value)));
    Request::Write(write)
}

fn drain(disk: &mut Disk<u32>) -> Vec<(u32, Reply)> {
    let mut done = Vec::new();
    while let Some(at) = disk.poll_timeout() {
        disk.advance(at, &mut done);
    }
    done
}

#[test]
fn a_write_counts_at_its_sync_and_not_before() {
    let mut disk = Disk::new(SLOW, [3; 32]);
    disk.submit(1, put(1, b"a"), Timestamp(0));
    assert_eq!(disk.durable().handle(&Request::Read(Key::device(1))), Reply::Absent);
    let done = drain(&mut disk);
    assert!(matches!(done.as_slice(), [(1, Reply::Written { .. })]));
    assert!(matches!(disk.durable().handle(&Request::Read(Key::device(1))), Reply::Found { .. }));
}

#[test]
fn a_crash_takes_what_stood_in_line() {
    let mut disk = Disk::new(SLOW, [4; 32]);
    disk.submit(1, put(1, b"a"), Timestamp(0));
    disk.submit(2, put(2, b"b"), Timestamp(0));
    disk.crash(Crash::Machine);
    assert!(drain(&mut disk).is_empty(), "the dead are not answered");
    assert!(disk.counts().lost >= 1, "the second write was never being synced");
    assert_eq!(disk.durable().handle(&Request::Read(Key::device(2))), Reply::Absent);
}

#[test]
fn every_request_is_answered_once_in_any_weather() {
    let weather = DiskWeather {
        read_mean_ms: 20,
        sync_mean_ms: 20,
        unknown_permille: 300,
        failed_permille: 200,
        conflict_permille: 200,
        late_max_ms: 8_000,
    };
    let mut disk = Disk::new(weather, [5; 32]);
    for number in 0..500u32 {
        let request = if number % 3 == 0 {
            Request::Read(Key::device(1))
        } else {
            let mut write = Write::default();
            write.checks.push(Check { key: Key::incarnation(NodeId(0)), revision: None });
            write.puts.push((Key::device(u64::from(number)), Bytes::from_static(b"x")));
            Request::Write(write)
        };
        disk.submit(number, request, Timestamp(u64::from(number)));
    }
    let mut tokens: Vec<u32> = drain(&mut disk).into_iter().map(|(token, _)| token).collect();
    tokens.sort_unstable();
    assert_eq!(tokens, (0..500).collect::<Vec<_>>());
    assert!(disk.counts().unknown > 0 && disk.counts().landed > 0 && disk.counts().failed > 0);
}

#[test]
fn a_second_writer_makes_a_conflict() {
    let mut disk = Disk::new(DiskWeather { conflict_permille: 1_000, ..SLOW }, [6; 32]);
    disk.submit(1, put(1, b"a"), Timestamp(0));
    let done = drain(&mut disk);
    let [(1, Reply::Written { revision })] = done.as_slice() else {
        panic!("an unchecked write does not conflict");
    };
    let mut write = Write::default();
    write.checks.push(Check { key: Key::device(1), revision: Some(*revision) });
    disk.submit(2, Request::Write(write), Timestamp(100));
    assert_eq!(drain(&mut disk), [(2, Reply::Conflict)]);
}

#[test]
fn a_dead_process_leaves_a_prefix_of_all_it_had_handed_over() {
    let mut kept = Vec::new();
    for seed in 0..60 {
        let mut disk = Disk::new(SLOW, [seed; 32]);
        for number in 1..=5 {
            disk.submit(number, put(u64::from(number), b"a"), Timestamp(0));
        }
        disk.crash(Crash::Process);
        let is_there = |disk: &mut Disk<u32>, number| {
            let row = disk.durable().handle(&Request::Read(Key::device(number)));
            matches!(row, Reply::Found { .. })
        };
        let there = (1..=5).take_while(|number| is_there(&mut disk, *number)).count();
        assert!((there + 1..=5).all(|number| !is_there(&mut disk, number as u64)), "a hole");
        assert_eq!(disk.counts().lost, 5 - there as u64);
        kept.push(there);
    }
    assert!(kept.contains(&0) && kept.contains(&3) && kept.contains(&5));
}

#[test]
fn a_full_disk_reads_and_a_failing_one_does_nothing_it_owns_up_to() {
    let mut disk = Disk::new(SLOW, [7; 32]);
    disk.submit(1, put(1, b"a"), Timestamp(0));
    drain(&mut disk);
    disk.set_spell(Spell::Full);
    disk.submit(2, put(2, b"b"), Timestamp(1_000));
    disk.submit(3, Request::Read(Key::device(1)), Timestamp(1_000));
    let done = drain(&mut disk);
    assert!(done.iter().any(|(token, reply)| *token == 2 && matches!(reply, Reply::Failed(_))));
    assert!(done.iter().any(|(token, reply)| *token == 3 && matches!(reply, Reply::Found { .. })));
    disk.set_spell(Spell::Failing);
    disk.submit(4, put(4, b"b"), Timestamp(2_000));
    disk.submit(5, Request::Read(Key::device(1)), Timestamp(2_000));
    let done = drain(&mut disk);
    assert!(done.contains(&(4, Reply::Unknown)));
    assert!(done.iter().any(|(token, reply)| *token == 5 && matches!(reply, Reply::Failed(_))));
    assert_eq!(disk.durable().handle(&Request::Read(Key::device(2))), Reply::Absent);
}

#[test]
fn a_disk_that_stands_still_answers_after_that() {
    let mut disk = Disk::new(SLOW, [8; 32]);
    disk.submit(1, put(1, b"a"), Timestamp(0));
    disk.stand_still(Timestamp(30_000));
    let mut done = Vec::new();
    disk.advance(Timestamp(29_999), &mut done);
    assert_eq!(done, []);
    assert_eq!(disk.poll_timeout(), Some(Timestamp(30_000)));
    assert!(matches!(drain(&mut disk).as_slice(), [(1, Reply::Written { .. })]));
}
