//! PROTOCOL §4.5, §5.3, §5.4: sessions and their requests.

use super::*;
use crate::edge::{Peer, ToBook, ToMixer, cs_book, cs_mixer};
use crate::error::{CloseReason, Code};
use crate::id::ConversationId;
use crate::limits::{CS_ASKS_MAX, TELL_MS};
use crate::wire::body::account::Grant;
use crate::wire::body::cs::{Contact, Done, Mixer, Ring, SetProfile};
use crate::wire::body::link::Service;
use crate::wire::bounded::Blob;

fn done(request: u32) -> (u64, Said) {
    (1, Said::Cs(request, FromCs::Done(Done {})))
}

fn refused(request: u32, refusal: Refusal) -> (u64, Said) {
    (1, Said::Refused(request, refusal))
}

fn contact(peer: UserId) -> ToCs {
    ToCs::Contact(Contact { user: peer })
}

fn grant() -> Grant {
    let ticket = Blob::new(Bytes::from_static(b"seat")).unwrap();
    Grant { service: Service::MIXER, node: None, shard: Shard(3), ticket, expires: WALL }
}

/// A session of somebody whose home is here, visible.
fn ready() -> (Bench, UserId) {
    let mut bench = Bench::new();
    let me = user_at(0, 0);
    bench.session(1, me, PHONE);
    bench.status(1, Status::Online);
    bench.said();
    (bench, me)
}

#[test]
fn a_ticket_for_something_else_is_refused() {
    let mut bench = Bench::new();
    let ticket = Blob::new(Bytes::from_static(&[1; 100])).unwrap();
    bench.tell(Role::Gate, None, ToService::Opened { port: port(1), request: 3, ticket });
    let refusal = Refusal::of(Code::BadTicket);
    let refuse = ToGate::Refuse { port: port(1), request: 3, refusal };
    assert_eq!(bench.said(), [(1, Said::Told(refuse))]);
    assert_eq!(bench.cs.session_count(), 0);
}

#[test]
fn the_first_status_makes_a_person_arrive() {
    let mut bench = Bench::new();
    let (user, endpoint) = (user_at(1, 0), PHONE);
    bench.session(1, user, endpoint);
    assert_eq!(bench.homes(), []);
    bench.said();
    bench.status(1, Status::Busy);
    let homes = bench.homes();
    let cs_ps::ToPs::Arrive { session, .. } = homes[0] else { panic!("{homes:?}") };
    let arrive = cs_ps::ToPs::Arrive { user, endpoint, session, sign_in: SIGN_IN };
    let publish = |status| cs_ps::ToPs::Publish { user, endpoint, session, status, ago_ms: None };
    assert_eq!(homes, [arrive, publish(Status::Busy)]);
    assert_eq!(bench.said(), [done(8)]);
    bench.status(1, Status::AppearOffline);
    assert_eq!(bench.homes(), [publish(Status::AppearOffline)]);
    bench.said();
    bench.status(1, Status::Offline);
    assert_eq!(bench.said(), [refused(8, Refusal::of(Code::Invalid))]);
    bench.closed(1);
    assert_eq!(bench.homes(), [cs_ps::ToPs::Lost { user, endpoint, session }]);
    bench.closed(1);
    assert_eq!(bench.homes(), []);
}

/// How long ago each status was chosen, as a home was told.
fn agos(bench: &mut Bench) -> Vec<Option<u64>> {
    let homes = bench.homes().into_iter();
    let agos = homes.filter_map(|tell| match tell {
        cs_ps::ToPs::Publish { ago_ms, .. } => Some(ago_ms),
        _ => None,
    });
    agos.collect()
}

#[test]
fn a_status_that_lay_there_while_the_node_stood_still_is_not_new() {
    let (mut bench, _) = ready();
    bench.homes();
    bench.cs.handle_timeout(bench.now);
    bench.now = bench.now + 67_000;
    bench.status(1, Status::Away);
    assert_eq!(agos(&mut bench), [Some(67_000)]);
    // And so it stays, where its home is told again.
    bench.cs.handle_timeout(bench.now);
    bench.now = bench.now + 1_000;
    bench.input(Input::Peer(Peer::Up(NodeId(0))));
    assert_eq!(agos(&mut bench), [Some(68_000)]);
    bench.status(1, Status::Busy);
    assert_eq!(agos(&mut bench), [None]);
}

