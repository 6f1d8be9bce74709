//! cs ↔ mixer: seats for those who call, rings for those who are called (PROTOCOL §5.4).

use alloc::boxed::Box;

use super::{Class, edge};
use crate::error::Refusal;
use crate::id::{ConversationId, EndpointId, UserId};
use crate::wire::body::account::Grant;

edge! {
    /// What a CS asks a mixer.
    ToMixer {
        /// A seat for an endpoint whose home allowed the contact under a pact. A request: answered by
        /// `Seated`. A pact newer than the mixer's is taken on, and opens the conversation.
        Seat {
            /// The conversation: that of `user` and `peer`.
            conversation: ConversationId,
            /// Who calls.
            user: UserId,
            /// On which device.
            endpoint: EndpointId,
            /// The other.
            peer: UserId,
            /// The pact the home answered.
            pact: u32,
        } "seat",
    }

    /// What a mixer tells a CS.
    ToCs {
        /// The answer to `Seat`: the ticket, or why not.
        Seated {
            /// The ticket and where it works.
            outcome: Result<Grant, Refusal>,
        } "seated",
        /// An endpoint of this CS is called. May be lost: the inbox says the same later.
        Ring {
            /// Who is called.
            user: UserId,
            /// On which device.
            endpoint: EndpointId,
            /// The conversation.
            conversation: ConversationId,
            /// Who spoke.
            from: UserId,
            /// The last sequence.
            head: u64,
            /// For joining.
            grant: Box<Grant>,
        } "ring" as |_: &ToCs| Class::Ephemeral,
    }
}
