//! Service 0: the link itself (PROTOCOL §4.1). HELLO and WELCOME stand in [`crate::wire::hello`].

use serde::{Deserialize, Serialize};

use super::{bodies, kinds};
use crate::error::{CloseReason, Refusal};
use crate::id::{NodeId, Shard};
use crate::limits::TICKET_BYTES_MAX;
use crate::wire::bounded::Blob;

/// A service a link can attach to: an integer on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Service(pub u8);

impl Service {
    /// Names, passwords, tickets.
    pub const ACCOUNT: Self = Self(1);
    /// Contacts.
    pub const BOOK: Self = Self(2);
    /// Which conversations there are.
    pub const INBOX: Self = Self(3);
    /// The session: presence, rings, asking to contact.
    pub const CS: Self = Self(4);
    /// One conversation.
    pub const MIXER: Self = Self(5);
}

bodies! {
    /// Opens a channel to a service. Service, node and shard are read by the gate, the ticket only by
    /// the service. Account needs no ticket.
    Attach {
        /// What to attach to.
        service: Service,
        /// The node; `None`: the owner of the shard (the link's own node for cs).
        node: Option<NodeId>,
        /// The shard: of the name, the user or the conversation. 0 for cs.
        shard: Shard,
        /// Sealed.
        ticket: Blob<TICKET_BYTES_MAX>,
    }
    /// The channel is open.
    Attached {}
    /// Lets a channel go.
    Detach {}
    /// The channel is closed by the service. The link stays.
    Detached {
        /// Why.
        refusal: Refusal,
    }
    /// Says that the client lives. Asks for [`Pong`].
    Ping {}
    /// The answer.
    Pong {}
    /// The link closes after this frame.
    Closing {
        /// Why.
        reason: CloseReason,
        /// Come back after this, milliseconds (spread by the server).
        retry_after_ms: u32,
    }
}

kinds! {
    /// What a client says to a gate.
    ToGate {
        /// Open a channel.
        0x0003 Attach(Attach),
        /// Let a channel go.
        0x0005 Detach(Detach),
        /// Keepalive.
        0x0006 Ping(Ping),
    }
}

kinds! {
    /// What every server says on any channel.
    FromGate {
        /// The channel is open.
        0x0004 Attached(Attached),
        /// Keepalive answer.
        0x0007 Pong(Pong),
        /// A request is refused.
        0x0008 Refused(Refusal),
        /// The channel was closed.
        0x0009 Detached(Detached),
        /// The link closes.
        0x000a Closing(Closing),
    }
}
