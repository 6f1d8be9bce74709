//! cs ↔ address book: may this person contact that one? Decided from the caller's own list, so every
//! person who is no contact, known or not, gets the same answer.

use super::edge;
use crate::error::Refusal;
use crate::id::UserId;

edge! {
    /// What a CS asks the caller's home.
    ToBook {
        /// A request: answered by `MayContact`.
        MayContact {
            /// Who calls.
            user: UserId,
            /// Whom.
            peer: UserId,
        } "may_contact",
    }

    /// The answer.
    ToCs {
        /// The pact between the two, or why not.
        MayContact {
            /// The number of the pact.
            outcome: Result<u32, Refusal>,
        } "contact_checked",
    }
}
