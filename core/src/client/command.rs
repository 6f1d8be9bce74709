//! What an app asks of its client. The same words in every client: JSON Lines, JS, uniffi.

use alloc::string::String;

use serde::{Deserialize, Serialize};

/// A command. Its outcome comes as an event with the number the app gave it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cmd", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Says something to a contact. Outcome: `acked`.
    Send {
        /// The contact's name.
        to: String,
        /// At most 8 KiB of UTF-8.
        text: String,
    },
    /// This person is writing to a contact. Sent at most once in 4 s. Outcome: `done`.
    Typing {
        /// The contact's name.
        to: String,
    },
    /// Chooses a status. Outcome: `done`.
    Status {
        /// One of the eight names.
        status: String,
    },
    /// Changes the personal message. Outcome: `done`.
    Message {
        /// At most 128 characters.
        text: String,
    },
    /// Changes the display name. Outcome: `done`.
    Name {
        /// At most 128 characters.
        text: String,
    },
    /// Asks somebody to become a contact. Outcome: `done`.
    Add {
        /// Their account's name.
        user: String,
        /// What they see with it; at most 128 characters.
        #[serde(default)]
        text: String,
    },
    /// Accepts an invitation. Outcome: `done`.
    Accept {
        /// Who invited.
        user: String,
    },
    /// Declines an invitation. Outcome: `done`.
    Decline {
        /// Who invited.
        user: String,
    },
    /// Removes a contact or takes back an invitation. Outcome: `done`.
    Remove {
        /// The contact's name.
        user: String,
    },
    /// Reads the contact list. Outcome: `contacts`.
    Contacts,
    /// Reads what was said with somebody, the newest first page, oldest first in it. Outcome:
    /// `history`.
    History {
        /// The contact's name.
        with: String,
        /// Only entries before this sequence.
        #[serde(default)]
        before: Option<u64>,
        /// At most this many, at most 200; 50 where left out.
        #[serde(default)]
        limit: Option<u16>,
    },
    /// Outcome `done` once everything the server held for this device at that moment has been shown.
    Sync,
    /// Leaves: Offline at once, the sign-in ends, the cache is erased. Outcome: `done`, the last event.
    SignOut,
}

impl core::fmt::Debug for Command {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Send { .. } => "send",
            Self::Typing { .. } => "typing",
            Self::Status { .. } => "status",
            Self::Message { .. } => "message",
            Self::Name { .. } => "name",
            Self::Add { .. } => "add",
            Self::Accept { .. } => "accept",
            Self::Decline { .. } => "decline",
            Self::Remove { .. } => "remove",
            Self::Contacts => "contacts",
            Self::History { .. } => "history",
            Self::Sync => "sync",
            Self::SignOut => "sign_out",
        })
    }
}
