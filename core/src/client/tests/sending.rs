use alloc::string::ToString;
use alloc::vec::Vec;

use super::peer::{ALICE, Online, Peer, bobs, config, cs_of, entry, gate_of, mixer_of};
use crate::client::{Command, Input};
use crate::error::{Code, Refusal};
use crate::id::EndpointId;
use crate::limits::{
    CACHE_RETRY_MS, LINK_IN_FLIGHT_BYTES_MAX, PROFILE_CHARS_MAX, SENDS_UNACKED_MAX,
};
use crate::store::Reply;
use crate::wire::body::account::ToAccount;
use crate::wire::body::cs::ToCs;
use crate::wire::body::link::{Detached, FromGate, ToGate};
use crate::wire::body::mixer::{Expected, FromMixer, ReadEntries, SendId, ToMixer};
use crate::wire::frame::Frame;
use crate::wire::tail::Tail;

/// A client that is signed in and has said nothing yet.
fn online() -> (Peer, Online) {
    let mut peer = Peer::new(config(Some("pw")));
    let online = peer.come_online();
    peer.events.clear();
    (peer, online)
}

fn expected(peer: &mut Peer, to: &Frame, last: Option<SendId>) {
    peer.answer_mixer(to, &FromMixer::Expected(Expected { last }));
}

/// A cut, and everything up to the answer of `Join`.
fn come_back(peer: &mut Peer, head: u64, last: Option<SendId>) -> Frame {
    peer.cut();
    peer.come_online();
    peer.enter(head, 0, last)
}

#[test]
fn a_send_goes_out_and_is_acked_once() {
    let (mut peer, _) = online();
    peer.send(1, "a");
    let join = peer.enter(0, 0, None);
    let (frame, send) = peer.sent();
    assert_eq!((send.id.counter, send.after), (1, None));
    peer.stored(&frame, &send.id, 1);
    assert_eq!(peer.words(), ["acked(Some(1), 1)"]);
    peer.live(join.channel, entry(1, ALICE, EndpointId::default(), send.id));
    assert_eq!(peer.words(), ["message(1)"]);
}

#[test]
fn nothing_is_sent_before_the_cache_has_it() {
    let (mut peer, _) = online();
    peer.send(1, "a");
    let join = peer.let_in();
    peer.by_hand = true;
    peer.joined(&join, 0, 0, None);
    peer.sent();
    peer.send(2, "b");
    peer.store_one();
    assert!(peer.is_quiet(), "only the first write is through");
    peer.store_one();
    let (_, second) = peer.sent();
    assert_eq!((second.id.counter, second.after.map(|after| after.counter)), (2, Some(1)));
}

#[test]
fn a_cache_that_refuses_fails_the_send() {
    let (mut peer, _) = online();
    peer.by_hand = true;
    peer.send(1, "a");
    peer.store_says(Reply::Failed("full".to_string()));
    assert_eq!(peer.error(), (Some(1), "store_failed".to_string()));
}

#[test]
fn at_most_64_wait_for_their_ack() {
    let (mut peer, _) = online();
    for id in 1..=100 {
        peer.send(id, "x");
    }
    peer.enter(0, 0, None);
    let sent: Vec<_> = (0..SENDS_UNACKED_MAX).map(|_| peer.sent()).collect();
    assert!(peer.is_quiet());
    let chained = sent.windows(2).all(|pair| pair[1].1.after.as_ref() == Some(&pair[0].1.id));
    assert!(chained, "each names the one before it");
    peer.stored(&sent[0].0, &sent[0].1.id, 1);
    let (_, next) = peer.sent();
    assert_eq!(next.id.counter, 65);
    assert!(peer.is_quiet());
}

