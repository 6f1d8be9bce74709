//! Delay variation of clocks that are any time apart.

use super::delay::Delay;
use crate::time::Timestamp;

/// Parcels sent at `sent` by a clock that stands `ahead` of ours, each on its way for so long.
fn variations<const N: usize>(ahead: i64, parcels: [(u64, u64); N]) -> [u64; N] {
    let mut delay = Delay::default();
    parcels.map(|(sent, way_ms)| {
        let theirs = Timestamp(sent.strict_add_signed(ahead));
        delay.variation_ms(theirs, Timestamp(sent + way_ms))
    })
}

#[test]
fn a_parcel_is_late_by_what_the_fastest_one_took_less() {
    let parcels = [(100_000, 20), (100_100, 20_000), (100_200, 12), (100_300, 40)];
    for ahead in [-90_000, 0, 5_000_000] {
        assert_eq!(variations(ahead, parcels), [0, 19_980, 0, 28], "{ahead}");
    }
}

#[test]
fn the_fastest_one_is_remembered_for_a_minute_and_while_nothing_comes() {
    // Held back for ten minutes: the first to come again is as late as it was on its way.
    let held_back = [(1_000, 5), (2_000, 600_000)];
    assert_eq!(variations(0, held_back), [0, 599_995]);
    // The sender's clock stood still, or the way got longer: two minutes later that is how it is.
    let longer = [(1_000, 5), (61_000, 305), (62_000, 405), (119_000, 305), (121_100, 305)];
    assert_eq!(variations(0, longer), [0, 300, 400, 300, 0]);
}

#[test]
fn a_node_that_lies_about_its_clock_makes_nothing_overflow() {
    let mut delay = Delay::default();
    for sent in [0, u64::MAX, 1, u64::MAX / 2] {
        for now in [0, u64::MAX] {
            let _ = delay.variation_ms(Timestamp(sent), Timestamp(now));
        }
    }
    let hour = Timestamp(3_600_000);
    assert_eq!(Delay::default().variation_ms(Timestamp(u64::MAX), hour), 0);
}
