//! Many conversations at once: which of them have a leg.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use super::peer::{ALICE, Peer, bobs, config, contact, cs_of, gate_of, grant, mixer_of};
use crate::client::{Command, Event};
use crate::error::{Code, Refusal};
use crate::id::{ConversationId, UserId};
use crate::limits::{ASK_AGAIN_MS, CATCH_UP_LEGS_MAX, LEGS_MAX};
use crate::model::contact::Relation;
use crate::model::conversation::InboxItem;
use crate::store::Reply;
use crate::time::Wall;
use crate::wire::body::cs::{FromCs, Mixer, ToCs};
use crate::wire::body::link::{Service, ToGate};
use crate::wire::body::mixer::{FromMixer, Joined, ToMixer};
use crate::wire::bounded::List;
use crate::wire::frame::Frame;

fn friend(n: usize) -> UserId {
    UserId([u8::try_from(n + 1).expect("few"); 16])
}

/// The talk with a friend as the inbox has it: with an entry that was not read yet.
fn behind(n: usize) -> InboxItem {
    let conversation = ConversationId::one_to_one(ALICE, friend(n));
    InboxItem { conversation, with: friend(n), head: 1, at: Wall(0), revision: 1 }
}

/// A client with so many friends.
fn with_friends(count: usize) -> Peer {
    let mut peer = Peer::new(config(Some("pw")));
    let name = |n: usize| alloc::format!("f{n}");
    peer.contacts = (0..count).map(|n| contact(friend(n), &name(n), Relation::FRIEND, 1)).collect();
    peer
}

fn send(peer: &mut Peer, n: usize) {
    let (to, text) = (alloc::format!("f{n}"), "x".to_string());
    peer.command(n as u64, Command::Send { to, text });
}

/// Whom the next frames ask for, as long as they ask the cs for somebody.
fn asked(peer: &mut Peer) -> Vec<(Frame, UserId)> {
    let mut asked = Vec::new();
    while !peer.is_quiet() {
        let frame = peer.frame();
        match cs_of(&frame) {
            Some(ToCs::Contact(contact)) => asked.push((frame, contact.user)),
            _ => panic!("asks for somebody, not {frame:?}"),
        }
    }
    asked
}

/// The cs names the mixer, which lets the client attach; its `Join`.
fn let_in(peer: &mut Peer, frame: &Frame, user: UserId) -> Frame {
    let conversation = ConversationId::one_to_one(ALICE, user);
    peer.answer_cs(frame, &FromCs::Mixer(Mixer { conversation, grant: grant(Service::MIXER) }));
    peer.join_frame()
}

fn joined(peer: &mut Peer, to: &Frame, user: UserId, head: u64) {
    let members = List::new(vec![ALICE, user]).expect("two");
    let joined = Joined { head, members, delivered: 0, last: None };
    peer.answer_mixer(to, &FromMixer::Joined(joined));
}

#[test]
fn of_many_that_are_behind_sixteen_are_read_at_once_and_in_the_end_all() {
    let count = CATCH_UP_LEGS_MAX + 3;
    let mut peer = with_friends(count);
    peer.items = (0..count).map(behind).collect();
    peer.come_online();
    let first = asked(&mut peer);
    assert_eq!(first.len(), CATCH_UP_LEGS_MAX);
    // All of them join before the first page comes.
    let joins: Vec<Frame> =
        first.iter().map(|(frame, user)| let_in(&mut peer, frame, *user)).collect();
    let mut reads = Vec::new();
    for (join, (_, user)) in joins.iter().zip(&first) {
        joined(&mut peer, join, *user, 1);
        reads.push(peer.frame());
        assert!(peer.is_quiet(), "there is no room for one more");
    }
    for read in &reads {
        assert!(matches!(mixer_of(read), ToMixer::Read(_)));
        peer.page(read, vec![bobs(1)], false);
    }
    let mut late = asked(&mut peer);
    late.dedup_by_key(|(_, user)| *user);
    assert_eq!(late.len(), 3, "what waited is read");
    for (frame, user) in late {
        let join = let_in(&mut peer, &frame, user);
        joined(&mut peer, &join, user, 1);
        let read = peer.frame();
        peer.page(&read, vec![bobs(1)], false);
    }
    let shown = peer.events.iter().filter(|event| matches!(event, Event::Message { .. }));
    assert_eq!(shown.count(), count);
}