#[test]
fn a_broken_chain_goes_on_after_what_is_stored_and_is_mended_once() {
    let (mut peer, _) = online();
    for id in 1..=4 {
        peer.send(id, "x");
    }
    let join = peer.enter(0, 0, None);
    let sent: Vec<_> = (0..4).map(|_| peer.sent()).collect();
    // The answer to the first is lost on the way; the mixer has it.
    let first = sent[0].1.id.clone();
    for (frame, _) in &sent[1..] {
        expected(&mut peer, frame, Some(first.clone()));
    }
    let again: Vec<_> = (0..3).map(|_| peer.sent()).collect();
    assert!(peer.is_quiet(), "one answer is enough");
    assert_eq!(again[0].1.after.as_ref(), Some(&first));
    for (at, (frame, send)) in (2..).zip(&again) {
        peer.stored(frame, &send.id, at);
    }
    peer.live(join.channel, entry(1, ALICE, EndpointId::default(), first));
    let words = peer.words();
    let acks = words.iter().filter(|word| word.starts_with("acked")).count();
    assert_eq!((acks, words.len()), (4, 5));
    assert!(words.contains(&"acked(Some(1), 1)".to_string()));
}

#[test]
fn a_lost_ack_is_made_good_by_the_log() {
    let (mut peer, _) = online();
    peer.send(1, "a");
    peer.enter(0, 0, None);
    let (_, send) = peer.sent();
    let join = come_back(&mut peer, 1, Some(send.id.clone()));
    let read = peer.frame();
    assert!(matches!(mixer_of(&read), ToMixer::Read(ReadEntries { from: 1, .. })));
    assert_eq!(read.channel, join.channel);
    peer.events.clear();
    peer.page(&read, alloc::vec![entry(1, ALICE, EndpointId([5; 16]), send.id)], false);
    assert_eq!(peer.words(), ["acked(Some(1), 1)", "message(1)"]);
    assert!(peer.is_quiet(), "not sent again");
}

#[test]
fn what_was_not_stored_is_sent_again_after_a_cut() {
    let (mut peer, _) = online();
    peer.send(1, "a");
    peer.send(2, "b");
    let join = peer.enter(0, 0, None);
    let (frame, first) = peer.sent();
    let (_, second) = peer.sent();
    peer.stored(&frame, &first.id, 1);
    peer.live(join.channel, entry(1, ALICE, EndpointId::default(), first.id.clone()));
    come_back(&mut peer, 1, Some(first.id.clone()));
    let (frame, again) = peer.sent();
    assert_eq!((again.id.clone(), again.after), (second.id, Some(first.id)));
    // A duplicate is answered with the last that is stored.
    peer.stored(&frame, &again.id, 2);
    let acks = peer.words().into_iter().filter(|word| word.starts_with("acked"));
    assert_eq!(acks.collect::<Vec<_>>(), ["acked(Some(1), 1)", "acked(Some(2), 2)"]);
}

#[test]
fn a_refused_send_fails_and_the_next_skips_it() {
    let (mut peer, _) = online();
    peer.send(1, "a");
    peer.send(2, "b");
    peer.enter(0, 0, None);
    let ((one, _), (two, _)) = (peer.sent(), peer.sent());
    peer.refuse(&one, Refusal::of(Code::StoreFailed));
    assert_eq!(peer.error(), (Some(1), "store_failed".to_string()));
    expected(&mut peer, &two, None);
    let (frame, send) = peer.sent();
    assert_eq!((send.id.counter, send.after), (2, None));
    peer.stored(&frame, &send.id, 1);
    assert_eq!(peer.words(), ["acked(Some(2), 1)"]);
}

#[test]
fn a_refusal_is_told_once_the_cache_does_not_hold_the_send() {
    let (mut peer, _) = online();
    peer.send(1, "a");
    peer.enter(0, 0, None);
    let (frame, _) = peer.sent();
    peer.by_hand = true;
    peer.refuse(&frame, Refusal::of(Code::StoreFailed));
    peer.store_says(Reply::Failed("full".to_string()));
    assert!(peer.events.is_empty(), "a process that starts now sends it");
    peer.pass(CACHE_RETRY_MS * 10);
    peer.store_one();
    assert_eq!(peer.error(), (Some(1), "store_failed".to_string()));
}

