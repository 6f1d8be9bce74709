//! One placer, told exactly what a store and other nodes might say. Several of them under every kind
//! of fault are in `hub/tests`.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks at the outputs it is about")]

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use super::{Fabric, Input, Output, Placer};
use crate::edge::{Address, Envelope, Peer, Role, Tell, To, ToPlacement};
use crate::error::Code;
use crate::id::{Flow, Incarnation, NodeId, OpId, Range};
use crate::limits::{ALIVE_DOUBT_MS, ALIVE_MS, MOVES_WAITING_MAX, REWRITE_MS, SEAT_UP_MS};
use crate::machine::Machine;
use crate::operator::{AdminReply, AdminRequest};
use crate::setup::Setup;
use crate::store::{Check, Key, Reply, Request, Row, Write};
use crate::ticket::Keys;
use crate::time::{Timestamp, Wall, WallClock};
use crate::topology::{Moved, Place, Topology};
use crate::wire::hello::Versions;

const T0: Timestamp = Timestamp(50_000);
const OWN: NodeId = NodeId(0);
const B: NodeId = NodeId(1);
const C: NodeId = NodeId(2);
/// Seated at node 0 of three.
const RANGE: Range = Range(3);

struct Bench {
    placer: Placer,
    now: Timestamp,
}

impl Bench {
    /// Node 0 of three that hears both others.
    fn new() -> Self {
        let setup = Setup {
            node: OWN,
            incarnation: Incarnation(4),
            fence: 40,
            topology: Topology::even(3),
            keys: Arc::new(Keys::new(vec![(1, [7; 32])])),
            seed: [1; 32],
            wall: WallClock::new(Wall(1_700_000_000_000), T0),
            trace: false,
            versions: Versions::default(),
        };
        let mut bench = Self { placer: Placer::new(setup, &[], T0), now: T0 };
        bench.input(Input::Peer(Peer::Up(B)));
        bench.input(Input::Peer(Peer::Up(C)));
        bench
    }

    fn input(&mut self, input: Input) -> Vec<Output> {
        self.placer.handle_input(input, self.now);
        self.drain()
    }

    fn drain(&mut self) -> Vec<Output> {
        core::iter::from_fn(|| self.placer.poll_output()).collect()
    }

    fn tell(&mut self, from: NodeId, tell: Fabric) -> Vec<Output> {
        let from = Address { role: Role::Placement, node: from };
        let tell = ToPlacement::Fabric(tell);
        self.input(Input::Tell(Envelope { flow: Flow::default(), from, op: None, tell }))
    }

    fn wait(&mut self, ms: u64) -> Vec<Output> {
        let until = self.now + ms;
        let mut out = Vec::new();
        while let Some(due) = self.placer.poll_timeout().filter(|due| due.at <= until) {
            self.now = due.at;
            self.placer.handle_timeout(self.now);
            out.extend(self.drain());
        }
        self.now = until;
        out
    }

    fn move_to(&mut self, op: u64, range: Range, to: NodeId) -> Vec<Output> {
        let shard = range.shards().next().expect("16 of them");
        self.input(Input::Admin { op, request: AdminRequest::Move { shard, to } })
    }

    fn stored(&mut self, op: OpId, reply: Reply) -> Vec<Output> {
        self.input(Input::Stored { op, reply })
    }
}

fn place(owner: NodeId, term: u32, revision: u64) -> Place {
    Place { range: RANGE, owner, term, kept: false, revision: Some(revision) }
}

fn row(place: &Place) -> Row {
    let revision = place.revision.expect("a row has one");
    Row { key: Key::range(place.range), value: place.encode(), revision }
}

fn page(rows: Vec<Row>) -> Reply {
    Reply::Page { rows, more: false }
}

fn asked(out: &[Output]) -> (OpId, &Request) {
    let mut asked = out.iter().filter_map(|output| match output {
        Output::Store { op, request } => Some((*op, request)),
        _ => None,
    });
    let first = asked.next().expect("the store is asked");
    assert!(asked.next().is_none(), "one thing at a time");
    first
}

fn written(out: &[Output]) -> (OpId, &Write) {
    match asked(out) {
        (op, Request::Write(write)) => (op, write),
        other => panic!("{other:?}"),
    }
}

fn moved(out: &[Output]) -> Vec<Moved> {
    let moved = out.iter().filter_map(|output| match output {
        Output::Moved(moved) => Some(*moved),
        _ => None,
    });
    moved.collect()
}

fn told(out: &[Output]) -> Vec<(NodeId, Fabric)> {
    let told = out.iter().filter_map(|output| match output {
        Output::Tell(post) => match (&post.to, &post.tell) {
            (To::Node(node), Tell::Placement(ToPlacement::Fabric(tell))) => {
                Some((*node, tell.clone()))
            }
            other => panic!("{other:?}"),
        },
        _ => None,
    });
    told.collect()
}

fn answer(out: &[Output]) -> Option<&AdminReply> {
    out.iter().find_map(|output| match output {
        Output::Admin { reply, .. } => Some(reply),
        _ => None,
    })
}

