//! PROTOCOL §2.2, §2.3, §2.6.

use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::error::Code;
use crate::limits::LINKS_PRE_AUTH_MAX;
use crate::limits::{FRAME_BYTES_MAX, KEEPALIVE_MS, LINK_PRE_AUTH_BYTES_MAX, LINK_PRE_AUTH_MS};
use crate::wire::hello::{Versions, WELCOME, feature};

#[test]
fn hello_is_welcomed() {
    let mut gate = gate();
    let out = say(&mut gate, &hello_frame(Hello { features: 0xff, ..hello() }), T0 + 50);
    let frame = &frames(&out)[0];
    assert_eq!((frame.kind, frame.request), (WELCOME, 1));
    let welcome = welcome(&out);
    assert_eq!(welcome.version, 1);
    assert_eq!(welcome.features, feature::TRACE);
    assert_eq!(u64::from(welcome.keepalive_ms), KEEPALIVE_MS);
    assert_eq!(welcome.wall, Wall(1_700_000_000_050));
}

#[test]
fn any_other_first_frame_closes_with_a_reason() {
    let mut gate = gate();
    let out = say(&mut gate, &attach(Service::CS, None, 0, 1), T0);
    assert_eq!(closes(&out), [CloseReason::Fault(Code::OutOfOrder)]);
    assert!(matches!(&words(&out)[0].1, FromGate::Closing(c) if c.reason == closes(&out)[0]));
    assert!(say(&mut gate, &hello_frame(hello()), T0).is_empty());
    gate.handle_input(Input::LinkClosed { link: LINK }, T0);
    assert_eq!(gate.link_count(), 0);
}

#[test]
fn a_length_out_of_range_and_a_bad_header_close() {
    let over = u32::try_from(FRAME_BYTES_MAX + 1).unwrap().to_be_bytes();
    let mut gate = welcomed();
    let out = say(&mut gate, &over[1..], T0);
    assert_eq!(closes(&out), [CloseReason::Fault(Code::TooLarge)]);
    for bytes in [&[0, 0, 3, 0, 0, 0][..], &[0, 0, 9, 0, 6, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0]] {
        let mut gate = welcomed();
        let out = say(&mut gate, bytes, T0);
        assert_eq!(closes(&out), [CloseReason::Fault(Code::Malformed)]);
    }
}

#[test]
fn the_newest_common_version_is_spoken() {
    let versions = Versions { min: 2, max: 4 };
    for (min, max, common) in
        [(1, 1, None), (1, 2, Some(2)), (1, 9, Some(4)), (3, 3, Some(3)), (5, 9, None)]
    {
        let hello = Hello { version_min: min, version_max: max, ..hello() };
        assert_eq!(versions.common(&hello), common, "{min} to {max}");
    }
}

#[test]
fn no_common_version_asks_for_an_upgrade() {
    let mut gate = gate();
    let newer = Hello { version_min: 2, version_max: 9, ..hello() };
    let out = say(&mut gate, &hello_frame(newer), T0);
    assert_eq!(refused(&words(&out)), [(1, Refusal::of(Code::UpgradeRequired))]);
    assert_eq!(frames(&out).len(), 1, "the refusal says it all");
    assert_eq!(closes(&out), [CloseReason::Fault(Code::UpgradeRequired)]);
}

#[test]
fn bytes_may_be_cut_anywhere() {
    let mut whole = Vec::from(hello_frame(hello()));
    whole.extend_from_slice(&attach(Service::CS, None, 0, 1));
    whole.extend_from_slice(&attach(Service::BOOK, None, 6, 2));
    let mut straight = gate();
    let expected = say(&mut straight, &whole, T0);
    assert_eq!(told(expected.clone()).len(), 2);
    for cut in 1..whole.len() {
        let mut gate = gate();
        let mut out = say(&mut gate, &whole[..cut], T0);
        out.extend(say(&mut gate, &whole[cut..], T0));
        assert_eq!(out, expected, "cut at {cut}");
    }
}

#[test]
fn another_node_gets_the_link_with_all_its_bytes() {
    let mut gate = gate();
    let mut bytes = Vec::from(hello_frame(Hello { node: Some(NodeId(2)), ..hello() }));
    bytes.extend_from_slice(&attach(Service::CS, None, 0, 1));
    bytes.push(0);
    let out = say(&mut gate, &bytes, T0);
    let handover = Output::Handover { link: LINK, node: NodeId(2), bytes: Bytes::from(bytes) };
    assert_eq!(out, [handover]);
    assert_eq!(gate.link_count(), 0);
    assert_eq!(gate.poll_timeout(), None);
}

#[test]
fn a_node_that_is_none_means_any() {
    let mut gate = gate();
    let out = say(&mut gate, &hello_frame(Hello { node: Some(NodeId(4)), ..hello() }), T0);
    assert_eq!(welcome(&out).node, NodeId(0));
}

#[test]
fn before_sign_in_there_are_ten_seconds() {
    let mut gate = welcomed();
    assert_eq!(gate.poll_timeout().unwrap().at, T0 + LINK_PRE_AUTH_MS);
    say(&mut gate, &attach(Service::CS, None, 0, 1), T0 + 9_000);
    gate.handle_timeout(T0 + LINK_PRE_AUTH_MS - 1);
    assert!(outputs(&mut gate).is_empty());
    gate.handle_timeout(T0 + LINK_PRE_AUTH_MS);
    let out = outputs(&mut gate);
    assert_eq!(closes(&out), [CloseReason::PreAuth]);
    assert!(matches!(told(out)[0].3, ToService::Closed { detached: false, .. }));
}

#[test]
fn a_frame_over_its_bound_is_named_before_sign_in_too() {
    let mut gate = welcomed();
    let over = u32::try_from(FRAME_BYTES_MAX + 1).unwrap().to_be_bytes();
    let mut frame = over[1..].to_vec();
    frame.resize(3 + FRAME_BYTES_MAX + 1, 0);
    let out = say(&mut gate, &frame, T0);
    assert_eq!(closes(&out), [CloseReason::Fault(Code::TooLarge)]);
}

#[test]
fn before_sign_in_there_are_sixteen_kilobytes() {
    let mut gate = welcomed();
    let first = hello_frame(hello()).len();
    let filler = Frame::event(0x0f00, Channel(9), Bytes::from(vec![0; 1_000])).encode();
    let mut said = first;
    loop {
        let out = say(&mut gate, &filler, T0);
        said += filler.len();
        if said > LINK_PRE_AUTH_BYTES_MAX {
            assert_eq!(closes(&out), [CloseReason::PreAuth]);
            break;
        }
        assert!(out.is_empty());
    }
}

#[test]
fn strangers_are_bounded() {
    let mut gate = Gate::new(setup(0, 1), T0);
    let most = u64::try_from(LINKS_PRE_AUTH_MAX).unwrap();
    for link in 1..=most + 1 {
        gate.handle_input(Input::LinkOpened { link: LinkId(link), remote: "" }, T0);
    }
    assert_eq!(closes(&outputs(&mut gate)), [CloseReason::Unavailable]);
    gate.handle_input(Input::LinkClosed { link: LinkId(1) }, T0);
    gate.handle_input(Input::LinkOpened { link: LinkId(most + 2), remote: "" }, T0);
    assert!(outputs(&mut gate).is_empty());
}
