//! Every effect is completed exactly once, and every command has exactly one outcome
//! (PROTOCOL §1.1).

use std::collections::BTreeSet;

use presently_core::client::Event;

use super::lives::lives;
use crate::history::{Broken, History, broken};

const LAW: &str = "effects";

/// Holds a history against the law of effects.
///
/// # Errors
/// What was asked twice under one number, answered unasked, or never answered.
pub fn check(history: &History) -> Result<(), Broken> {
    if let Some(what) = history.effects.broken() {
        return Err(broken(LAW, what));
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
    use crate::effects::By;

    #[test]
    fn a_true_history_holds() {
        assert_eq!(check(&made::talk()), Ok(()));
    }

    #[test]
    fn it_objects_to_an_answer_nobody_asked_for() {
        let mut history = made::talk();
        history.effects.asked((By::Node(0), 1), (1, 1));
        history.effects.answered((By::Node(0), 1), (1, 1));
        assert_eq!(check(&history), Ok(()));
        history.effects.answered((By::Node(0), 1), (1, 1));
        assert!(check(&history).is_err());
    }

    #[test]
    fn it_objects_to_a_number_used_twice_at_once() {
        let mut history = made::talk();
        history.effects.asked((By::Node(0), 1), (1, 1));
        history.effects.gone((By::Node(0), 1));
        history.effects.asked((By::Node(0), 1), (1, 1));
        assert_eq!(check(&history), Ok(()));
        history.effects.asked((By::Node(0), 1), (1, 1));
        assert!(check(&history).is_err());
    }

    #[test]
    fn it_objects_to_many_that_are_never_answered() {
        let mut history = made::talk();
        (0..64).for_each(|op| history.effects.asked((By::Device(0), 1), (op, 1)));
        assert_eq!(check(&history), Ok(()));
        history.effects.asked((By::Device(0), 1), (64, 1));
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
