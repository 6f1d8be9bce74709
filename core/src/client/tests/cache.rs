use alloc::string::ToString;
use alloc::vec::Vec;

use super::peer::{ALICE, BOB, Peer, bobs, config, contact, entry, item, mixer_of};
use crate::client::Input;
use crate::client::rows::DeviceRow;
use crate::error::{Code, Refusal};
use crate::id::EndpointId;
use crate::limits::CACHE_RETRY_MS;
use crate::model::contact::Relation;
use crate::model::conversation::InboxItem;
use crate::model::presence::Status;
use crate::store::{Key, Reply, Request, Space};
use crate::wire::body::account::ToAccount;
use crate::wire::body::mixer::{Delivered, ToMixer};
use crate::wire::bounded::Text;

#[test]
fn the_outbox_outlives_the_process() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.come_online();
    peer.cut();
    peer.send(1, "a");
    peer.send(2, "b");
    let mut peer = Peer::with_store(config(None), peer.store.clone(), 2);
    peer.contacts.clear();
    let ask = peer.welcome();
    assert!(matches!(ToAccount::decode(ask.kind, &ask.body), Ok(Some((ToAccount::Resume(_), _)))));
    peer.signed_in(&ask, EndpointId::default());
    peer.contacts = alloc::vec![contact(BOB, "bob", Relation::FRIEND, 1)];
    peer.attach_services();
    peer.watch_and_publish();
    peer.enter(0, 0, None);
    let ((frame, one), (_, two)) = (peer.sent(), peer.sent());
    assert_eq!((one.id.counter, two.after), (1, Some(one.id.clone())));
    peer.stored(&frame, &one.id, 1);
    assert_eq!(peer.words(), ["signed_in", "acked(None, 1)"]);
}

#[test]
fn a_restart_finds_its_send_in_the_log_and_never_reuses_a_counter() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.come_online();
    peer.send(1, "a");
    peer.enter(0, 0, None);
    let (_, send) = peer.sent();
    let mut peer = Peer::with_store(config(Some("pw")), peer.store.clone(), 2);
    peer.come_online();
    peer.enter(1, 1, Some(send.id.clone()));
    let read = peer.frame();
    peer.page(&read, alloc::vec![entry(1, ALICE, EndpointId::default(), send.id)], false);
    assert_eq!(peer.words(), ["signed_in", "acked(None, 1)", "message(1)"]);
    peer.send(5, "b");
    let (_, next) = peer.sent();
    assert!(next.id.counter > 1_024, "a new block");
    assert_eq!(next.after.map(|after| after.counter), Some(1));
}

#[test]
fn what_was_shown_is_not_shown_again() {
    let mut peer = Peer::new(config(Some("pw")));
    let online = peer.come_online();
    peer.ring(online.cs, 0);
    let join = peer.join_frame();
    peer.joined(&join, 0, 0, None);
    peer.live(join.channel, bobs(1));
    let mut peer = Peer::with_store(config(Some("pw")), peer.store.clone(), 2);
    let online = peer.come_online();
    peer.ring(online.cs, 2);
    let join = peer.join_frame();
    peer.joined(&join, 2, 0, None);
    let read = peer.frame();
    peer.page(&read, alloc::vec![bobs(2)], false);
    assert_eq!(peer.words(), ["signed_in", "message(2)"]);
}

#[test]
fn what_comes_out_of_a_cache_goes_out_after_the_log_was_read() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.come_online();
    peer.send(1, "a");
    peer.enter(0, 0, None);
    let (_, send) = peer.sent();
    let mut peer = Peer::with_store(config(Some("pw")), peer.store.clone(), 2);
    peer.come_online();
    let join = peer.let_in();
    // Stored under an endpoint id that the device gave up: the mixer knows nothing of this one.
    peer.joined(&join, 1, 1, None);
    let read = peer.frame();
    assert!(matches!(mixer_of(&read), ToMixer::Read(_)));
    assert!(peer.is_quiet(), "nothing is said before the log is known");
    let other = EndpointId([7; 16]);
    peer.page(&read, alloc::vec![entry(1, ALICE, other, send.id)], false);
    assert_eq!(peer.words(), ["signed_in", "acked(None, 1)", "message(1)"]);
    peer.pass(1_000);
    let said: Vec<_> = core::iter::from_fn(|| (!peer.is_quiet()).then(|| peer.frame())).collect();
    assert!(!said.iter().any(|frame| matches!(mixer_of(frame), ToMixer::Send(_))), "{said:?}");
}

