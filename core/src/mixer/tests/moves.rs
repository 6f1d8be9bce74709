//! PROTOCOL §9.5: conversations go, conversations come, homes of members move.

use alloc::vec;

use super::stage::{ALICE, BOB, Disk, Heard, LAPTOP, PHONE, Stage, acks, talk};
use crate::attached::attached_test::moved;
use crate::attached::moved_refusal;
use crate::edge::{self, Peer, Tell, cs_mixer, intent, mixer_inbox, mixer_ps};
use crate::error::{Code, Refusal};
use crate::id::{EndpointId, NodeId, Shard, UserId};
use crate::limits::HEAD_MARK_MS;
use crate::mixer::Input;
use crate::store::{Key, Reply, Request, Space};
use crate::wire::body::mixer::FromMixer;

impl Stage {
    /// A shard's range moves.
    fn go(&mut self, shard: Shard, from: u16, owner: u16) {
        let moved = moved(&mut self.store, shard, from, owner);
        self.input(Input::Peer(Peer::Moved(moved)));
    }

    fn lose(&mut self) {
        self.go(Shard::of_conversation(talk()), 0, 1);
    }

    fn gain(&mut self) {
        self.go(Shard::of_conversation(talk()), 1, 0);
    }

    fn kept(&self) -> [(&'static str, u64); 3] {
        self.mixer.counts()
    }

    fn heads(&mut self) -> vec::Vec<(UserId, u64)> {
        let posts = core::mem::take(&mut self.posts);
        let head = |post: edge::Post| match post.tell {
            Tell::Inbox(edge::ToInbox::Mixer(mixer_inbox::ToInbox::Head {
                user, head, ..
            })) => Some((user, head)),
            _ => None,
        };
        posts.into_iter().filter_map(head).collect()
    }

    fn routes(&mut self) -> vec::Vec<UserId> {
        let posts = core::mem::take(&mut self.posts);
        let route = |post: edge::Post| match post.tell {
            Tell::Ps(edge::ToPs::Mixer(mixer_ps::ToPs::Route { user })) => Some(user),
            _ => None,
        };
        posts.into_iter().filter_map(route).collect()
    }
}

const NOTHING: [(&str, u64); 3] = [("conversations", 0), ("legs", 0), ("seats", 0)];

#[test]
fn who_loses_a_conversation_lets_its_legs_go_and_keeps_nothing() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.join(ALICE, PHONE), stage.join(BOB, PHONE));
    stage.send(alice, 1, None);
    let grant = stage.seat(ALICE, LAPTOP);
    stage.hear(alice);
    stage.hear(bob);
    stage.lose();
    assert_eq!(stage.hear(alice), [Heard::Closed(moved_refusal())]);
    assert_eq!(stage.hear(bob), [Heard::Closed(moved_refusal())]);
    assert_eq!(stage.kept(), NOTHING);
    let port = stage.open(&grant);
    assert_eq!(stage.hear(port), [Heard::Closed(moved_refusal())], "to be asked for anew");
    stage.ask_seat(ALICE, PHONE, 1);
    assert_eq!(stage.seated(), Some(Err(moved_refusal())));
    stage.close_pact(1, 1);
    assert_eq!(stage.answers_to_source(), [], "told again where the conversation is");
    let before = stage.asked.len();
    stage.pass(600_000);
    assert_eq!((stage.kept(), stage.asked.len()), (NOTHING, before));
    stage.gain();
    let port = stage.open(&grant);
    assert_eq!(stage.hear(port), [Heard::Closed(Refusal::of(Code::BadTicket))], "a past term's");
}

#[test]
fn a_batch_in_flight_is_stored_once_whether_it_landed_or_not() {
    for landed in [true, false] {
        let mut stage = Stage::new();
        let alice = stage.join(ALICE, PHONE);
        stage.disk = Disk::Holds;
        stage.send(alice, 1, None);
        stage.send(alice, 2, Some(1));
        stage.hear(alice);
        let (op, request) = stage.held.remove(0);
        let before = if landed { Some(stage.store.handle(&request)) } else { None };
        stage.lose();
        assert_eq!(stage.hear(alice), [Heard::Closed(moved_refusal())], "which is no ack");
        let reply = before.unwrap_or_else(|| stage.store.handle(&request));
        assert_eq!(reply == Reply::Conflict, !landed, "a past term's write does not hold");
        stage.disk = Disk::Works;
        stage.input(Input::Stored { op, reply });
        assert_eq!(stage.kept(), NOTHING);
        stage.gain();
        let alice = stage.join(ALICE, PHONE);
        let heard = stage.hear(alice);
        let [Heard::Said(_, FromMixer::Joined(joined))] = &heard[..] else { panic!("{heard:?}") };
        assert_eq!(joined.last.as_ref().map(|last| last.counter), landed.then_some(1));
        let first = stage.send(alice, 1, None);
        let second = stage.send(alice, 2, Some(1));
        assert_eq!(acks(&stage.hear(alice)), [(first, 1, 1), (second, 2, 2)]);
        assert_eq!(stage.log(), [1, 2]);
    }
}

#[test]
fn a_write_in_doubt_is_not_repeated_by_who_lost_the_conversation() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    stage.disk = Disk::Holds;
    stage.send(alice, 1, None);
    stage.reply(Reply::Unknown);
    stage.lose();
    stage.pass(60_000);
    assert_eq!((stage.held.len(), stage.log()), (0, vec![]));
}