#[test]
fn a_status_of_who_came_after_the_node_stood_still_is_no_older_than_that() {
    let (mut bench, user) = ready();
    bench.homes();
    bench.cs.handle_timeout(bench.now);
    bench.now = bench.now + 67_000;
    bench.cs.handle_timeout(bench.now);
    bench.session(2, user, EndpointId([2; 16]));
    bench.now = bench.now + 10;
    bench.status(2, Status::Away);
    assert_eq!(agos(&mut bench), [Some(10)]);
    bench.status(1, Status::Busy);
    assert_eq!(agos(&mut bench), [Some(67_010)], "of who was here before it is not known");
}

#[test]
fn who_comes_back_replaces_the_link_that_hangs() {
    let (mut bench, user) = ready();
    let cs_ps::ToPs::Arrive { session: old, .. } = bench.homes_of_ready() else {
        panic!("no arrival")
    };
    bench.session(2, user, PHONE);
    let close = ToGate::Close { port: port(1), reason: CloseReason::Superseded };
    assert!(bench.said().contains(&(1, Said::Told(close))));
    assert_eq!(bench.homes(), [], "the home is told nothing");
    bench.closed(1);
    assert_eq!(bench.homes(), []);
    assert_eq!(bench.cs.session_count(), 1);
    // Lost again before its first status: the home still knows it as the old session.
    bench.closed(2);
    let lost = cs_ps::ToPs::Lost { user, endpoint: PHONE, session: old };
    assert_eq!(bench.homes(), [lost]);
}

#[test]
fn who_came_back_arrives_as_the_new_session() {
    let (mut bench, user) = ready();
    let cs_ps::ToPs::Arrive { session: old, .. } = bench.homes_of_ready() else {
        panic!("no arrival")
    };
    bench.session(2, user, PHONE);
    bench.said();
    bench.status(2, Status::Online);
    let homes = bench.homes();
    let cs_ps::ToPs::Arrive { session, .. } = homes[0] else { panic!("{homes:?}") };
    assert_ne!(session, old);
    bench.said();
    bench.ps(cs_ps::ToCs::Boot { user, endpoint: PHONE, session: old });
    assert_eq!(bench.said(), [], "it is over already");
    bench.ps(cs_ps::ToCs::Boot { user, endpoint: PHONE, session });
    let close = ToGate::Close { port: port(2), reason: CloseReason::Superseded };
    assert_eq!(bench.said(), [(2, Said::Told(close))]);
    assert_eq!(bench.homes(), []);
}

#[test]
fn a_second_channel_of_the_same_link_detaches_the_first() {
    let (mut bench, user) = ready();
    let second = Port { channel: Channel(2), ..port(1) };
    bench.open(second, user, PHONE);
    let refusal = Refusal::of(Code::Superseded);
    let refuse = ToGate::Refuse { port: port(1), request: 0, refusal };
    assert!(bench.said().contains(&(1, Said::Told(refuse))));
}

#[test]
fn contact_goes_by_the_callers_book_and_the_mixer() {
    let (mut bench, user) = ready();
    let peer = user_at(1, 3);
    bench.out.clear();
    bench.say(1, 4, &contact(peer));
    let [post] = &bench.out[..] else { panic!("{:?}", bench.out) };
    let may = cs_book::ToBook::MayContact { user, peer };
    assert_eq!((&post.tell, post.flow), (&Tell::AddressBook(ToBook::Cs(may)), FLOW));
    let op = post.op;
    bench.out.clear();
    bench.tell(Role::AddressBook, op, cs_book::ToCs::MayContact { outcome: Ok(7) });
    let conversation = ConversationId::one_to_one(user, peer);
    let [post] = &bench.out[..] else { panic!("{:?}", bench.out) };
    let seat = cs_mixer::ToMixer::Seat { conversation, user, endpoint: PHONE, peer, pact: 7 };
    assert_eq!(post.tell, Tell::Mixer(ToMixer::Cs(seat)));
    let op = post.op;
    bench.out.clear();
    bench.tell(Role::Mixer, op, cs_mixer::ToCs::Seated { outcome: Ok(grant()) });
    let mixer = FromCs::Mixer(Mixer { conversation, grant: grant() });
    assert_eq!(bench.said(), [(1, Said::Cs(4, mixer))]);
    bench.tell(Role::Mixer, op, cs_mixer::ToCs::Seated { outcome: Ok(grant()) });
    assert_eq!(bench.said(), [], "answered once");
}