#[test]
fn what_was_stored_among_what_others_were_shown_is_acked_with_its_own_place() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.come_online();
    peer.send(1, "a");
    // Killed before it joined: the copy of its cache said it, and others were shown it and more.
    let copy = peer.store.clone();
    peer.enter(0, 0, None);
    let (_, send) = peer.sent();
    let mut peer = Peer::with_store(config(Some("pw")), copy, 2);
    peer.come_online();
    peer.enter(2, 2, Some(send.id.clone()));
    let read = peer.frame();
    let own = entry(1, ALICE, EndpointId::default(), send.id);
    peer.page(&read, alloc::vec![own, bobs(2)], false);
    assert_eq!(peer.words(), ["signed_in", "acked(None, 1)", "message(1)", "message(2)"]);
}

#[test]
fn what_a_ring_told_before_the_inbox_is_known_after_a_restart() {
    let mut peer = Peer::new(config(Some("pw")));
    let online = peer.come_online();
    peer.ring(online.cs, 1);
    peer.push_inbox(2, InboxItem { revision: 2, ..item(1) });
    // Killed before it joined. The inbox has nothing newer to tell.
    let mut peer = Peer::with_store(config(Some("pw")), peer.store.clone(), 2);
    peer.come_online();
    peer.enter(1, 0, None);
    let read = peer.frame();
    peer.page(&read, alloc::vec![bobs(1)], false);
    assert_eq!(peer.words(), ["signed_in", "message(1)"]);
}

#[test]
fn what_the_app_did_not_take_is_told_again() {
    let mut peer = Peer::new(config(Some("pw")));
    let online = peer.come_online();
    peer.app_stands_still = true;
    peer.ring(online.cs, 0);
    let join = peer.join_frame();
    peer.joined(&join, 0, 0, None);
    (1..=3).for_each(|sequence| peer.live(join.channel, bobs(sequence)));
    peer.pass(1_000);
    assert!(peer.is_quiet(), "nothing is delivered yet");
    peer.input(Input::Taken { messages: 1 });
    peer.pass(1_000);
    let delivered = ToMixer::Delivered(Delivered { through: 1 });
    assert_eq!(mixer_of(&peer.frame()), delivered);
    let mut peer = Peer::with_store(config(Some("pw")), peer.store.clone(), 2);
    peer.come_online();
    // It knows by itself that it is behind.
    peer.enter(3, 1, None);
    let read = peer.frame();
    peer.page(&read, alloc::vec![bobs(2), bobs(3)], false);
    assert_eq!(peer.words(), ["signed_in", "message(2)", "message(3)"]);
    // More than was told is taken by nobody.
    peer.input(Input::Taken { messages: u64::MAX });
}

#[test]
fn the_later_of_two_on_one_cache_wins() {
    let mut first = Peer::new(config(Some("pw")));
    first.come_online();
    first.events.clear();
    first.store = Peer::with_store(config(Some("pw")), first.store.clone(), 2).store;
    first.send(1, "a");
    assert_eq!(first.error(), (None, "superseded".to_string()));
    assert!(first.ended);
}

#[test]
fn another_persons_cache_is_emptied() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.come_online();
    peer.send(1, "a");
    let mut other = config(Some("pw"));
    other.user.0 = "carol".to_string();
    let mut peer = Peer::with_store(other, peer.store.clone(), 2);
    for space in [Space::Outbox, Space::CachedContact, Space::CachedConversation] {
        let scan = Request::Scan { space, prefix: alloc::vec![], after: None, limit: 9 };
        let Reply::Page { rows, .. } = peer.store.handle(&scan) else { panic!("a page") };
        assert!(rows.is_empty());
    }
}