#[test]
fn a_move_is_one_checked_write_and_all_are_told_before_any_machine_tells_the_new_owner() {
    let mut bench = Bench::new();
    let out = bench.move_to(1, RANGE, B);
    let (op, write) = written(&out);
    let life = Check { key: Key::incarnation(OWN), revision: Some(40) };
    assert_eq!(write.checks, [life, Check { key: Key::range(RANGE), revision: None }]);
    assert!(moved(&out).is_empty(), "it is served until it is written");

    let out = bench.stored(op, Reply::Written { revision: 77 });
    let stands = Place { kept: true, ..place(B, 1, 77) };
    let placed = Fabric::Placed { places: vec![stands] };
    assert_eq!(told(&out), [(B, placed.clone()), (C, placed)]);
    let at = |of: fn(&Output) -> bool| out.iter().position(of).expect("it is there");
    assert!(at(|o| matches!(o, Output::Tell(_))) < at(|o| matches!(o, Output::Moved(_))));
    assert!(moved(&out)[0].is_loss(OWN) && moved(&out)[0].is_gain(B));
    assert_eq!(answer(&out), Some(&AdminReply::Done));
}

#[test]
fn what_has_no_clear_outcome_is_written_again_until_it_has() {
    let mut bench = Bench::new();
    let out = bench.move_to(1, RANGE, B);
    let (mut op, first) = written(&out);
    for reply in [Reply::Unknown, Reply::Failed("full".into()), Reply::Unknown] {
        assert!(moved(&bench.stored(op, reply)).is_empty());
        let out = bench.wait(REWRITE_MS);
        let (next, again) = written(&out);
        assert_eq!(again, first);
        op = next;
    }
    // The first one has landed meanwhile: the rows say so.
    let out = bench.stored(op, Reply::Conflict);
    let (op, request) = asked(&out);
    assert!(matches!(request, Request::Scan { .. }));
    let stands = Place { kept: true, ..place(B, 1, 70) };
    let out = bench.stored(op, page(vec![row(&stands)]));
    assert_eq!(moved(&out)[0].placement, stands.placement());
    let placed = Fabric::Placed { places: vec![stands] };
    assert_eq!(told(&out), [(B, placed.clone()), (C, placed)], "the new owner first, then all");
    assert_eq!(answer(&out), Some(&AdminReply::Done));
}

#[test]
fn a_move_that_is_refused_changes_nothing() {
    let mut bench = Bench::new();
    let out = bench.move_to(1, RANGE, B);
    let out = bench.stored(written(&out).0, Reply::Failed("full".into()));
    assert_eq!(answer(&out), Some(&AdminReply::Refused(Code::StoreFailed)));
    assert!(moved(&out).is_empty() && told(&out).is_empty());

    bench.wait(2_000);
    let out = bench.move_to(2, RANGE, B);
    let out = bench.stored(written(&out).0, Reply::Conflict);
    // Another was faster.
    let out = bench.stored(asked(&out).0, page(vec![row(&place(C, 1, 60))]));
    assert_eq!(answer(&out), Some(&AdminReply::Refused(Code::Retry)));
    assert!(moved(&out)[0].is_gain(C));
}

#[test]
fn a_range_that_another_had_in_between_is_lost_and_gained() {
    let mut bench = Bench::new();
    let out = bench.tell(C, Fabric::Placed { places: vec![place(OWN, 2, 80)] });
    let moved = moved(&out);
    assert_eq!(moved.len(), 1);
    assert!(moved[0].is_loss(OWN) && moved[0].is_gain(OWN));
    assert_eq!(moved[0].placement, place(OWN, 2, 80).placement());
}

#[test]
fn what_was_dropped_at_a_node_that_did_not_know_is_lost_and_it_is_told() {
    let mut bench = Bench::new();
    let stands = place(B, 3, 90);
    bench.tell(C, Fabric::Placed { places: vec![stands] });
    let out = bench.tell(B, Fabric::Elsewhere { place: place(OWN, 2, 80) });
    assert_eq!(told(&out), [(B, Fabric::Placed { places: vec![stands] })]);
    let moved = moved(&out);
    assert_eq!((moved[0].from, moved[0].placement), (B, stands.placement()));
    assert!(!moved[0].is_gain(OWN) && !moved[0].is_loss(OWN));

    // Equal: it was told before we knew. Another's: it was told to who owned it before.
    let out = bench.tell(C, Fabric::Elsewhere { place: stands });
    assert!(out.is_empty(), "{out:?}");
    let out = bench.tell(C, Fabric::Elsewhere { place: place(OWN, 2, 80) });
    assert_eq!((told(&out).len(), super::tests::moved(&out).len()), (1, 0));
}

#[test]
fn a_new_understanding_begins_with_all_that_is_known() {
    let mut bench = Bench::new();
    bench.tell(C, Fabric::Placed { places: vec![place(B, 3, 90)] });
    bench.input(Input::Peer(Peer::Lost(B)));
    let out = bench.input(Input::Peer(Peer::Up(B)));
    assert_eq!(told(&out), [(B, Fabric::Placed { places: vec![place(B, 3, 90)] })]);
}

