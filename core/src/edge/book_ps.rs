//! address book ↔ ps, inside one home: who may see a person.
//!
//! The book answers and tells changes in the order they became durable, so a PS that applies them in
//! order is never behind.

use alloc::vec::Vec;

use super::edge;
use crate::id::UserId;
use crate::limits::CONTACTS_MAX;
use crate::wire::bounded::some_items;

edge! {
    /// What a PS asks its book.
    ToBook {
        /// A request: answered by `Visible`.
        Visible {
            /// Of whom.
            user: UserId,
        } "visible",
    }

    /// What a book tells its PS.
    ToPs {
        /// Everyone who may see the person; `None`: the book could not be read, ask again.
        Visible {
            /// Of whom.
            user: UserId,
            /// Sorted.
            #[serde(deserialize_with = "some_items::<_, _, CONTACTS_MAX>")]
            friends: Option<Vec<UserId>>,
        } "visible_to",
        /// One person may see, or may not any longer. Told after each durable change, asked or not.
        Changed {
            /// Of whom.
            user: UserId,
            /// Who.
            friend: UserId,
            /// Whether they may see.
            allowed: bool,
        } "visibility_changed",
    }
}
