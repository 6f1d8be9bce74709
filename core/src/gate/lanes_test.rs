use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Outgoing, SlowConsumer};
use crate::edge::gate_service::Lane;
use crate::id::{ConversationId, UserId};
use crate::limits::{LINK_HARD_BYTES_MAX, LINK_IN_FLIGHT_BYTES_MAX, LINK_SOFT_BYTES_MAX};

fn frame(mark: u8, len: usize) -> Bytes {
    Bytes::from(vec![mark; len])
}

fn user(n: u8) -> UserId {
    UserId([n; 16])
}

fn typing() -> Lane {
    Lane::Typing(ConversationId::default(), user(1))
}

/// A link whose host holds as much as it may.
fn full() -> Outgoing {
    let mut out = Outgoing::default();
    assert!(out.pass(LINK_IN_FLIGHT_BYTES_MAX));
    out
}

fn drain(out: &mut Outgoing) -> Vec<u8> {
    out.on_sent(usize::MAX);
    let mut marks = Vec::new();
    while let Some(next) = out.next() {
        marks.push(next[0]);
        out.on_sent(next.len());
    }
    marks
}

#[test]
fn a_free_link_passes_frames_and_holds_no_lanes() {
    let mut out = Outgoing::default();
    assert!(out.pass(10) && out.pass(20));
    assert!(out.waiting.is_none());
}

#[test]
fn one_frame_passes_whatever_its_size_and_no_more_beside_it() {
    let mut out = Outgoing::default();
    assert!(out.pass(LINK_IN_FLIGHT_BYTES_MAX + 3));
    assert!(!out.pass(1));
    out.on_sent(LINK_IN_FLIGHT_BYTES_MAX + 3);
    assert!(out.pass(1));
}

#[test]
fn lanes_go_out_in_their_order() {
    let mut out = full();
    for (lane, mark) in [
        (typing(), 4),
        (Lane::Presence(user(1)), 3),
        (Lane::Chat, 2),
        (Lane::Control, 1),
        (Lane::Chat, 2),
    ] {
        out.push(lane, frame(mark, 8)).unwrap();
    }
    assert!(out.next().is_none());
    assert!(!out.pass(1), "nothing overtakes what waits");
    assert_eq!(drain(&mut out), [1, 2, 2, 3, 4]);
    assert!(out.waiting.is_none());
}

#[test]
fn under_the_soft_bound_everything_is_kept() {
    let mut out = full();
    for mark in 0..4 {
        out.push(Lane::Presence(user(1)), frame(mark, 8)).unwrap();
    }
    assert_eq!(drain(&mut out), [0, 1, 2, 3]);
}

#[test]
fn over_the_soft_bound_presence_is_the_newest_per_person_and_typing_goes() {
    let mut out = full();
    out.push(Lane::Presence(user(1)), frame(1, 8)).unwrap();
    out.push(Lane::Presence(user(2)), frame(2, 8)).unwrap();
    out.push(Lane::Presence(user(1)), frame(3, 8)).unwrap();
    out.push(typing(), frame(4, 8)).unwrap();
    out.push(Lane::Chat, frame(9, LINK_SOFT_BYTES_MAX)).unwrap();
    out.push(Lane::Presence(user(2)), frame(5, 8)).unwrap();
    out.push(typing(), frame(6, 8)).unwrap();
    assert_eq!(out.waiting_bytes(), LINK_SOFT_BYTES_MAX + 16);
    assert_eq!(drain(&mut out), [9, 5, 3]);
}

#[test]
fn presence_without_end_stays_bounded() {
    let mut out = full();
    out.push(Lane::Chat, frame(9, LINK_SOFT_BYTES_MAX)).unwrap();
    for round in 0..100_000u32 {
        out.push(Lane::Presence(user(round.to_le_bytes()[0])), frame(1, 100)).unwrap();
    }
    assert_eq!(out.waiting_bytes(), LINK_SOFT_BYTES_MAX + 256 * 100);
}

#[test]
fn over_the_hard_bound_the_link_is_a_slow_consumer() {
    let mut out = full();
    let mut pushed = 0;
    let err = loop {
        pushed += 1_000;
        if let Err(err) = out.push(Lane::Chat, frame(1, 1_000)) {
            break err;
        }
    };
    assert_eq!(err, SlowConsumer);
    assert!(pushed > LINK_HARD_BYTES_MAX && pushed <= LINK_HARD_BYTES_MAX + 1_000);
}
