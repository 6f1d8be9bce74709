//! The core's events as uniffi enums and records.

use presently_core::client::{Event as CoreEvent, event};

/// What a client tells its app. See PROTOCOL §4.7.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Event {
    /// Signed in, for the first time or again after a cut.
    SignedIn {
        /// The account's name.
        user: String,
        /// The device's id.
        endpoint: String,
    },
    /// What a friend shows now; for the own name, as chosen.
    Presence {
        /// Whose.
        user: String,
        /// The status' name.
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
    /// Something was said. Each once, in order.
    Message {
        /// Who said it.
        from: String,
        /// The conversation's id.
        conversation: String,
        /// The other person of the conversation.
        with: String,
        /// Its place, from 1.
        seq: u64,
        /// What.
        text: String,
        /// Milliseconds since 1970.
        at: u64,
    },
    /// A contact is writing.
    Typing {
        /// Who.
        user: String,
    },
    /// There is no connection; the client tries again by itself.
    Offline {
        /// Why, in a word.
        reason: String,
        /// When, milliseconds.
        retry_ms: u64,
    },
    /// A refusal that answers no call: the sign-in ended.
    Failed {
        /// Its code's name.
        code: String,
        /// One clear line.
        text: String,
    },
    /// That many events were dropped, since they were not taken.
    Lagged {
        /// How many.
        missed: u64,
    },
}

impl Event {
    /// The event an app sees; `None` for the outcome of a call nobody waits for any more.
    pub(crate) fn from_core(event: CoreEvent) -> Option<Self> {
        Some(match event {
            CoreEvent::SignedIn { user, endpoint } => Self::SignedIn { user, endpoint },
            CoreEvent::Presence { user, status, name, message } => {
                Self::Presence { user, status, name, message }
            }
            CoreEvent::Invited { user, text } => Self::Invited { user, text },
            CoreEvent::Contact { user, change } => Self::Contact { user, change },
            CoreEvent::Message { from, conversation, with, seq, text, at } => {
                Self::Message { from, conversation, with, seq, text, at }
            }
            CoreEvent::Typing { user } => Self::Typing { user },
            CoreEvent::Offline { reason, retry_ms } => Self::Offline { reason, retry_ms },
            CoreEvent::Error { id: None, code, text, .. } => Self::Failed { code, text },
            CoreEvent::Lagged { missed } => Self::Lagged { missed },
            CoreEvent::Acked { .. }
            | CoreEvent::Contacts { .. }
            | CoreEvent::History { .. }
            | CoreEvent::Done { .. }
            | CoreEvent::Error { id: Some(_), .. } => return None,
        })
    }
}

/// The contact list.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Contacts {
    /// The list's revision.
    pub revision: u64,
    /// Everyone on it, by name.
    pub list: Vec<ContactItem>,
}

/// One line of the contact list.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct ContactItem {
    /// The account's name.
    pub user: String,
    /// `invited`, `pending` or `friend`.
    pub state: String,
    /// The text of an invitation.
    pub text: String,
    /// What is seen of them.
    pub status: String,
    /// Display name.
    pub name: String,
    /// Personal message.
    pub message: String,
}

impl From<event::ContactItem> for ContactItem {
    fn from(item: event::ContactItem) -> Self {
        let event::ContactItem { user, state, text, status, name, message } = item;
        Self { user, state, text, status, name, message }
    }
}

/// A page of history, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct History {
    /// The messages.
    pub list: Vec<HistoryItem>,
    /// Whether older ones exist.
    pub more: bool,
}

/// One message of a history.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct HistoryItem {
    /// Who said it.
    pub from: String,
    /// Its place, from 1.
    pub seq: u64,
    /// What.
    pub text: String,
    /// Milliseconds since 1970.
    pub at: u64,
}

impl From<event::HistoryItem> for HistoryItem {
    fn from(item: event::HistoryItem) -> Self {
        let event::HistoryItem { from, seq, text, at } = item;
        Self { from, seq, text, at }
    }
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum PresentlyError {
    /// The client or the server refused.
    #[error("{text}")]
    Refused {
        /// A code's name, PROTOCOL §11.
        code: String,
        /// One clear line.
        text: String,
        /// When the same may succeed, milliseconds.
        retry_ms: Option<u32>,
    },
    /// The client has ended; whether the call had an effect is not known.
    #[error("the client has ended")]
    Ended,
    /// The cache directory cannot be used.
    #[error("{reason}")]
    Cache {
        /// Why.
        reason: String,
    },
}

impl From<presently_driver::Gone> for PresentlyError {
    fn from(_: presently_driver::Gone) -> Self {
        Self::Ended
    }
}
