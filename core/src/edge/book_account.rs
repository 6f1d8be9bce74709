//! address book ↔ account: who has a name. A name nobody has answers with an id nobody has, so that
//! asking tells nothing (R8).

use super::edge;
use crate::id::UserId;
use crate::limits::NAME_CHARS_MAX;
use crate::wire::bounded::Text;

edge! {
    /// What an address book asks.
    ToAccount {
        /// A request: answered by `Found`.
        Find {
            /// The name.
            name: Text<NAME_CHARS_MAX>,
        } "find",
    }

    /// The answer.
    ToBook {
        /// The name's person; for a name nobody has an id drawn from a keyed hash of the name.
        Found {
            /// The id.
            user: UserId,
        } "found",
        /// From the operator's door (demo, benchmark): makes `peer` a friend of `user` at `user`'s home,
        /// without an invitation. A request: answered to nobody; the hub counts it done when told.
        Befriend {
            /// Whose list.
            user: UserId,
            /// The friend.
            peer: UserId,
            /// The friend's name.
            peer_name: Text<NAME_CHARS_MAX>,
        } "befriend",
    }
}
