//! PROTOCOL §5.2: watches, admissions, presence.

use alloc::boxed::Box;

use super::*;
use crate::edge::Peer;
use crate::wire::body::cs::{Leave, Unwatch};

struct Pair {
    bench: Bench,
    me: UserId,
    bob: UserId,
    number: u32,
}

/// A session on link 1 that watches bob, whose home is on node 1.
fn watching() -> Pair {
    let mut bench = Bench::new();
    let (me, bob) = (user_at(0, 0), user_at(1, 0));
    bench.session(1, me, PHONE);
    bench.watch(1, &[bob]);
    let homes = bench.homes();
    let number = numbers(&homes)[0];
    assert_eq!(homes, [cs_ps::ToPs::Watch { friend: bob, watcher: me, number }]);
    bench.said();
    Pair { bench, me, bob, number }
}

impl Pair {
    fn admit(&mut self, number: u32, version: u64, acl: u64, status: Status) {
        self.bench.ps(cs_ps::ToCs::Admit {
            friend: self.bob,
            watcher: self.me,
            number,
            epoch: epoch(1),
            version,
            acl,
            presence: presence(status).into(),
        });
    }

    fn news(&mut self, version: u64, acl: u64, status: Status) {
        let presence = presence(status).into();
        let (friend, epoch) = (self.bob, epoch(1));
        self.bench.ps(cs_ps::ToCs::Presence { friend, epoch, version, acl, presence });
    }

    fn shown(&mut self) -> Vec<Status> {
        self.bench.shown().into_iter().map(|(_, _, status)| status).collect()
    }
}

#[test]
fn an_admitted_watcher_sees_the_first_value_and_each_change() {
    let mut pair = watching();
    pair.admit(pair.number, 4, 1, Status::Online);
    assert_eq!(pair.bench.shown(), [(1, pair.bob, Status::Online)]);
    pair.news(5, 1, Status::Busy);
    pair.news(5, 1, Status::Busy);
    pair.news(4, 1, Status::Online);
    assert_eq!(pair.shown(), [Status::Busy]);
}

#[test]
fn a_change_that_ends_in_what_is_shown_is_not_shown_again() {
    let mut pair = watching();
    pair.admit(pair.number, 4, 1, Status::Busy);
    pair.shown();
    // Offline lay between, and never came: of what is told only the newest must arrive.
    pair.news(6, 1, Status::Busy);
    assert_eq!(pair.shown(), []);
    pair.news(5, 1, Status::Offline);
    assert_eq!(pair.shown(), [], "it is older all the same");
    pair.news(7, 1, Status::Online);
    assert_eq!(pair.shown(), [Status::Online]);
    // Who is admitted is shown it in any case, and only they.
    let carol = user_at(0, 9);
    pair.bench.session(2, carol, TABLET);
    pair.bench.watch(2, &[pair.bob]);
    let number = numbers(&pair.bench.homes())[0];
    pair.bench.shown();
    let (friend, watcher, epoch) = (pair.bob, carol, epoch(1));
    let presence = Box::new(presence(Status::Online));
    let (version, acl) = (8, 2);
    let admit = cs_ps::ToCs::Admit { friend, watcher, number, epoch, version, acl, presence };
    pair.bench.ps(admit);
    assert_eq!(pair.bench.shown(), [(2, pair.bob, Status::Online)]);
}

#[test]
fn answers_to_another_watch_do_not_count() {
    let mut pair = watching();
    pair.admit(pair.number + 1, 4, 1, Status::Online);
    pair.news(5, 1, Status::Busy);
    assert_eq!(pair.shown(), []);
    pair.admit(pair.number, 5, 2, Status::Busy);
    assert_eq!(pair.shown(), [Status::Busy]);
}

#[test]
fn presence_that_overtakes_its_admission_waits() {
    let mut pair = watching();
    pair.news(9, 2, Status::Away);
    assert_eq!(pair.shown(), []);
    pair.admit(pair.number, 8, 2, Status::Online);
    assert_eq!(pair.shown(), [Status::Online, Status::Away]);
}

