//! What goes into a node and comes out of it: all that a host, or the simulator, carries.

use alloc::boxed::Box;

use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer};

use crate::edge::{Address, Role};
use crate::error::CloseReason;
use crate::id::{Flow, LinkId, NodeId, OpId};
use crate::operator::{AdminReply, AdminRequest};
use crate::password::{HashReply, HashRequest};
use crate::store::{Reply, Request};
use crate::time::{Timestamp, Wall};
use crate::trunk::Parcel;

fn raw<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bytes(bytes)
}

/// Names a store or hash request of one life of one node. Echoed; one of a past life is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StoreOp {
    /// Drawn by the hub when it starts.
    pub life: u64,
    /// The machine that asked; `None`: the hub itself.
    pub role: Option<Role>,
    /// Its continuation.
    pub op: OpId,
}

/// Everything that comes into a node. Its serialized form stands in records ([`super::record`]).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Input<'a> {
    /// A client connected. The number is new in this life of the hub.
    LinkOpened {
        /// The link.
        link: LinkId,
        /// The peer's address for the operator's limits, as text without a port.
        remote: &'a str,
    },
    /// Bytes from a client, cut anywhere.
    LinkBytes {
        /// The link.
        link: LinkId,
        /// The bytes.
        #[serde(serialize_with = "raw")]
        bytes: &'a [u8],
    },
    /// The host has given bytes of a link to the operating system.
    LinkSent {
        /// The link.
        link: LinkId,
        /// How many since the last report.
        bytes: usize,
    },
    /// The socket is gone. Also the completion of a `LinkClose`.
    LinkClosed {
        /// The link.
        link: LinkId,
    },
    /// The completion of a `Store`.
    Stored {
        /// Echoed.
        op: StoreOp,
        /// What the store says.
        reply: Reply,
    },
    /// The completion of a `Hash`.
    Hashed {
        /// Echoed.
        op: StoreOp,
        /// The outcome.
        reply: HashReply,
    },
    /// From another node.
    Parcel {
        /// Who sent it.
        from: NodeId,
        /// What.
        parcel: Parcel,
    },
    /// A reading of the wall clock: at least every 10 s and after a jump.
    Wall(Wall),
    /// From the operator's door.
    Admin {
        /// The host's number, echoed.
        op: u64,
        /// What is asked.
        request: AdminRequest,
    },
    /// The node must go away: clients are told, links flushed and closed, then `Drained`.
    Drain,
}

impl Input<'_> {
    /// What it is, for logs: no value of it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::LinkOpened { .. } => "opened",
            Self::LinkBytes { .. } => "bytes",
            Self::LinkSent { .. } => "sent",
            Self::LinkClosed { .. } => "closed",
            Self::Stored { .. } => "stored",
            Self::Hashed { .. } => "hashed",
            Self::Parcel { .. } => "parcel",
            Self::Wall(_) => "wall",
            Self::Admin { .. } => "admin",
            Self::Drain => "drain",
        }
    }
}

/// Everything a node asks for. Records hold a digest of its serialized form.
#[derive(Debug, Serialize)]
pub enum Output {
    /// Bytes for a client.
    LinkSend {
        /// The link.
        link: LinkId,
        /// The bytes.
        bytes: Bytes,
    },
    /// Flush what was sent for at most `flush_ms`, then drop the socket. `LinkClosed` completes it.
    LinkClose {
        /// The link.
        link: LinkId,
        /// Why, for the log.
        reason: CloseReason,
        /// Milliseconds.
        flush_ms: u32,
    },
    /// The client wants another node of this process: open the link there and feed it `bytes`. The
    /// link's number is free here at once; no `LinkClosed` comes.
    Handover {
        /// The link.
        link: LinkId,
        /// The node it wants.
        node: NodeId,
        /// All bytes read so far.
        bytes: Bytes,
    },
    /// Ask the store.
    Store {
        /// To echo.
        op: StoreOp,
        /// What.
        request: Request,
    },
    /// Work on a password, off this thread.
    Hash {
        /// To echo.
        op: StoreOp,
        /// What.
        request: HashRequest,
    },
    /// To another node. May be lost, doubled, late or out of order.
    Parcel {
        /// To whom.
        to: NodeId,
        /// What.
        parcel: Parcel,
    },
    /// The answer to an operator.
    Admin {
        /// Echoed.
        op: u64,
        /// The answer.
        reply: AdminReply,
    },
    /// One step of a traced act.
    Hop(Box<Hop>),
    /// The node has read what it needs and serves from now on.
    Ready,
    /// All links are gone after `Drain`.
    Drained,
    /// A later life of this node stands in the store: this one is over. Clients are told, and this is
    /// the last that counts; the host lets links flush and ends the hub.
    Fenced,
}

/// One step of a traced act (PROTOCOL §8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hop {
    /// When, on the node's monotonic clock.
    pub at: Timestamp,
    /// The act, and this hop's own number.
    pub flow: Flow,
    /// The hop it follows from; 0: a client's own act.
    pub parent: u64,
    /// Who told.
    pub from: Party,
    /// Who took it.
    pub to: Party,
    /// What.
    pub kind: &'static str,
}

/// One end of a hop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Party {
    /// `client/alice/1`.
    Client(crate::edge::gate_service::Who),
    /// `cs/0`.
    Machine(Address),
}

impl core::fmt::Display for Party {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Client(who) => write!(f, "client/{}/{}", who.name, who.number),
            Self::Machine(at) => write!(f, "{}/{}", at.role.name(), at.node.0),
        }
    }
}
