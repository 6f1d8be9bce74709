//! Lost tells, restarts, and a store that fails or does not say.

use super::*;
use crate::limits::{HOME_WAITING_MAX, REWRITE_MS};

#[test]
fn a_lost_tell_is_told_again_and_applied_once() {
    let mut world = World::new();
    world.cut = true;
    world.alice(&invite("bob")).expect("bob may be asked");
    assert_eq!(world.pushed(BOB, bob()), []);
    world.later(1_000);
    world.cut = false;
    world.later(1_000);
    world.later(1_000);
    assert_eq!(world.pushed(BOB, bob()), [(Relation::PENDING, 1)]);
    assert_eq!(world.books[0].source.waiting(), 0);
}

#[test]
fn a_restart_between_write_and_tell_loses_nothing() {
    let mut world = World::new();
    world.cut = true;
    world.alice(&invite("bob")).expect("bob may be asked");
    world.cut = false;
    world.restart(0);
    assert_eq!(world.pushed(BOB, bob()), [(Relation::PENDING, 1)]);
    assert_eq!(world.books[0].source.waiting(), 0);
    world.restart(0);
    world.later(5_000);
    assert_eq!(world.pushed(BOB, bob()).len(), 1, "what was applied is not told after a restart");
}

#[test]
fn a_restart_of_the_target_applies_nothing_twice() {
    let mut world = World::new();
    world.alice(&invite("bob")).expect("bob may be asked");
    world.restart(1);
    world.attach(BOB, bob(), "bob");
    world.alice(&remove(bob())).expect("it was asked");
    world.alice(&invite("bob")).expect("bob may be asked");
    assert_eq!(relations(&mut world), [Some((Relation::INVITED, 2)), Some((Relation::PENDING, 2))]);
    assert_eq!(world.fetch(BOB, bob(), 0).revision, 3);
}

#[test]
fn a_failed_write_changes_nothing_and_says_so() {
    let mut world = World::new();
    world.faults.push_back(Fault::Failed);
    assert_eq!(world.alice(&invite("bob")), refused(Code::StoreFailed));
    assert_eq!(relations(&mut world), [None, None]);
    world.alice(&invite("bob")).expect("the store is well again");
    assert_eq!(world.pushed(BOB, bob()).len(), 1);
}

#[test]
fn a_write_of_unknown_outcome_happens_once_and_is_answered_once() {
    for fault in [Fault::UnknownWritten, Fault::UnknownLost] {
        let mut world = World::new();
        world.faults.extend([fault, fault]);
        world.ask(ALICE, alice(), &invite("bob"));
        let request = world.request;
        assert!(world.frames(|_, of| of == request).is_empty());
        (0..3).for_each(|_| world.later(REWRITE_MS));
        let answers = world.frames(|_, of| of == request);
        assert!(
            matches!(answers.as_slice(), [Ok(FromBook::Changed(changed))]
                if changed.contact.value.relation == Relation::INVITED),
            "{fault:?}: {answers:?}"
        );
        assert_eq!(world.pushed(BOB, bob()), [(Relation::PENDING, 1)], "{fault:?}");
        let expected = [Some((Relation::INVITED, 1)), Some((Relation::PENDING, 1))];
        assert_eq!(relations(&mut world), expected, "{fault:?}");
    }
}

#[test]
fn a_refusal_after_an_unknown_outcome_is_not_taken_for_the_whole_truth() {
    for fault in [Fault::UnknownWritten, Fault::UnknownLost] {
        let mut world = World::new();
        world.faults.extend([fault, Fault::Failed]);
        world.ask(ALICE, alice(), &invite("bob"));
        (0..3).for_each(|_| world.later(REWRITE_MS));
        let expected = [Some((Relation::INVITED, 1)), Some((Relation::PENDING, 1))];
        assert_eq!(relations(&mut world), expected, "{fault:?}: bob's home was told");
    }
}

#[test]
fn an_intent_applied_with_an_unknown_outcome_is_applied_once() {
    for fault in [Fault::UnknownWritten, Fault::UnknownLost] {
        let mut world = World::new();
        world.cut = true;
        world.alice(&invite("bob")).expect("bob may be asked");
        world.cut = false;
        world.faults.extend([fault, fault]);
        (0..30).for_each(|_| world.later(REWRITE_MS));
        assert_eq!(world.pushed(BOB, bob()), [(Relation::PENDING, 1)], "{fault:?}");
        assert_eq!(world.books[0].source.waiting(), 0, "{fault:?}");
        world.bob(&accept(alice())).expect("alice asked");
        assert_eq!(relations(&mut world)[0], Some((Relation::FRIEND, 1)), "{fault:?}");
    }
}

