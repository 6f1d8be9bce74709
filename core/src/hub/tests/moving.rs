//! Who owns what, through moves that are planned and moves by loss (PROTOCOL §9.5).

use super::{AdminReply, AdminRequest, Weather, World, id};
use crate::error::Code;
use crate::id::Shard;
use crate::topology::Place;

/// From a kill to everything owned by nodes that run: 6 s of silence, 8 s of no sign of life, and
/// what reading and writing take at most.
const TAKEN_OVER_MS: u64 = 17_500;

#[test]
fn a_node_alone_writes_nothing_for_its_shards() {
    let mut world = World::new(1, 1);
    world.run(60_000);
    assert_eq!((world.alive_writes, world.written.len()), (0, 0));
    assert_eq!(world.owned(0), [256]);
}

#[test]
fn nodes_that_hear_each_other_write_nothing_and_a_node_born_anew_keeps_its_ranges() {
    let mut world = World::new(2, 4);
    world.run(30_000);
    for at in [1, 3, 1] {
        world.kill(at);
        world.run(100);
        world.start(at);
        world.run(20_000);
    }
    assert_eq!((world.alive_writes, world.written.len()), (0, 0));
    assert_eq!(world.owned(2), [64; 4]);
}

#[test]
fn ranges_of_a_lost_node_are_taken_over_and_go_home_when_it_is_back() {
    for seed in 0..10 {
        let mut world = World::new(seed, 4);
        world.run(20_000);
        world.kill(2);
        let killed = world.now;
        while world.owned(0)[2] > 0 {
            world.run(100);
            assert!(world.now.since(killed) < TAKEN_OVER_MS, "seed {seed}: nobody takes over");
        }
        world.run(1_000);
        assert!(world.agree(), "seed {seed}");
        let owned = world.owned(0);
        assert!(owned.iter().all(|count| *count == 0 || *count > 64 + 10), "{owned:?}");
        assert_eq!(world.written.len(), 64, "each once");

        world.start(2);
        world.run(8_000);
        assert_eq!(world.owned(0)[2], 0, "not before it was up for a while");
        world.run(30_000);
        assert_eq!(world.owned(0), [64; 4], "seed {seed}");
        assert_eq!(world.written.len(), 128, "each once, and home");
        assert!(world.agree(), "seed {seed}");
    }
}

#[test]
fn in_a_long_partition_nothing_moves_while_both_sides_live() {
    for both in [true, false] {
        for nodes in [2, 3] {
            let mut world = World::new(7, nodes);
            world.run(5_000);
            world.part(0, 1, both);
            world.run(300_000);
            assert_eq!(world.written.len(), 0, "{nodes} nodes, both ways: {both}");
            assert!(world.alive_writes > 100);
            world.cut.clear();
            world.run(10_000);
            let writes = world.alive_writes;
            world.run(60_000);
            assert_eq!(world.alive_writes, writes, "no sign of life is needed any more");
            assert_eq!(world.written.len(), 0);
        }
    }
}

#[test]
fn one_that_sleeps_loses_its_ranges_and_learns_it_when_it_wakes() {
    let mut world = World::new(8, 3);
    world.run(20_000);
    world.pause(1, 40_000);
    world.run(40_000);
    assert_eq!(world.owned(0)[1], 0);
    world.run(2_000);
    assert!(world.agree());
    assert_eq!(world.owned(1)[1], 0);
    world.run(60_000);
    assert!(world.owned(1).iter().all(|count| *count >= 85), "and they go home");
    assert!(world.agree());
}

#[test]
fn all_that_sleep_at_once_lose_nothing() {
    let mut world = World::new(9, 3);
    world.run(20_000);
    for at in 0..3 {
        world.pause(at, 60_000);
    }
    world.run(120_000);
    assert_eq!(world.written.len(), 0);
}

#[test]
fn who_cannot_write_and_is_not_heard_is_lost() {
    let mut world = World::new(10, 2);
    world.run(20_000);
    world.storeless.insert(1);
    world.part(0, 1, true);
    world.run(20_000);
    assert_eq!(world.owned(0), [256, 0]);
    assert_eq!(world.owned(1), [128, 128], "it cannot know");
    world.cut.clear();
    world.run(2_000);
    assert_eq!(world.owned(1), [256, 0]);
    assert!(world.agree());
}

#[test]
fn an_operator_moves_a_range_and_it_stays() {
    let mut world = World::new(11, 3);
    world.run(15_000);
    let shard = Shard(5 * 16 + 3);
    let to = |at| AdminRequest::Move { shard, to: id(at) };
    assert_eq!(world.ask_and_wait(0, to(0)), Some(AdminReply::Elsewhere(id(2))));
    assert_eq!(world.ask_and_wait(2, to(9)), Some(AdminReply::Refused(Code::Invalid)));
    assert_eq!(world.ask_and_wait(2, to(0)), Some(AdminReply::Done));
    world.run(100_000);
    assert_eq!(world.written.len(), 1);
    assert!(world.agree());
    assert_eq!(world.ask_and_wait(0, to(0)), Some(AdminReply::Done), "it is there");
    assert_eq!(world.written.len(), 1);
    world.kill(1);
    world.run(7_000);
    assert_eq!(world.ask_and_wait(0, to(1)), Some(AdminReply::Refused(Code::Retry)));
    assert_eq!(world.owned(0)[0], 87);
}

