//! G6: Appear Offline looks exactly like Offline to others. By non-interference: two worlds of one seed,
//! in one a person hides, in the other they are away; the frames that gates hand out for everybody else
//! must be equal, byte for byte and at the same instants.
//!
//! Frames of one link at one instant are held against each other in one order: which of two homes
//! answers first within a millisecond depends on what each has in memory, and so on everybody who asked
//! it before.

use presently_core::time::Timestamp;

use crate::history::{Broken, broken};
use crate::sim::Passed;
use crate::sim::twins::{Twin, play};

const LAW: &str = "g6_hidden";

/// Plays both worlds of a seed and holds them against each other. How many frames were compared.
///
/// # Errors
/// The first frame by which somebody could tell.
pub fn check(seed: u64) -> Result<usize, Broken> {
    let (hidden, away) = (play(seed, Twin::Hidden, None), play(seed, Twin::Away, None));
    let sorted = |passed: &[Passed]| {
        let mut passed = passed.to_vec();
        passed.sort();
        passed
    };
    let (one, other) = (sorted(&hidden), sorted(&away));
    let held = compare(&one, &other);
    // A client that was told the same in another order does the same in another order, and numbers its
    // requests so: from there on its links say nothing.
    let told = |passed: &[Passed], device| {
        passed.iter().filter(|p| p.device == device).cloned().collect::<Vec<_>>()
    };
    let swapped = difference(&one, &other).is_some_and(|(device, at)| {
        let swap = difference(&told(&hidden, device), &told(&away, device));
        swap.is_some_and(|(_, swap)| swap < at)
    });
    if swapped { Ok(one.len()) } else { held }
}

/// Whose frame differs first, and when.
fn difference(one: &[Passed], other: &[Passed]) -> Option<(usize, Timestamp)> {
    let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let first = one.get(same).into_iter().chain(other.get(same)).min_by_key(|p| p.at)?;
    Some((first.device, first.at))
}

/// Holds what watchers were told where somebody hid against what they were told where that person was
/// away.
///
/// # Errors
/// The first difference.
pub fn compare(hidden: &[Passed], away: &[Passed]) -> Result<usize, Broken> {
    let same = hidden.iter().zip(away).take_while(|(one, other)| one == other).count();
    if same == hidden.len() && same == away.len() {
        return Ok(same);
    }
    let what = format!(
        "after {same} frames: where the person hides {}, where they are away {}",
        shown(hidden.get(same)),
        shown(away.get(same))
    );
    Err(broken(LAW, what))
}

fn shown(passed: Option<&Passed>) -> String {
    passed.map_or_else(
        || String::from("nothing more"),
        |Passed { at, device, link, frame }| {
            let kind: Vec<String> = frame.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("device {device} link {link} at {}: {}", at.0, kind.concat())
        },
    )
}

#[cfg(test)]
mod tests {
    use presently_core::time::Timestamp;

    use super::{check, compare};
    use crate::sim::Passed;

    fn trace() -> Vec<Passed> {
        let passed = |n: u8| {
            let (at, link) = (Timestamp(u64::from(n) * 10), 1);
            Passed { at, device: 1, link, frame: vec![0, 0, 4, n] }
        };
        (1..4).map(passed).collect()
    }

    #[test]
    fn equal_traces_hold() {
        assert_eq!(compare(&trace(), &trace()), Ok(3));
    }

    #[test]
    fn it_objects_to_a_byte_an_instant_or_a_frame_more() {
        let mut bytes = trace();
        bytes[2].frame[3] = 9;
        let mut late = trace();
        late[1].at = Timestamp(21);
        let mut more = trace();
        more.extend(trace().into_iter().next());
        for other in [bytes, late, more] {
            assert!(compare(&trace(), &other).is_err());
            assert!(compare(&other, &trace()).is_err());
        }
    }

    #[test]
    fn watchers_cannot_tell() {
        let compared: usize = (1..=8).map(|seed| check(seed).expect("nobody can tell")).sum();
        assert!(compared > 2_000, "only {compared} frames were compared");
    }
}
