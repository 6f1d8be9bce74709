//! PROTOCOL §9.5: a home moves, and its new owner knows nothing of what is here.

use super::*;
use crate::edge::{Peer, cs_book};
use crate::error::Code;
use crate::id::ConversationId;
use crate::topology::{Moved, Placement};
use crate::wire::body::cs::Contact;

fn moved(user: UserId, from: u16, owner: u16, term: u32) -> Moved {
    let placement = Placement { owner: NodeId(owner), term, revision: Some(u64::from(term)) };
    Moved { range: Shard::of_user(user).range(), from: NodeId(from), placement }
}

fn admit(
    friend: UserId,
    watcher: UserId,
    number: u32,
    epoch: Epoch,
    status: Status,
) -> cs_ps::ToCs {
    let presence = presence(status).into();
    cs_ps::ToCs::Admit { friend, watcher, number, epoch, version: 1, acl: 1, presence }
}

#[test]
fn the_new_owner_is_told_all_again_and_others_nothing() {
    let mut bench = Bench::new();
    let (me, bob, carol) = (user_at(1, 0), user_at(1, 1), user_at(0, 0));
    bench.session(1, me, PHONE);
    bench.watch(1, &[bob, carol]);
    bench.status(1, Status::Busy);
    let before = bench.homes();
    bench.input(Input::Peer(Peer::Moved(moved(me, 1, 0, 1))));
    let again = bench.homes();
    let [
        cs_ps::ToPs::Arrive { user, sign_in: SIGN_IN, .. },
        cs_ps::ToPs::Publish { status: Status::Busy, ago_ms: Some(0), .. },
    ] = again[..]
    else {
        panic!("{again:?}");
    };
    assert_eq!(user, me);
    bench.input(Input::Peer(Peer::Moved(moved(bob, 1, 0, 1))));
    let again = bench.homes();
    let number = numbers(&again)[0];
    assert!(number > *numbers(&before).iter().max().unwrap());
    assert_eq!(again, [cs_ps::ToPs::Watch { friend: bob, watcher: me, number }]);
    // The node that owned them comes up again: it is not told of what is not its own any more.
    bench.input(Input::Peer(Peer::Up(NodeId(1))));
    assert_eq!(bench.homes(), []);
}

#[test]
fn what_is_shown_stays_until_the_new_owner_says_otherwise() {
    let mut bench = Bench::new();
    let (me, bob) = (user_at(0, 0), user_at(1, 0));
    bench.session(1, me, PHONE);
    bench.watch(1, &[bob]);
    let number = numbers(&bench.homes())[0];
    bench.ps(admit(bob, me, number, Epoch::new(0, 7), Status::Online));
    bench.shown();
    bench.input(Input::Peer(Peer::Moved(moved(bob, 1, 0, 1))));
    let anew = numbers(&bench.homes())[0];
    assert_eq!(bench.shown(), []);
    // The past owner does not know yet: its words are nobody's.
    bench.ps(admit(bob, me, number, Epoch::new(0, 7), Status::Offline));
    let (friend, epoch) = (bob, Epoch::new(0, 7));
    let presence = presence(Status::Offline).into();
    bench.ps(cs_ps::ToCs::Presence { friend, epoch, version: 9, acl: 1, presence });
    assert_eq!(bench.shown(), []);
    // A later term outranks any number of lives.
    let (watcher, epoch) = (me, Epoch::new(1, 1));
    bench.ps(cs_ps::ToCs::Settling { friend, watcher, number: anew, epoch, acl: 1 });
    assert_eq!(bench.shown(), []);
    bench.ps(admit(bob, me, anew, epoch, Status::Away));
    assert_eq!(bench.shown(), [(1, bob, Status::Away)]);
}

#[test]
fn what_was_asked_of_the_past_owner_is_retry_at_once() {
    let mut bench = Bench::new();
    let (me, peer) = (user_at(1, 0), user_at(0, 1));
    bench.session(1, me, PHONE);
    bench.status(1, Status::Online);
    bench.say(1, 4, &ToCs::Contact(Contact { user: peer }));
    let op = bench.out.last().unwrap().op;
    bench.out.clear();
    bench.input(Input::Peer(Peer::Moved(moved(peer, 0, 1, 1))));
    assert_eq!(bench.said(), [], "another range");
    bench.input(Input::Peer(Peer::Moved(moved(me, 1, 0, 1))));
    let retry = Refusal::later(Code::Retry, 200);
    assert_eq!(bench.said(), [(1, Said::Refused(4, retry))]);
    bench.tell(Role::AddressBook, op, cs_book::ToCs::MayContact { outcome: Ok(7) });
    assert_eq!((bench.said(), bench.cs.poll_timeout()), (Vec::new(), None), "answered once");
}

#[test]
fn a_seat_asked_of_the_past_owner_of_a_conversation_is_retry_at_once() {
    let mut bench = Bench::new();
    let me = user_at(0, 0);
    bench.session(1, me, PHONE);
    bench.status(1, Status::Online);
    // Of ranges apart, so that only the conversation's moves.
    let is_apart = |peer: &UserId| {
        let shard = Shard::of_conversation(ConversationId::one_to_one(me, *peer));
        shard.range() != Shard::of_user(me).range()
    };
    let peer = (1..100).map(|n| user_at(0, n)).find(is_apart).unwrap();
    bench.say(1, 4, &ToCs::Contact(Contact { user: peer }));
    let op = bench.out.last().unwrap().op;
    bench.out.clear();
    bench.tell(Role::AddressBook, op, cs_book::ToCs::MayContact { outcome: Ok(7) });
    bench.out.clear();
    let range = Shard::of_conversation(ConversationId::one_to_one(me, peer)).range();
    let home = Moved { range: Shard::of_user(me).range(), ..moved(me, 0, 1, 1) };
    bench.input(Input::Peer(Peer::Moved(home)));
    assert_eq!(bench.said(), [], "the mixer still answers");
    bench.input(Input::Peer(Peer::Moved(Moved { range, ..moved(me, 0, 1, 1) })));
    let retry = Refusal::later(Code::Retry, 200);
    assert_eq!(bench.said(), [(1, Said::Refused(4, retry))]);
}