#[test]
fn a_claim_checks_that_the_lost_owner_gave_no_sign_of_life() {
    let mut bench = Bench::new();
    let out = bench.input(Input::Peer(Peer::Lost(B)));
    let (mut op, request) = asked(&out);
    assert_eq!(*request, Request::Read(Key::alive(B)));
    let alive = || Reply::Found { value: vec![1].into(), revision: 9 };
    let read = |out: &[Output]| {
        out.iter().find_map(|output| match output {
            Output::Store { op, request: Request::Read(_) } => Some(*op),
            _ => None,
        })
    };
    for _ in 0..4 {
        let out = bench.stored(op, alive());
        assert!(out.is_empty(), "not yet: {out:?}");
        let out = bench.wait(2_000);
        op = read(&out).expect("it is watched");
    }
    let out = bench.stored(op, alive());
    let (op, write) = written(&out);
    assert_eq!(write.checks[1], Check { key: Key::alive(B), revision: Some(9) });
    assert!(write.puts.len() > 20 && write.puts.len() < 60, "the other half is another's");
    let out = bench.stored(op, Reply::Written { revision: 200 });
    assert!(moved(&out).iter().all(|moved| moved.from == B && moved.is_gain(OWN)));
}

#[test]
fn a_sign_of_life_or_a_sleep_of_ours_begins_the_count_anew() {
    let mut bench = Bench::new();
    let out = bench.input(Input::Peer(Peer::Lost(B)));
    let mut op = asked(&out).0;
    for turn in 0..40u64 {
        // It raises its row each third time it is read; once we sleep.
        let out = bench.stored(op, Reply::Found { value: vec![].into(), revision: turn / 3 });
        assert!(out.iter().all(|o| !matches!(o, Output::Store { .. })), "{out:?}");
        if turn == 20 {
            bench.now = bench.now + 30_000;
        }
        let out = bench.wait(2_000);
        let reads = out.iter().filter_map(|output| match output {
            Output::Store { op, request: Request::Read(_) } => Some(*op),
            _ => None,
        });
        op = reads.last().expect("it is watched");
    }
}

#[test]
fn signs_of_life_are_counted_and_one_is_written_at_a_time() {
    let mut bench = Bench::new();
    let signs = |out: Vec<Output>| {
        let signs = out.into_iter().filter_map(|output| match output {
            Output::Store { op, request: Request::Write(write) } => Some((op, write.puts)),
            _ => None,
        });
        signs.collect::<Vec<_>>()
    };
    bench.input(Input::Peer(Peer::Lost(B)));
    let mut wait = ALIVE_DOUBT_MS;
    for count in 1..=3u64 {
        let written = signs(bench.wait(wait));
        let [(op, puts)] = written.as_slice() else { panic!("{written:?}") };
        let count = count.to_be_bytes().to_vec().into();
        assert_eq!(*puts, [(Key::alive(OWN), count)]);
        wait = ALIVE_MS;
        assert_eq!(signs(bench.wait(wait)), [], "the one before is under way");
        bench.stored(*op, Reply::Written { revision: 50 });
    }
}

#[test]
fn operators_wait_in_a_bounded_queue() {
    let mut bench = Bench::new();
    bench.move_to(0, RANGE, B);
    for op in 0..MOVES_WAITING_MAX as u64 {
        assert!(bench.move_to(1 + op, Range(6), C).is_empty());
    }
    let out = bench.move_to(99, Range(9), B);
    assert_eq!(answer(&out), Some(&AdminReply::Refused(Code::Busy)));
    let out = bench.input(Input::Leave);
    let refused = out.iter().filter(|output| {
        matches!(output, Output::Admin { reply: AdminReply::Refused(Code::Draining), .. })
    });
    assert_eq!(refused.count(), MOVES_WAITING_MAX);
}

#[test]
fn a_range_goes_home_only_to_a_node_that_hears_and_stays() {
    let away = Place { range: Range(4), ..place(OWN, 1, 60) };
    for (trouble, goes) in
        [(None, true), (Some(Input::Deaf(B)), false), (Some(Input::Peer(Peer::Lost(B))), false)]
    {
        let mut bench = Bench::new();
        bench.tell(C, Fabric::Placed { places: vec![away] });
        let out = bench.wait(SEAT_UP_MS - 1);
        assert!(out.is_empty(), "{out:?}");
        if let Some(trouble) = trouble {
            bench.input(trouble);
        }
        let out = bench.wait(1);
        let home = out.iter().any(|output| {
            matches!(output, Output::Store { request: Request::Write(write), .. }
                if write.puts[0].0 == Key::range(Range(4)))
        });
        assert_eq!(home, goes);
    }
    let mut bench = Bench::new();
    bench.tell(C, Fabric::Placed { places: vec![away] });
    bench.tell(B, Fabric::Leaving {});
    assert!(bench.wait(60_000).is_empty());
}
