//! gate ↔ every service: a client's frames, in and out.
//!
//! The gate opens a [`Port`] when a client attaches; from then on the service gets each frame of that
//! channel in order, until `Closed`, which comes exactly once. A service that refuses an attach
//! answers `Refuse`, which closes the port. When a node is lost, all its ports are gone without
//! `Closed` (see [`Peer`](super::Peer)); the gate at the other side detaches them.

use alloc::boxed::Box;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Class, edge};
use crate::error::{CloseReason, Refusal};
use crate::id::{Channel, ConversationId, LinkId, NodeId, UserId};
use crate::limits::TICKET_BYTES_MAX;
use crate::origin::Origin;
use crate::wire::bounded::Blob;

/// A client's channel as a service names it. Never reused within one life of the gate's node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Port {
    /// The gate's node.
    pub node: NodeId,
    /// The link.
    pub link: LinkId,
    /// The channel.
    pub channel: Channel,
}

/// What may wait, and what gives way, when a link is slow (PROTOCOL §2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Lane {
    /// Answers and notices.
    Control,
    /// Entries: never dropped; over the hard bound the link closes.
    Chat,
    /// The newest of a person stands for the older ones.
    Presence(UserId),
    /// The newest of a conversation and person; dropped first.
    Typing(ConversationId, UserId),
}

/// Who is behind a link, for traces: the account's name and the number of the endpoint among the
/// account's, by first sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The account's name.
    pub name: Box<str>,
    /// From 1.
    pub number: u32,
}

/// What a gate tells account: also where the link comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FromOrigin {
    /// Where.
    pub origin: Origin,
    /// What.
    pub tell: ToService,
}

impl FromOrigin {
    /// The names of all of them.
    pub const KINDS: &'static [&'static str] = ToService::KINDS;

    /// How a trunk carries it.
    #[must_use]
    pub fn class(&self) -> Class {
        self.tell.class()
    }

    /// Its name in traces.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.tell.kind()
    }
}

edge! {
    /// What a gate tells a service.
    ToService {
        /// A client attaches.
        Opened {
            /// Its channel.
            port: Port,
            /// The request to answer.
            request: u32,
            /// Sealed; empty for account.
            ticket: Blob<TICKET_BYTES_MAX>,
        } "attach",
        /// A frame of an open port.
        Frame {
            /// Its channel.
            port: Port,
            /// The frame's kind.
            kind: u16,
            /// The number to answer under; 0: none asked.
            request: u32,
            /// Body and tail.
            body: Bytes,
        } "frame",
        /// The port is gone.
        Closed {
            /// Its channel.
            port: Port,
            /// `true`: the client let the channel go. `false`: the link is gone.
            detached: bool,
        } "closed",
    }

    /// What a service tells a gate.
    ToGate {
        /// The attach is accepted; the link has signed in.
        Accept {
            /// The channel.
            port: Port,
            /// The request answered.
            request: u32,
            /// Who it is; `None`: not known yet (account before sign-in), and not yet signed in.
            who: Option<Who>,
        } "attached",
        /// The attach, or the port, is refused: answered or detached, then closed.
        Refuse {
            /// The channel.
            port: Port,
            /// The request answered; 0: none, the port was open.
            request: u32,
            /// Why.
            refusal: Refusal,
        } "refused",
        /// A frame for the client.
        Frame {
            /// The channel.
            port: Port,
            /// What gives way.
            lane: Lane,
            /// The frame's kind.
            kind: u16,
            /// The request it answers; 0: none.
            request: u32,
            /// More frames of this answer follow.
            more: bool,
            /// Body and tail, shared where it goes to many.
            body: Bytes,
        } "frame",
        /// Account knows now who signed in on a port it had accepted.
        SignedIn {
            /// The channel.
            port: Port,
            /// Who.
            who: Who,
        } "signed_in",
        /// The whole link must close.
        Close {
            /// One of its channels.
            port: Port,
            /// Why.
            reason: CloseReason,
        } "close",
    }
}

impl ToService {
    /// Whose channel it is about.
    #[must_use]
    pub fn port(&self) -> Port {
        let (Self::Opened { port, .. } | Self::Frame { port, .. } | Self::Closed { port, .. }) =
            self;
        *port
    }
}

impl ToGate {
    /// Whose channel it is about.
    #[must_use]
    pub fn port(&self) -> Port {
        let (Self::Accept { port, .. }
        | Self::Refuse { port, .. }
        | Self::Frame { port, .. }
        | Self::SignedIn { port, .. }
        | Self::Close { port, .. }) = self;
        *port
    }
}
