//! PROTOCOL §2.4: channels and what goes over them.

use super::*;
use crate::edge::Peer;
use crate::edge::gate_service::Lane;
use crate::error::Code;
use crate::limits::CHANNELS_MAX;
use crate::wire::body::link::{Detach, Ping};
use crate::wire::hello::feature;

fn frame(channel: u32, request: u32) -> Bytes {
    let body = Bytes::from_static(b"body");
    match request {
        0 => Frame::event(0x0401, Channel(channel), body).encode(),
        _ => Frame::request(0x0401, Channel(channel), request, body).encode(),
    }
}

fn word(word: &Word, channel: u32, request: u32) -> Bytes {
    let body = word.encode(&Tail::default());
    match request {
        0 => Frame::event(word.kind(), Channel(channel), body).encode(),
        _ => Frame::request(word.kind(), Channel(channel), request, body).encode(),
    }
}

#[test]
fn an_attach_goes_to_the_node_named_or_to_the_owner_of_the_shard() {
    let mut gate = welcomed();
    let cases = [
        (Service::ACCOUNT, None, 16 * 5, Role::Account, 1),
        (Service::BOOK, None, 16 * 6, Role::AddressBook, 2),
        (Service::INBOX, None, 16 * 7 + 15, Role::Inbox, 3),
        (Service::CS, None, 7, Role::Cs, 0),
        (Service::CS, Some(NodeId(0)), 0, Role::Cs, 0),
        (Service::MIXER, Some(NodeId(2)), 1, Role::Mixer, 2),
    ];
    for (channel, (service, node, shard, role, at)) in (1..).zip(cases) {
        let told = told(say(&mut gate, &attach(service, node, shard, channel), T0));
        let [(to, node, _, ToService::Opened { port: opened, request, ticket })] = &told[..] else {
            panic!("{told:?}");
        };
        assert_eq!((*to, *node), (role, NodeId(at)));
        assert_eq!((*opened, *request), (port(channel), 100 + channel));
        assert_eq!(&ticket[..], b"sealed");
    }
}

#[test]
fn an_attach_that_cannot_be_is_refused() {
    let mut gate = welcomed();
    say(&mut gate, &attach(Service::CS, None, 0, 1), T0);
    for (bytes, code) in [
        (attach(Service(9), None, 0, 2), Code::Unsupported),
        (attach(Service::MIXER, Some(NodeId(4)), 0, 2), Code::Invalid),
        (attach(Service::CS, Some(NodeId(3)), 0, 2), Code::Invalid),
        (attach(Service::BOOK, None, 4096, 2), Code::Invalid),
        (attach(Service::BOOK, None, 0, 1), Code::OutOfOrder),
        (attach(Service::BOOK, None, 0, 0), Code::OutOfOrder),
    ] {
        let out = say(&mut gate, &bytes, T0);
        assert_eq!(refused(&words(&out))[0].1, Refusal::of(code));
        assert!(told(out).is_empty());
    }
    let most = u32::try_from(CHANNELS_MAX).unwrap();
    for channel in 2..=most {
        say(&mut gate, &attach(Service::MIXER, None, 0, channel), T0);
    }
    let out = say(&mut gate, &attach(Service::MIXER, None, 0, most + 1), T0);
    assert_eq!(refused(&words(&out))[0].1, Refusal::of(Code::LimitReached));
}

#[test]
fn frames_of_a_channel_go_to_its_service_and_back() {
    let mut gate = signed_in();
    let told = told(say(&mut gate, &frame(1, 5), T0));
    let body = Bytes::from_static(b"body");
    let expected = ToService::Frame { port: port(1), kind: 0x0401, request: 5, body: body.clone() };
    assert_eq!(told, [(Role::Cs, NodeId(0), Flow::default(), expected)]);
    let lane = Lane::Control;
    let kind = 0x0411;
    let back =
        ToGate::Frame { port: port(1), lane, kind, request: 5, more: true, body: body.clone() };
    let out = tell(&mut gate, Role::Cs, 0, back, T0);
    assert_eq!(frames(&out), [Frame::response(0x0411, Channel(1), 5, true, body)]);
}

#[test]
fn frames_for_no_channel_are_refused_where_they_ask_and_dropped_otherwise() {
    let mut gate = signed_in();
    assert!(say(&mut gate, &frame(8, 0), T0).is_empty());
    let out = say(&mut gate, &frame(8, 5), T0);
    assert_eq!(refused(&words(&out)), [(5, Refusal::of(Code::OutOfOrder))]);
}

#[test]
fn unknown_words_of_the_link_are_refused_or_skipped() {
    let mut gate = signed_in();
    let mut unknown = Frame::request(0x00ee, Channel(0), 4, Bytes::new());
    let out = say(&mut gate, &unknown.encode(), T0);
    assert_eq!(refused(&words(&out)), [(4, Refusal::of(Code::Unsupported))]);
    unknown.flags.0 |= crate::wire::frame::Flags::IGNORABLE;
    assert!(say(&mut gate, &unknown.encode(), T0).is_empty());
    let malformed = Frame::request(0x0003, Channel(2), 4, Bytes::from_static(&[1])).encode();
    let out = say(&mut gate, &malformed, T0);
    assert_eq!(refused(&words(&out)), [(4, Refusal::of(Code::Malformed))]);
}

