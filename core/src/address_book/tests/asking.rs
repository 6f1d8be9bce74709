//! Asking, accepting, declining, parting.

use alloc::vec;

use super::*;
use crate::edge::ToMixer;
use crate::edge::intent::{Act, ToTarget};
use crate::id::ConversationId;
use crate::limits::{CONTACTS_MAX, INVITE_BURST, TELL_MS};
use crate::store::{Key, Write};

fn befriended() -> World {
    let mut world = World::new();
    world.alice(&invite("bob")).expect("bob may be asked");
    world.bob(&accept(alice())).expect("alice asked");
    world.told.clear();
    world
}

/// The pacts that mixers were told to close.
fn closes(world: &World) -> Vec<(ConversationId, u32)> {
    let close = |post: &Post| match &post.tell {
        Tell::Mixer(ToMixer::Intent(ToTarget::Intent { act, .. })) => match **act {
            Act::Close { conversation, pact } => Some((conversation, pact)),
            Act::Invite { .. } | Act::Accepted { .. } | Act::Parted { .. } => None,
        },
        _ => None,
    };
    world.told.iter().filter_map(close).collect()
}

#[test]
fn an_invitation_accepted_makes_friends_at_both_homes() {
    let mut world = World::new();
    let contact = world.alice(&invite("Bob")).expect("bob may be asked");
    assert_eq!((contact.relation, contact.name.as_str()), (Relation::INVITED, "bob"));
    assert_eq!(world.pushed(BOB, bob()), [(Relation::PENDING, 1)]);
    let asked = world.fetch(BOB, bob(), 0).contacts[0].value.clone();
    assert_eq!((asked.name.as_str(), asked.text.as_str()), ("alice", "hello"));
    assert_eq!(world.may_contact(alice(), bob()), Err(Refusal::of(Code::NotAContact)));
    assert_eq!(world.visible(alice()), Some(vec![]));

    let contact = world.bob(&accept(alice())).expect("alice asked");
    assert_eq!((contact.relation, contact.pact), (Relation::FRIEND, 1));
    assert_eq!(world.pushed(ALICE, alice()), [(Relation::FRIEND, 2)]);
    assert_eq!(world.visibility(), [(bob(), alice(), true), (alice(), bob(), true)]);
    assert_eq!(world.may_contact(alice(), bob()), Ok(1));
    assert_eq!(world.may_contact(bob(), alice()), Ok(1));
    assert_eq!(world.visible(alice()), Some(vec![bob()]));
    // The answer was lost, the client asks again.
    assert_eq!(world.bob(&accept(alice())).map(|contact| contact.relation), Ok(Relation::FRIEND));
    world.later(60_000);
    assert_eq!(world.books[0].source.waiting() + world.books[1].source.waiting(), 0);
}

#[test]
fn every_device_of_a_person_hears_of_a_change_and_the_asker_gets_an_answer() {
    let mut world = World::new();
    world.attach(7, alice(), "alice");
    world.alice(&invite("bob")).expect("bob may be asked");
    assert_eq!(world.pushed(7, alice()), [(Relation::INVITED, 1)]);
    assert_eq!(world.pushed(ALICE, alice()), []);
}

#[test]
fn a_declined_invitation_tells_nothing() {
    let mut world = World::new();
    world.alice(&invite("bob")).expect("bob may be asked");
    let contact = world.bob(&decline(alice())).expect("alice asked");
    assert_eq!(contact.relation, Relation::NONE);
    assert_eq!(world.pushed(ALICE, alice()), []);
    assert_eq!(relations(&mut world), [Some((Relation::INVITED, 1)), None]);
    assert_eq!(world.bob(&accept(alice())), refused(Code::NoInvitation));
    // Bob asks in his turn: alice's asking still stands.
    let contact = world.bob(&invite("alice")).expect("alice may be asked");
    assert_eq!(contact.relation, Relation::INVITED);
    assert_eq!(relations(&mut world), vec![Some((Relation::FRIEND, 2)); 2]);
}

#[test]
fn parting_ends_it_at_both_homes_and_at_the_mixer() {
    let mut world = befriended();
    let contact = world.alice(&remove(bob())).expect("bob is a friend");
    assert_eq!(contact.relation, Relation::NONE);
    assert_eq!(world.pushed(BOB, bob()), [(Relation::NONE, 3)]);
    assert_eq!(world.visibility(), [(alice(), bob(), false), (bob(), alice(), false)]);
    assert_eq!(closes(&world), [(ConversationId::one_to_one(alice(), bob()), 1)]);
    assert_eq!(relations(&mut world), [None, None]);
    assert_eq!(world.may_contact(bob(), alice()), Err(Refusal::of(Code::NotAContact)));
    // Again, under a new pact.
    world.bob(&invite("alice")).expect("alice may be asked");
    world.alice(&accept(bob())).expect("bob asked");
    assert_eq!(relations(&mut world), vec![Some((Relation::FRIEND, 2)); 2]);
}

#[test]
fn an_invitation_taken_back_is_gone_at_both_homes() {
    let mut world = World::new();
    world.alice(&invite("bob")).expect("bob may be asked");
    world.alice(&remove(bob())).expect("it was asked");
    assert_eq!(relations(&mut world), [None, None]);
    assert_eq!(world.visibility(), []);
}

#[test]
fn invitations_that_cross_make_friends() {
    let mut world = World::new();
    world.cut = true;
    world.alice(&invite("bob")).expect("bob may be asked");
    world.bob(&invite("alice")).expect("alice may be asked");
    world.cut = false;
    world.later(1_000);
    assert_eq!(relations(&mut world), vec![Some((Relation::FRIEND, 1)); 2]);
    assert_eq!(world.visibility().len(), 2);
}

