//! R9: a session is signed in anew each time, and nobody goes on with a token that is over.
//!
//! As PROTOCOL §5.1 has it, which differs on purpose from a token that is good once: one stays good until
//! the next is first used, since its answer may be lost; it is bound to account and device, not to a node's
//! life, so that a restart signs nobody out. So: no token is handed out twice; who resumes is who the token
//! was given to; once a later token was used, or the device signed in anew, an earlier one opens nothing;
//! and where an old one is shown, or a sign-out asked for, everything given before is over, for whoever
//! holds it.

use std::collections::BTreeMap;

use presently_core::id::EndpointId;
use presently_core::time::Timestamp;

use crate::history::{Broken, History, Shown, Told, What, broken};

const LAW: &str = "r9_session";

/// Holds a history against R9.
///
/// # Errors
/// The token that was good and should not have been.
pub fn check(history: &History) -> Result<(), Broken> {
    let mut tokens = Tokens::default();
    for seen in &history.seen {
        match &seen.what {
            What::Told {
                told: Told::SignedIn { with, person, endpoint, token, asked }, ..
            } => {
                let device = (*person, *endpoint);
                let (root, depth) = match with {
                    Shown::Token(with) => tokens.resumed(*with, device, *asked, seen.at)?,
                    Shown::Password | Shown::Unknown => (*token, 0),
                };
                let given = Given { device, at: seen.at, root, depth, over: None };
                if tokens.given.insert(*token, given).is_some() {
                    return Err(broken(LAW, format!("{device:?} is given a token again")));
                }
                if *with == Shown::Password {
                    tokens.begun(device, *asked, seen.at);
                }
            }
            What::Told { told: Told::SignInOver { token, asked }, .. } => {
                tokens.is_over(*token, *asked, seen.at);
            }
            _ => {}
        }
    }
    Ok(())
}

type Device = (usize, EndpointId);

/// A token as it was given.
struct Given {
    device: Device,
    at: Timestamp,
    /// The first token of its sign-in, and how many lie between.
    root: u64,
    depth: u64,
    /// What is asked with it from then on opens nothing.
    over: Option<Timestamp>,
}

#[derive(Default)]
struct Tokens {
    given: BTreeMap<u64, Given>,
}

impl Tokens {
    /// Somebody went on with a token: the sign-in and the place of the next.
    fn resumed(
        &mut self,
        token: u64,
        device: Device,
        asked: Timestamp,
        now: Timestamp,
    ) -> Result<(u64, u64), Broken> {
        let Some(given) = self.given.get(&token) else {
            return Err(broken(LAW, format!("{device:?} went on with a token nobody was given")));
        };
        if given.device != device {
            let what = format!("{device:?} went on with a token of {:?}", given.device);
            return Err(broken(LAW, what));
        }
        if given.over.is_some_and(|over| asked > over) {
            let what = format!(
                "{device:?} went on at {} with a token that was over at {:?}",
                asked.0, given.over
            );
            return Err(broken(LAW, what));
        }
        let (root, depth) = (given.root, given.depth);
        self.end(now, |other| other.device == device && other.root == root && other.depth < depth);
        Ok((root, depth + 1))
    }

    /// A device signed in anew: what it was given before it asked is over.
    fn begun(&mut self, device: Device, asked: Timestamp, now: Timestamp) {
        self.end(now, |other| other.device == device && other.at < asked);
    }

    /// A sign-in ended: what its device was given before that was asked for is over.
    fn is_over(&mut self, token: u64, asked: Timestamp, now: Timestamp) {
        if let Some(device) = self.given.get(&token).map(|given| given.device) {
            self.end(now, |other| other.device == device && other.at < asked);
        }
    }

    fn end(&mut self, now: Timestamp, which: impl Fn(&Given) -> bool) {
        for given in self.given.values_mut().filter(|given| which(given)) {
            given.over.get_or_insert(now);
        }
    }
}

#[cfg(test)]
#[path = "r9_session_test.rs"]
mod tests;
