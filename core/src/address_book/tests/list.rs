//! Whole lists and what changed in them.

use alloc::collections::BTreeMap;

use super::*;
use crate::rng::Rng;

type View = BTreeMap<UserId, Contact>;

fn fold(view: &mut View, contacts: &Contacts) {
    if contacts.full {
        view.clear();
    }
    for contact in contacts.contacts.iter() {
        if contact.value.relation == Relation::NONE {
            view.remove(&contact.value.user);
        } else {
            view.insert(contact.value.user, contact.value.clone());
        }
    }
}

#[test]
fn deltas_add_up_to_the_whole() {
    let mut world = World::new();
    let mut rng = Rng::new([3; 32]);
    let (mut view, mut revision) = (View::new(), 0);
    for _ in 0..200 {
        let frame = match rng.below(4) {
            0 => invite(["bob", "carol", "nobody"][rng.below(3) as usize]),
            1 => accept(bob()),
            2 => remove(bob()),
            _ => remove(person(1, 2, 1)),
        };
        world.ask(ALICE, alice(), &frame);
        match rng.below(4) {
            0 => world.ask(BOB, bob(), &invite("alice")),
            1 => world.ask(BOB, bob(), &remove(alice())),
            2 => world.ask(BOB, bob(), &accept(alice())),
            _ => {}
        }
        world.later(1_000);
        if rng.below(3) == 0 {
            let delta = world.fetch(ALICE, alice(), revision);
            assert_eq!(delta.full, revision == 0);
            fold(&mut view, &delta);
            revision = delta.revision;
        }
    }
    fold(&mut view, &world.fetch(ALICE, alice(), revision));
    let mut whole = View::new();
    let full = world.fetch(ALICE, alice(), 0);
    assert!(full.full && full.contacts.iter().all(|c| c.value.relation != Relation::NONE));
    fold(&mut whole, &full);
    assert_eq!(view, whole);
    assert!(full.revision > 20, "something happened");
    let ahead = world.fetch(ALICE, alice(), full.revision + 5);
    assert!(ahead.full, "a client that is ahead gets everything");
}

#[test]
fn nothing_changed_is_an_empty_delta() {
    let mut world = World::new();
    world.alice(&invite("bob")).expect("bob may be asked");
    let delta = world.fetch(ALICE, alice(), 1);
    assert_eq!((delta.full, delta.revision, delta.contacts.len()), (false, 1, 0));
    let empty = world.fetch(BOB, person(1, 2, 0), 0);
    assert!(empty.full);
}

#[test]
fn long_lists_come_in_parts_below_a_frame() {
    use crate::limits::{FRAME_BYTES_MAX, INVITE_BYTES_MAX};
    use crate::store::{Key, Write};
    use crate::wire::record::Record;
    let mut world = World::new();
    let row = super::super::rows::BookRow { revision: 900, contacts: 900, name: "".into() };
    let mut puts = vec![(Key::book(alice()), row.encode())];
    let text = Text::new(core::iter::repeat_n('x', INVITE_BYTES_MAX).collect::<String>());
    let text = text.expect("at the bound");
    for n in 0..900u32 {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&n.to_be_bytes());
        let (user, relation) = (UserId(id), Relation::FRIEND);
        let (name, text) = (Text::new("x").expect("short"), text.clone());
        let contact = Contact { user, name, relation, text, pact: 1, revision: u64::from(n) + 1 };
        puts.push((Key::contact(alice(), user), Record::from(contact).encode()));
    }
    world.store.handle(&Request::Write(Write { puts, ..Write::default() }));
    world.ask(ALICE, alice(), &Frame::Fetch(FetchBook { revision: 0 }));
    let request = world.request;
    let parts: Vec<(usize, bool)> = world
        .told
        .iter()
        .filter_map(to_gate)
        .filter_map(|tell| match tell {
            ToGate::Frame { request: of, body, more, .. } if *of == request => {
                Some((body.len(), *more))
            }
            _ => None,
        })
        .collect();
    assert!(parts.len() > 4 && parts.iter().all(|(bytes, _)| *bytes < FRAME_BYTES_MAX - 100));
    let (last, others) = parts.split_last().expect("parts");
    assert!(!last.1 && others.iter().all(|(_, more)| *more));
    let frames = world.frames(|_, of| of == request);
    let total: usize = frames
        .iter()
        .map(|frame| match frame {
            Ok(FromBook::Contacts(part)) => part.contacts.len(),
            other => panic!("{other:?}"),
        })
        .sum();
    assert_eq!(total, 900);
    assert_eq!(world.visible(alice()).map(|friends| friends.len()), Some(900));
}

#[test]
fn a_short_list_comes_in_one_part() {
    let mut world = World::new();
    world.alice(&invite("bob")).expect("bob may be asked");
    world.alice(&invite("carol")).expect("carol may be asked");
    world.ask(ALICE, alice(), &Frame::Fetch(FetchBook { revision: 0 }));
    let request = world.request;
    let parts = world.frames(|_, of| of == request);
    let [Ok(FromBook::Contacts(part))] = parts.as_slice() else { panic!("one part: {parts:?}") };
    assert_eq!(part.contacts.len(), 2);
}
