use alloc::vec::Vec;

use super::*;

fn values(tail: &Tail) -> Vec<(u32, Vec<u8>)> {
    tail.values().map(|(tag, value)| (tag, value.to_vec())).collect()
}

#[test]
fn tags_stand_in_order_however_they_are_set() {
    let mut tail = Tail::default();
    for (tag, value) in [(300, &b"c"[..]), (2, b"a"), (6, b"b"), (6, b""), (2, &[7; 200])] {
        tail.set(tag, value);
    }
    let wanted = [(2, [7; 200].to_vec()), (6, Vec::new()), (300, b"c".to_vec())];
    assert_eq!(values(&tail), wanted);
    let mut bytes = Vec::new();
    tail.encode_into(&mut bytes);
    assert_eq!(Tail::decode(&bytes), Ok(tail.clone()));
    tail.remove(6);
    tail.remove(7);
    assert_eq!((tail.value(6), tail.value(300)), (None, Some(&b"c"[..])));
    assert_eq!(values(&tail).len(), 2);
}

#[test]
fn what_is_cut_off_out_of_order_or_too_many_is_refused() {
    for bad in [&[2][..], &[2, 1], &[0x80], &[4, 0, 2, 0], &[2, 0, 2, 0]] {
        assert_eq!(Tail::decode(bad), Err(Malformed), "{bad:?}");
    }
    let many = |count: u8| (1..=count).flat_map(|tag| [2 * tag, 0]).collect::<Vec<u8>>();
    let full = Tail::decode(&many(16)).expect("sixteen are no more than allowed");
    assert_eq!(Tail::decode(&many(17)), Err(Malformed));
    assert!(
        full.has_room(&[32]) && !full.has_room(&[32, 34]),
        "a tag that stands there can be set"
    );
}

#[test]
fn flows_are_named_and_odd_tags_critical() {
    let flow = Flow { id: 3, hop: 1 << 60 };
    assert_eq!(Tail::of_flow(flow).flow(), flow);
    assert_eq!(Tail::of_flow(Flow::default()), Tail::default());
    let act = Act { process: u64::MAX, number: NonZeroU64::MAX };
    assert_eq!(Tail::of_flow(flow).with_act(Some(act)).act(), Some(act));
    assert_eq!(
        (Tail::of_flow(flow).act(), Tail::default().with_act(None)),
        (None, Tail::default())
    );
    let mut tail = Tail::of_flow(flow);
    assert!(!tail.has_unknown_critical(&[]));
    tail.set(5, b"");
    assert!(tail.has_unknown_critical(&[7]) && !tail.has_unknown_critical(&[5]));
}
