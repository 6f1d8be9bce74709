//! G3: a conversation has one total order, the same on every device; a sender sees its own messages
//! in it, in the order it sent them.

use std::collections::BTreeMap;

use presently_core::client::Event;
use presently_core::id::EndpointId;

use super::lives::{Life, lives, sends};
use crate::history::{Broken, History, Logged, broken};

const LAW: &str = "g3_order";

/// Holds a history against G3.
///
/// # Errors
/// What stood or was shown out of order.
pub fn check(history: &History) -> Result<(), Broken> {
    for (pair, log) in &history.logs {
        one_log(pair, log)?;
    }
    senders(history)?;
    for life in lives(history) {
        shown(history, &life)?;
        read(history, &life)?;
    }
    Ok(())
}

/// A log has no gaps, its stamps never go back, and counters of an endpoint rise.
fn one_log(pair: &(usize, usize), log: &[Logged]) -> Result<(), Broken> {
    let mut counters: BTreeMap<(usize, EndpointId), u64> = BTreeMap::new();
    for (at, entry) in log.iter().enumerate() {
        if entry.seq != at as u64 + 1 {
            return Err(broken(LAW, format!("the log of {pair:?} has a gap before {}", entry.seq)));
        }
        if at > 0 && log[at - 1].at > entry.at {
            return Err(broken(LAW, format!("the stamp of {} of {pair:?} goes back", entry.seq)));
        }
        let last = counters.insert((entry.person, entry.endpoint), entry.counter);
        if last.is_some_and(|last| last >= entry.counter) {
            return Err(broken(LAW, format!("the counter of {} of {pair:?} falls", entry.seq)));
        }
    }
    Ok(())
}

/// What an endpoint sent stands in the order in which its app said it.
fn senders(history: &History) -> Result<(), Broken> {
    let sends = sends(history);
    let numbers: BTreeMap<&str, u64> = sends.iter().map(|(id, send)| (send.2, *id)).collect();
    for (pair, log) in &history.logs {
        let mut last: BTreeMap<EndpointId, u64> = BTreeMap::new();
        for entry in log.iter().filter(|entry| !history.liars.contains(&entry.person)) {
            let Some(id) = numbers.get(entry.text.as_str()) else {
                let what = format!("nobody said what stands at {} of {pair:?}", entry.seq);
                return Err(broken(LAW, what));
            };
            if last.insert(entry.endpoint, *id).is_some_and(|last| last > *id) {
                let what = format!("send {id} at {} of {pair:?} was overtaken", entry.seq);
                return Err(broken(LAW, what));
            }
        }
    }
    Ok(())
}

/// A device shows every entry in sequence, as the log has it.
fn shown(history: &History, life: &Life<'_>) -> Result<(), Broken> {
    let mut last: BTreeMap<(usize, usize), u64> = BTreeMap::new();
    for message in life.shown(history) {
        let place = (message.pair, message.seq);
        if let Some(before) = last.insert(message.pair, message.seq)
            && !history.follows(message.pair, before, message.seq)
        {
            let what = format!("device {} was shown {place:?} after {before}", life.device);
            return Err(broken(LAW, what));
        }
        let entry = history.entry(message.pair, message.seq);
        let same = entry.is_some_and(|entry| {
            entry.text == message.text
                && Some(entry.person) == message.from
                && entry.at == message.stamp
        });
        if !same {
            let what = format!("device {} was shown at {place:?} what is not there", life.device);
            return Err(broken(LAW, what));
        }
    }
    Ok(())
}

/// A history that was read equals the log.
fn read(history: &History, life: &Life<'_>) -> Result<(), Broken> {
    for (_, event) in &life.events {
        let Event::History { id: Some(id), list, .. } = event else {
            continue;
        };
        let asked = life.acts.iter().find(|(act, _)| act == id);
        let Some((_, presently_core::client::Command::History { with, .. })) = asked else {
            continue;
        };
        let Some(other) = history.person(with) else {
            continue;
        };
        let pair = History::pair(life.person, other);
        for (at, item) in list.iter().enumerate() {
            let entry = history.entry(pair, item.seq);
            let same = entry.is_some_and(|entry| {
                entry.text == item.text
                    && history.people[entry.person] == item.from
                    && entry.at == item.at
            });
            if !same || at > 0 && !history.follows(pair, list[at - 1].seq, item.seq) {
                let what = format!("device {}: history {id} differs at {}", life.device, item.seq);
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
    fn it_objects_to_a_gap_in_what_is_shown() {
        let mut history = made::talk();
        made::forget(&mut history, |seen| made::is_message(seen, 1, 2));
        assert!(check(&history).is_err());
    }

    #[test]
    fn of_what_a_liar_says_some_is_nothing_to_read() {
        for (liar, holds) in [(1, true), (0, false)] {
            let mut history = made::talk();
            history.liars.insert(liar);
            made::forget(&mut history, |seen| made::is_message(seen, 1, 2));
            assert_eq!(check(&history).is_ok(), holds);
        }
    }

    #[test]
    fn it_objects_to_two_orders() {
        let mut history = made::talk();
        made::swap(
            &mut history,
            |seen| made::is_message(seen, 1, 1),
            |seen| made::is_message(seen, 1, 2),
        );
        assert!(check(&history).is_err());
    }

    #[test]
    fn it_objects_where_a_sender_is_overtaken_by_itself() {
        let mut history = made::talk();
        for log in history.logs.values_mut() {
            let text = log[0].text.clone();
            log[0].text = log[2].text.clone();
            log[2].text = text;
        }
        assert!(check(&history).is_err());
    }

    #[test]
    fn it_objects_to_a_stamp_that_goes_back() {
        let mut history = made::talk();
        history.logs.values_mut().for_each(|log| log[1].at = 0);
        assert!(check(&history).is_err());
    }

    #[test]
    fn it_objects_to_a_history_that_differs() {
        let mut history = made::talk();
        made::bend_history(&mut history);
        assert!(check(&history).is_err());
    }
}