#[test]
fn who_goes_away_hands_its_ranges_over_first() {
    let mut world = World::new(12, 3);
    world.run(15_000);
    world.feed(1, super::Input::Drain);
    world.run(1_500);
    assert!(world.nodes[1].drained);
    assert_eq!(world.owned(0)[1], 0);
    assert!(world.agree());
    assert_eq!(world.written.len(), 85);
    world.kill(1);
    world.run(60_000);
    assert_eq!(world.written.len(), 85, "nothing was left to be taken over");
}

#[test]
fn who_goes_away_with_all_the_others_hands_nothing_over() {
    let mut world = World::new(13, 4);
    world.run(15_000);
    for at in 0..4 {
        world.feed(at, super::Input::Drain);
        world.run(10);
    }
    world.run(1_000);
    assert!(world.nodes.iter().all(|node| node.drained));
    assert_eq!(world.written.len(), 0);
}

#[test]
fn who_goes_away_alone_or_with_a_dead_store_is_not_held_up() {
    let mut world = World::new(14, 2);
    world.run(15_000);
    world.storeless.insert(0);
    world.feed(0, super::Input::Drain);
    world.run(2_100);
    assert!(world.nodes[0].drained);

    let mut world = World::new(15, 2);
    world.kill(1);
    world.run(500);
    world.feed(0, super::Input::Drain);
    assert!(world.nodes[0].drained);
}

#[test]
fn ranges_of_nodes_that_do_not_exist_any_more_are_taken_at_once() {
    let mut world = World::new(16, 4);
    world.run(15_000);
    let ask = |range: u16, at| AdminRequest::Move { shard: Shard(range * 16), to: id(at) };
    assert_eq!(world.ask_and_wait(1, ask(1, 3)), Some(AdminReply::Done));
    assert_eq!(world.ask_and_wait(0, ask(4, 2)), Some(AdminReply::Done));
    for at in 0..4 {
        world.kill(at);
    }
    world.nodes.truncate(2);
    world.agenda.clear();
    for at in 0..2 {
        world.start(at);
    }
    world.run(1_000);
    assert_eq!(world.owned(0)[0] + world.owned(0)[1], 256);
    world.run(20_000);
    assert_eq!(world.owned(0), [128, 128]);
    assert!(world.agree());
}

/// Everything at once: whatever happens, a term has one owner (asserted as rows land), and once all
/// is mended all nodes agree and every range is at its seat.
#[test]
fn many_schedules_end_in_one_table() {
    for seed in 0..12u8 {
        let mut world = World::new(seed, 2 + usize::from(seed % 3));
        let nodes = world.nodes.len();
        world.run(12_000);
        world.weather = Weather { unknown: 200, failed: 50, parcels_lost: 100 };
        for _ in 0..40 {
            let at = world.rng.below(nodes as u64) as usize;
            let other = (at + 1 + world.rng.below(nodes as u64 - 1) as usize) % nodes;
            match world.rng.below(12) {
                0..3 => world.kill(at),
                3..6 if world.nodes[at].hub.is_none() => world.start(at),
                6 => {
                    let both = world.rng.below(2) == 0;
                    world.part(at, other, both);
                }
                7 => world.cut.clear(),
                8 => {
                    let ms = world.rng.below(30_000);
                    world.pause(at, ms);
                }
                9 | 10 if world.nodes[at].hub.is_some() => {
                    let shard = Shard(world.rng.below(4_096) as u16);
                    world.ask(at, AdminRequest::Move { shard, to: id(other) });
                }
                11 => world.feed(at, super::Input::Drain),
                _ => {}
            }
            let ms = world.rng.below(8_000);
            world.run(ms);
        }
        world.cut.clear();
        world.weather = Weather::default();
        for at in 0..nodes {
            // One that drained or sleeps is born anew as well.
            world.kill(at);
            world.start(at);
        }
        world.run(140_000);
        assert!(world.agree(), "seed {seed}");
        let table = world.table(0).expect("it serves");
        let seat = |place: &Place| id(usize::from(place.range.0) % nodes);
        let away = table.iter().filter(|place| !place.kept && place.owner != seat(place));
        assert_eq!(away.count(), 0, "seed {seed}");
        let before = world.written.len();
        world.run(60_000);
        assert_eq!(world.written.len(), before, "seed {seed}: it rests");
        assert!(before > 0, "seed {seed}: something moved");
    }
}