#[test]
fn what_a_later_send_covers_and_the_log_lacks_is_refused() {
    let (mut peer, _) = online();
    peer.send(1, "a");
    peer.send(2, "b");
    peer.enter(0, 0, None);
    let ((_, first), (_, second)) = (peer.sent(), peer.sent());
    // A copy of the device was refused the first, gave it up, and got the second stored.
    come_back(&mut peer, 1, Some(second.id.clone()));
    let read = peer.frame();
    peer.events.clear();
    peer.page(&read, alloc::vec![entry(1, ALICE, EndpointId([5; 16]), second.id)], false);
    let told = ["acked(Some(2), 1)", "message(1)", "error(Some(1), store_failed)"];
    assert_eq!(peer.words(), told, "{:?} is not in the log", first.id);
    assert!(peer.is_quiet());
}

#[test]
fn what_waited_without_a_session_goes_out_after_the_log_was_read() {
    let (mut peer, _) = online();
    peer.cut();
    peer.send(1, "a");
    peer.come_online();
    peer.enter(1, 0, None);
    let read = peer.frame();
    assert!(matches!(mixer_of(&read), ToMixer::Read(ReadEntries { from: 1, .. })));
    assert!(peer.is_quiet(), "a copy of the device may have sent it meanwhile");
    peer.page(&read, alloc::vec![bobs(1)], false);
    assert_eq!(peer.sent().1.id.counter, 1);
}

#[test]
fn a_send_refused_for_now_goes_out_again_with_those_behind_it() {
    let (mut peer, _) = online();
    peer.send(1, "a");
    peer.send(2, "b");
    peer.enter(0, 0, None);
    let ((one, _), (two, _)) = (peer.sent(), peer.sent());
    peer.refuse(&one, Refusal::later(Code::Retry, 2_000));
    expected(&mut peer, &two, None);
    peer.pass(1_999);
    assert!(peer.is_quiet());
    peer.pass(1);
    let ((_, first), (_, second)) = (peer.sent(), peer.sent());
    assert_eq!((first.id.counter, second.after), (1, Some(first.id)));
    assert!(peer.events.is_empty());
}

#[test]
fn who_is_no_contact_any_more_gets_nothing() {
    let (mut peer, _) = online();
    peer.send(1, "a");
    peer.send(2, "b");
    let contact = peer.frame();
    assert!(matches!(cs_of(&contact), Some(ToCs::Contact(_))));
    peer.refuse(&contact, Refusal::of(Code::NotAContact));
    assert_eq!(peer.error(), (Some(1), "not_a_contact".to_string()));
    assert_eq!(peer.error(), (Some(2), "not_a_contact".to_string()));
    peer.pass(30_000);
    assert!(peer.is_quiet());
}

#[test]
fn a_leg_the_mixer_lets_go_is_asked_for_again() {
    let (mut peer, _) = online();
    peer.send(1, "a");
    let join = peer.enter(0, 0, None);
    let (frame, _) = peer.sent();
    let said = FromGate::Detached(Detached { refusal: Refusal::later(Code::Retry, 100) });
    peer.say(&Frame::event(said.kind(), join.channel, said.encode(&Tail::default())));
    // What was on the way when the channel closed is refused by the gate: that fails nothing.
    peer.refuse(&frame, Refusal::of(Code::OutOfOrder));
    peer.pass(1_000);
    peer.enter(0, 0, None);
    peer.sent();
    assert!(peer.events.is_empty());
}

