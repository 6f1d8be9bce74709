//! PROTOCOL §4.2, §5.1.

use super::*;
use crate::edge::gate_service::Who;
use crate::limits::{
    ACCOUNT_PENDING_MAX, HASHES_MAX, REFRESH_MS, REWRITE_MS, SIGN_INS_MAX, TICKET_MS,
    WALL_LEEWAY_MS,
};
use crate::origin::Origin;
use crate::ticket::{Purpose, SessionClaims};
use crate::wire::body::link::Service;

#[test]
fn a_port_is_accepted_without_anybody() {
    let mut bench = Bench::new();
    bench.tell(ToService::Opened { port: port(), request: 3, ticket: Blob::default() });
    let Some(Output::Tell(post)) = bench.account.poll_output() else { panic!("no answer") };
    let accept = ToGate::Accept { port: port(), request: 3, who: None };
    assert_eq!(post.tell, Tell::from(accept));
}

#[test]
fn signing_in_gives_a_ticket_for_each_service() {
    let mut bench = Bench::with_alice();
    bench.say(&sign_in("Alice", "secret", PHONE));
    bench.run();
    let who = Who { name: "alice".into(), number: 1 };
    let known = Tell::from(ToGate::SignedIn { port: port(), who: who.clone() });
    assert!(matches!(&bench.out[0], Output::Tell(post) if post.tell == known));
    let signed = bench.outcome().signed_in();
    assert_eq!(signed.name.as_str(), "alice");
    let of = [
        (Service::BOOK, Purpose::Book),
        (Service::INBOX, Purpose::Inbox),
        (Service::CS, Purpose::Cs),
    ];
    assert_eq!(signed.grants.len(), 3);
    for (grant, (service, purpose)) in signed.grants.iter().zip(of) {
        assert_eq!(grant.service, service);
        let claims = keys().open_session(purpose, &grant.ticket, WALL).unwrap();
        assert_eq!((claims.user, claims.endpoint, &claims.who), (signed.user, PHONE, &who));
        assert_eq!(claims.expires, Wall(WALL.0 + TICKET_MS));
        let others = [Purpose::Book, Purpose::Inbox, Purpose::Cs, Purpose::Refresh, Purpose::Seat];
        for other in others.into_iter().filter(|other| *other != purpose) {
            assert!(keys().open_session(other, &grant.ticket, WALL).is_err());
        }
    }
}

#[test]
fn endpoints_are_numbered_by_first_sign_in() {
    let mut bench = Bench::with_alice();
    let number = |signed: &body::SignedIn| {
        keys().open_session(Purpose::Cs, &signed.grants[2].ticket, WALL).unwrap().who.number
    };
    assert_eq!(number(&bench.alice(PHONE)), 1);
    assert_eq!(number(&bench.alice(TABLET)), 2);
    assert_eq!(number(&bench.alice(PHONE)), 1);
}

#[test]
fn an_unknown_name_takes_the_same_work_and_the_same_answer() {
    let mut bench = Bench::with_alice();
    for (name, known) in [("alice", true), ("nobody", false), ("not a name!", false)] {
        assert_eq!(bench.sign_in(name, "wrong", PHONE), refused(Code::NotSignedIn));
        assert_eq!(bench.hashed.pop(), Some(known));
    }
}

#[test]
fn a_token_stays_good_until_the_next_is_used() {
    let mut bench = Bench::with_alice();
    let first = bench.alice(PHONE);
    let second = bench.resume(&first).signed_in();
    // The answer was lost on the way: again with the first, as often as it takes.
    let again = bench.resume(&first).signed_in();
    bench.resume(&first).signed_in();
    let third = bench.resume(&again).signed_in();
    bench.resume(&second).signed_in();
    // The first is over, and whoever uses it ends the sign-in.
    assert_eq!(bench.resume(&first), refused(Code::SignInEnded));
    assert!(!bench.has_endpoint(PHONE));
    assert_eq!(bench.resume(&third), refused(Code::SignInEnded));
    assert!(bench.hashed.len() == 1, "no password was hashed to resume");
}

/// Which sign-in of the device the tickets say it is.
fn number(signed: &body::SignedIn) -> u64 {
    let grants = signed.grants.iter();
    let open = |grant: &body::Grant| {
        let purpose = match grant.service {
            Service::BOOK => Purpose::Book,
            Service::INBOX => Purpose::Inbox,
            _ => Purpose::Cs,
        };
        keys().open::<SessionClaims>(purpose, &grant.ticket).unwrap().sign_in
    };
    let mut numbers: Vec<u64> = grants.map(open).collect();
    assert_eq!(numbers.len(), 3);
    numbers.dedup();
    assert_eq!(numbers.len(), 1, "all say the same");
    numbers[0]
}

