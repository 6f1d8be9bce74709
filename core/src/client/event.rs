//! What a client tells its app. The same words in every client: JSON Lines, JS, uniffi.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// An event. `id` is the number of the command it answers. `Debug` names only the kind: texts and
/// names stay out of logs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Signed in, for the first time or again after a cut.
    SignedIn {
        /// The account's name.
        user: String,
        /// The device's id, hexadecimal.
        endpoint: String,
    },
    /// What a friend shows now; for the app's own name, what this person shows, as chosen.
    Presence {
        /// Whose.
        user: String,
        /// One of the eight names, or `offline`.
        status: String,
        /// Display name.
        name: String,
        /// Personal message.
        message: String,
    },
    /// Somebody asks to become a contact.
    Invited {
        /// Who.
        user: String,
        /// What they wrote with it.
        text: String,
    },
    /// A contact changed.
    Contact {
        /// Who.
        user: String,
        /// `invited`, `pending`, `friend` or `removed`.
        change: String,
    },
    /// Something was said, by anyone in the conversation, this person included. Each once, in order.
    Message {
        /// Who said it.
        from: String,
        /// The conversation's id, hexadecimal.
        conversation: String,
        /// The other person of the conversation.
        with: String,
        /// Its place, from 1.
        seq: u64,
        /// What.
        text: String,
        /// The server's stamp, milliseconds since 1970.
        at: u64,
    },
    /// A send is stored durably.
    Acked {
        /// The command.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        /// Its place.
        seq: u64,
        /// The server's stamp, milliseconds since 1970.
        at: u64,
    },
    /// A contact is writing; lapses after 6 s or with their message.
    Typing {
        /// Who.
        user: String,
    },
    /// The contact list.
    Contacts {
        /// The command.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        /// The list's revision.
        revision: u64,
        /// Everyone on it, by name.
        list: Vec<ContactItem>,
    },
    /// A page of history.
    History {
        /// The command.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        /// Oldest first.
        list: Vec<HistoryItem>,
        /// Whether older ones exist.
        more: bool,
    },
    /// The command is done.
    Done {
        /// The command.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
    },
    /// The command, or the sign-in, is refused.
    Error {
        /// The command.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        /// A name of PROTOCOL §11.
        code: String,
        /// One clear line.
        text: String,
        /// When the same may succeed, milliseconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_ms: Option<u32>,
    },
    /// There is no connection; the client tries again by itself.
    Offline {
        /// Why, in a word: `unreachable`, `cut`, `silent`, `draining`, `busy`, `refused`, `fault`, or
        /// `shared_device` where a copy of this device made it take a new id.
        reason: String,
        /// When it tries again, milliseconds.
        retry_ms: u64,
    },
    /// The app did not take its events: that many were dropped. Read again what is shown.
    Lagged {
        /// How many.
        missed: u64,
    },
}

/// One line of the contact list.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactItem {
    /// The account's name.
    pub user: String,
    /// `invited`, `pending` or `friend`.
    pub state: String,
    /// The text of an invitation.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub text: String,
    /// What is seen of them.
    pub status: String,
    /// Display name.
    pub name: String,
    /// Personal message.
    pub message: String,
}

/// One message of a history.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryItem {
    /// Who said it.
    pub from: String,
    /// Its place, from 1.
    pub seq: u64,
    /// What.
    pub text: String,
    /// The server's stamp, milliseconds since 1970.
    pub at: u64,
}

impl core::fmt::Debug for Event {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::SignedIn { .. } => f.write_str("signed_in"),
            Self::Presence { status, .. } => write!(f, "presence({status})"),
            Self::Invited { .. } => f.write_str("invited"),
            Self::Contact { change, .. } => write!(f, "contact({change})"),
            Self::Message { seq, .. } => write!(f, "message({seq})"),
            Self::Acked { id, seq, .. } => write!(f, "acked({id:?}, {seq})"),
            Self::Typing { .. } => f.write_str("typing"),
            Self::Contacts { list, .. } => write!(f, "contacts({})", list.len()),
            Self::History { list, .. } => write!(f, "history({})", list.len()),
            Self::Done { id } => write!(f, "done({id:?})"),
            Self::Error { id, code, .. } => write!(f, "error({id:?}, {code})"),
            Self::Offline { reason, retry_ms } => write!(f, "offline({reason}, {retry_ms})"),
            Self::Lagged { missed } => write!(f, "lagged({missed})"),
        }
    }
}
