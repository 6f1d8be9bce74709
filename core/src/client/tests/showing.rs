use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use super::peer::{ALICE, BOB, Online, Peer, bobs, config, cs_of, entry, item, mixer_of, talk};
use crate::client::{Command, Event};
use crate::id::EndpointId;
use crate::limits::DELIVERED_MS;
use crate::model::conversation::InboxItem;
use crate::time::Wall;
use crate::wire::body::cs::ToCs;
use crate::wire::body::inbox::{FromInbox, InboxChanged, ToInbox};
use crate::wire::body::link::Service;
use crate::wire::body::mixer::{
    Delivered, FromMixer, ReadEntries, SendId, ToMixer, Typing, TypingOf,
};
use crate::wire::frame::Frame;
use crate::wire::tail::Tail;

fn online() -> (Peer, Online) {
    let mut peer = Peer::new(config(Some("pw")));
    let online = peer.come_online();
    peer.events.clear();
    (peer, online)
}

#[test]
fn a_ring_joins_and_shows_what_is_said_in_order() {
    let (mut peer, online) = online();
    peer.ring(online.cs, 1);
    let join = peer.join_frame();
    peer.joined(&join, 1, 0, None);
    let read = peer.frame();
    // Live entries may come before the answer: they are read with it.
    peer.live(join.channel, bobs(2));
    assert!(peer.events.is_empty());
    peer.page(&read, vec![bobs(1), bobs(2)], false);
    peer.live(join.channel, bobs(2));
    peer.live(join.channel, bobs(3));
    assert_eq!(peer.words(), ["message(1)", "message(2)", "message(3)"]);
    peer.live(join.channel, bobs(4));
    let Event::Message { from, with, text, at, conversation, .. } = peer.event() else {
        panic!("a message")
    };
    assert_eq!((from.as_str(), with.as_str(), text.as_str(), at), ("bob", "bob", "text 4", 1_004));
    assert_eq!(conversation, talk().to_string());
}

#[test]
fn a_gap_is_read_page_by_page() {
    let (mut peer, online) = online();
    peer.ring(online.cs, 5);
    let join = peer.join_frame();
    peer.joined(&join, 5, 1, None);
    let read = peer.frame();
    let ToMixer::Read(ReadEntries { from, until, newest, .. }) = mixer_of(&read) else {
        panic!("a read")
    };
    assert_eq!((from, until, newest), (2, u64::MAX, false));
    peer.page(&read, vec![bobs(2), bobs(3)], true);
    let read = peer.frame();
    assert!(matches!(mixer_of(&read), ToMixer::Read(ReadEntries { from: 4, .. })));
    peer.page(&read, vec![bobs(4), bobs(5)], false);
    assert_eq!(peer.words(), ["message(2)", "message(3)", "message(4)", "message(5)"]);
    assert!(peer.is_quiet());
    peer.live(join.channel, bobs(7));
    assert!(peer.events.is_empty(), "6 is missing");
    let read = peer.frame();
    peer.page(&read, vec![bobs(6), bobs(7)], false);
    assert_eq!(peer.words(), ["message(6)", "message(7)"]);
}

#[test]
fn what_was_shown_is_told_once_in_a_while() {
    let (mut peer, online) = online();
    peer.ring(online.cs, 0);
    let join = peer.join_frame();
    peer.joined(&join, 0, 0, None);
    (1..=3).for_each(|sequence| peer.live(join.channel, bobs(sequence)));
    assert!(peer.is_quiet());
    peer.pass(1_000);
    assert_eq!(mixer_of(&peer.frame()), ToMixer::Delivered(Delivered { through: 3 }));
    peer.pass(5_000);
    assert!(peer.is_quiet());
}

#[test]
fn conversations_the_inbox_knows_are_read_at_sign_in() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.items = vec![item(3)];
    peer.come_online();
    peer.enter(3, 1, None);
    let read = peer.frame();
    peer.page(&read, vec![bobs(2), bobs(3)], false);
    assert_eq!(peer.words(), ["signed_in", "message(2)", "message(3)"]);
    peer.cut();
    peer.come_online();
    assert!(peer.is_quiet(), "nothing new: no leg");
}