#[test]
fn a_copied_device_takes_another_id_and_sends_what_the_log_lacks() {
    let (mut peer, _) = online();
    peer.send(1, "a");
    peer.send(2, "b");
    peer.enter(0, 0, None);
    let (_, one) = peer.sent();
    let (frame, _) = peer.sent();
    // The mixer has the first of these, and one with the same counter of the copy.
    expected(&mut peer, &frame, Some(SendId { counter: 2, tag: [0xee; 8] }));
    assert_eq!(peer.is_offline(), "shared_device");
    peer.pass(5_000);
    let ask = peer.welcome();
    let Ok(Some((ToAccount::SignIn(sign_in), _))) = ToAccount::decode(ask.kind, &ask.body) else {
        panic!("with the password, as a new device")
    };
    peer.signed_in(&ask, sign_in.endpoint);
    peer.attach_services();
    peer.watch_and_publish();
    peer.enter(1, 0, None);
    let read = peer.frame();
    assert!(peer.is_quiet(), "reads before it sends");
    peer.events.clear();
    peer.page(&read, alloc::vec![entry(1, ALICE, EndpointId([5; 16]), one.id)], false);
    assert_eq!(peer.words(), ["acked(Some(1), 1)", "message(1)"]);
    let (_, send) = peer.sent();
    assert_eq!((send.id.counter, send.after), (2, None));
}

#[test]
fn a_copied_device_is_seen_at_joining_too() {
    let (mut peer, _) = online();
    peer.send(1, "a");
    peer.enter(9, 9, Some(SendId { counter: 700, tag: [0xee; 8] }));
    assert_eq!(peer.is_offline(), "shared_device");
}

#[test]
fn a_slow_host_holds_sends_back() {
    let (mut peer, _) = online();
    let long = "x".repeat(8_000);
    for id in 1..=64 {
        peer.send(id, &long);
    }
    let join = peer.let_in();
    peer.stuck = true;
    peer.joined(&join, 0, 0, None);
    let mut sent = 0;
    while !peer.is_quiet() {
        peer.sent();
        sent += 1;
    }
    assert!((8..=10).contains(&sent), "64 KiB are handed over, not {sent} frames");
    peer.stuck = false;
    let link = peer.link;
    peer.input(Input::LinkSent { link, bytes: sent * 8_100 });
    let mut rest = 0;
    while !peer.is_quiet() {
        peer.sent();
        rest += 1;
    }
    assert_eq!(sent + rest, 64);
}

#[test]
fn what_waits_for_commands_to_go_out_goes_out_after_them() {
    let (mut peer, online) = online();
    peer.ring(online.cs, 0);
    let join = peer.join_frame();
    peer.joined(&join, 0, 0, None);
    peer.stuck = true;
    for id in 1..=400 {
        peer.command(id, Command::Message { text: "\u{1f600}".repeat(PROFILE_CHARS_MAX) });
    }
    peer.send(401, "a");
    peer.stuck = false;
    let link = peer.link;
    peer.input(Input::LinkSent { link, bytes: LINK_IN_FLIGHT_BYTES_MAX });
    for _ in 1..=400 {
        assert!(matches!(cs_of(&peer.frame()), Some(ToCs::SetProfile(_))));
    }
    assert_eq!(peer.sent().1.id.counter, 1);
}

#[test]
fn what_is_said_while_the_log_is_read_does_not_wait_for_it() {
    let (mut peer, online) = online();
    peer.ring(online.cs, 1);
    let join = peer.join_frame();
    peer.joined(&join, 1, 0, None);
    assert!(matches!(mixer_of(&peer.frame()), ToMixer::Read(_)));
    peer.send(1, "a");
    assert_eq!(peer.sent().1.id.counter, 1);
}

#[test]
fn an_idle_leg_is_let_go() {
    let (mut peer, online) = online();
    peer.ring(online.cs, 0);
    let join = peer.join_frame();
    peer.joined(&join, 0, 0, None);
    for _ in 0..6 {
        peer.pass(45_000);
        let ping = peer.frame();
        peer.answer_gate(&ping, &FromGate::Pong(crate::wire::body::link::Pong {}));
    }
    peer.pass(30_000);
    let detach = peer.frame();
    assert!(matches!(gate_of(&detach), Some(ToGate::Detach(_))));
    assert_eq!(detach.channel, join.channel);
    peer.send(1, "a");
    let contact = peer.frame();
    assert!(matches!(cs_of(&contact), Some(ToCs::Contact(_))));
}
