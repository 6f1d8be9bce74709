use presently_core::time::Timestamp;

use super::{KEPT, LastInputs};

#[test]
fn the_newest_are_kept_in_order_and_told_with_their_age() {
    let mut last = LastInputs::new();
    assert_eq!(last.to_string(), "");
    for n in 0..KEPT as u64 {
        last.push("old", Timestamp(n));
    }
    last.clear();
    for (kind, at) in [("opened", 100), ("bytes", 110), ("bytes", 110), ("timeout", 1_000)] {
        last.push(kind, Timestamp(at));
    }
    assert_eq!(last.to_string(), "opened -900, bytes -890 x2, timeout 0");
    for n in 0..KEPT as u64 * 3 {
        last.push("stored", Timestamp(2_000 + n));
    }
    let text = last.to_string();
    assert_eq!(text.matches("stored").count(), KEPT);
    assert!(text.starts_with("stored -31,") && text.ends_with("stored 0"), "{text}");
}