#[test]
fn a_yes_to_what_was_taken_back_ends_apart() {
    let mut world = World::new();
    world.alice(&invite("bob")).expect("bob may be asked");
    world.cut = true;
    world.bob(&accept(alice())).expect("alice asked");
    world.alice(&remove(bob())).expect("it was asked");
    world.cut = false;
    world.later(1_000);
    world.later(1_000);
    assert_eq!(relations(&mut world), [None, None]);
    assert_eq!(world.visible(bob()), Some(vec![]));
}

#[test]
fn a_name_nobody_has_is_invited_like_any_other() {
    let mut world = World::new();
    let known = world.alice(&invite("bob")).expect("a name");
    let unknown = world.alice(&invite("nobody")).expect("a name");
    assert_eq!(known.relation, unknown.relation);
    assert_eq!(known.pact, unknown.pact);
    assert_eq!(
        world.may_contact(alice(), unknown.user),
        world.may_contact(alice(), person(1, 2, 99)),
    );
    assert_eq!(world.alice(&remove(unknown.user)).map(|c| c.relation), Ok(Relation::NONE));
}

#[test]
fn what_may_not_be_asked_is_refused() {
    let mut world = World::new();
    assert_eq!(world.alice(&invite("alice")), refused(Code::Yourself));
    assert_eq!(world.alice(&invite("b ob")), refused(Code::Invalid));
    assert_eq!(world.alice(&accept(bob())), refused(Code::NoInvitation));
    assert_eq!(world.alice(&decline(bob())), refused(Code::NoInvitation));
    assert_eq!(world.alice(&remove(bob())), refused(Code::NotAContact));
    world.alice(&invite("bob")).expect("bob may be asked");
    assert_eq!(world.alice(&invite("bob")), refused(Code::AlreadyContact));
}

#[test]
fn a_burst_of_invitations_is_slowed_down() {
    let mut world = World::new();
    for _ in 0..INVITE_BURST {
        assert_eq!(world.alice(&invite("alice")), refused(Code::Yourself));
    }
    let slowed = world.alice(&invite("alice")).expect_err("too many");
    assert_eq!((slowed.code, slowed.retry_after_ms), (Code::TooFast, 1_000));
    world.later(1_000);
    assert_eq!(world.alice(&invite("alice")), refused(Code::Yourself));
    world.later(1_000);
    assert_eq!(world.books[0].homes.len(), 1, "the rate is not as if new yet");
    world.later(60_000);
    assert_eq!(world.books[0].homes.len(), 0, "who rests is forgotten");
}

#[test]
fn a_full_list_takes_no_more() {
    let mut world = World::new();
    for user in [alice(), bob()] {
        let contacts = u32::try_from(CONTACTS_MAX).expect("small");
        let row = super::super::rows::BookRow { revision: 5, contacts, name: "".into() };
        let puts = vec![(Key::book(user), row.encode())];
        world.store.handle(&Request::Write(Write { puts, ..Write::default() }));
    }
    assert_eq!(world.alice(&invite("carol")), refused(Code::LimitReached));
    world.attach(9, person(1, 2, 1), "carol");
    let asked = world.answer(9, person(1, 2, 1), &invite("bob"));
    assert_eq!(asked.map(|contact| contact.relation), Ok(Relation::INVITED));
    assert_eq!(world.pushed(BOB, bob()), [], "a full list is told nothing");
    assert_eq!(world.books[1].source.waiting(), 0, "and the intent is done");
}

#[test]
fn the_operator_makes_friends_once() {
    let mut world = World::new();
    for _ in 0..2 {
        for (node, user, peer) in [(0, alice(), bob()), (1, bob(), alice())] {
            let peer_name = Text::new("x").expect("short");
            let tell = book_account::ToBook::Befriend { user, peer, peer_name };
            world.tell(node, ToBook::Account(tell));
        }
    }
    assert_eq!(relations(&mut world), vec![Some((Relation::FRIEND, 1)); 2]);
    assert_eq!(world.pushed(ALICE, alice()), [(Relation::FRIEND, 1)]);
}

#[test]
fn a_name_that_is_not_found_in_time_is_asked_again() {
    let mut world = World::new();
    world.mute = true;
    world.ask(ALICE, alice(), &invite("bob"));
    world.later(TELL_MS);
    world.ask(ALICE, alice(), &invite("bob"));
    // The shard of "bob" is on one of the two nodes.
    world.books[0].handle_input(lost(0), world.now);
    world.books[0].handle_input(lost(1), world.now);
    world.settle();
    let answers = world.frames(|at, request| at.link.0 == ALICE && request != 0);
    assert!(!answers.is_empty());
    for answer in answers {
        assert_eq!(answer.expect_err("not found").code, Code::Retry);
    }
}

#[test]
fn who_asks_and_is_gone_before_it_is_decided_is_named_all_the_same() {
    let mut world = World::new();
    let frame = invite("bob");
    let port = World::port(ALICE, alice());
    let (kind, body) = (frame.kind(), frame.encode(&Tail::default()));
    let asks = ToService::Frame { port, kind, request: 9, body };
    for tell in [asks, ToService::Closed { port, detached: false }] {
        let tell = envelope(Role::Gate, port.node.0, None, ToBook::Client(tell));
        world.books[usize::from(port.node.0)].handle_input(Input::Tell(tell), world.now);
    }
    world.settle();
    let asked = world.fetch(BOB, bob(), 0).contacts[0].value.clone();
    assert_eq!(asked.name.as_str(), "alice");
}
