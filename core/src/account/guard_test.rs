use alloc::format;

use super::Guard;
use crate::limits::SIGN_IN_FAILURES_BURST;
use crate::origin::Origin;
use crate::rng::Rng;
use crate::time::Timestamp;

const NOW: Timestamp = Timestamp(1_000_000);

#[test]
fn who_shares_a_cell_with_one_who_guesses_does_not_wait() {
    let mut guard = Guard::new(&mut Rng::new([7; 32]));
    let guesser = Origin::of("192.0.2.1");
    for _ in 0..SIGN_IN_FAILURES_BURST {
        assert_eq!(guard.attempt("ada", guesser, NOW), Ok(()));
    }
    assert!(guard.attempt("ada", guesser, NOW).is_err());
    // Of so many some share a cell of either table with the guesser.
    for number in 0..65_536_u32 {
        let origin = Origin::of(&format!("10.1.{}.{}", number >> 8, number & 255));
        assert_eq!(guard.attempt("ada", origin, NOW), Ok(()), "{number}");
        guard.forgive("ada", origin);
    }
    assert!(guard.attempt("ada", guesser, NOW).is_err(), "what others gave back was theirs");
}
