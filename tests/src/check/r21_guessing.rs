//! R21: who guesses passwords shuts nobody out.
//!
//! Failed sign-ins slow down whoever comes from the same address for the same name (PROTOCOL §5.1). Each
//! device has an address of its own here and the honest know their passwords, so none of them ever waits,
//! whatever liars try under their names.

use crate::history::{Broken, History, Told, What, broken};

const LAW: &str = "r21_guessing";

/// Holds a history against R21.
///
/// # Errors
/// Who was slowed down.
pub fn check(history: &History) -> Result<(), Broken> {
    for seen in &history.seen {
        if let What::Told { device, told: Told::SlowedDown, .. } = &seen.what
            && !history.lies(*device)
        {
            let what = format!("device {device} waits at {} for what others tried", seen.at.0);
            return Err(broken(LAW, what));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::check::made;
    use crate::history::{Told, What};

    #[test]
    fn it_objects_where_somebody_waits_who_tried_nothing() {
        let mut history = made::talk();
        assert_eq!(check(&history), Ok(()));
        made::add(&mut history, What::Told { device: 1, link: 1, told: Told::SlowedDown });
        assert!(check(&history).is_err());
        history.liars.insert(history.owner[1]);
        assert_eq!(check(&history), Ok(()), "a liar who guessed waits");
    }
}
