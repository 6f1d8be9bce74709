use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::peer::{CAROL, Peer, book_of, config, contact, cs_of};
use crate::client::{Command, Event};
use crate::error::{Code, Refusal};
use crate::id::Act;
use crate::limits::COMMANDS_WAITING_MAX;
use crate::model::contact::Relation;
use crate::wire::body::book::{Accept, BookChanged, FromBook, ToBook};
use crate::wire::body::cs::{Done, FromCs, ToCs};
use crate::wire::frame::Frame;

fn act_of(frame: &Frame) -> Option<Act> {
    let said = ToCs::decode(frame.kind, &frame.body).expect("well formed");
    let (said, tail) = said.expect("a known kind");
    assert!(matches!(said, ToCs::SetProfile(_)), "{said:?}");
    tail.act()
}

fn send(to: &str, text: &str) -> Command {
    Command::Send { to: to.to_string(), text: text.to_string() }
}

fn status(text: &str) -> Command {
    Command::Status { status: text.to_string() }
}

#[test]
fn what_is_wrong_with_a_command_is_said_at_once() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.come_online();
    peer.events.clear();
    let user = |user: &str| user.to_string();
    let long = "x".repeat(129);
    let cases = [
        (send("bob", ""), "invalid"),
        (send("bob", &"x".repeat(8_193)), "too_large"),
        (send("no body", "a"), "invalid"),
        (send("carol", "a"), "not_a_contact"),
        (send("alice", "a"), "yourself"),
        (Command::Typing { to: user("carol") }, "not_a_contact"),
        (status("offline"), "invalid"),
        (status("asleep"), "invalid"),
        (Command::Message { text: long.clone() }, "too_large"),
        (Command::Name { text: user("a\nb") }, "invalid"),
        (Command::Add { user: user("Alice"), text: String::new() }, "yourself"),
        (Command::Add { user: user("carol"), text: long }, "too_large"),
        (Command::Accept { user: user("carol") }, "no_invitation"),
        (Command::Remove { user: user("carol") }, "not_a_contact"),
        (Command::History { with: user("carol"), before: None, limit: None }, "not_a_contact"),
        (Command::History { with: user("bob"), before: None, limit: Some(0) }, "invalid"),
    ];
    for (id, (command, code)) in (1..).zip(cases) {
        peer.command(id, command);
        assert_eq!(peer.error(), (Some(id), code.to_string()));
    }
    assert!(peer.is_quiet());
    peer.command(99, send("bob", &"x".repeat(8_192)));
    assert!(peer.events.is_empty());
}

#[test]
fn commands_wait_for_the_connection_in_order() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.command(1, send("BOB", "a"));
    peer.command(2, Command::Contacts);
    peer.command(3, Command::Message { text: "m".to_string() });
    peer.command(4, send("carol", "b"));
    assert!(peer.events.is_empty());
    peer.come_online();
    assert_eq!(peer.words(), ["signed_in", "contacts(1)", "error(Some(4), not_a_contact)"]);
    let mut said = (peer.frame(), peer.frame());
    if matches!(cs_of(&said.0), Some(ToCs::SetProfile(_))) {
        said = (said.1, said.0);
    }
    assert!(matches!(cs_of(&said.0), Some(ToCs::Contact(_))));
    peer.answer_cs(&said.1, &FromCs::Done(Done {}));
    assert_eq!(peer.words(), ["done(Some(3))"]);
}

#[test]
fn a_change_of_the_profile_said_again_is_the_same_act() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.come_online();
    let mut acts = Vec::new();
    for (id, command) in [
        (1, Command::Name { text: "a".to_string() }),
        (2, Command::Message { text: "a".to_string() }),
    ] {
        peer.command(id, command);
        acts.push(act_of(&peer.frame()).expect("the home knows it again by it"));
    }
    assert!(acts[0].process == acts[1].process && acts[0].number < acts[1].number);
    peer.cut();
    peer.come_online();
    let again = [peer.frame(), peer.frame()].map(|frame| act_of(&frame));
    assert_eq!(again, [Some(acts[0]), Some(acts[1])]);
}

#[test]
fn too_many_waiting_commands_are_refused() {
    let mut peer = Peer::new(config(Some("pw")));
    for id in 0..COMMANDS_WAITING_MAX as u64 {
        peer.command(id, Command::Contacts);
    }
    assert!(peer.events.is_empty());
    peer.command(9_999, Command::Contacts);
    assert_eq!(peer.error(), (Some(9_999), "limit_reached".to_string()));
}

#[test]
fn invitations_are_answered_through_the_book() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.contacts.push(contact(CAROL, "carol", Relation::PENDING, 2));
    peer.come_online();
    peer.events.clear();
    peer.command(1, Command::Accept { user: "carol".to_string() });
    let accept = peer.frame();
    assert_eq!(book_of(&accept), Some(ToBook::Accept(Accept { user: CAROL })));
    let contact = contact(CAROL, "carol", Relation::FRIEND, 3).into();
    peer.answer_book(&accept, &FromBook::Changed(BookChanged { revision: 3, contact }));
    assert_eq!(peer.words(), ["contact(friend)", "done(Some(1))"]);
    peer.frame();
    peer.command(2, Command::Remove { user: "carol".to_string() });
    let remove = peer.frame();
    peer.refuse(&remove, Refusal::later(Code::Busy, 700));
    let Event::Error { id, retry_ms, .. } = peer.event() else { panic!("an error") };
    assert_eq!((id, retry_ms), (Some(2), Some(700)));
}
