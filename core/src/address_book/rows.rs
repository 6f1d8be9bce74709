//! The value of a book row. Contact rows hold the Contact record.

use alloc::boxed::Box;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::store::COUNTER_END;

/// A person's list as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BookRow {
    /// Greater with each change of a contact.
    pub(super) revision: u64,
    /// Contacts that are not tombstones.
    pub(super) contacts: u32,
    /// The person's account name, as the session that last changed the list said it: what is told to
    /// those whose invitations cross one's own. Empty until then.
    pub(super) name: Box<str>,
}

impl BookRow {
    pub(super) fn encode(&self) -> Bytes {
        Bytes::from(postcard::to_allocvec(self).expect("rows serialize"))
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let row: Option<Self> = postcard::from_bytes(bytes).ok();
        row.filter(|row| row.revision < COUNTER_END && row.contacts < u32::MAX)
    }
}
