//! The value of an inbox state row. Inbox rows hold the InboxItem record.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::store::COUNTER_END;

/// A person's inbox as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StateRow {
    /// Greater with each change of a conversation.
    pub(super) revision: u64,
    /// How many conversations there are.
    pub(super) conversations: u32,
}

impl StateRow {
    pub(super) fn encode(&self) -> Bytes {
        Bytes::from(postcard::to_allocvec(self).expect("rows serialize"))
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let row: Option<Self> = postcard::from_bytes(bytes).ok();
        row.filter(|row| row.revision < COUNTER_END && row.conversations < u32::MAX)
    }
}
