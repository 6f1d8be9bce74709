//! Seats, legs, rings, heads, marks, typing.

use alloc::vec;
use alloc::vec::Vec;

use crate::edge::gate_service::ToService;
use crate::edge::{self, Tell, cs_mixer, intent, mixer_inbox, mixer_ps};
use crate::error::{Code, Refusal};
use crate::id::{NodeId, Shard};
use crate::limits::{
    CONVERSATION_IDLE_MS, HEAD_MARK_MS, MARK_MS, RING_MS, SEAT_MS, SEATS_OF_ENDPOINT_MAX,
    TYPING_INTERVAL_MS,
};
use crate::mixer::tests::stage::{ALICE, BOB, Disk, Heard, LAPTOP, PHONE, Stage, raise, talk};
use crate::store::{Key, Reply, Request};
use crate::wire::body::mixer::{Delivered, FromMixer, Join, ToMixer, Typing};

fn rings(stage: &mut Stage) -> Vec<cs_mixer::ToCs> {
    let all: Vec<_> = stage.posts.drain(..).collect();
    let ring = |post: edge::Post| match post.tell {
        Tell::Cs(edge::ToCs::Mixer(ring @ cs_mixer::ToCs::Ring { .. })) => Some(ring),
        _ => None,
    };
    all.into_iter().filter_map(ring).collect()
}

fn routes(stage: &mut Stage) -> Vec<(crate::id::UserId, Option<crate::id::OpId>)> {
    let all: Vec<_> = stage.posts.drain(..).collect();
    let route = |post: edge::Post| match post.tell {
        Tell::Ps(edge::ToPs::Mixer(mixer_ps::ToPs::Route { user })) => Some((user, post.op)),
        _ => None,
    };
    all.into_iter().filter_map(route).collect()
}

/// What the home is asked of who types: who, and to what leg the answer goes.
fn shows(stage: &mut Stage) -> Vec<(crate::id::UserId, Option<crate::id::OpId>)> {
    let all: Vec<_> = stage.posts.drain(..).collect();
    let asks = |post: edge::Post| match post.tell {
        Tell::Ps(edge::ToPs::Mixer(mixer_ps::ToPs::Shows { user })) => Some((user, post.op)),
        _ => None,
    };
    all.into_iter().filter_map(asks).collect()
}

fn heads(stage: &mut Stage) -> Vec<(crate::id::UserId, u64)> {
    let all: Vec<_> = stage.posts.drain(..).collect();
    let head = |post: edge::Post| match post.tell {
        Tell::Inbox(edge::ToInbox::Mixer(mixer_inbox::ToInbox::Head { user, head, .. })) => {
            Some((user, head))
        }
        _ => None,
    };
    all.into_iter().filter_map(head).collect()
}

fn is_marked(stage: &mut Stage) -> bool {
    stage.store.handle(&Request::Read(Key::head_mark(talk()))) != Reply::Absent
}