#[test]
fn a_service_refuses_an_attach_or_lets_a_channel_go() {
    let mut gate = welcomed();
    say(&mut gate, &attach(Service::BOOK, None, 0, 1), T0);
    let refusal = Refusal::of(Code::BadTicket);
    let refuse = ToGate::Refuse { port: port(1), request: 101, refusal };
    let out = tell(&mut gate, Role::AddressBook, 0, refuse, T0);
    assert_eq!(refused(&words(&out)), [(101, refusal)]);
    // The number is free again.
    say(&mut gate, &attach(Service::BOOK, None, 0, 1), T0);
    let accept = ToGate::Accept { port: port(1), request: 101, who: Some(who()) };
    let out = tell(&mut gate, Role::AddressBook, 0, accept, T0);
    assert!(matches!(words(&out)[..], [(101, FromGate::Attached(_))]));
    let refuse = ToGate::Refuse { port: port(1), request: 0, refusal };
    let out = tell(&mut gate, Role::AddressBook, 0, refuse, T0);
    assert!(matches!(&words(&out)[..], [(0, FromGate::Detached(d))] if d.refusal == refusal));
    gate.handle_input(Input::LinkClosed { link: LINK }, T0);
    assert!(told(outputs(&mut gate)).is_empty(), "the service let it go itself");
}

#[test]
fn words_of_others_and_of_attachments_before_are_dropped() {
    let mut gate = welcomed();
    say(&mut gate, &attach(Service::BOOK, None, 0, 1), T0);
    say(&mut gate, &word(&Word::Detach(Detach {}), 1, 0), T0);
    say(&mut gate, &attach(Service::MIXER, None, 0, 1), T0);
    let body = Bytes::new();
    let lane = Lane::Chat;
    let late = ToGate::Frame { port: port(1), lane, kind: 0x0511, request: 0, more: false, body };
    assert!(tell(&mut gate, Role::AddressBook, 0, late.clone(), T0).is_empty());
    assert!(tell(&mut gate, Role::Mixer, 1, late.clone(), T0).is_empty());
    assert!(tell(&mut gate, Role::Mixer, 0, late, T0).is_empty(), "not yet accepted");
}

#[test]
fn a_detach_is_told_once() {
    let mut gate = signed_in();
    let out = told(say(&mut gate, &word(&Word::Detach(Detach {}), 1, 0), T0));
    assert!(matches!(out[..], [(Role::Cs, _, _, ToService::Closed { detached: true, .. })]));
    assert!(say(&mut gate, &word(&Word::Detach(Detach {}), 1, 0), T0).is_empty());
    gate.handle_input(Input::LinkClosed { link: LINK }, T0);
    assert!(outputs(&mut gate).is_empty());
}

#[test]
fn a_ping_is_answered() {
    let mut gate = signed_in();
    let out = say(&mut gate, &word(&Word::Ping(Ping {}), 0, 3), T0);
    assert!(matches!(words(&out)[..], [(3, FromGate::Pong(_))]));
}

#[test]
fn a_lost_node_detaches_what_was_attached_there() {
    let mut gate = signed_in();
    say(&mut gate, &attach(Service::MIXER, Some(NodeId(2)), 0, 2), T0);
    let accept = ToGate::Accept { port: port(2), request: 102, who: Some(who()) };
    tell(&mut gate, Role::Mixer, 2, accept, T0);
    say(&mut gate, &attach(Service::MIXER, Some(NodeId(2)), 0, 3), T0);
    gate.handle_input(Input::Peer(Peer::Lost(NodeId(2))), T0);
    let out = outputs(&mut gate);
    let retry = Refusal::later(Code::Retry, 200);
    let words = words(&out);
    assert!(matches!(&words[0], (0, FromGate::Detached(d)) if d.refusal == retry));
    assert_eq!(words[1], (103, FromGate::Refused(retry)));
    assert!(told(out).is_empty());
    let out = say(&mut gate, &attach(Service::MIXER, Some(NodeId(2)), 0, 4), T0);
    assert_eq!(refused(&super::words(&out)), [(104, retry)]);
    gate.handle_input(Input::Peer(Peer::Up(NodeId(2))), T0);
    assert_eq!(told(say(&mut gate, &attach(Service::MIXER, Some(NodeId(2)), 0, 4), T0)).len(), 1);
}

#[test]
fn a_flow_is_read_only_where_the_link_agreed() {
    use crate::wire::body::cs::{Contact, ToCs as Cs};
    let flow = Flow { id: 77, hop: 3 };
    let contact = Cs::Contact(Contact { user: crate::id::UserId([1; 16]) });
    let body = contact.encode(&Tail::of_flow(flow));
    let bytes = Frame::request(contact.kind(), Channel(1), 5, body).encode();
    for (features, expected) in [(0, Flow::default()), (feature::TRACE, flow)] {
        let mut gate = gate();
        say(&mut gate, &hello_frame(Hello { features, ..hello() }), T0);
        say(&mut gate, &attach(Service::CS, None, 0, 1), T0);
        assert_eq!(told(say(&mut gate, &bytes, T0))[0].2, expected);
    }
}