#[test]
fn contact_is_refused_as_the_book_says_and_before_the_first_status() {
    let mut bench = Bench::new();
    let me = user_at(0, 0);
    bench.session(1, me, PHONE);
    bench.said();
    bench.say(1, 4, &contact(user_at(0, 1)));
    assert_eq!(bench.said(), [refused(4, Refusal::of(Code::NotReady))]);
    let (mut bench, me) = ready();
    bench.say(1, 4, &contact(me));
    assert_eq!(bench.said(), [refused(4, Refusal::of(Code::Yourself))]);
    bench.say(1, 5, &contact(user_at(0, 1)));
    let op = bench.out.last().unwrap().op;
    bench.out.clear();
    let refusal = Refusal::of(Code::NotAContact);
    bench.tell(Role::AddressBook, op, cs_book::ToCs::MayContact { outcome: Err(refusal) });
    assert_eq!(bench.said(), [refused(5, refusal)]);
}

#[test]
fn a_late_or_lost_answer_is_told_to_try_again() {
    let retry = Refusal::later(Code::Retry, 200);
    let (mut bench, _) = ready();
    bench.say(1, 4, &contact(user_at(0, 1)));
    let op = bench.out.last().unwrap().op;
    bench.out.clear();
    let due = bench.cs.poll_timeout().unwrap().at;
    assert_eq!(due, T0 + TELL_MS);
    bench.cs.handle_timeout(due);
    bench.input(Input::Wall(WALL));
    assert_eq!(bench.said(), [refused(4, retry)]);
    bench.tell(Role::AddressBook, op, cs_book::ToCs::MayContact { outcome: Ok(1) });
    assert_eq!(bench.said(), []);
    // A home on the other node, which is lost.
    let mut bench = Bench::new();
    bench.session(1, user_at(1, 0), PHONE);
    bench.status(1, Status::Online);
    bench.say(1, 4, &contact(user_at(0, 1)));
    bench.out.clear();
    bench.input(Input::Peer(Peer::Lost(NodeId(1))));
    assert_eq!(bench.said(), [refused(4, retry)]);
    assert_eq!(bench.cs.poll_timeout(), None);
}

#[test]
fn a_profile_is_saved_by_the_home() {
    let (mut bench, user) = ready();
    let message = Some(Text::new("hello").unwrap());
    let set = ToCs::SetProfile(SetProfile { name: None, message: message.clone() });
    bench.out.clear();
    bench.say(1, 4, &set);
    let op = bench.out[0].op;
    let (endpoint, sign_in, name) = (PHONE, SIGN_IN, None);
    assert_eq!(
        bench.homes(),
        [cs_ps::ToPs::Save { user, endpoint, sign_in, act: None, name, message }]
    );
    bench.tell(Role::Ps, op, cs_ps::ToCs::Saved { outcome: Ok(()) });
    assert_eq!(bench.said(), [done(4)]);
    for bad in ["two\nlines", &"x".repeat(129)] {
        let message = Some(Text::new(bad).unwrap());
        bench.say(1, 5, &ToCs::SetProfile(SetProfile { name: None, message }));
        assert_eq!(bench.said(), [refused(5, Refusal::of(Code::Invalid))]);
    }
}