#[test]
fn own_words_from_another_device_are_shown() {
    let (mut peer, online) = online();
    peer.ring(online.cs, 0);
    let join = peer.join_frame();
    peer.joined(&join, 0, 0, None);
    let id = SendId { counter: 1, tag: [3; 8] };
    peer.live(join.channel, entry(1, ALICE, EndpointId([3; 16]), id));
    let Event::Message { from, with, .. } = peer.event() else { panic!("a message") };
    assert_eq!((from.as_str(), with.as_str()), ("alice", "bob"));
}

#[test]
fn sync_is_done_when_all_was_shown() {
    let (mut peer, _) = online();
    peer.command(1, Command::Sync);
    peer.fetch_book();
    peer.items = vec![item(2)];
    peer.fetch_inbox();
    assert!(peer.events.is_empty());
    peer.enter(2, 0, None);
    let read = peer.frame();
    peer.page(&read, vec![bobs(1)], true);
    assert_eq!(peer.words(), ["message(1)"]);
    let read = peer.frame();
    peer.page(&read, vec![bobs(2)], false);
    assert_eq!(peer.words(), ["message(2)", "done(Some(1))"]);
}

#[test]
fn sync_looks_where_the_inbox_may_lag() {
    let (mut peer, _) = online();
    peer.command(1, Command::Sync);
    peer.fetch_book();
    peer.items = vec![InboxItem { at: Wall(4_999_000), ..item(0) }];
    peer.fetch_inbox();
    peer.enter(1, 0, None);
    let read = peer.frame();
    assert!(peer.events.is_empty());
    peer.page(&read, vec![bobs(1)], false);
    assert_eq!(peer.words(), ["message(1)", "done(Some(1))"]);
}

#[test]
fn sync_asks_where_the_log_ends_on_a_leg_that_lives() {
    let (mut peer, online) = online();
    peer.ring(online.cs, 0);
    let join = peer.join_frame();
    // The answer to that join may be older than the sync.
    peer.command(1, Command::Sync);
    peer.fetch_book();
    peer.fetch_inbox();
    peer.joined(&join, 0, 0, None);
    let again = peer.frame();
    assert!(matches!(mixer_of(&again), ToMixer::Join(_)), "{again:?}");
    assert!(peer.events.is_empty());
    // What another device of hers was acked is not pushed yet.
    peer.joined(&again, 1, 0, None);
    let read = peer.frame();
    assert!(peer.events.is_empty());
    peer.page(&read, vec![bobs(1)], false);
    assert_eq!(peer.words(), ["message(1)", "done(Some(1))"]);
}

#[test]
fn sync_with_nothing_new_is_done_at_once_and_starts_over_after_a_cut() {
    let (mut peer, _) = online();
    peer.command(1, Command::Sync);
    peer.cut();
    peer.come_online();
    peer.events.retain(|event| matches!(event, Event::Done { .. }));
    assert_eq!(peer.words(), ["done(Some(1))"]);
}

#[test]
fn history_comes_through_the_leg_and_survives_a_cut() {
    let (mut peer, _) = online();
    let history = Command::History { with: "bob".to_string(), before: Some(9), limit: Some(500) };
    peer.command(4, history);
    peer.enter(8, 8, None);
    let read = peer.frame();
    let wanted = ToMixer::Read(ReadEntries { from: 1, until: 9, limit: 200, newest: true });
    assert_eq!(mixer_of(&read), wanted);
    peer.cut();
    peer.come_online();
    peer.enter(8, 8, None);
    let read = peer.frame();
    assert_eq!(mixer_of(&read), wanted);
    peer.events.clear();
    peer.page(&read, vec![bobs(7), bobs(8)], true);
    let Event::History { id, list, more } = peer.event() else { panic!("history") };
    let sequences: Vec<u64> = list.iter().map(|item| item.seq).collect();
    assert_eq!((id, sequences, more), (Some(4), vec![7, 8], true));
}

