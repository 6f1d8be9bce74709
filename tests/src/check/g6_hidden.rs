//! G6: Appear Offline looks exactly like Offline to others. By non-interference: two worlds of one seed,
//! in one a person hides, in the other they are away; the frames that gates hand out for everybody else
//! must be equal, byte for byte and at the same instants.
//!
//! Frames of one link at one instant are held against each other in one order: which of two homes
//! answers first within a millisecond depends on what each has in memory, and so on everybody who asked
//! it before. For the same reason *settling* does not count where who it is of is shown at that very
//! instant: who comes, or a home that settles, may be before an answer or behind it. Of who hides it does.

use presently_core::id::UserId;
use presently_core::time::Timestamp;
use presently_core::wire::body::cs::FromCs;
use presently_core::wire::frame::Deframer;

use crate::history::{Broken, broken};
use crate::sim::Passed;
use crate::sim::twins::{Twin, Watched, play};

const LAW: &str = "g6_hidden";

/// Plays both worlds of a seed and holds them against each other. How many frames were compared.
///
/// # Errors
/// The first frame by which somebody could tell.
pub fn check(seed: u64) -> Result<usize, Broken> {
    let [hidden, away] = [Twin::Hidden, Twin::Away].map(|twin| settled(&play(seed, twin, None)));
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

/// Without what was overtaken at its own instant: *settling*, of somebody who was then shown. Of who hides
/// all is held: it is of them that nobody may tell.
fn settled(Watched { hider, told: passed }: &Watched) -> Vec<Passed> {
    let at = |p: &Passed| (p.at, p.device, p.link);
    let is_overtaken = |(number, told): (usize, &Passed)| {
        let Some(Of::Settling(user)) = Of::told(told).filter(|of| *of != Of::Settling(*hider))
        else {
            return false;
        };
        let later = passed[number + 1..].iter().take_while(|later| later.at == told.at);
        let mut of_link = later.filter(|later| at(later) == at(told));
        of_link.any(|later| Of::told(later) == Some(Of::Shown(user)))
    };
    let kept = passed.iter().enumerate().filter(|told| !is_overtaken(*told));
    kept.map(|(_, told)| told.clone()).collect()
}

/// What a frame says of somebody's presence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Settling(UserId),
    Shown(UserId),
}

impl Of {
    fn told(passed: &Passed) -> Option<Self> {
        let mut frames = Deframer::default();
        frames.push(&passed.frame);
        let frame = frames.next_frame().ok()??;
        match FromCs::decode(frame.kind, &frame.body).ok()?? {
            (FromCs::Settling(told), _) => Some(Self::Settling(told.user)),
            (FromCs::Presence(told), _) => Some(Self::Shown(told.user)),
            _ => None,
        }
    }
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
    use presently_core::id::{Channel, UserId};
    use presently_core::model::presence::{Presence, Status};
    use presently_core::time::Timestamp;
    use presently_core::wire::body::cs::{FromCs, PresenceOf, Settling};
    use presently_core::wire::frame::Frame;
    use presently_core::wire::record::Record;
    use presently_core::wire::tail::Tail;

    use super::{Watched, check, compare, settled};
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
    fn settling_does_not_count_at_the_instant_that_shows_the_same_person() {
        let told = |at, what: &FromCs| {
            let body = what.encode(&Tail::default());
            let frame = Frame::event(what.kind(), Channel(4), body).encode().to_vec();
            Passed { at: Timestamp(at), device: 1, link: 1, frame }
        };
        let (ann, bob) = (UserId([1; 16]), UserId([2; 16]));
        let settling = |at, user| told(at, &FromCs::Settling(Settling { user }));
        let shown = |at, user| {
            let (name, message) = Default::default();
            let presence = Presence { status: Status::Offline, name, message };
            told(at, &FromCs::Presence(PresenceOf { user, presence: Record::from(presence) }))
        };
        let settled =
            |told: &[Passed]| settled(&Watched { hider: UserId([3; 16]), told: told.to_vec() });
        let overtaken = [settling(5, ann), shown(5, ann)];
        assert_eq!(settled(&overtaken), [shown(5, ann)]);
        let hides = Watched { hider: ann, told: overtaken.to_vec() };
        assert_eq!(super::settled(&hides), overtaken);
        for stays in [
            vec![settling(5, ann)],
            vec![settling(5, ann), shown(6, ann)],
            vec![settling(5, ann), shown(5, bob)],
            vec![shown(5, ann), settling(5, ann)],
        ] {
            assert_eq!(settled(&stays), stays);
        }
    }

    #[test]
    fn watchers_cannot_tell() {
        let compared: usize = (1..=8).map(|seed| check(seed).expect("nobody can tell")).sum();
        assert!(compared > 2_000, "only {compared} frames were compared");
    }
}
