//! One file per law (ARCHITECTURE section 6). Each is a pure function over a history, and has a test
//! that hands it a broken one and sees it object.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a law is about a few of the things that can be seen"
)]

use crate::history::{Broken, History};

pub mod effects;
pub mod g10_drain;
pub mod g1_arrives;
pub mod g1_durable;
pub mod g2_once;
pub mod g3_order;
pub mod g4_presence;
pub mod g5_privacy;
pub mod g6_hidden;
pub mod g7_resume;
pub mod g8_beside;
pub mod g8_bounds;
pub mod g9_crash;
mod lives;
pub mod one_owner;
pub mod r10_tickets;
pub mod r21_guessing;
pub mod r4_own;
pub mod r5_fresh;
pub mod r9_session;
mod stands;

#[cfg(test)]
mod made;

/// A law: its name and its checker.
pub type Law = (&'static str, fn(&History) -> Result<(), Broken>);

/// Every law.
pub const LAWS: &[Law] = &[
    ("effects", effects::check),
    ("g1_durable", g1_durable::check),
    ("g1_arrives", g1_arrives::check),
    ("g2_once", g2_once::check),
    ("g3_order", g3_order::check),
    ("g4_presence", g4_presence::check),
    ("g5_privacy", g5_privacy::check),
    ("g7_resume", g7_resume::check),
    ("g8_bounds", g8_bounds::check),
    ("g9_crash", g9_crash::check),
    ("one_owner", one_owner::check),
    ("r4_own", r4_own::check),
    ("r5_fresh", r5_fresh::check),
    ("r9_session", r9_session::check),
    ("r10_tickets", r10_tickets::check),
    ("r21_guessing", r21_guessing::check),
];

/// Holds a history against every law.
///
/// # Errors
/// The first law that does not hold.
pub fn all(history: &History) -> Result<(), Broken> {
    LAWS.iter().try_for_each(|(_, check)| check(history))
}
