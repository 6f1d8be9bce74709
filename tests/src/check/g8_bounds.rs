//! G8: every queue and every link has a bound; a slow or hostile peer hurts only itself.
//!
//! Machines name their queues and bounds themselves; what a host holds of a link is counted outside. The bytes
//! that a gate keeps for one session are a queue too, and have a bound before and after its sign-in. And
//! nobody honest loses a link for a fault, whatever others say on theirs.

use crate::history::{Broken, History, What, broken};

const LAW: &str = "g8_bounds";

/// Holds a history against G8.
///
/// # Errors
/// The queue that grew over its bound.
pub fn check(history: &History) -> Result<(), Broken> {
    for seen in &history.seen {
        if let What::Measured { by, queue, length, bound } = &seen.what
            && length > bound
        {
            let what = format!("{queue} of {by:?} is {length} at {}, over {bound}", seen.at.0);
            return Err(broken(LAW, what));
        }
        if let What::Faulted { device, link } = &seen.what
            && !history.lies(*device)
        {
            let what = format!("link {link} of device {device} was closed for a fault of others");
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
    use crate::history::What;

    #[test]
    fn it_objects_where_somebody_honest_loses_a_link_for_a_fault() {
        let mut history = made::talk();
        made::add(&mut history, What::Faulted { device: 1, link: 1 });
        assert!(check(&history).is_err());
        history.liars.insert(1);
        assert_eq!(check(&history), Ok(()));
    }

    #[test]
    fn it_objects_to_a_queue_over_its_bound() {
        for (length, holds) in [(7, true), (8, true), (9, false)] {
            let mut history = made::talk();
            let (by, queue, bound) = (By::Node(0), "saves", 8);
            made::add(&mut history, What::Measured { by, queue, length, bound });
            assert_eq!(check(&history).is_ok(), holds);
        }
    }
}
