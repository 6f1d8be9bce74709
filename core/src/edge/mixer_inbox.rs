//! mixer ↔ inbox: heads. A maximum, so it needs no number and may be told again (PROTOCOL §6.4).

use super::edge;
use crate::error::Refusal;
use crate::id::{ConversationId, UserId};
use crate::time::Wall;

edge! {
    /// What a mixer tells an inbox.
    ToInbox {
        /// The conversation reached a sequence. A request: answered by `Written` once durable.
        Head {
            /// Whose inbox.
            user: UserId,
            /// The conversation.
            conversation: ConversationId,
            /// The other person.
            with: UserId,
            /// The last sequence.
            head: u64,
            /// Its stamp.
            at: Wall,
        } "head",
    }

    /// The answer.
    ToMixer {
        /// The inbox holds this head or a later one, durably; or why not.
        Written {
            /// Whose inbox.
            user: UserId,
            /// The conversation.
            conversation: ConversationId,
            /// The head that was told.
            head: u64,
            /// Whether it is durable.
            outcome: Result<(), Refusal>,
        } "head_written",
    }
}
