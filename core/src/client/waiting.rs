//! Commands that wait for a connection or for the contact list.

use alloc::collections::VecDeque;

use super::Command;
use crate::id::Act;
use crate::limits::COMMANDS_WAITING_MAX;

/// A command with the app's number.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// The app's number.
    pub(super) id: Option<u64>,
    /// What.
    pub(super) command: Command,
    /// It was said before on a link that was lost: it may have had its effect.
    pub(super) again: bool,
    /// The act it is, however often it is said.
    pub(super) act: Act,
}

/// Commands in the order they came, at most [`COMMANDS_WAITING_MAX`].
#[derive(Debug, Default)]
pub(super) struct Waiting(VecDeque<Held>);

impl Waiting {
    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Keeps a command for later; gives it back where too many wait.
    pub(super) fn hold(&mut self, held: Held) -> Result<(), Held> {
        if self.0.len() >= COMMANDS_WAITING_MAX {
            return Err(held);
        }
        self.0.push_back(held);
        Ok(())
    }

    /// Puts a command first again whose answer was lost.
    pub(super) fn hold_again(&mut self, held: Held) {
        self.0.push_front(Held { again: true, ..held });
    }

    /// Takes everything, to try it once more in order.
    pub(super) fn take(&mut self) -> VecDeque<Held> {
        core::mem::take(&mut self.0)
    }

    /// Takes the sign-out, where one waits.
    pub(super) fn take_sign_out(&mut self) -> Option<Held> {
        let at = self.0.iter().position(|held| held.command == Command::SignOut)?;
        self.0.remove(at)
    }
}