fn joined(stage: &mut Stage, port: edge::gate_service::Port) -> crate::wire::body::mixer::Joined {
    let heard = stage.hear(port);
    match &heard[..] {
        [Heard::Said(_, FromMixer::Joined(joined)), ..] => joined.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_seat_opens_once_and_ends_by_the_mixers_clock() {
    let mut stage = Stage::new();
    let grant = stage.seat(ALICE, PHONE);
    assert_eq!(grant.node, Some(NodeId(0)));
    let port = stage.open(&grant);
    assert_eq!(stage.hear(port), [Heard::Accepted]);
    let port = stage.open(&grant);
    assert_eq!(stage.hear(port), [Heard::Closed(Refusal::of(Code::BadTicket))]);
    let late = stage.seat(BOB, PHONE);
    stage.pass(SEAT_MS + 1);
    let port = stage.open(&late);
    assert_eq!(stage.hear(port), [Heard::Closed(Refusal::of(Code::BadTicket))]);
}

#[test]
fn an_endpoint_holds_few_seats() {
    let mut stage = Stage::new();
    let first = stage.seat(ALICE, PHONE);
    for _ in 0..SEATS_OF_ENDPOINT_MAX {
        stage.seat(ALICE, PHONE);
    }
    assert_eq!(stage.mixer.counts()[2], ("seats", SEATS_OF_ENDPOINT_MAX as u64));
    let port = stage.open(&first);
    assert_eq!(stage.hear(port), [Heard::Closed(Refusal::of(Code::BadTicket))]);
}

#[test]
fn a_seat_of_another_life_is_refused() {
    let mut stage = Stage::new();
    let grant = stage.seat(ALICE, PHONE);
    raise(&mut stage.store);
    let mut stage = stage.restart();
    let port = stage.open(&grant);
    assert_eq!(stage.hear(port), [Heard::Closed(Refusal::of(Code::BadTicket))]);
}

#[test]
fn pacts_close_and_open() {
    let mut stage = Stage::new();
    stage.seat(ALICE, PHONE);
    let target = intent::Target::Mixer(Shard::of_conversation(talk()));
    let source = Shard::of_user(ALICE);
    stage.close_pact(1, 1);
    stage.close_pact(1, 1);
    let applied = |through| intent::ToSource::Applied { source, target, through };
    assert_eq!(stage.answers_to_source(), [applied(1), applied(1)]);
    stage.close_pact(3, 1);
    let expected = intent::ToSource::Expected { source, target, last: 1 };
    assert_eq!(stage.answers_to_source(), [expected]);
    stage.ask_seat(ALICE, PHONE, 1);
    assert_eq!(stage.seated(), Some(Err(Refusal::of(Code::NotAContact))));
    stage.ask_seat(ALICE, PHONE, 2);
    assert!(stage.seated().is_some_and(|outcome| outcome.is_ok()));
    // A close of the older pact is applied, and changes nothing.
    stage.close_pact(2, 1);
    assert_eq!(stage.answers_to_source(), [applied(2)]);
    stage.ask_seat(BOB, PHONE, 2);
    assert!(stage.seated().is_some_and(|outcome| outcome.is_ok()));
}

#[test]
fn a_close_before_any_seat_stands() {
    let mut stage = Stage::new();
    stage.close_pact(1, 4);
    stage.ask_seat(ALICE, PHONE, 4);
    assert_eq!(stage.seated(), Some(Err(Refusal::of(Code::NotAContact))));
    stage.ask_seat(ALICE, PHONE, 5);
    assert!(stage.seated().is_some_and(|outcome| outcome.is_ok()));
}

#[test]
fn nothing_is_said_before_join() {
    let mut stage = Stage::new();
    let grant = stage.seat(ALICE, PHONE);
    let port = stage.open(&grant);
    stage.hear(port);
    let request = stage.send(port, 1, None);
    assert_eq!(stage.hear(port), [Heard::Refused(request, Refusal::of(Code::OutOfOrder))]);
    stage.say(port, &ToMixer::Join(Join {}));
    let joined = joined(&mut stage, port);
    assert_eq!((joined.head, joined.members.to_vec(), joined.last), (0, vec![ALICE, BOB], None));
}

#[test]
fn a_member_without_a_leg_is_rung_once() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    stage.posts.clear();
    stage.send(alice, 1, None);
    stage.send(alice, 2, Some(1));
    let asked = routes(&mut stage);
    assert_eq!(asked.iter().map(|(user, _)| *user).collect::<Vec<_>>(), [ALICE, BOB]);
    for (user, op) in asked {
        let endpoints = vec![(PHONE, NodeId(0)), (LAPTOP, NodeId(3))];
        stage.tell(op, mixer_ps::ToMixer::Route { user, endpoints });
    }
    let rings = rings(&mut stage);
    let called: Vec<_> = rings
        .iter()
        .map(|ring| match ring {
            cs_mixer::ToCs::Ring { user, endpoint, from, head, .. } => {
                (*user, *endpoint, *from, *head)
            }
            cs_mixer::ToCs::Seated { .. } => panic!("not a ring"),
        })
        .collect();
    let others = [(ALICE, LAPTOP, ALICE, 2), (BOB, PHONE, ALICE, 2), (BOB, LAPTOP, ALICE, 2)];
    assert_eq!(called, others);
    // Its ticket is a seat.
    let cs_mixer::ToCs::Ring { grant, .. } = &rings[1] else { panic!("not a ring") };
    let bob = stage.open(grant);
    assert_eq!(stage.hear(bob), [Heard::Accepted]);
    // Bob attached, so his other devices are called at the next entry; Alice's only after a while.
    stage.send(alice, 3, Some(2));
    let asked: Vec<_> = routes(&mut stage).iter().map(|(user, _)| *user).collect();
    assert_eq!(asked, [BOB]);
    stage.pass(RING_MS);
    stage.send(alice, 4, Some(3));
    assert_eq!(routes(&mut stage).len(), 2);
}

#[test]
fn heads_are_told_at_most_every_five_seconds_and_the_mark_goes() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    stage.posts.clear();
    stage.inboxes = false;
    stage.send(alice, 1, None);
    assert!(is_marked(&mut stage));
    assert_eq!(heads(&mut stage), [(ALICE, 1), (BOB, 1)]);
    stage.send(alice, 2, Some(1));
    assert!(heads(&mut stage).is_empty());
    stage.inboxes = true;
    stage.pass(HEAD_MARK_MS);
    assert_eq!(heads(&mut stage), [(ALICE, 2), (BOB, 2)]);
    assert!(!is_marked(&mut stage));
    stage.pass(2 * HEAD_MARK_MS);
    assert!(heads(&mut stage).is_empty());
    stage.inboxes = false;
    stage.send(alice, 3, Some(2));
    assert!(is_marked(&mut stage));
}