#[test]
fn each_sign_in_of_a_device_is_later_than_those_before() {
    let mut bench = Bench::with_alice();
    let first = bench.alice(PHONE);
    let second = bench.resume(&first).signed_in();
    // The answer was lost on the way, and the same token is used again.
    let third = bench.resume(&first).signed_in();
    let fourth = bench.resume(&third).signed_in();
    let fifth = bench.alice(PHONE);
    let refresh = fifth.refresh.clone();
    assert_eq!(bench.ask(&body::ToAccount::SignOut(body::SignOut { refresh })), Outcome::Out);
    let sixth = bench.alice(PHONE);
    let all = [first, second, third, fourth, fifth, sixth];
    let numbers: Vec<u64> = all.iter().map(number).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
}

#[test]
fn a_new_sign_in_ends_older_tokens_of_that_device_only() {
    let mut bench = Bench::with_alice();
    let tablet = bench.alice(TABLET);
    let old = bench.alice(PHONE);
    let new = bench.alice(PHONE);
    bench.resume(&new).signed_in();
    assert_eq!(bench.resume(&old), refused(Code::SignInEnded));
    bench.resume(&tablet).signed_in();
}

#[test]
fn tokens_of_a_sign_in_that_ended_open_no_later_one() {
    let mut bench = Bench::with_alice();
    let stolen = bench.alice(PHONE);
    let next = bench.resume(&stolen).signed_in();
    bench.resume(&next).signed_in();
    // Who stole it ends the sign-in; its owner signs in anew, on the device that it is.
    assert_eq!(bench.resume(&stolen), refused(Code::SignInEnded));
    for _ in 0..3 {
        let mine = bench.alice(PHONE);
        assert_eq!(bench.resume(&next), refused(Code::SignInEnded));
        assert_eq!(bench.resume(&mine), refused(Code::SignInEnded));
        bench.alice(PHONE);
        assert_eq!(bench.resume(&stolen), refused(Code::SignInEnded));
    }
}

#[test]
fn a_sign_in_that_was_signed_in_anew_opens_no_later_one() {
    let mut bench = Bench::with_alice();
    bench.alice(PHONE);
    let old = bench.alice(PHONE);
    let refresh = old.refresh.clone();
    assert_eq!(bench.ask(&body::ToAccount::SignOut(body::SignOut { refresh })), Outcome::Out);
    bench.alice(PHONE);
    assert_eq!(bench.resume(&old), refused(Code::SignInEnded));
}

#[test]
fn a_token_is_good_until_the_last_moment_of_the_leeway() {
    let mut bench = Bench::with_alice();
    let signed = bench.alice(PHONE);
    let last = Wall(WALL.0 + REFRESH_MS + WALL_LEEWAY_MS);
    bench.account.handle_input(Input::Wall(last), bench.now);
    bench.resume(&signed).signed_in();
}

#[test]
fn tokens_run_out_and_forged_ones_are_bad() {
    let mut bench = Bench::with_alice();
    let signed = bench.alice(PHONE);
    let ticket = signed.grants[0].ticket.clone();
    for bad in [blob(b"forged"), blob(&[1; 200]), ticket] {
        let resume = body::ToAccount::Resume(body::Resume { refresh: bad });
        assert_eq!(bench.ask(&resume), refused(Code::BadTicket));
    }
    let late = Wall(WALL.0 + REFRESH_MS + WALL_LEEWAY_MS + 1);
    bench.account.handle_input(Input::Wall(late), bench.now);
    assert_eq!(bench.resume(&signed), refused(Code::SignInEnded));
}

#[test]
fn signing_out_ends_the_sign_in() {
    let mut bench = Bench::with_alice();
    let signed = bench.alice(PHONE);
    let refresh = signed.refresh.clone();
    let sign_out = body::ToAccount::SignOut(body::SignOut { refresh });
    assert_eq!(bench.ask(&sign_out), Outcome::Out);
    assert!(!bench.has_endpoint(PHONE));
    assert_eq!(bench.resume(&signed), refused(Code::SignInEnded));
    assert_eq!(bench.ask(&sign_out), Outcome::Out);
}

#[test]
fn guessing_is_slowed_down_by_name_and_origin() {
    let mut bench = Bench::with_alice();
    bench.add("bob");
    for _ in 0..5 {
        assert_eq!(bench.sign_in("alice", "guess", PHONE), refused(Code::NotSignedIn));
    }
    let wait = Outcome::Refused(Refusal::later(Code::TooFast, 12_000));
    assert_eq!(bench.sign_in("alice", "secret", PHONE), wait);
    bench.sign_in("bob", "secret", PHONE).signed_in();
    // Who guesses shuts nobody out.
    let there = core::mem::replace(&mut bench.origin, Origin::of("192.0.2.2"));
    bench.alice(PHONE);
    bench.origin = there;
    assert_eq!(bench.sign_in("alice", "secret", PHONE), wait);
    bench.now = bench.now + 12_000;
    for _ in 0..20 {
        bench.alice(PHONE);
    }
}

