//! PROTOCOL §1.2: what waited while a node stood still is not new.

use super::*;

#[test]
fn what_is_read_in_time_is_said_now() {
    let mut said = Said::new(Timestamp(0));
    for now in (0..20_000).step_by(2_100).map(Timestamp) {
        said.tick(now);
        assert_eq!(said.read(now), now);
        assert_eq!(said.read(now + 2_099), now + 2_099);
    }
}

#[test]
fn what_is_read_after_a_pause_was_said_before() {
    let mut said = Said::new(Timestamp(0));
    let before = Timestamp(1_000);
    said.tick(before);
    // Whatever the host does first: reads, or its deadlines.
    assert_eq!(said.read(Timestamp(68_000)), before);
    said.tick(Timestamp(68_000));
    assert_eq!(said.read(Timestamp(68_000)), before);
    assert_eq!(said.read(Timestamp(68_000 + READS_MS - 1)), before);
    assert_eq!(said.read(Timestamp(68_000 + READS_MS)), Timestamp(68_000 + READS_MS));
}

#[test]
fn what_is_read_later_was_not_said_earlier() {
    let mut said = Said::new(Timestamp(0));
    assert_eq!(said.read(Timestamp(1_000)), Timestamp(1_000));
    assert_eq!(said.read(Timestamp(60_000)), Timestamp(1_000), "the pause began no earlier");
    let mut rng = crate::rng::Rng::new([7; 32]);
    let (mut said, mut now, mut last) = (Said::new(Timestamp(0)), Timestamp(0), Timestamp(0));
    for _ in 0..10_000 {
        now = now + rng.below(6_000);
        if rng.below(3) == 0 {
            said.tick(now);
        }
        let at = said.read(now);
        assert!(last <= at && at <= now, "{last:?} {at:?} {now:?}");
        last = at;
    }
}

#[test]
fn what_is_read_at_the_last_moment_before_a_pause_is_said_now() {
    let mut said = Said::new(Timestamp(0));
    said.tick(Timestamp(1_000));
    assert_eq!(said.read(Timestamp(1_000 + LATE_MS)), Timestamp(1_000 + LATE_MS));
    let mut said = Said::new(Timestamp(0));
    said.tick(Timestamp(1_000));
    assert_eq!(said.read(Timestamp(1_000 + LATE_MS + 1)), Timestamp(1_000));
}