#[test]
fn a_start_tells_the_heads_that_were_marked() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    stage.inboxes = false;
    stage.send(alice, 1, None);
    let mut stage = stage.restart();
    assert_eq!(heads(&mut stage), [(ALICE, 1), (BOB, 1)]);
    assert!(!is_marked(&mut stage));
    assert_eq!(stage.mixer.counts()[0], ("conversations", 1), "it knows when heads were told");
    stage.pass(HEAD_MARK_MS + 1);
    assert_eq!(stage.mixer.counts()[0], ("conversations", 0));
}

#[test]
fn what_was_shown_is_kept_at_most_every_five_seconds() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    for n in 1..=4 {
        stage.send(alice, n, (n > 1).then(|| n - 1));
    }
    let bob = stage.join(BOB, PHONE);
    let marks = |stage: &Stage| {
        stage.count(|request| {
            matches!(request, Request::Write(write)
                if write.puts.iter().any(|(key, _)| *key == Key::mark(talk(), BOB)))
        })
    };
    stage.say(bob, &ToMixer::Delivered(Delivered { through: 2 }));
    stage.say(bob, &ToMixer::Delivered(Delivered { through: 3 }));
    stage.say(bob, &ToMixer::Delivered(Delivered { through: 900 }));
    assert_eq!(marks(&stage), 1);
    stage.pass(MARK_MS);
    assert_eq!(marks(&stage), 2);
    stage.say(bob, &ToMixer::Delivered(Delivered { through: 4 }));
    stage.say(bob, &ToMixer::Delivered(Delivered { through: 1 }));
    stage.pass(2 * MARK_MS);
    assert_eq!(marks(&stage), 2, "nothing new");
    let mut stage = stage.restart();
    let laptop = stage.join(BOB, LAPTOP);
    let joined = joined(&mut stage, laptop);
    assert_eq!((joined.delivered, joined.head), (4, 4));
}

#[test]
fn typing_passes_once_in_four_seconds_to_the_others() {
    let mut stage = Stage::new();
    let (alice, laptop, bob) =
        (stage.join(ALICE, PHONE), stage.join(ALICE, LAPTOP), stage.join(BOB, PHONE));
    let types = |stage: &mut Stage| {
        for port in [alice, laptop, bob] {
            stage.hear(port);
        }
        stage.say(alice, &ToMixer::Typing(Typing {}));
        for (user, op) in shows(stage) {
            assert_eq!(user, ALICE);
            stage.tell(op, mixer_ps::ToMixer::Shows { shows: true });
        }
        [alice, laptop, bob].map(|port| stage.hear(port).len())
    };
    assert_eq!(types(&mut stage), [0, 0, 1]);
    stage.pass(TYPING_INTERVAL_MS - 1);
    assert_eq!(types(&mut stage), [0, 0, 0]);
    stage.pass(1);
    assert_eq!(types(&mut stage), [0, 0, 1]);
    stage.close_pact(1, 1);
    stage.pass(TYPING_INTERVAL_MS);
    assert_eq!(types(&mut stage), [0, 0, 0]);
}

#[test]
fn who_hides_is_not_seen_typing() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.join(ALICE, PHONE), stage.join(BOB, PHONE));
    stage.posts.clear();
    stage.hear(bob);
    stage.say(alice, &ToMixer::Typing(Typing {}));
    let asked = shows(&mut stage);
    assert!(matches!(asked[..], [(ALICE, Some(_))]));
    assert_eq!(stage.hear(bob).len(), 0, "not before the home said so");
    stage.tell(asked[0].1, mixer_ps::ToMixer::Shows { shows: false });
    assert_eq!(stage.hear(bob).len(), 0);
    // An answer to a leg that is gone is nobody's.
    stage.tell(None, ToService::Closed { port: alice, detached: false });
    stage.tell(asked[0].1, mixer_ps::ToMixer::Shows { shows: true });
    assert_eq!(stage.hear(bob).len(), 0);
}