#[test]
fn who_asked_for_a_seat_is_told_retry() {
    let mut stage = Stage::new();
    stage.disk = Disk::Holds;
    stage.ask_seat(ALICE, PHONE, 1);
    stage.lose();
    assert_eq!(stage.seated(), Some(Err(moved_refusal())), "while the rows are read");
    stage.disk = Disk::Works;
    stage.held.clear();
    stage.gain();
    stage.disk = Disk::Holds;
    stage.ask_seat(ALICE, PHONE, 1);
    while !matches!(stage.held[0].1, Request::Write(_)) {
        stage.release();
    }
    let (op, request) = stage.held.remove(0);
    stage.lose();
    assert_eq!(stage.seated(), Some(Err(moved_refusal())), "while the roster is written");
    let reply = stage.store.handle(&request);
    assert_eq!(reply, Reply::Conflict);
    stage.input(Input::Stored { op, reply });
    assert_eq!((stage.seated(), stage.kept()), (None, NOTHING));
}

#[test]
fn who_gains_a_range_tells_the_heads_that_its_past_owner_did_not() {
    let mut stage = Stage::new();
    stage.inboxes = false;
    let alice = stage.join(ALICE, PHONE);
    stage.send(alice, 1, None);
    stage.lose();
    stage.posts.clear();
    stage.pass(60_000);
    assert_eq!(stage.heads(), []);
    stage.inboxes = true;
    stage.gain();
    let mut heads = stage.heads();
    heads.sort_unstable();
    assert_eq!(heads, [(ALICE, 1), (BOB, 1)]);
    stage.pass(HEAD_MARK_MS + 1);
    assert_eq!(stage.store.handle(&Request::Read(Key::head_mark(talk()))), Reply::Absent);
    assert_eq!(stage.kept(), NOTHING, "nobody is here");
}

#[test]
fn ranges_gained_while_marks_are_read_wait_for_the_next_scan() {
    let mut stage = Stage::new();
    stage.inboxes = false;
    let alice = stage.join(ALICE, PHONE);
    stage.send(alice, 1, None);
    stage.lose();
    stage.posts.clear();
    stage.asked.clear();
    stage.disk = Disk::Holds;
    let own = Shard::of_conversation(talk());
    let others: vec::Vec<Shard> = (0..40u16).map(|n| Shard(n * 16)).collect();
    for shard in others.into_iter().filter(|shard| shard.range() != own.range()) {
        stage.go(shard, 1, 0);
    }
    stage.gain();
    stage.release_all();
    let scan = |request: &Request| matches!(request, Request::Scan { space: Space::HeadMark, .. });
    assert_eq!(stage.count(scan), 2, "one for the first, one for all others");
    assert_eq!(stage.heads().len(), 2);
}

#[test]
fn a_range_lost_while_its_marks_are_read_does_not_stop_the_scan() {
    let mut stage = Stage::new();
    stage.inboxes = false;
    let alice = stage.join(ALICE, PHONE);
    stage.send(alice, 1, None);
    stage.lose();
    stage.disk = Disk::Holds;
    stage.gain();
    stage.release();
    assert!(!stage.held.is_empty(), "the conversation is being read");
    stage.lose();
    assert_eq!(stage.kept(), NOTHING);
    stage.posts.clear();
    stage.gain();
    stage.release_all();
    assert_eq!(stage.heads().len(), 2, "the next scan has begun");
}

#[test]
fn intents_are_judged_by_the_store_after_a_move() {
    let mut stage = Stage::new();
    stage.seat(ALICE, PHONE);
    stage.close_pact(1, 1);
    let target = intent::Target::Mixer(Shard::of_conversation(talk()));
    let source = Shard::of_user(ALICE);
    let applied = |through| intent::ToSource::Applied { source, target, through };
    assert_eq!(stage.answers_to_source(), [applied(1)]);
    stage.lose();
    // The other owner applied the next one.
    let row = crate::intent::TargetLog::key(source, target);
    let value = bytes::Bytes::from(postcard::to_allocvec(&2u64).expect("a number"));
    let write = crate::store::Write { puts: vec![(row, value)], ..Default::default() };
    stage.store.handle(&Request::Write(write));
    stage.gain();
    stage.close_pact(2, 1);
    assert_eq!(stage.answers_to_source(), [applied(2)]);
    stage.close_pact(3, 1);
    assert_eq!(stage.answers_to_source(), [applied(3)]);
}

#[test]
fn homes_that_move_are_asked_and_told_again_at_once() {
    let mut stage = Stage::new();
    stage.inboxes = false;
    let alice = stage.join(ALICE, PHONE);
    let bob = Shard::of_user(BOB);
    assert!(bob.range() != Shard::of_user(ALICE).range());
    assert!(bob.range() != Shard::of_conversation(talk()).range());
    stage.go(bob, 0, 1);
    assert_eq!(stage.posts.len(), 0, "nothing was asked");
    stage.send(alice, 1, None);
    stage.posts.clear();
    stage.go(bob, 1, 0);
    let posts = stage.posts.clone();
    assert_eq!(stage.routes(), [BOB]);
    stage.posts = posts;
    assert_eq!(stage.heads(), [(BOB, 1)]);
    // One answer rings, as if asked once.
    let op = Some(crate::id::OpId::default());
    let endpoints = vec![(EndpointId([5; 16]), NodeId(0))];
    for _ in 0..2 {
        let endpoints = endpoints.clone();
        stage.tell(op, mixer_ps::ToMixer::Route { user: BOB, endpoints });
    }
    let is_ring = |post: &edge::Post| {
        matches!(&post.tell, Tell::Cs(edge::ToCs::Mixer(cs_mixer::ToCs::Ring { .. })))
    };
    assert_eq!(stage.posts.iter().filter(|post| is_ring(post)).count(), 1);
    stage.posts.clear();
    stage.go(bob, 0, 1);
    assert_eq!(stage.routes(), [], "it was answered");
    stage.pass(HEAD_MARK_MS);
    assert_eq!(stage.heads().len(), 2, "its rounds go on as before");
}
