//! G8: every queue and every link has a bound; a slow or hostile peer hurts only itself.
//!
//! Machines name their queues and bounds themselves; what a host holds of a link is counted outside.

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
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::check::made;
    use crate::history::{By, What};

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
