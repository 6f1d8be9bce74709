//! G2: a message is shown once on each device, however often it was sent.
//!
//! A killed process may show again what it showed in its last moments: its cache had not synced.

use std::collections::{BTreeMap, BTreeSet};

use presently_core::client::{Command, Event};
use presently_core::time::Timestamp;

use super::lives::{lives, sends};
use crate::history::{Broken, History, Logged, What, broken};

const LAW: &str = "g2_once";
/// What a cache may not have synced when its process is killed, milliseconds.
const CACHE_LAG_MS: u64 = 3_000;

/// Holds a history against G2.
///
/// # Errors
/// What stands or was shown twice.
pub fn check(history: &History) -> Result<(), Broken> {
    logged_once(history)?;
    failed_is_not_logged(history)?;
    shown_once(history)
}

/// What a mixer said it could not store is not stored: its app would say it again. A copy of the cache
/// taken before that was said knows nothing of it, and says what stands in it.
fn failed_is_not_logged(history: &History) -> Result<(), Broken> {
    let sends = sends(history);
    // A liar says again what others tried to say.
    let own = |entry: &&Logged| !history.liars.contains(&entry.person);
    let logged: BTreeSet<&str> =
        history.logs.values().flatten().filter(own).map(|entry| entry.text.as_str()).collect();
    // The sends of each device that may still fail, by whether a copy has them.
    let mut open: BTreeMap<u64, (usize, bool)> = BTreeMap::new();
    for seen in &history.seen {
        match &seen.what {
            What::Act { device, id, command: Command::Send { .. } } => {
                open.insert(*id, (*device, false));
            }
            What::Cloned { of, .. } => {
                let copied = open.values_mut().filter(|(device, _)| device == of);
                copied.for_each(|(_, is_copied)| *is_copied = true);
            }
            What::Event { event: Event::Acked { id: Some(id), .. }, .. } => {
                open.remove(id);
            }
            What::Event { device, event: Event::Error { id: Some(id), code, .. } } => {
                let is_copied = open.remove(id).is_some_and(|(_, is_copied)| is_copied);
                let send = sends.get(id).filter(|_| code == "store_failed" && !is_copied);
                if send.is_some_and(|(_, _, text)| logged.contains(text)) {
                    let what = format!("device {device}: send {id} failed, and stands in the log");
                    return Err(broken(LAW, what));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn logged_once(history: &History) -> Result<(), Broken> {
    for (pair, log) in &history.logs {
        let (mut tags, mut texts, mut counters) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for entry in log {
            // What is said, and how it is marked, a liar chooses.
            let chosen = history.liars.contains(&entry.person);
            let fresh = (chosen || tags.insert(entry.tag) && texts.insert(entry.text.as_str()))
                && counters.insert((entry.person, entry.endpoint, entry.counter));
            if !fresh {
                return Err(broken(LAW, format!("entry {} of {pair:?} is a double", entry.seq)));
            }
        }
    }
    Ok(())
}

fn shown_once(history: &History) -> Result<(), Broken> {
    type Place = ((usize, usize), u64);
    // Per device: what its lives so far showed and its cache has.
    let mut before: BTreeMap<usize, BTreeSet<Place>> = BTreeMap::new();
    for life in lives(history) {
        let cached = before.remove(&life.device).filter(|_| !life.fresh);
        let mut cached = cached.unwrap_or_default();
        let mut now = BTreeMap::new();
        for shown in life.shown(history) {
            let place = (shown.pair, shown.seq);
            let what = || format!("device {} was shown {place:?} twice", life.device);
            if now.insert(place, shown.at).is_some() {
                return Err(broken(LAW, what()));
            }
            if cached.contains(&place) {
                return Err(broken(LAW, what() + " in two lives"));
            }
        }
        let is_synced = |at: &Timestamp| life.ran.is_none_or(|ran| ran.since(*at) > CACHE_LAG_MS);
        cached.extend(now.into_iter().filter(|(_, at)| is_synced(at)).map(|(place, _)| place));
        before.insert(life.device, cached);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use presently_core::client::{Command, Event};

    use super::check;
    use crate::check::made;
    use crate::history::What;

    #[test]
    fn it_objects_where_a_failed_send_stands_in_the_log() {
        let mut history = made::talk();
        made::forget(&mut history, made::is_ack);
        let (code, text) = (String::from("store_failed"), String::new());
        let event = Event::Error { id: Some(1), code, text, retry_ms: None };
        made::add(&mut history, What::Event { device: 0, event });
        assert!(check(&history).is_err());
        // A liar may say what they heard of it.
        history.liars.insert(1);
        assert!(check(&history).is_err());
        history.logs.values_mut().for_each(|log| log[0].person = 1);
        assert_eq!(check(&history), Ok(()));
    }

    #[test]
    fn a_true_history_holds() {
        assert_eq!(check(&made::talk()), Ok(()));
    }

    #[test]
    fn it_objects_to_a_message_shown_twice() {
        let mut history = made::talk();
        made::repeat(&mut history, |seen| made::is_message(seen, 1, 1));
        assert!(check(&history).is_err());
    }

    #[test]
    fn it_objects_to_a_message_shown_again_long_after_by_a_later_process() {
        let mut history = made::talk();
        made::restart_and_show_again(&mut history, 10_000);
        assert!(check(&history).is_err());
        let mut history = made::talk();
        made::restart_and_show_again(&mut history, 10);
        assert_eq!(check(&history), Ok(()), "a cache may lag a moment behind");
        let mut history = made::talk();
        made::add(&mut history, What::Sleeps { device: 1 });
        made::restart_and_show_again(&mut history, 10_000);
        assert_eq!(check(&history), Ok(()), "who stood still could not keep what it had shown");
        let mut history = made::talk();
        made::restart(&mut history, 1, 10);
        made::restart_and_show_again(&mut history, 10_000);
        assert_eq!(check(&history), Ok(()), "nor could a life between, that was told nothing");
    }

    #[test]
    fn it_objects_to_a_message_stored_twice() {
        let mut history = made::talk();
        history.logs.values_mut().for_each(|log| {
            let mut again = log[0].clone();
            again.seq = 4;
            log.push(again);
        });
        assert!(check(&history).is_err());
    }

    #[test]
    fn it_objects_to_what_failed_and_is_stored_unless_a_copy_said_it() {
        let failed = |copied: bool| {
            let mut history = made::talk();
            let text = history.logs.values().flatten().next().unwrap().text.clone();
            let command = Command::Send { to: String::from("p1"), text };
            made::add(&mut history, What::Act { device: 0, id: 77, command });
            if copied {
                made::add(&mut history, What::Cloned { device: 1, of: 0 });
            }
            let (id, code, text) = (Some(77), String::from("store_failed"), String::new());
            let event = Event::Error { id, code, text, retry_ms: None };
            made::add(&mut history, What::Event { device: 0, event });
            check(&history)
        };
        assert!(failed(false).is_err());
        assert_eq!(failed(true), Ok(()));
    }
}
