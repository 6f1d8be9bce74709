//! PROTOCOL §9.5, the client's side: services let go of channels, and it comes back by itself.

use alloc::string::ToString;
use alloc::vec;

use super::peer::{
    BOB, CAROL, Online, Peer, attach_of, bobs, book_of, config, contact, gate_of, item,
};
use crate::client::Command;
use crate::error::{Code, Refusal};
use crate::id::{Channel, EndpointId};
use crate::limits::{ASK_AGAIN_MS, KEEPALIVE_MS, TICKET_MS};
use crate::model::contact::Relation;
use crate::wire::body::account::ToAccount;
use crate::wire::body::book::ToBook;
use crate::wire::body::inbox::ToInbox;
use crate::wire::body::link::{Detached, FromGate, Pong, Service, ToGate};
use crate::wire::frame::Frame;
use crate::wire::tail::Tail;

impl Peer {
    fn detach(&mut self, channel: Channel) {
        let said = FromGate::Detached(Detached { refusal: Refusal::later(Code::Retry, 200) });
        self.say(&Frame::event(said.kind(), channel, said.encode(&Tail::default())));
        let detach = self.frame();
        assert!(matches!(gate_of(&detach), Some(ToGate::Detach(_))), "the gate drops this");
    }

    /// A service lets its channel go, and is attached again: the attach.
    fn attach_again(&mut self, channel: Channel, service: Service) -> Frame {
        self.detach(channel);
        self.pass(2 * ASK_AGAIN_MS);
        let attach = self.frame();
        assert_eq!(self.attached(&attach), service);
        attach
    }

    /// Over another link: what is asked of book or inbox there, before any list came.
    fn asked_after_a_cut(&mut self, service: Service) -> Frame {
        self.cut();
        self.events.clear();
        let ask = self.welcome();
        self.signed_in(&ask, EndpointId::default());
        let (book, inbox, _) = (self.frame(), self.frame(), self.frame());
        let attach = if service == Service::BOOK { book } else { inbox };
        assert_eq!(self.attached(&attach), service);
        self.frame()
    }

    /// The session stands for longer than its tickets live.
    fn grow_old(&mut self) {
        for _ in 0..=TICKET_MS / KEEPALIVE_MS {
            self.pass(KEEPALIVE_MS);
            let ping = self.frame();
            assert!(matches!(gate_of(&ping), Some(ToGate::Ping(_))));
            self.answer_gate(&ping, &FromGate::Pong(Pong {}));
        }
    }

    fn remove_bob(&mut self, id: u64) -> Frame {
        self.command(id, Command::Remove { user: "bob".to_string() });
        let remove = self.frame();
        assert!(matches!(book_of(&remove), Some(ToBook::Remove(_))));
        remove
    }
}

fn online() -> (Peer, Online) {
    let mut peer = Peer::new(config(Some("pw")));
    let online = peer.come_online();
    assert_eq!(peer.words(), ["signed_in"]);
    (peer, online)
}

#[test]
fn a_book_that_moved_is_attached_again_and_asked_again() {
    for took_effect in [true, false] {
        let (mut peer, online) = online();
        peer.remove_bob(5);
        peer.detach(online.book);
        peer.pass(ASK_AGAIN_MS - 1);
        assert!(peer.is_quiet(), "not all at once");
        peer.pass(ASK_AGAIN_MS + 1);
        let attach = peer.frame();
        assert_eq!(peer.attached(&attach), Service::BOOK);
        peer.fetch_book();
        let remove = peer.frame();
        assert!(matches!(book_of(&remove), Some(ToBook::Remove(_))));
        if took_effect {
            peer.refuse(&remove, Refusal::of(Code::NotAContact));
            assert_eq!(peer.words(), ["done(Some(5))"], "and nothing else is seen of it");
        } else {
            peer.refuse(&remove, Refusal::of(Code::Busy));
            assert_eq!(peer.words(), ["error(Some(5), busy)"]);
        }
    }
}

/// From which revision on a list is asked for.
fn since(fetch: &Frame) -> u64 {
    let inbox = ToInbox::decode(fetch.kind, &fetch.body).ok().flatten();
    match (inbox, book_of(fetch)) {
        (Some((ToInbox::Fetch(ask), _)), _) => ask.revision,
        (None, Some(ToBook::Fetch(ask))) => ask.revision,
        _ => panic!("a list is asked for, not {fetch:?}"),
    }
}

#[test]
fn a_change_before_the_list_of_who_moved_does_not_stand_for_the_list() {
    for service in [Service::INBOX, Service::BOOK] {
        let (mut peer, online) = online();
        let channel = if service == Service::BOOK { online.book } else { peer.inbox };
        let attach = peer.attach_again(channel, service);
        let known = since(&peer.frame());
        // Of what came between, the list would tell.
        peer.inbox = attach.channel;
        if service == Service::BOOK {
            peer.push_book(attach.channel, 9, contact(CAROL, "carol", Relation::FRIEND, 9));
        } else {
            peer.push_inbox(9, item(0));
        }
        assert_eq!(since(&peer.asked_after_a_cut(service)), known, "{service:?}");
    }
}