#[test]
fn who_is_denied_sees_offline_until_a_later_admission() {
    let mut pair = watching();
    let (friend, watcher, number) = (pair.bob, pair.me, pair.number);
    pair.bench.ps(cs_ps::ToCs::Deny { friend, watcher, number, epoch: epoch(1), acl: 1 });
    pair.news(2, 1, Status::Online);
    assert_eq!(pair.shown(), [Status::Offline]);
    pair.admit(number, 3, 2, Status::Online);
    assert_eq!(pair.shown(), [Status::Online]);
}

#[test]
fn who_is_revoked_sees_offline_at_once_and_nothing_later() {
    let mut pair = watching();
    pair.admit(pair.number, 1, 1, Status::Online);
    // Sent before the revocation, arrives after it.
    let (friend, watcher) = (pair.bob, pair.me);
    pair.bench.ps(cs_ps::ToCs::Revoke { friend, watcher, epoch: epoch(1), acl: 2 });
    pair.news(2, 1, Status::Busy);
    assert_eq!(pair.shown(), [Status::Online, Status::Offline]);
    pair.bench.ps(cs_ps::ToCs::Revoke { friend, watcher, epoch: epoch(0), acl: 9 });
    assert_eq!(pair.shown(), []);
}

#[test]
fn a_settling_home_leaves_what_is_shown() {
    let mut pair = watching();
    let (friend, watcher, number) = (pair.bob, pair.me, pair.number);
    pair.bench.ps(cs_ps::ToCs::Settling { friend, watcher, number, epoch: epoch(1), acl: 1 });
    let said = pair.bench.said();
    assert!(matches!(&said[..], [(1, Said::Cs(0, FromCs::Settling(s)))] if s.user == pair.bob));
    pair.admit(number, 1, 2, Status::Online);
    assert_eq!(pair.shown(), [Status::Online]);
}

