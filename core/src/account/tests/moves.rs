//! PROTOCOL §9.5: a range of names goes, a range comes.

use super::*;
use crate::attached::moved_refusal;
use crate::edge::Peer;
use crate::id::Shard;
use crate::limits::REWRITE_MS;
use crate::topology::{Moved, Placement};

impl Bench {
    /// The range of alice's name moves.
    fn go(&mut self, from: u16, owner: u16) {
        let range = Shard::of_name("alice").range();
        self.revision += 1;
        self.rows.insert(Key::range(range), (Bytes::new(), self.revision));
        let term = u32::try_from(self.revision).unwrap();
        let placement = Placement { owner: NodeId(owner), term, revision: Some(self.revision) };
        let moved = Moved { range, from: NodeId(from), placement };
        self.account.handle_input(Input::Peer(Peer::Moved(moved)), self.now);
    }
}

fn retry() -> Outcome {
    Outcome::Refused(moved_refusal())
}

#[test]
fn a_sign_in_under_way_is_retry_at_every_step_and_its_late_answers_nobody_s() {
    for steps in 0..4 {
        let mut bench = Bench::with_alice();
        bench.say(&sign_in("alice", "secret", PHONE));
        let mut pending = Vec::new();
        for step in 0..=steps {
            match bench.account.poll_output() {
                Some(Output::Store { op, request }) if step < steps => {
                    let reply = bench.answer(request);
                    bench.account.handle_input(Input::Stored { op, reply }, bench.now);
                }
                Some(Output::Hash { op, request }) if step < steps => bench.hash(op, request),
                Some(output) => pending.push(output),
                None => panic!("step {step} asks"),
            }
        }
        bench.go(0, 1);
        bench.run();
        assert_eq!(bench.outcome(), retry(), "after {steps} steps");
        assert_eq!((bench.account.hashes, bench.account.pending.len()), (0, 0));
        match pending.remove(0) {
            Output::Store { op, request } => {
                let reply = bench.answer(request);
                bench.account.handle_input(Input::Stored { op, reply }, bench.now);
            }
            Output::Hash { op, request } => bench.hash(op, request),
            other => panic!("{other:?}"),
        }
        bench.run();
        assert!(bench.out.is_empty(), "answered once");
        assert!(!bench.has_endpoint(PHONE), "a write of the past term does not hold");
        assert_eq!(bench.account.hashes, 0);
    }
}

#[test]
fn a_write_in_doubt_is_not_written_again() {
    let mut bench = Bench::with_alice();
    bench.faults = vec![Reply::Unknown];
    bench.say(&sign_in("alice", "secret", PHONE));
    bench.run();
    bench.go(0, 1);
    assert_eq!(bench.account.poll_timeout(), None);
    bench.account.handle_timeout(bench.now + REWRITE_MS);
    bench.run();
    assert_eq!(bench.outcome(), retry());
    assert!(!bench.has_endpoint(PHONE));
}

#[test]
fn names_of_another_node_are_asked_for_there() {
    let mut bench = Bench::with_alice();
    let signed = bench.alice(PHONE);
    bench.go(0, 1);
    assert_eq!(bench.sign_in("alice", "secret", TABLET), retry());
    assert_eq!(bench.resume(&signed), retry());
    let refresh = signed.refresh.clone();
    assert_eq!(bench.ask(&body::ToAccount::SignOut(body::SignOut { refresh })), retry());
    bench.go(1, 0);
    bench.alice(TABLET);
    assert!(bench.has_endpoint(TABLET), "under the new term");
}

#[test]
fn the_operator_s_work_goes_on_under_the_new_term() {
    let mut bench = Bench::with_alice();
    let (name, endpoint) = (name("alice"), PHONE);
    let request = AdminRequest::MintSignIn { name, endpoint };
    bench.account.handle_input(Input::Admin { op: 5, request }, bench.now);
    bench.go(0, 1);
    bench.run();
    assert!(matches!(bench.out.as_slice(), [Output::Admin { reply: AdminReply::SignIn(_), .. }]));
}