#[test]
fn clients_let_go_together_come_back_apart() {
    let mut waits = alloc::collections::BTreeSet::new();
    for seed in 1..=20 {
        let mut peer = Peer::with_store(config(Some("pw")), Default::default(), seed);
        let online = peer.come_online();
        peer.detach(online.book);
        let due = peer.client_due();
        waits.insert(due);
    }
    assert!(waits.len() > 15, "{waits:?}");
}

#[test]
fn old_tickets_are_renewed_over_the_link_and_nobody_is_offline() {
    let mut peer = Peer::new(config(Some("pw")));
    let online = peer.come_online();
    peer.words();
    peer.grow_old();
    peer.remove_bob(5);
    peer.detach(online.book);
    peer.detach(peer.inbox);
    peer.pass(2 * ASK_AGAIN_MS);
    let attach = peer.frame();
    assert_eq!(peer.attached(&attach), Service::ACCOUNT);
    let ask = peer.frame();
    assert!(matches!(ToAccount::decode(ask.kind, &ask.body), Ok(Some((ToAccount::Resume(_), _)))));
    assert!(peer.is_quiet(), "once for both");
    peer.signed_in(&ask, EndpointId::default());
    let (book, inbox) = (peer.frame(), peer.frame());
    assert_eq!(attach_of(&book).map(|attach| attach.service), Some(Service::BOOK));
    assert_eq!(attach_of(&inbox).map(|attach| attach.service), Some(Service::INBOX));
    assert!(peer.is_quiet(), "the session at the cs stands");
    peer.attached(&book);
    peer.fetch_book();
    assert!(matches!(book_of(&peer.frame()), Some(ToBook::Remove(_))));
    peer.attached(&inbox);
    let fetch = peer.frame();
    assert!(matches!(ToInbox::decode(fetch.kind, &fetch.body), Ok(Some((ToInbox::Fetch(_), _)))));
    peer.pass(4 * ASK_AGAIN_MS);
    assert!(peer.is_quiet() && peer.events.is_empty());
    assert_eq!(peer.dials, 1);
}

#[test]
fn a_renewal_that_is_refused_goes_through_a_new_link() {
    let mut peer = Peer::new(config(Some("pw")));
    let online = peer.come_online();
    peer.words();
    peer.grow_old();
    peer.detach(online.book);
    peer.pass(2 * ASK_AGAIN_MS);
    let attach = peer.frame();
    peer.attached(&attach);
    let ask = peer.frame();
    peer.refuse(&ask, Refusal::later(Code::Retry, 200));
    assert_eq!(peer.is_offline(), "busy");
    peer.pass(5_000);
    assert_eq!(peer.dials, 2);
    peer.come_online();
    assert_eq!(peer.words(), ["signed_in"]);
}

#[test]
fn a_removal_that_took_effect_before_a_cut_is_done() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.contacts.push(contact(CAROL, "carol", Relation::FRIEND, 1));
    peer.come_online();
    peer.remove_bob(5);
    peer.cut();
    peer.events.clear();
    peer.contacts[0] = contact(BOB, "bob", Relation::NONE, 2);
    peer.come_online();
    assert_eq!(peer.words(), ["signed_in", "contact(removed)", "done(Some(5))"]);
    // Said once, it is what it is.
    peer.command(6, Command::Remove { user: "bob".to_string() });
    assert_eq!(peer.error(), (Some(6), "not_a_contact".to_string()));
}

#[test]
fn sync_waits_for_a_book_that_is_attached_again() {
    let (mut peer, online) = online();
    peer.detach(online.book);
    peer.command(1, Command::Sync);
    peer.fetch_inbox();
    assert!(peer.events.is_empty(), "the book may have changed meanwhile");
    peer.pass(2 * ASK_AGAIN_MS);
    let attach = peer.frame();
    assert_eq!(peer.attached(&attach), Service::BOOK);
    peer.fetch_book();
    assert_eq!(peer.words(), ["done(Some(1))"]);
}

#[test]
fn sync_looks_where_it_followed_lately_whatever_the_wall_clocks_say() {
    let (mut peer, online) = online();
    peer.ring(online.cs, 0);
    let join = peer.join_frame();
    peer.joined(&join, 0, 0, None);
    let said = FromGate::Detached(Detached { refusal: Refusal::later(Code::Retry, 200) });
    peer.say(&Frame::event(said.kind(), join.channel, said.encode(&Tail::default())));
    // The inbox heard of nothing for long, by its node's clock; and has not heard of an entry since.
    peer.command(1, Command::Sync);
    peer.fetch_book();
    peer.items = vec![item(0)];
    peer.fetch_inbox();
    assert!(peer.events.is_empty(), "the log may have gone on");
    peer.pass(2 * ASK_AGAIN_MS);
    peer.enter(1, 0, None);
    let read = peer.frame();
    peer.page(&read, vec![bobs(1)], false);
    assert_eq!(peer.words(), ["message(1)", "done(Some(1))"]);
}
