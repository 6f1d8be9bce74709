//! What other threads say to a node.

use std::net::TcpStream;

use presently_core::hub::{AdminReply, AdminRequest, HashReply, StoreOp};
use presently_core::id::NodeId;
use presently_core::store::Reply;
use presently_core::trunk::Parcel;
use tokio::sync::{mpsc, oneshot};

use super::framing::Framing;

/// Messages that may wait at a node. Over it parcels are lost, which trunks heal, and new
/// connections are closed.
pub(crate) const MAIL_MAX: usize = 65_536;

/// A message to a node.
pub(crate) enum Mail {
    /// A connection was accepted.
    Socket {
        socket: TcpStream,
        remote: String,
    },
    /// A link comes over from another node.
    Moved(Box<Moved>),
    Parcel {
        from: NodeId,
        parcel: Parcel,
    },
    Admin {
        request: AdminRequest,
        answer: oneshot::Sender<AdminReply>,
    },
    /// The operator wants this life of the hub to end as by a broken invariant; dropped unanswered
    /// where it has ended already.
    Crash {
        answer: oneshot::Sender<()>,
    },
    Drain,
    /// Leave now.
    Stop,
}

/// A link on its way.
pub(crate) struct Moved {
    pub(crate) socket: TcpStream,
    pub(crate) framing: Framing,
    pub(crate) remote: String,
    /// What the first node read.
    pub(crate) bytes: bytes::Bytes,
}

/// The end of something that one life of a hub asked for. Each life has a channel of its own, so what
/// is addressed to an older one falls away. Bounded by what the hub has outstanding.
pub(crate) enum Completion {
    Stored { op: StoreOp, reply: Reply },
    Hashed { op: StoreOp, reply: HashReply },
}

/// The mailboxes of all nodes, in their order.
pub(crate) type Fabric = std::sync::Arc<[mpsc::Sender<Mail>]>;
