//! G10: a node drains: it tells its clients when to come back, spreads them, and loses nothing.
//!
//! The rolling restart of a seed is played, and held against every other law too. Nobody hides or
//! leaves in it, so nobody may be seen offline.

use std::collections::BTreeMap;

use presently_core::client::Event;
use presently_core::limits::{DRAIN_FLUSH_MS, DRAIN_SPREAD_MS};
use presently_core::time::Timestamp;

use crate::history::{Broken, History, Told, What, broken};
use crate::sim::{Run, rolling};

const LAW: &str = "g10_drain";
/// Beyond the flush: what is on its way when a node begins to drain, milliseconds.
const SLACK_MS: u64 = 500;
/// So many clients told by one node shall not all be told the same.
const SPREAD_OF: usize = 3;

/// Plays the rolling restart of a seed and holds it against every law.
///
/// # Errors
/// The first law that does not hold.
pub fn check(seed: u64) -> Result<Run, Broken> {
    let run = rolling::play(seed);
    judge(&run.history)?;
    let other = |other: Broken| broken(LAW, format!("{}: {}", other.law, other.what));
    super::all(&run.history).map_err(other)?;
    Ok(run)
}

/// Holds the history of a rolling restart against G10.
///
/// # Errors
/// Who was told wrong, came back too early, or was seen offline.
pub fn judge(history: &History) -> Result<(), Broken> {
    drains(history)?;
    told(history)?;
    let offline = history.seen.iter().find_map(|seen| match &seen.what {
        What::Event { device, event: Event::Presence { user, status, .. } }
            if status == "offline" && history.people[history.owner[*device]] != *user =>
        {
            Some(format!("device {device} saw {user} offline at {}", seen.at.0))
        }
        _ => None,
    });
    offline.map_or(Ok(()), |what| Err(broken(LAW, what)))
}

/// Every drain ends in time and with no link left.
fn drains(history: &History) -> Result<(), Broken> {
    let mut open: BTreeMap<usize, Timestamp> = BTreeMap::new();
    let mut done = 0;
    for seen in &history.seen {
        match &seen.what {
            What::Draining { node } => {
                open.insert(*node, seen.at);
            }
            What::Drained { node, links } => {
                done += 1;
                let took = open.remove(node).map(|from| seen.at.since(from));
                if *links > 0 || took.is_none_or(|ms| ms > DRAIN_FLUSH_MS + SLACK_MS) {
                    let what =
                        format!("node {node} drained in {took:?} ms with {links} links left");
                    return Err(broken(LAW, what));
                }
            }
            _ => {}
        }
    }
    if let Some(node) = open.keys().next() {
        return Err(broken(LAW, format!("node {node} never drained")));
    }
    if done == 0 {
        return Err(broken(LAW, "no node was drained"));
    }
    Ok(())
}

/// Clients are told times within the spread, not all the same, and keep to them.
fn told(history: &History) -> Result<(), Broken> {
    let mut times: Vec<u32> = Vec::new();
    let mut not_before: BTreeMap<usize, Timestamp> = BTreeMap::new();
    for seen in &history.seen {
        match &seen.what {
            What::Draining { .. } => {
                spread(&times)?;
                times.clear();
            }
            What::Told { device, told: Told::Closing { after_ms }, .. } => {
                if u64::from(*after_ms) >= DRAIN_SPREAD_MS {
                    let what = format!("device {device} was told to come back in {after_ms} ms");
                    return Err(broken(LAW, what));
                }
                times.push(*after_ms);
                not_before.insert(*device, seen.at + u64::from(*after_ms));
            }
            What::Dials { device, .. }
                if not_before.remove(device).is_some_and(|at| seen.at < at) =>
            {
                let what = format!("device {device} came back early, at {}", seen.at.0);
                return Err(broken(LAW, what));
            }
            _ => {}
        }
    }
    spread(&times)
}

fn spread(times: &[u32]) -> Result<(), Broken> {
    let same = times.iter().all(|time| Some(time) == times.first());
    if times.len() >= SPREAD_OF && same {
        return Err(broken(LAW, format!("{} clients come back at once", times.len())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use presently_core::client::Event;

    use super::{check, judge};
    use crate::check::made;
    use crate::history::{History, Told, What};

    fn drained(links: usize) -> History {
        let mut history = made::talk();
        made::add(&mut history, What::Draining { node: 0 });
        for (device, after_ms) in [(0, 1_000), (1, 2_000), (1, 3_000)] {
            made::add(
                &mut history,
                What::Told { device, link: 1, told: Told::Closing { after_ms } },
            );
        }
        made::add(&mut history, What::Drained { node: 0, links });
        history
    }

    #[test]
    fn it_objects_to_links_left_and_to_no_end() {
        assert_eq!(judge(&drained(0)), Ok(()));
        assert!(judge(&drained(1)).is_err());
        let mut history = drained(0);
        made::forget(&mut history, |seen| matches!(seen, What::Drained { .. }));
        assert!(judge(&history).is_err());
        assert!(judge(&made::talk()).is_err(), "nothing was drained");
    }

    #[test]
    fn it_objects_to_who_comes_back_at_once_and_too_early() {
        let mut history = drained(0);
        for seen in &mut history.seen {
            if let What::Told { told: Told::Closing { after_ms }, .. } = &mut seen.what {
                *after_ms = 1_000;
            }
        }
        assert!(judge(&history).is_err());
        let mut history = drained(0);
        made::add(&mut history, What::Dials { device: 0, link: 2 });
        assert!(judge(&history).is_err());
    }

    #[test]
    fn it_objects_where_somebody_is_seen_offline() {
        let mut history = drained(0);
        let event = Event::Presence {
            user: String::from("p0"),
            status: String::from("offline"),
            name: String::new(),
            message: String::new(),
        };
        made::add(&mut history, What::Event { device: 1, event });
        assert!(judge(&history).is_err());
    }

    #[test]
    fn a_rolling_restart_holds() {
        for seed in 1..=6 {
            let run = check(seed).expect("nothing is lost");
            assert!(run.counts.acks > 100, "only {} acks", run.counts.acks);
        }
    }
}