#[test]
fn an_unclear_answer_of_the_cache_is_asked_again() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.come_online();
    peer.by_hand = true;
    peer.send(1, "a");
    peer.store_says(Reply::Unknown);
    assert!(peer.held.is_empty());
    peer.pass(100);
    peer.store_one();
    let outbox = peer.store.handle(&Request::Read(Key::outbox(1)));
    assert!(matches!(outbox, Reply::Found { .. }));
    peer.enter(0, 0, None);
    peer.sent();
}

#[test]
fn a_resume_uses_only_a_token_that_is_durable() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.come_online();
    peer.cut();
    peer.by_hand = true;
    peer.come_online();
    peer.cut();
    let ask = peer.welcome();
    let Ok(Some((ToAccount::Resume(resume), _))) = ToAccount::decode(ask.kind, &ask.body) else {
        panic!("resumes")
    };
    assert_eq!(&*resume.refresh, [1; 4], "the second is not written yet");
}

#[test]
fn a_cache_that_fails_is_asked_again_after_a_while() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.come_online();
    peer.words();
    peer.by_hand = true;
    peer.send(1, "a");
    peer.store_says(Reply::Failed("full".to_string()));
    assert_eq!(peer.words(), ["error(Some(1), store_failed)"]);
    peer.pass(CACHE_RETRY_MS * 10 - 1);
    assert!(peer.held.is_empty(), "a full disk is left alone for a while");
    peer.pass(1);
    assert_eq!(peer.held.len(), 1);
}

/// A bad disk or another program may leave any number there.
#[test]
fn rows_at_the_end_of_all_numbers_cost_what_they_say_and_nothing_else() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.come_online();
    peer.send(1, "a");
    let good = peer.store.clone();
    let spoilt = |key: Key, value: &[u64]| {
        let bytes = value.iter().flat_map(|n| postcard::to_allocvec(n).expect("a number"));
        let puts = alloc::vec![(key, bytes.collect::<Vec<u8>>().into())];
        let mut store = good.clone();
        store.handle(&Request::Write(crate::store::Write { puts, ..Default::default() }));
        store
    };
    let over = crate::client::rows::writer();
    let peer = Peer::with_store(config(Some("pw")), spoilt(over, &[u64::MAX]), 2);
    assert_eq!(peer.dials, 1, "whoever opens it next is told apart by the row's revision");
    for key in [Key::outbox((1 << 63) - 1), Key::outbox(u64::MAX)] {
        let store = spoilt(key.clone(), &[0; 40]);
        let mut peer = Peer::with_store(config(Some("pw")), store, 2);
        peer.come_online();
        assert_eq!(peer.store.handle(&Request::Read(key)), Reply::Absent, "it goes");
        peer.send(2, "b");
    }
    let device = DeviceRow {
        name: Text::new("alice").expect("short"),
        user: Some(ALICE),
        endpoint: EndpointId([9; 16]),
        floor: u64::MAX,
        refresh: None,
        status: Status::Online,
    };
    let mut store = good.clone();
    let puts = alloc::vec![(crate::client::rows::device(), crate::client::rows::encode(&device))];
    store.handle(&Request::Write(crate::store::Write { puts, ..Default::default() }));
    let mut peer = Peer::with_store(config(Some("pw")), store, 2);
    peer.come_online();
    assert_ne!(
        peer.endpoint,
        EndpointId([9; 16]),
        "a device that has no counters left is a new one"
    );
    peer.send(2, "b");
    peer.enter(0, 0, None);
    assert_eq!(peer.sent().1.id.counter, 1);
}

#[test]
fn a_token_of_a_sign_in_that_ended_is_not_used_when_its_write_is_done() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.come_online();
    peer.cut();
    peer.by_hand = true;
    peer.come_online();
    peer.cut();
    let ask = peer.welcome();
    peer.refuse(&ask, Refusal::of(Code::SignInEnded));
    peer.frame();
    let attach = peer.frame();
    peer.store_one();
    peer.attached(&attach);
    let ask = peer.frame();
    assert!(matches!(ToAccount::decode(ask.kind, &ask.body), Ok(Some((ToAccount::SignIn(_), _)))));
}