#[test]
fn who_only_types_learns_all_the_same_that_the_link_is_dead() {
    let (mut peer, _) = online();
    let typing = |id| (id, Command::Typing { to: "bob".to_string() });
    let (id, command) = typing(1);
    peer.command(id, command);
    peer.enter(0, 0, None);
    // Nothing comes any more, and typing asks for no answer.
    let mut id = 1;
    for _ in 0..12 {
        peer.pass(5_000);
        id += 1;
        let (id, command) = typing(id);
        peer.command(id, command);
    }
    let is_silent =
        |event: &Event| matches!(event, Event::Offline { reason, .. } if reason == "silent");
    assert!(peer.events.iter().any(is_silent), "{:?}", peer.events);
}

#[test]
fn typing_goes_out_at_most_every_four_seconds() {
    let (mut peer, _) = online();
    let typing = || Command::Typing { to: "bob".to_string() };
    peer.command(1, typing());
    let join = peer.enter(0, 0, None);
    assert_eq!(mixer_of(&peer.frame()), ToMixer::Typing(Typing {}));
    peer.command(2, typing());
    assert!(peer.is_quiet());
    peer.pass(4_000);
    peer.command(3, typing());
    assert_eq!(mixer_of(&peer.frame()), ToMixer::Typing(Typing {}));
    peer.command(9, Command::Status { status: "appear_offline".to_string() });
    cs_of(&peer.frame());
    peer.pass(4_000);
    peer.command(10, typing());
    assert!(peer.is_quiet(), "who hides does not write");
    peer.push_mixer(join.channel, &FromMixer::Typing(TypingOf { user: BOB }));
    peer.push_mixer(join.channel, &FromMixer::Typing(TypingOf { user: ALICE }));
    let words = ["done(Some(1))", "done(Some(2))", "done(Some(3))", "done(Some(10))", "typing"];
    assert_eq!(peer.words(), words);
}

#[test]
fn a_leg_that_was_wanted_while_the_ring_came_is_opened_once() {
    let (mut peer, online) = online();
    peer.send(1, "a");
    let contact = peer.frame();
    assert!(matches!(cs_of(&contact), Some(ToCs::Contact(_))));
    peer.ring(online.cs, 3);
    assert!(peer.is_quiet(), "one way in is enough");
}

#[test]
fn what_was_shown_is_told_after_a_moment_and_once() {
    let mut peer = Peer::new(config(Some("pw")));
    let online = peer.come_online();
    peer.ring(online.cs, 0);
    let join = peer.join_frame();
    peer.joined(&join, 0, 0, None);
    peer.pass(DELIVERED_MS * 2);
    assert!(peer.is_quiet(), "there is nothing to tell");
    peer.live(join.channel, bobs(1));
    peer.live(join.channel, bobs(2));
    peer.pass(DELIVERED_MS - 1);
    assert!(peer.is_quiet(), "not for each");
    peer.pass(1);
    assert_eq!(mixer_of(&peer.frame()), ToMixer::Delivered(Delivered { through: 2 }));
    peer.pass(DELIVERED_MS * 2);
    assert!(peer.is_quiet());
}

#[test]
fn a_change_before_the_first_list_does_not_stand_for_the_list() {
    let mut peer = Peer::new(config(Some("pw")));
    for expected in [0, 0] {
        let ask = peer.welcome();
        peer.signed_in(&ask, EndpointId::default());
        let (_, inbox, _) = (peer.frame(), peer.frame(), peer.frame());
        assert_eq!(peer.attached(&inbox), Service::INBOX);
        let fetch = peer.frame();
        let Ok(Some((ToInbox::Fetch(ask), _))) = ToInbox::decode(fetch.kind, &fetch.body) else {
            panic!("the inbox is asked for")
        };
        assert_eq!(ask.revision, expected, "what came before was not heard");
        let said = FromInbox::Changed(InboxChanged { revision: 5, item: item(0).into() });
        peer.say(&Frame::event(said.kind(), inbox.channel, said.encode(&Tail::default())));
        peer.cut();
    }
}
