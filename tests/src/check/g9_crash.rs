//! G9: a kill at any moment loses nothing that was acked, and the survivors converge.
//!
//! First safety, over the whole history (G1 to G3 do that); then liveness: once all is mended,
//! everybody is signed in within a bounded time, has been shown all there is, and two people agree on
//! how they stand.

use std::collections::BTreeMap;

use presently_core::client::Event;
use presently_core::client::event::ContactItem;

use super::lives::{Life, lives};
use crate::history::{Broken, History, broken};
use crate::reference::{Reference, Tie};

const LAW: &str = "g9_crash";

/// Holds a history against G9.
///
/// # Errors
/// Who did not come back, or does not agree.
pub fn check(history: &History) -> Result<(), Broken> {
    let reference = Reference::of(history);
    let lives = lives(history);
    let heads = heads(history, &lives);
    let last: Vec<Life<'_>> = lives.into_iter().filter(|life| life.until.is_none()).collect();
    for device in &history.alive {
        let Some(life) = last.iter().find(|life| life.device == *device) else {
            return Err(broken(LAW, format!("device {device} lives and was never born")));
        };
        back(life)?;
        caught_up(history, &reference, life, &heads)?;
    }
    agree(history, &reference, &last)
}

/// Signed in, and not offline since.
fn back(life: &Life<'_>) -> Result<(), Broken> {
    let state = life.events.iter().rev().find_map(|(_, event)| match event {
        Event::SignedIn { .. } => Some(true),
        Event::Offline { .. } => Some(false),
        _ => None,
    });
    if state == Some(true) {
        return Ok(());
    }
    Err(broken(LAW, format!("device {} did not come back", life.device)))
}

/// By device: how far each conversation was shown since it had an empty cache.
type Heads = BTreeMap<usize, BTreeMap<(usize, usize), u64>>;

fn heads(history: &History, lives: &[Life<'_>]) -> Heads {
    let mut heads = Heads::new();
    for life in lives {
        let of = heads.entry(life.device).or_default();
        if life.fresh {
            of.clear();
        }
        of.extend(life.shown(history).iter().map(|shown| (shown.pair, shown.seq)));
    }
    heads
}

/// Every conversation with a friend was shown to its end.
fn caught_up(
    history: &History,
    reference: &Reference,
    life: &Life<'_>,
    heads: &Heads,
) -> Result<(), Broken> {
    let heads = &heads[&life.device];
    for (pair, log) in &history.logs {
        let mine = pair.0 == life.person || pair.1 == life.person;
        if !mine || !reference.surely_friends(pair.0, pair.1) {
            continue;
        }
        // A device without a past starts where its person's devices had been.
        let head = log.last().map_or(0, |entry| entry.seq);
        if heads.get(pair).is_some_and(|shown| *shown != head) {
            let what = format!(
                "device {} was shown {pair:?} to {:?} of {head}",
                life.device,
                heads.get(pair)
            );
            return Err(broken(LAW, what));
        }
    }
    Ok(())
}

type Lists<'a> = BTreeMap<usize, BTreeMap<&'a str, &'a ContactItem>>;

/// The contact lists of each person, the same on all their devices.
fn lists<'a>(last: &[Life<'a>]) -> Result<Lists<'a>, Broken> {
    let mut lists: Lists<'a> = BTreeMap::new();
    for life in last {
        let list = life.events.iter().rev().find_map(|(_, event)| match event {
            Event::Contacts { list, .. } => Some(list),
            _ => None,
        });
        let Some(list) = list else {
            return Err(broken(LAW, format!("device {} has no contact list", life.device)));
        };
        let list: BTreeMap<&str, &ContactItem> =
            list.iter().map(|item| (item.user.as_str(), item)).collect();
        if let Some(other) = lists.get(&life.person) {
            let states = |of: &BTreeMap<&str, &ContactItem>| {
                of.iter().map(|(k, v)| (String::from(*k), v.state.clone())).collect::<Vec<_>>()
            };
            if states(other) != states(&list) {
                let what = format!("two devices of {} have two contact lists", life.person);
                return Err(broken(LAW, what));
            }
        }
        lists.insert(life.person, list);
    }
    Ok(lists)
}

fn agree(history: &History, reference: &Reference, last: &[Life<'_>]) -> Result<(), Broken> {
    let lists = lists(last)?;
    for (a, list_a) in &lists {
        for (b, list_b) in lists.range(a + 1..).filter(|(b, _)| !history.has_liar((*a, **b))) {
            let state = |list: &BTreeMap<&str, &ContactItem>, of: usize| {
                list.get(history.people[of].as_str()).map_or("none", |item| {
                    match item.state.as_str() {
                        "friend" => "friend",
                        "invited" => "invited",
                        "pending" => "pending",
                        _ => "none",
                    }
                })
            };
            let now = (state(list_a, *b), state(list_b, *a));
            let tie = reference.tie(*a, *b);
            if !fits(now, tie, *a) {
                let what = format!("{a} and {b} stand as {now:?}, the model says {tie:?}");
                return Err(broken(LAW, what));
            }
        }
    }
    Ok(())
}

fn fits(now: (&str, &str), tie: Tie, a: usize) -> bool {
    match tie {
        Tie::Friends => now == ("friend", "friend"),
        Tie::None => now == ("none", "none"),
        Tie::Asked(who) if who == a => now == ("invited", "pending"),
        Tie::Asked(_) => now == ("pending", "invited"),
        Tie::Declined(who) if who == a => now == ("invited", "none"),
        Tie::Declined(_) => now == ("none", "invited"),
        Tie::Unsure => matches!(
            now,
            ("friend", "friend")
                | ("none", "none" | "invited")
                | ("invited", "pending" | "none")
                | ("pending", "invited")
        ),
    }
}

#[cfg(test)]
mod tests {
    use presently_core::client::Event;

    use super::check;
    use crate::check::made;
    use crate::history::What;

    #[test]
    fn a_true_history_holds() {
        assert_eq!(check(&made::talk()), Ok(()));
    }

    #[test]
    fn it_objects_where_somebody_does_not_come_back() {
        let mut history = made::talk();
        let event = Event::Offline { reason: String::from("cut"), retry_ms: 1 };
        made::add(&mut history, What::Event { device: 1, event });
        assert!(check(&history).is_err());
    }

    #[test]
    fn it_objects_where_somebody_was_not_shown_the_end() {
        let mut history = made::talk();
        made::forget(&mut history, |seen| made::is_message(seen, 1, 3));
        assert!(check(&history).is_err());
    }

    #[test]
    fn it_objects_where_two_do_not_agree() {
        let mut history = made::talk();
        made::unfriend(&mut history, 1);
        assert!(check(&history).is_err());
    }
}