#[test]
fn one_change_is_fanned_out_to_all_admitted_and_encoded_once() {
    let mut bench = Bench::new();
    let bob = user_at(1, 0);
    for link in 0..5u16 {
        bench.session(u64::from(link), user_at(0, link), PHONE);
        bench.watch(u64::from(link), &[bob]);
    }
    let numbers = numbers(&bench.homes());
    assert_eq!(numbers.len(), 5, "the home decides each pair");
    assert_eq!(bench.cs.friend_count(), 1);
    for (acl, link) in (1u64..).zip([0u16, 1, 3]) {
        let (watcher, number) = (user_at(0, link), numbers[usize::from(link)]);
        let (presence, epoch) = (presence(Status::Online).into(), epoch(1));
        bench.ps(cs_ps::ToCs::Admit {
            friend: bob,
            watcher,
            number,
            epoch,
            version: 1,
            acl,
            presence,
        });
    }
    let first = bench.shown();
    assert_eq!(first.iter().map(|(link, ..)| *link).collect::<Vec<_>>(), [0, 1, 3]);
    let presence = presence(Status::Busy).into();
    bench.ps(cs_ps::ToCs::Presence { friend: bob, epoch: epoch(1), version: 2, acl: 3, presence });
    let bodies: Vec<Bytes> = bench
        .out
        .iter()
        .filter_map(|post| match &post.tell {
            Tell::Gate(GateTell::Service(ToGate::Frame { body, .. })) => Some(body.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(bodies.len(), 3);
    assert!(bodies.iter().all(|body| body.as_ptr() == bodies[0].as_ptr()), "shared");
    assert_eq!(FromCs::decode(0x0412, &bodies[0]).unwrap().unwrap().1.flow(), FLOW);
}

#[test]
fn two_devices_of_a_person_are_one_watch() {
    let mut pair = watching();
    pair.admit(pair.number, 1, 1, Status::Online);
    pair.bench.session(2, pair.me, TABLET);
    pair.bench.said();
    pair.bench.watch(2, &[pair.bob]);
    assert_eq!(pair.bench.homes(), []);
    assert_eq!(pair.bench.shown(), [(2, pair.bob, Status::Online)]);
    pair.news(2, 1, Status::Busy);
    assert_eq!(pair.bench.shown().len(), 2);
    pair.bench.closed(1);
    assert_eq!(pair.bench.homes(), [], "the other still watches");
    let users = List::new(vec![pair.bob]).unwrap();
    pair.bench.say(2, 0, &ToCs::Unwatch(Unwatch { users }));
    let unwatch = cs_ps::ToPs::Unwatch { friend: pair.bob, watcher: pair.me };
    assert_eq!(pair.bench.homes(), [unwatch]);
    assert_eq!(pair.bench.cs.friend_count(), 0);
    pair.news(3, 1, Status::Away);
    assert_eq!(pair.bench.shown(), []);
}

#[test]
fn watching_oneself_or_twice_is_nothing() {
    let mut pair = watching();
    pair.bench.watch(1, &[pair.me, pair.bob, pair.bob]);
    assert_eq!(pair.bench.homes(), []);
}

#[test]
fn a_home_that_comes_up_is_told_all_again() {
    let mut bench = Bench::new();
    let (me, near, far) = (user_at(1, 0), user_at(0, 0), user_at(1, 1));
    bench.session(1, me, PHONE);
    bench.watch(1, &[near, far]);
    bench.status(1, Status::Busy);
    let before = bench.homes();
    bench.input(Input::Peer(Peer::Up(NodeId(1))));
    let again = bench.homes();
    let mut publish = before[3].clone();
    let cs_ps::ToPs::Publish { ago_ms, .. } = &mut publish else { panic!("{publish:?}") };
    *ago_ms = Some(0);
    assert_eq!((&again[0], &again[1]), (&before[2], &publish));
    let number = numbers(&again)[0];
    assert!(number > *numbers(&before).iter().max().unwrap());
    assert_eq!(again[2..], [cs_ps::ToPs::Watch { friend: far, watcher: me, number }]);
}

#[test]
fn over_a_restart_of_the_home_the_client_keeps_what_it_showed() {
    let mut pair = watching();
    pair.admit(pair.number, 70, 9, Status::Online);
    pair.shown();
    pair.bench.input(Input::Peer(Peer::Lost(NodeId(1))));
    pair.bench.input(Input::Peer(Peer::Up(NodeId(1))));
    let number = numbers(&pair.bench.homes())[0];
    assert_eq!(pair.shown(), []);
    // The new life counts from 1 again.
    let (friend, watcher, epoch) = (pair.bob, pair.me, epoch(2));
    pair.bench.ps(cs_ps::ToCs::Settling { friend, watcher, number, epoch, acl: 1 });
    pair.bench.ps(cs_ps::ToCs::Admit {
        friend,
        watcher,
        number,
        epoch,
        version: 1,
        acl: 2,
        presence: presence(Status::Away).into(),
    });
    assert_eq!(pair.shown(), [Status::Away]);
    pair.news(99, 9, Status::Busy);
    assert_eq!(pair.shown(), [], "a word of the past term");
}

#[test]
fn leaving_is_told_once() {
    let mut bench = Bench::new();
    let me = user_at(0, 0);
    bench.session(1, me, PHONE);
    bench.status(1, Status::Online);
    let cs_ps::ToPs::Arrive { session, .. } = bench.homes()[0] else { panic!("no arrival") };
    bench.say(1, 9, &ToCs::Leave(Leave {}));
    assert_eq!(bench.homes(), [cs_ps::ToPs::Leave { user: me, endpoint: PHONE, session }]);
    bench.closed(1);
    assert_eq!(bench.homes(), []);
}

#[test]
fn each_watch_has_a_number_of_its_own() {
    let mut bench = Bench::new();
    let me = user_at(0, 0);
    bench.session(1, me, PHONE);
    bench.watch(1, &[user_at(1, 0), user_at(1, 1), user_at(1, 2)]);
    let numbers: alloc::collections::BTreeSet<u32> = numbers(&bench.homes()).into_iter().collect();
    assert_eq!(numbers.len(), 3);
}

#[test]
fn a_settling_home_of_the_past_or_of_another_watch_is_not_shown() {
    let mut pair = watching();
    let (friend, watcher, number) = (pair.bob, pair.me, pair.number);
    pair.admit(number, 1, 2, Status::Online);
    assert_eq!(pair.shown(), [Status::Online]);
    let settling =
        |number, epoch, acl| cs_ps::ToCs::Settling { friend, watcher, number, epoch, acl };
    pair.bench.ps(settling(number, epoch(0), 9));
    assert_eq!(pair.bench.said(), [], "of a life that is over");
    pair.bench.ps(settling(number + 1, epoch(1), 2));
    assert_eq!(pair.bench.said(), [], "of another watch");
    pair.news(2, 2, Status::Busy);
    assert_eq!(pair.shown(), [Status::Busy], "it stands");
}
