//! A conversation: what its mixer keeps, and what one person's inbox has of it.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::id::{ConversationId, UserId};
use crate::limits::MEMBERS_MAX;
use crate::time::Wall;
use crate::wire::bounded::items;

/// The mixer's row: who may speak here. Each change raises the row's revision, which every append
/// checks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// Members, sorted.
    #[serde(deserialize_with = "items::<_, _, MEMBERS_MAX>")]
    pub members: Vec<UserId>,
    /// The newest pact of a 1:1 that this mixer knows.
    pub pact: u32,
    /// Whether that pact still stands.
    pub open: bool,
}

/// A conversation as one person has it: the body of the Conversation record of an inbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxItem {
    /// The conversation.
    pub conversation: ConversationId,
    /// The other person of a 1:1.
    pub with: UserId,
    /// The last sequence the inbox knows; the log may be up to 5 s further on.
    pub head: u64,
    /// When that was.
    pub at: Wall,
    /// The inbox's revision when this last changed.
    pub revision: u64,
}

/// A member's watermarks: the value of a mark row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Shown on some device of the member through this sequence.
    pub delivered: u64,
}
