use super::{Rate, Used};
use crate::time::Timestamp;

const RATE: Rate = Rate { interval_ms: 12_000, burst: 5 };

#[test]
fn a_burst_then_one_per_interval() {
    let mut used = Used::default();
    let now = Timestamp(1_000_000);
    for _ in 0..5 {
        assert_eq!(RATE.take(&mut used, now), Ok(()));
    }
    assert_eq!(RATE.take(&mut used, now), Err(12_000));
    assert_eq!(RATE.take(&mut used, now + 11_999), Err(1));
    assert_eq!(RATE.take(&mut used, now + 12_000), Ok(()));
    assert_eq!(RATE.take(&mut used, now + 12_000), Err(12_000));
}

#[test]
fn what_is_given_back_may_be_taken_again() {
    let mut used = Used::default();
    let now = Timestamp(5);
    for _ in 0..100 {
        assert_eq!(RATE.take(&mut used, now), Ok(()));
        RATE.give_back(&mut used);
    }
}
