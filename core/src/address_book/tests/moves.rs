//! PROTOCOL §9.5: a home goes, a home comes.

use super::*;
use crate::attached::attached_test::moved;
use crate::attached::moved_refusal;

impl World {
    /// The range of a person moves, and both nodes hear of it.
    fn go(&mut self, user: UserId, owner: u16) {
        let shard = Shard::of_user(user);
        let from = self.topology.owner(shard).0;
        let moved = moved(&mut self.store, shard, from, owner);
        self.topology.apply(&moved);
        for node in 0..2 {
            self.books[node].handle_input(Input::Peer(Peer::Moved(moved)), self.now);
        }
        self.settle();
    }

    /// What node 0 asks of the store next, not carried out.
    fn hold(&mut self) -> (OpId, Request) {
        loop {
            match self.books[0].poll_output() {
                Some(Output::Store { op, request }) => return (op, request),
                Some(Output::Tell(post)) => {
                    assert!(self.carry(0, post).is_none(), "nothing is told to books");
                }
                None => panic!("nothing is asked"),
            }
        }
    }

    /// Alice says something, and the store is asked for the first time.
    fn begin(&mut self, frame: &Frame) -> (OpId, Request) {
        self.request += 1;
        let (kind, body) = (frame.kind(), frame.encode(&Tail::default()));
        let port = Self::port(ALICE, alice());
        let tell = ToBook::Client(ToService::Frame { port, kind, request: self.request, body });
        self.books[0].handle_input(Input::Tell(envelope(Role::Gate, 0, None, tell)), self.now);
        self.hold()
    }

    fn closed(&self) -> Vec<Port> {
        let closed = self.told.iter().filter_map(to_gate).filter_map(|tell| match tell {
            ToGate::Refuse { port, request: 0, refusal } if *refusal == moved_refusal() => {
                Some(*port)
            }
            _ => None,
        });
        closed.collect()
    }
}

#[test]
fn who_loses_a_home_closes_its_channels_and_keeps_nothing() {
    let mut world = World::new();
    world.alice(&invite("bob")).expect("bob may be asked");
    world.told.clear();
    world.go(alice(), 1);
    assert_eq!(world.closed(), [World::port(ALICE, alice())]);
    assert_eq!((world.books[0].homes.len(), world.books[0].pending.len()), (0, 0));
    world.attach(ALICE, alice(), "alice");
    world.bob(&accept(alice())).expect("she asked");
    assert_eq!(relations(&mut world), [Some((Relation::FRIEND, 1)); 2]);
    let before = world.told.len();
    world.books[0].handle_timeout(world.now + 60_000);
    assert_eq!(world.books[0].poll_timeout(), None);
    assert_eq!(world.told.len(), before);
}

#[test]
fn a_change_at_any_step_is_dropped_and_takes_effect_once_or_not_at_all() {
    // Book row, contact row, number of the intent, the write.
    for steps in 0..4 {
        let mut world = World::new();
        world.bob(&invite("alice")).expect("alice may be asked");
        let (mut op, mut request) = world.begin(&accept(bob()));
        for _ in 0..steps {
            let reply = world.stored(&request);
            world.books[0].handle_input(Input::Stored { op, reply }, world.now);
            (op, request) = world.hold();
        }
        let is_write = matches!(request, Request::Write(_));
        assert_eq!(is_write, steps == 3);
        world.told.clear();
        world.go(alice(), 1);
        assert_eq!(world.closed().len(), 1, "which ends what was asked there");
        // The write lands late and fails by its check, or a read is answered: nobody's.
        let reply = world.stored(&request);
        assert_eq!(reply == Reply::Conflict, is_write);
        world.books[0].handle_input(Input::Stored { op, reply }, world.now);
        world.settle();
        assert_eq!(world.books[0].pending.len(), 0);
        world.attach(ALICE, alice(), "alice");
        assert_eq!(relations(&mut world)[0], Some((Relation::PENDING, 1)));
        world.alice(&accept(bob())).expect("nothing had been written");
        assert_eq!(relations(&mut world), [Some((Relation::FRIEND, 1)); 2]);
    }
}

#[test]
fn a_change_that_landed_unseen_is_told_by_the_new_owner() {
    let mut world = World::new();
    world.bob(&invite("alice")).expect("alice may be asked");
    let (mut op, mut request) = world.begin(&accept(bob()));
    while !matches!(request, Request::Write(_)) {
        let reply = world.stored(&request);
        world.books[0].handle_input(Input::Stored { op, reply }, world.now);
        (op, request) = world.hold();
    }
    let reply = world.stored(&request);
    assert!(matches!(reply, Reply::Written { .. }));
    world.go(alice(), 1);
    world.books[0].handle_input(Input::Stored { op, reply }, world.now);
    world.settle();
    world.attach(ALICE, alice(), "alice");
    assert_eq!(relations(&mut world), [Some((Relation::FRIEND, 1)); 2]);
    assert_eq!(world.books[1].source.waiting(), 0);
}

#[test]
fn requests_for_a_home_that_is_elsewhere_are_retry() {
    let mut world = World::new();
    world.go(alice(), 1);
    let user = alice();
    world.tell(0, ToBook::Cs(cs_book::ToBook::MayContact { user, peer: bob() }));
    let retry = Err(moved_refusal());
    let Some(Tell::Cs(ToCs::Book(cs_book::ToCs::MayContact { outcome }))) =
        world.told.last().map(|post| &post.tell)
    else {
        panic!("an answer");
    };
    assert_eq!(*outcome, retry);
    world.tell(0, ToBook::Ps(book_ps::ToBook::Visible { user }));
    assert!(matches!(
        world.told.last().map(|post| &post.tell),
        Some(Tell::Ps(ToPs::Book(book_ps::ToPs::Visible { friends: None, .. })))
    ));
    assert_eq!(world.may_contact(alice(), bob()), refused(Code::NotAContact).map(|_| 0));
}

#[test]
fn an_intent_for_a_target_that_moved_is_applied_once_by_its_new_owner() {
    let mut world = World::new();
    world.cut = true;
    world.alice(&invite("bob")).expect("bob may be asked");
    assert_eq!(world.pushed(BOB, bob()), []);
    world.go(bob(), 0);
    world.attach(BOB, bob(), "bob");
    assert_eq!(relations(&mut world)[1], Some((Relation::PENDING, 1)), "told at once");
    world.cut = false;
    // Back, and told once more by nobody.
    world.go(bob(), 1);
    world.attach(BOB, bob(), "bob");
    world.alice(&remove(bob())).expect("it was asked");
    world.alice(&invite("bob")).expect("bob may be asked");
    assert_eq!(relations(&mut world), [Some((Relation::INVITED, 2)), Some((Relation::PENDING, 2))]);
}

#[test]
fn a_name_asked_of_an_account_that_moved_is_retry() {
    let mut world = World::new();
    world.mute = true;
    world.ask(ALICE, alice(), &invite("bob"));
    let request = world.request;
    let shard = Shard::of_name("bob");
    let from = world.topology.owner(shard).0;
    let moved = moved(&mut world.store, shard, from, 1 - from);
    world.books[0].handle_input(Input::Peer(Peer::Moved(moved)), world.now);
    world.settle();
    let answers = world.frames(|at, of| at == World::port(ALICE, alice()) && of == request);
    assert!(matches!(answers.as_slice(), [Err(refusal)] if refusal.code == Code::Retry));
}
