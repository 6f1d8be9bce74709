//! PROTOCOL §1.2: what waited while a node stood still is not new.

use super::*;

#[test]
fn what_is_read_in_time_is_said_now() {
    let mut said = Said::new(Timestamp(0));
    for now in (0..20_000).step_by(1_000).map(Timestamp) {
        said.tick(now);
        assert_eq!(said.at(now), now);
        assert_eq!(said.at(now + 999), now + 999);
    }
}

#[test]
fn what_is_read_after_a_pause_was_said_when_it_began() {
    let mut said = Said::new(Timestamp(0));
    said.tick(Timestamp(1_000));
    let began = Timestamp(1_000 + PAUSE_MS);
    // Whatever the host does first: reads, or its deadlines.
    assert_eq!(said.at(Timestamp(68_000)), began);
    said.tick(Timestamp(68_000));
    assert_eq!(said.at(Timestamp(68_000)), began);
    assert_eq!(said.at(Timestamp(68_000 + READS_MS - 1)), began);
    assert_eq!(said.at(Timestamp(68_000 + READS_MS)), Timestamp(68_000 + READS_MS));
}

#[test]
fn what_is_read_later_was_not_said_earlier() {
    let mut rng = crate::rng::Rng::new([7; 32]);
    let (mut said, mut now, mut last) = (Said::new(Timestamp(0)), Timestamp(0), Timestamp(0));
    for _ in 0..10_000 {
        now = now + rng.below(5_000);
        if rng.below(3) == 0 {
            said.tick(now);
        }
        let at = said.at(now);
        assert!(last <= at && at <= now, "{last:?} {at:?} {now:?}");
        last = at;
    }
}
