//! R10: a ticket opens what it was made for, and nothing else.
//!
//! As PROTOCOL §5.1 has it: tickets are sealed for one service and looked at when they are shown, those of
//! book, inbox and cs for ten minutes by clocks that may be wrong (`tests/fuzz` holds that bound), one for a
//! conversation is a seat that is taken once, within 120 s of its mixer's clock. So: whoever is let in
//! showed what some gate had handed out, byte for byte, for that service; and a seat is taken by one.

use std::collections::BTreeMap;

use presently_core::time::Timestamp;
use presently_core::wire::body::link::Service;

use crate::history::{Broken, History, Told, What, broken};

const LAW: &str = "r10_tickets";
/// A seat is kept for so long, and longer where its node stood still, milliseconds.
const SEAT_MS: u64 = 300_000;

/// Holds a history against R10.
///
/// # Errors
/// What was opened with which ticket.
pub fn check(history: &History) -> Result<(), Broken> {
    let mut granted: BTreeMap<u64, (u8, Timestamp)> = BTreeMap::new();
    let mut taken: BTreeMap<u64, Timestamp> = BTreeMap::new();
    for seen in &history.seen {
        let What::Told { device, told, .. } = &seen.what else {
            continue;
        };
        let what = |why: &str| {
            broken(LAW, format!("device {device} was let in at {}: {why}: {told:?}", seen.at.0))
        };
        match told {
            Told::Granted { service, ticket } => {
                granted.insert(*ticket, (*service, seen.at));
            }
            Told::Attached { service, ticket, asked } if *service != Service::ACCOUNT.0 => {
                let Some((made_for, at)) = granted.get(ticket) else {
                    return Err(what("nobody was given that ticket"));
                };
                if made_for != service {
                    return Err(what("the ticket is for another service"));
                }
                let seat = *service == Service::MIXER.0;
                if seat && asked.since(*at) > SEAT_MS {
                    return Err(what("its seat was given up long ago"));
                }
                if seat && taken.insert(*ticket, seen.at).is_some() {
                    return Err(what("its seat was taken before"));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use presently_core::time::Timestamp;

    use super::check;
    use crate::check::made;
    use crate::history::{History, Told, What};

    fn tell(history: &mut History, told: Told) {
        made::add(history, What::Told { device: 0, link: 1, told });
    }

    fn shows(history: &mut History, service: u8, ticket: u64) {
        let asked = history.seen.last().map_or(Timestamp(0), |last| last.at);
        tell(history, Told::Attached { service, ticket, asked });
    }

    fn given() -> History {
        let mut history = made::talk();
        for (service, ticket) in (2..=5).zip(20..) {
            tell(&mut history, Told::Granted { service, ticket });
        }
        history
    }

    #[test]
    fn only_the_diagonal_opens() {
        for service in 2..=5 {
            for (own, ticket) in (2..=5).zip(20..) {
                let mut history = given();
                shows(&mut history, service, ticket);
                assert_eq!(check(&history).is_ok(), own == service);
            }
        }
    }

    #[test]
    fn it_objects_to_a_ticket_that_nobody_was_given() {
        let mut history = given();
        shows(&mut history, 2, 99);
        assert!(check(&history).is_err());
        let mut history = given();
        shows(&mut history, 1, 0);
        assert_eq!(check(&history), Ok(()), "account asks for none");
    }

    #[test]
    fn it_objects_to_a_seat_that_is_taken_twice_or_late() {
        let mut history = given();
        for _ in 0..2 {
            shows(&mut history, 4, 22);
        }
        shows(&mut history, 5, 23);
        assert_eq!(check(&history), Ok(()), "a session's ticket is good for its time");
        shows(&mut history, 5, 23);
        assert!(check(&history).is_err());
        let mut history = given();
        made::wait(&mut history, 400_000);
        shows(&mut history, 5, 23);
        assert!(check(&history).is_err());
    }
}
