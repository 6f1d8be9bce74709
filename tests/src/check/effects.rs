//! Every effect is completed exactly once, and every command has exactly one outcome
//! (PROTOCOL §1.1).

use std::collections::{BTreeMap, BTreeSet};

use presently_core::client::Event;

use super::lives::lives;
use crate::history::{Broken, By, History, What, broken};

const LAW: &str = "effects";

/// Holds a history against the law of effects.
///
/// # Errors
/// What was asked twice under one number, answered unasked, or never answered.
pub fn check(history: &History) -> Result<(), Broken> {
    let mut open: BTreeMap<(By, u32), BTreeSet<(u64, u64)>> = BTreeMap::new();
    for seen in &history.seen {
        match &seen.what {
            What::Asked { by, op } => {
                if !open.entry(*by).or_default().insert(*op) {
                    return Err(broken(LAW, format!("{by:?} asks {op:?} again before its answer")));
                }
            }
            What::Answered { by, op } => {
                if !open.entry(*by).or_default().remove(op) {
                    return Err(broken(LAW, format!("{by:?} is answered {op:?} unasked")));
                }
            }
            What::Gone { by } => {
                open.remove(by);
            }
            What::Act { .. }
            | What::Event { .. }
            | What::Born { .. }
            | What::Cloned { .. }
            | What::Killed { .. }
            | What::Ended { .. }
            | What::Unlinked { .. }
            | What::Trouble
            | What::Quiet
            | What::Resync
            | What::Lives { .. }
            | What::Owns { .. }
            | What::Wrote { .. }
            | What::Refused { .. }
            | What::Halts { .. }
            | What::Healed
            | What::Told { .. }
            | What::Draining { .. }
            | What::Drained { .. }
            | What::Faulted { .. }
            | What::Measured { .. } => {}
        }
    }
    if let Some((by, ops)) = open.iter().find(|(_, ops)| ops.len() > 64) {
        return Err(broken(LAW, format!("{by:?} still waits for {} answers", ops.len())));
    }
    outcomes(history)
}

fn outcome(event: &Event) -> Option<u64> {
    match event {
        Event::Acked { id, .. }
        | Event::Contacts { id, .. }
        | Event::History { id, .. }
        | Event::Done { id }
        | Event::Error { id, .. } => *id,
        Event::SignedIn { .. }
        | Event::Presence { .. }
        | Event::Invited { .. }
        | Event::Contact { .. }
        | Event::Message { .. }
        | Event::Typing { .. }
        | Event::Offline { .. }
        | Event::Lagged { .. } => None,
    }
}

fn outcomes(history: &History) -> Result<(), Broken> {
    for life in lives(history) {
        let mut had: BTreeSet<u64> = BTreeSet::new();
        for (_, event) in &life.events {
            if let Some(id) = outcome(event)
                && !had.insert(id)
            {
                return Err(broken(LAW, format!("command {id} has two outcomes")));
            }
        }
        let lives_on = life.until.is_none();
        let waiting = life.acts.iter().find(|(id, _)| lives_on && !had.contains(id));
        if let Some((id, command)) = waiting {
            let what = format!("device {}: command {id} ({command:?}) has no outcome", life.device);
            return Err(broken(LAW, what));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::check::made;
    use crate::history::{By, What};

    #[test]
    fn a_true_history_holds() {
        assert_eq!(check(&made::talk()), Ok(()));
    }

    #[test]
    fn it_objects_to_an_answer_nobody_asked_for() {
        let mut history = made::talk();
        made::add(&mut history, What::Answered { by: (By::Node(0), 1), op: (1, 1) });
        assert!(check(&history).is_err());
    }

    #[test]
    fn it_objects_to_a_number_used_twice_at_once() {
        let mut history = made::talk();
        made::add(&mut history, What::Asked { by: (By::Node(0), 1), op: (1, 1) });
        made::add(&mut history, What::Asked { by: (By::Node(0), 1), op: (1, 1) });
        assert!(check(&history).is_err());
    }

    #[test]
    fn it_objects_to_a_command_without_an_outcome_and_to_two() {
        let mut history = made::talk();
        made::forget(&mut history, made::is_ack);
        assert!(check(&history).is_err());
        let mut history = made::talk();
        made::repeat(&mut history, made::is_ack);
        assert!(check(&history).is_err());
    }
}