#[test]
fn hashes_are_bounded() {
    let mut bench = Bench::new();
    for user in 0..HASHES_MAX {
        bench.say(&sign_in(&alloc::format!("user{user}"), "x", PHONE));
    }
    assert_eq!(bench.account.hashes, HASHES_MAX);
    bench.say(&sign_in("one-more", "x", PHONE));
    let busy = Refusal::later(Code::Busy, 1_000);
    bench.run();
    let outcomes: Vec<Outcome> = bench.out.drain(..).filter_map(outcome).collect();
    assert_eq!(outcomes.iter().filter(|o| **o == Outcome::Refused(busy)).count(), 1);
    assert_eq!(outcomes.len(), HASHES_MAX + 1);
    assert_eq!(bench.account.hashes, 0);
    assert_eq!(bench.sign_in("one-more", "x", PHONE), refused(Code::NotSignedIn));
}

#[test]
fn requests_under_way_are_bounded() {
    let mut bench = Bench::new();
    let mint = || AdminRequest::MintSignIn { name: "alice".into(), endpoint: PHONE };
    for op in 0..=ACCOUNT_PENDING_MAX as u64 {
        bench.account.handle_input(Input::Admin { op, request: mint() }, bench.now);
    }
    assert_eq!(bench.account.pending.len(), ACCOUNT_PENDING_MAX);
    let answers = core::iter::from_fn(|| bench.account.poll_output());
    let answers = answers.filter(|output| !matches!(output, Output::Store { .. }));
    let (op, reply) = (ACCOUNT_PENDING_MAX as u64, AdminReply::Refused(Code::Busy));
    assert_eq!(answers.collect::<Vec<_>>(), [Output::Admin { op, reply }]);
}

#[test]
fn an_unknown_write_is_written_again() {
    let mut bench = Bench::with_alice();
    bench.faults = vec![Reply::Unknown, Reply::Unknown];
    bench.say(&sign_in("alice", "secret", PHONE));
    bench.run();
    for _ in 0..2 {
        assert!(bench.out.is_empty());
        let due = bench.account.poll_timeout().unwrap().at;
        assert_eq!(due, bench.now + REWRITE_MS, "the store is left alone for a while");
        bench.now = due;
        bench.account.handle_timeout(bench.now);
        bench.run();
    }
    bench.outcome().signed_in();
}

#[test]
fn a_failed_write_changes_nothing_and_a_stale_node_says_retry() {
    let mut bench = Bench::with_alice();
    bench.faults = vec![Reply::Failed(String::new())];
    let failed = Outcome::Refused(Refusal::later(Code::StoreFailed, 1_000));
    assert_eq!(bench.sign_in("alice", "secret", PHONE), failed);
    assert!(!bench.has_endpoint(PHONE));
    bench.rows.insert(Key::incarnation(NodeId(0)), (Bytes::new(), 4));
    let retry = Outcome::Refused(Refusal::later(Code::Retry, 1_000));
    assert_eq!(bench.sign_in("alice", "secret", PHONE), retry);
}

#[test]
fn a_conflict_decides_again() {
    let mut bench = Bench::with_alice();
    bench.faults = vec![Reply::Conflict];
    let signed = bench.alice(PHONE);
    bench.faults = vec![Reply::Conflict];
    bench.resume(&signed).signed_in();
}

#[test]
fn sign_ins_of_one_name_are_bounded() {
    let mut bench = Bench::with_alice();
    for device in 0..100 {
        bench.alice(EndpointId([device; 16]));
    }
    let kept: Vec<u8> = (0..100).filter(|n| bench.has_endpoint(EndpointId([*n; 16]))).collect();
    assert_eq!(kept.len(), SIGN_INS_MAX);
    assert_eq!(kept.first(), Some(&36), "the oldest gave way");
}

#[test]
fn who_is_slowed_down_takes_no_room_from_others() {
    let mut bench = Bench::with_alice();
    bench.add("bob");
    for _ in 0..5 {
        bench.sign_in("alice", "guess", PHONE);
    }
    for _ in 0..HASHES_MAX {
        let outcome = bench.sign_in("alice", "guess", PHONE);
        assert!(matches!(outcome, Outcome::Refused(refusal) if refusal.code == Code::TooFast));
    }
    bench.sign_in("bob", "secret", PHONE).signed_in();
}