#[test]
fn a_stale_life_writes_nothing() {
    let mut world = World::new();
    // A newer life of node 0 started elsewhere.
    let _newer = setup(&mut world.store, 0, 2, 2);
    let refusal = world.alice(&invite("bob")).expect_err("the fence holds");
    assert_eq!(refusal.code, Code::Retry);
    assert_eq!(world.pushed(BOB, bob()), []);
}

#[test]
fn too_many_waiting_for_one_person_are_refused() {
    let mut world = World::new();
    let node = 0;
    let book = &mut world.books[node];
    for _ in 0..HOME_WAITING_MAX + 2 {
        let ask = cs_book::ToBook::MayContact { user: alice(), peer: bob() };
        let input = Input::Tell(envelope(Role::Cs, 0, None, ToBook::Cs(ask)));
        book.handle_input(input, world.now);
    }
    world.settle();
    let outcomes: Vec<Code> = world
        .told
        .iter()
        .filter_map(|post| match &post.tell {
            Tell::Cs(ToCs::Book(cs_book::ToCs::MayContact { outcome: Err(refusal) })) => {
                Some(refusal.code)
            }
            _ => None,
        })
        .collect();
    assert_eq!(outcomes.iter().filter(|code| **code == Code::Busy).count(), 1);
    assert_eq!(outcomes.len(), HOME_WAITING_MAX + 2, "each is answered");
}

#[test]
fn a_list_whose_numbers_are_at_their_end_is_no_list() {
    use crate::address_book::rows::BookRow;
    let row = |revision, contacts| BookRow { revision, contacts, name: "alice".into() };
    let reads = |row: BookRow| BookRow::decode(&row.encode()).is_some();
    assert!(reads(row(crate::store::COUNTER_END - 1, 1_000)));
    assert!(!reads(row(crate::store::COUNTER_END, 1)));
    assert!(!reads(row(1, u32::MAX)));
}

/// What a book asks the store, unanswered.
fn asked(world: &mut World) -> Vec<(OpId, Request)> {
    let mut asked = Vec::new();
    while let Some(output) = world.books[0].poll_output() {
        match output {
            Output::Store { op, request } => asked.push((op, request)),
            Output::Tell(post) => world.told.push(post),
        }
    }
    asked
}

#[test]
fn who_is_forgotten_is_nobody_of_whom_something_runs() {
    let mut world = World::new();
    world.alice(&invite("bob")).expect("bob may be asked");
    let due = world.books[0].poll_timeout().expect("the rate is forgotten in the end").at;
    let may_contact = || {
        let ask = cs_book::ToBook::MayContact { user: alice(), peer: bob() };
        Input::Tell(envelope(Role::Cs, 0, None, ToBook::Cs(ask)))
    };
    world.now = due;
    world.books[0].handle_input(may_contact(), world.now);
    let first = asked(&mut world);
    assert_eq!(first.len(), 1, "it runs");
    world.books[0].handle_timeout(world.now);
    world.books[0].handle_input(may_contact(), world.now);
    assert_eq!(asked(&mut world).len(), 0, "one after the other");
    for (op, request) in first {
        let reply = world.stored(&request);
        world.books[0].handle_input(Input::Stored { op, reply }, world.now);
    }
    world.settle();
    let answers = world.told.iter().filter(|post| matches!(post.tell, Tell::Cs(_)));
    assert_eq!(answers.count(), 2);
    assert_eq!(world.books[0].homes.len(), 0);
}

#[test]
fn every_queue_of_a_book_keeps_its_bound_while_a_name_is_looked_for() {
    use crate::measure::Queues;
    let mut world = World::new();
    world.mute = true;
    world.ask(ALICE, alice(), &invite("bob"));
    let mut queues = Queues::default();
    world.books[0].queues(&mut queues);
    let timers = queues.all().iter().find(|queue| queue.name == "book timers").expect("is named");
    assert_eq!((timers.length, timers.bound), (2, 2), "of the asking, and of the rate");
    assert!(queues.all().iter().all(|queue| queue.length <= queue.bound), "{queues:?}");
}