#[test]
fn a_conversation_nobody_needs_is_forgotten() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    stage.send(alice, 1, None);
    stage.pass(SEAT_MS + HEAD_MARK_MS);
    assert_eq!(stage.mixer.counts()[0].1, 1);
    stage.tell(None, ToService::Closed { port: alice, detached: false });
    stage.pass(CONVERSATION_IDLE_MS);
    assert_eq!(stage.mixer.counts(), [("conversations", 0), ("legs", 0), ("seats", 0)]);
    let alice = stage.join(ALICE, PHONE);
    let joined = joined(&mut stage, alice);
    assert_eq!(joined.last.map(|last| last.counter), Some(1));
}

#[test]
fn legs_of_a_lost_gate_are_gone() {
    let mut stage = Stage::new();
    stage.join(ALICE, PHONE);
    stage.input(crate::mixer::Input::Peer(edge::Peer::Lost(NodeId(0))));
    assert_eq!(stage.mixer.counts()[1], ("legs", 0));
}

#[test]
fn a_store_that_cannot_read_refuses_the_seat() {
    let mut stage = Stage::new();
    stage.disk = Disk::Holds;
    stage.ask_seat(ALICE, PHONE, 1);
    stage.reply(Reply::Failed("broken".into()));
    assert_eq!(stage.seated(), Some(Err(Refusal::of(Code::StoreFailed))));
    stage.release_all();
    stage.pass(1_000);
    assert!(stage.seat(ALICE, PHONE).node.is_some());
}

#[test]
fn what_was_shown_while_it_is_written_or_could_not_be_is_written_later() {
    for fails in [false, true] {
        let mut stage = Stage::new();
        let alice = stage.join(ALICE, PHONE);
        stage.send(alice, 1, None);
        stage.send(alice, 2, Some(1));
        let bob = stage.join(BOB, PHONE);
        stage.disk = Disk::Holds;
        stage.say(bob, &ToMixer::Delivered(Delivered { through: 1 + u64::from(fails) }));
        if fails {
            stage.reply(Reply::Failed("full".into()));
        } else {
            stage.say(bob, &ToMixer::Delivered(Delivered { through: 2 }));
        }
        stage.release_all();
        stage.pass(MARK_MS);
        let mut stage = stage.restart();
        let laptop = stage.join(BOB, LAPTOP);
        assert_eq!(joined(&mut stage, laptop).delivered, 2, "fails: {fails}");
    }
}

#[test]
fn a_seat_nobody_takes_is_gone_in_time() {
    let mut stage = Stage::new();
    stage.seat(ALICE, PHONE);
    stage.pass(1_000);
    stage.seat(BOB, PHONE);
    stage.pass(SEAT_MS - 1_001);
    assert_eq!(stage.mixer.counts()[2], ("seats", 2));
    stage.pass(1);
    assert_eq!(stage.mixer.counts()[2], ("seats", 1));
    stage.pass(1_000);
    assert_eq!(stage.mixer.counts()[2], ("seats", 0));
}

#[test]
fn who_may_sit_waits_for_no_write() {
    let mut stage = Stage::new();
    let alice = stage.join(ALICE, PHONE);
    stage.disk = Disk::Holds;
    stage.send(alice, 1, None);
    stage.ask_seat(BOB, PHONE, 1);
    assert!(matches!(stage.seated(), Some(Ok(_))), "while an entry is written");
    stage.release_all();
}

#[test]
fn a_mark_of_a_conversation_without_entries_goes() {
    let mut stage = Stage::new();
    stage.join(ALICE, PHONE);
    let puts = alloc::vec![(Key::head_mark(talk()), bytes::Bytes::new())];
    stage.store.handle(&Request::Write(crate::store::Write { puts, ..Default::default() }));
    let mut stage = stage.restart();
    stage.pass(2 * HEAD_MARK_MS);
    assert!(heads(&mut stage).is_empty() && !is_marked(&mut stage));
    assert_eq!(stage.mixer.counts()[0], ("conversations", 0));
}
