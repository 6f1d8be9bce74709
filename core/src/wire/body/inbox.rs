//! Service 3: the inbox (PROTOCOL §4.4).

use super::{bodies, kinds};
use crate::limits::LIST_ITEMS_MAX;
use crate::model::conversation::InboxItem;
use crate::wire::bounded::List;
use crate::wire::record::Record;

bodies! {
    /// Asks for what changed after a revision; 0: everything. Answer: [`Conversations`], in parts.
    FetchInbox {
        /// The revision the client has.
        revision: u64,
    }
    /// A part of the inbox, or of what changed in it.
    Conversations {
        /// The inbox's revision.
        revision: u64,
        /// The conversations.
        items: List<Record<InboxItem>, LIST_ITEMS_MAX>,
    }
    /// One conversation moved on.
    InboxChanged {
        /// The inbox's revision.
        revision: u64,
        /// As it is now.
        item: Record<InboxItem>,
    }
}

kinds! {
    /// What a client says to its inbox.
    ToInbox {
        /// Read.
        0x0301 Fetch(FetchInbox),
    }
}

kinds! {
    /// What the inbox says.
    FromInbox {
        /// The conversations or what changed.
        0x0311 Conversations(Conversations),
        /// One change, pushed.
        0x0312 Changed(InboxChanged),
    }
}
