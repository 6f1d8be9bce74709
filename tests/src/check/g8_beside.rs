//! G8, of time: whoever floods, hardly reads or lies hurts only themselves. Two pairs talk in two worlds of
//! one seed, alone and beside such people; from send to ack, and from send to display, they must not
//! notice.

use std::collections::BTreeMap;

use presently_core::client::{Command, Event};
use presently_core::time::Timestamp;

use crate::history::{Broken, History, What, broken};
use crate::sim::beside::{TALKERS, play};

const LAW: &str = "g8_beside";
/// In nine of ten lines the loud may cost others so much, milliseconds: a commit that was on its way with
/// what they said, on a disk that syncs in up to 10 on average.
const P90_MS: u64 = 50;
/// And so much in any: some syncs take long.
const WORST_MS: u64 = 400;

/// Plays both worlds of a seed and holds the one against the other. How many lines were said beside the
/// loud.
///
/// # Errors
/// How much later others were answered or shown.
pub fn check(seed: u64) -> Result<usize, Broken> {
    compare(&play(seed, false), &play(seed, true))
}

/// Milliseconds from each line to its ack and to its display, in order of length.
#[derive(Debug)]
struct Waits {
    acks: Vec<u64>,
    shows: Vec<u64>,
}

fn compare(alone: &History, beside: &History) -> Result<usize, Broken> {
    let (alone, beside) = (waits(alone)?, waits(beside)?);
    let of = [("acked", &alone.acks, &beside.acks), ("shown", &alone.shows, &beside.shows)];
    for (what, alone, beside) in of {
        for (share, part, most) in [("nine of ten", 90, P90_MS), ("all", 100, WORST_MS)] {
            let (before, after) = (within(alone, part), within(beside, part));
            if after > before + most {
                let what = format!(
                    "{share} lines are {what} within {after} ms beside the loud, {before} ms alone"
                );
                return Err(broken(LAW, what));
            }
        }
    }
    Ok(beside.acks.len())
}

/// How long so many of a hundred take at most.
fn within(waits: &[u64], part: usize) -> u64 {
    let at = (waits.len() * part).div_ceil(100).saturating_sub(1);
    waits.get(at).copied().unwrap_or(0)
}

fn waits(history: &History) -> Result<Waits, Broken> {
    let mut said: BTreeMap<u64, (Timestamp, &str)> = BTreeMap::new();
    let mut texts: BTreeMap<&str, Timestamp> = BTreeMap::new();
    let mut waits = Waits { acks: Vec::new(), shows: Vec::new() };
    for seen in &history.seen {
        match &seen.what {
            What::Act { device, id, command: Command::Send { text, .. } } if *device < TALKERS => {
                said.insert(*id, (seen.at, text));
                texts.insert(text, seen.at);
            }
            What::Event { device, event: Event::Acked { id: Some(id), .. } }
                if *device < TALKERS =>
            {
                waits.acks.extend(said.remove(id).map(|(at, _)| seen.at.since(at)));
            }
            What::Event { device, event: Event::Message { from, text, .. } }
                if *device < TALKERS && history.person(from) != Some(history.owner[*device]) =>
            {
                waits.shows.extend(texts.remove(text.as_str()).map(|at| seen.at.since(at)));
            }
            _ => {}
        }
    }
    if let Some((_, (at, text))) = said.first_key_value() {
        return Err(broken(LAW, format!("{text:?}, said at {}, was never acked", at.0)));
    }
    if let Some((text, at)) = texts.first_key_value() {
        return Err(broken(LAW, format!("{text:?}, said at {}, was never shown", at.0)));
    }
    waits.acks.sort_unstable();
    waits.shows.sort_unstable();
    Ok(waits)
}

#[cfg(test)]
mod tests {
    use presently_core::client::Event;

    use super::{check, compare};
    use crate::check::made;
    use crate::history::What;

    #[test]
    fn nobody_notices() {
        let lines = check(1).expect("the law holds");
        assert!(lines > 200, "{lines} lines");
    }

    #[test]
    fn it_objects_to_lines_that_take_longer_or_never_arrive() {
        let alone = made::talk();
        assert_eq!(compare(&alone, &made::talk()), Ok(3));
        let is_late = |what: &What| matches!(what, What::Event { event: Event::Acked { .. }, .. });
        let mut beside = made::talk();
        for seen in beside.seen.iter_mut().filter(|seen| is_late(&seen.what)) {
            seen.at = seen.at + 100;
        }
        assert!(compare(&alone, &beside).is_err(), "acks are late");
        let mut beside = made::talk();
        made::forget(&mut beside, is_late);
        assert!(compare(&alone, &beside).is_err(), "none is acked");
        let mut beside = made::talk();
        made::forget(&mut beside, |seen| made::is_message(seen, 1, 3));
        assert!(compare(&alone, &beside).is_err(), "one is not shown");
    }
}
