//! G1: a message whose ack reached the sender is stored durably and reaches every member entitled to
//! it, whatever crashes.
//!
//! Entitled at the end are two people who are friends then: who was removed reads no further.

use std::collections::BTreeSet;

use presently_core::client::Event;

use super::lives::{lives, sends};
use crate::history::{Broken, History, What, broken};
use crate::reference::Reference;

const LAW: &str = "g1_durable";

/// Holds a history against G1.
///
/// # Errors
/// What was acked and is not there, or did not arrive.
pub fn check(history: &History) -> Result<(), Broken> {
    acked_is_logged(history)?;
    logged_is_shown(history)
}

fn acked_is_logged(history: &History) -> Result<(), Broken> {
    let sends = sends(history);
    for seen in &history.seen {
        let What::Event { device, event: Event::Acked { id: Some(id), seq, at } } = &seen.what
        else {
            continue;
        };
        if history.lies(*device) {
            continue;
        }
        let Some((_, to, text)) = sends.get(id) else {
            return Err(broken(LAW, format!("device {device}: ack of {id}, which is no send")));
        };
        let pair = History::pair(history.owner[*device], *to);
        let Some(entry) = history.entry(pair, *seq) else {
            return Err(broken(
                LAW,
                format!("send {id} was acked at {seq} of {pair:?}: not in the log"),
            ));
        };
        if entry.text != *text || entry.at != *at || entry.person != history.owner[*device] {
            return Err(broken(
                LAW,
                format!("send {id} was acked at {seq}: another entry is there"),
            ));
        }
    }
    Ok(())
}

fn logged_is_shown(history: &History) -> Result<(), Broken> {
    let reference = Reference::of(history);
    let mut shown: BTreeSet<(usize, (usize, usize), u64)> = BTreeSet::new();
    for life in lives(history) {
        for message in life.shown(history) {
            shown.insert((life.person, message.pair, message.seq));
        }
    }
    let present: BTreeSet<usize> = history.alive.iter().map(|d| history.owner[*d]).collect();
    for (pair, log) in &history.logs {
        if !reference.surely_friends(pair.0, pair.1) {
            continue;
        }
        for member in [pair.0, pair.1] {
            let missed = log.iter().find(|entry| !shown.contains(&(member, *pair, entry.seq)));
            if let Some(entry) = missed.filter(|_| present.contains(&member)) {
                let what = format!("{member} was never shown {} of {pair:?}", entry.seq);
                return Err(broken(LAW, what));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::check::made;

    #[test]
    fn a_true_history_holds() {
        assert_eq!(check(&made::talk()), Ok(()));
    }

    #[test]
    fn it_objects_where_an_acked_message_is_not_in_the_log() {
        let mut history = made::talk();
        history.logs.values_mut().for_each(|log| {
            log.pop();
        });
        assert!(check(&history).is_err());
    }

    #[test]
    fn it_objects_where_another_message_stands_in_its_place() {
        let mut history = made::talk();
        history.logs.values_mut().for_each(|log| log[0].text = String::from("another"));
        assert!(check(&history).is_err());
    }

    #[test]
    fn it_objects_where_a_member_was_never_shown_it() {
        let mut history = made::talk();
        made::forget(&mut history, |seen| made::is_message(seen, 1, 2));
        assert!(check(&history).is_err());
    }
}
