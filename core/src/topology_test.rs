//! What a copy of the table makes of moves.

use super::{Placement, Topology};
use crate::id::{Epoch, Incarnation, NodeId, Range, Shard};

fn stands(owner: u16, term: u32) -> Placement {
    Placement { owner: NodeId(owner), term, revision: Some(u64::from(term)) }
}

#[test]
fn every_shard_is_in_one_range_and_dealt_evenly() {
    let topology = Topology::even(4);
    let mut dealt = [0; 4];
    for range in Range::all() {
        for shard in range.shards() {
            assert_eq!(shard.range(), range);
            assert!(topology.owns(topology.seat(range), shard));
            dealt[usize::from(topology.owner(shard).0)] += 1;
        }
    }
    assert_eq!(dealt, [1024; 4]);
}

#[test]
fn an_own_later_term_is_a_loss_and_a_gain() {
    let mut topology = Topology::even(2);
    let moved = topology.place(Range(3), stands(1, 2)).expect("a later term");
    let own = NodeId(1);
    assert_eq!(moved.from, own, "its seat");
    assert!(moved.is_loss(own) && moved.is_gain(own), "somebody may have had it in between");
    let other = NodeId(0);
    assert!(!moved.is_loss(other) && !moved.is_gain(other));
}

#[test]
fn only_a_later_term_moves_a_range() {
    let mut topology = Topology::even(2);
    let (range, shard) = (Range(3), Shard(3 * 16 + 5));
    assert_eq!(topology.place(range, stands(0, 0)), None, "as it was dealt");
    let moved = topology.place(range, stands(0, 2)).expect("a later term");
    assert!(moved.is_gain(NodeId(0)) && moved.is_loss(NodeId(1)) && moved.has(shard));
    assert_eq!(topology.place(range, stands(1, 2)), None, "two of one term: the first stands");
    assert_eq!(topology.place(range, stands(1, 1)), None, "a past owner");
    assert_eq!(topology.owner(shard), NodeId(0));
    assert_eq!(topology.check(shard).revision, Some(2));
    assert_eq!(topology.owner(Shard(4 * 16)), NodeId(0), "the others are where they were");
    assert_eq!(topology.epoch(shard, Incarnation(7)), Epoch::new(2, 7));
    assert!(Epoch::new(2, 1) > Epoch::new(1, 9), "a move outranks any number of starts");
}