#[test]
fn a_send_where_sixteen_are_read_makes_no_room_for_one_more() {
    let count = CATCH_UP_LEGS_MAX + 1;
    let mut peer = with_friends(count);
    peer.items = (0..count).map(behind).collect();
    peer.come_online();
    let first = asked(&mut peer);
    assert_eq!(first.len(), CATCH_UP_LEGS_MAX);
    let (frame, user) = &first[0];
    let join = let_in(&mut peer, frame, *user);
    joined(&mut peer, &join, *user, 1);
    let read = peer.frame();
    assert!(matches!(mixer_of(&read), ToMixer::Read(_)));
    let n = (0..count).find(|n| friend(*n) == *user).expect("a friend");
    send(&mut peer, n);
    peer.sent();
    assert!(peer.is_quiet(), "it is still read");
    peer.page(&read, vec![bobs(1)], false);
    assert_eq!(asked(&mut peer).len(), 1);
}

#[test]
fn one_more_leg_than_there_may_be_takes_the_place_of_the_idlest() {
    let mut peer = with_friends(LEGS_MAX + 2);
    peer.come_online();
    let mut channels = Vec::new();
    for n in 0..LEGS_MAX {
        send(&mut peer, n);
        let (frame, user) = asked(&mut peer).remove(0);
        let join = let_in(&mut peer, &frame, user);
        joined(&mut peer, &join, user, 0);
        let (frame, send) = peer.sent();
        channels.push(join.channel);
        if n != 0 {
            peer.pass(10);
            peer.stored(&frame, &send.id, 1);
        }
    }
    // The first still waits for its ack: the second is the one that is not needed longest.
    send(&mut peer, LEGS_MAX);
    let detach = peer.frame();
    assert!(matches!(gate_of(&detach), Some(ToGate::Detach(_))));
    assert_eq!(detach.channel, channels[1]);
    assert_eq!(asked(&mut peer).len(), 1);
    send(&mut peer, LEGS_MAX + 1);
    assert_eq!(peer.frame().channel, channels[2]);
    assert_eq!(asked(&mut peer).len(), 1);
}

#[test]
fn who_finds_every_leg_busy_has_the_first_that_is_not() {
    let mut peer = with_friends(LEGS_MAX + 1);
    peer.come_online();
    let mut sends = Vec::new();
    for n in 0..LEGS_MAX {
        send(&mut peer, n);
        let (frame, user) = asked(&mut peer).remove(0);
        let join = let_in(&mut peer, &frame, user);
        joined(&mut peer, &join, user, 0);
        sends.push(peer.sent());
    }
    send(&mut peer, LEGS_MAX);
    assert!(peer.is_quiet(), "every leg is in use");
    let (frame, send) = &sends[7];
    peer.stored(frame, &send.id, 1);
    let detach = peer.frame();
    assert!(matches!(gate_of(&detach), Some(ToGate::Detach(_))));
    assert_eq!(detach.channel, frame.channel);
    assert_eq!(asked(&mut peer).len(), 1);
}

#[test]
fn who_finds_every_leg_held_by_a_send_that_the_cache_then_refuses_has_the_first() {
    let mut peer = with_friends(LEGS_MAX + 1);
    peer.come_online();
    let mut channels = Vec::new();
    for n in 0..LEGS_MAX {
        send(&mut peer, n);
        let (frame, user) = asked(&mut peer).remove(0);
        let join = let_in(&mut peer, &frame, user);
        joined(&mut peer, &join, user, 0);
        let (frame, send) = peer.sent();
        peer.pass(10);
        peer.stored(&frame, &send.id, 1);
        channels.push(frame.channel);
    }
    peer.by_hand = true;
    // The first write is of one send, the second of all the others.
    for n in 0..LEGS_MAX {
        send(&mut peer, n);
    }
    peer.store_one();
    assert_eq!(peer.sent().0.channel, channels[0]);
    send(&mut peer, LEGS_MAX);
    assert!(peer.is_quiet(), "every leg is in use");
    peer.store_says(Reply::Failed("full".to_string()));
    let detach = peer.frame();
    assert!(matches!(gate_of(&detach), Some(ToGate::Detach(_))), "{detach:?}");
    assert_eq!(detach.channel, channels[1]);
    assert_eq!(asked(&mut peer).len(), 1);
}

#[test]
fn a_refused_leg_is_asked_for_again_after_a_wait_that_grows() {
    let mut peer = with_friends(1);
    peer.come_online();
    send(&mut peer, 0);
    let mut half = ASK_AGAIN_MS;
    for _ in 0..3 {
        let (frame, _) = asked(&mut peer).remove(0);
        peer.refuse(&frame, Refusal::of(Code::Retry));
        peer.pass(half - 1);
        assert!(peer.is_quiet(), "not before {half} ms");
        peer.pass(half + 1);
        half = (half * 2).min(crate::limits::RECONNECT_LAST_MS / 2);
    }
    assert_eq!(asked(&mut peer).len(), 1);
}
