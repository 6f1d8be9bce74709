use super::*;

#[test]
fn what_is_held_and_what_is_left_are_counted() {
    let (kept, taken) = taken(|| {
        drop(vec![0u8; 10_000]);
        vec![0u8; 1_000]
    });
    assert_eq!((taken.peak, taken.kept), (10_000, 1_000));
    drop(kept);
}

#[test]
fn work_inside_of_work_is_counted_in_both() {
    let (inner, outer) = taken(|| taken(|| drop(vec![0u8; 5_000])).1);
    assert_eq!((inner.peak, outer.peak, outer.kept), (5_000, 5_000, 0));
}

#[test]
#[should_panic(expected = "10 bytes took 9000")]
fn a_decoder_that_takes_too_much_is_caught() {
    decoding(10, || drop(vec![0u8; 9_000]));
}