#[test]
fn a_ring_reaches_the_device_it_is_for() {
    let (mut bench, user) = ready();
    bench.session(2, user, TABLET);
    bench.said();
    let conversation = ConversationId([4; 16]);
    let (from, head) = (user_at(1, 0), 12);
    let ring = |endpoint| {
        let grant = grant().into();
        cs_mixer::ToCs::Ring { user, endpoint, conversation, from, head, grant }
    };
    bench.tell(Role::Mixer, None, ring(TABLET));
    let heard = FromCs::Ring(Ring { conversation, from, head, grant: grant() });
    assert_eq!(bench.said(), [(2, Said::Cs(0, heard))]);
    bench.tell(Role::Mixer, None, ring(EndpointId([9; 16])));
    assert_eq!(bench.said(), []);
}

#[test]
fn ones_own_presence_goes_to_all_ones_devices() {
    let (mut bench, user) = ready();
    bench.session(2, user, TABLET);
    bench.session(3, user_at(0, 1), PHONE);
    bench.said();
    bench.ps(cs_ps::ToCs::Own { user, presence: presence(Status::AppearOffline).into() });
    let status = Status::AppearOffline;
    assert_eq!(bench.shown(), [(1, user, status), (2, user, status)]);
}

#[test]
fn words_it_does_not_know_or_cannot_read_are_refused() {
    let (mut bench, _) = ready();
    for (kind, code) in [(0x04ff, Code::Unsupported), (0x0405, Code::Malformed)] {
        let frame = ToService::Frame { port: port(1), kind, request: 2, body: empty() };
        bench.tell(Role::Gate, None, frame);
        assert_eq!(bench.said(), [refused(2, Refusal::of(code))]);
    }
}

#[test]
fn many_sessions_with_ten_watches_each() {
    let mut bench = Bench::new();
    let id = |n: u32| {
        let mut id = [7; 16];
        id[..4].copy_from_slice(&n.to_be_bytes());
        UserId(id)
    };
    for n in 0..2_000 {
        bench.session(u64::from(n), id(n), PHONE);
        let friends: Vec<UserId> = (1..=10).map(|k| id((n + k) % 2_000)).collect();
        bench.watch(u64::from(n), &friends);
        bench.out.clear();
    }
    assert_eq!(bench.cs.friend_count(), 2_000);
    for n in 0..2_000 {
        bench.closed(n);
        assert_eq!(bench.homes().len(), 10);
    }
    assert_eq!((bench.cs.friend_count(), bench.cs.session_count()), (0, 0));
}

impl Bench {
    /// The arrival of a session made ready, whose answers were read.
    fn homes_of_ready(&mut self) -> cs_ps::ToPs {
        self.say(1, 9, &ToCs::Leave(crate::wire::body::cs::Leave {}));
        self.homes();
        self.status(1, Status::Online);
        let homes = self.homes();
        self.said();
        homes[0].clone()
    }
}

#[test]
fn what_was_answered_leaves_room_for_more() {
    let (mut bench, user) = ready();
    let (peer, limit) = (user_at(0, 1), u32::from(CS_ASKS_MAX));
    let conversation = ConversationId::one_to_one(user, peer);
    for request in 1..=limit {
        bench.say(1, request, &contact(peer));
        let op = bench.out.last().unwrap().op;
        bench.out.clear();
        if request % 2 == 0 {
            let refusal = Refusal::of(Code::NotAContact);
            bench.tell(Role::AddressBook, op, cs_book::ToCs::MayContact { outcome: Err(refusal) });
            assert_eq!(bench.said(), [refused(request, refusal)]);
            continue;
        }
        bench.tell(Role::AddressBook, op, cs_book::ToCs::MayContact { outcome: Ok(7) });
        let op = bench.out.last().unwrap().op;
        bench.out.clear();
        bench.tell(Role::Mixer, op, cs_mixer::ToCs::Seated { outcome: Ok(grant()) });
        let mixer = FromCs::Mixer(Mixer { conversation, grant: grant() });
        assert_eq!(bench.said(), [(1, Said::Cs(request, mixer))]);
    }
    // None of those waits: so many may wait now, and no more.
    for request in 1..=limit + 1 {
        bench.say(1, request, &contact(peer));
    }
    let said = bench.said();
    assert!(matches!(said[..], [(1, Said::Refused(last, _))] if last == limit + 1), "{said:?}");
}
