//! Service 4: the Connection Server (PROTOCOL §4.5).

use super::account::Grant;
use super::{bodies, kinds};
use crate::id::{ConversationId, UserId};
use crate::limits::{LIST_ITEMS_MAX, PROFILE_BYTES_MAX};
use crate::model::presence::{Presence, Status};
use crate::wire::bounded::{List, Text};
use crate::wire::record::Record;

bodies! {
    /// Watches friends; added to those watched already. No answer: each friend's presence comes when
    /// its home admits the watcher.
    Watch {
        /// The friends.
        users: List<UserId, LIST_ITEMS_MAX>,
    }
    /// Ends watches.
    Unwatch {
        /// No longer friends.
        users: List<UserId, LIST_ITEMS_MAX>,
    }
    /// Chooses the person's status. The first one makes the person visible. Answer: [`Done`].
    SetStatus {
        /// One of the eight.
        status: Status,
    }
    /// Changes display name or personal message, durably. Answer: [`Done`].
    SetProfile {
        /// The display name, if it changes.
        name: Option<Text<PROFILE_BYTES_MAX>>,
        /// The personal message, if it changes.
        message: Option<Text<PROFILE_BYTES_MAX>>,
    }
    /// Asks to talk to a contact. Answer: [`Mixer`].
    Contact {
        /// The contact.
        user: UserId,
    }
    /// Leaves: Offline at once. Answer: [`Done`].
    Leave {}
    /// Done.
    Done {}
    /// A friend's presence, or one's own as other devices see it.
    PresenceOf {
        /// Whose.
        user: UserId,
        /// What it is now.
        presence: Record<Presence>,
    }
    /// The home of a friend has just started: keep what was shown; who shows nothing shows Offline.
    Settling {
        /// Whose.
        user: UserId,
    }
    /// Where a conversation is and the ticket for it.
    Mixer {
        /// The conversation.
        conversation: ConversationId,
        /// For [`Attach`](super::link::Attach).
        grant: Grant,
    }
    /// Somebody said something in a conversation that this device has not joined.
    Ring {
        /// The conversation.
        conversation: ConversationId,
        /// Who spoke.
        from: UserId,
        /// The last sequence.
        head: u64,
        /// For joining.
        grant: Grant,
    }
}

kinds! {
    /// What a client says to its CS.
    ToCs {
        /// Subscribe.
        0x0401 Watch(Watch),
        /// Unsubscribe.
        0x0402 Unwatch(Unwatch),
        /// Status.
        0x0403 SetStatus(SetStatus),
        /// Name, personal message.
        0x0404 SetProfile(SetProfile),
        /// Ask to talk.
        0x0405 Contact(Contact),
        /// Leave.
        0x0406 Leave(Leave),
    }
}

kinds! {
    /// What a CS says.
    FromCs {
        /// Done.
        0x0411 Done(Done),
        /// Presence.
        0x0412 Presence(PresenceOf),
        /// A home that has just started.
        0x0413 Settling(Settling),
        /// The answer to [`Contact`].
        0x0414 Mixer(Mixer),
        /// An invitation into a conversation.
        0x0415 Ring(Ring),
    }
}
