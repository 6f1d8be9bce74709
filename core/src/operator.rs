//! What an operator asks of a node, and is told.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::Code;
use crate::id::{EndpointId, NodeId, Shard, UserId};
use crate::model::name::account_name;
use crate::redact::Pii;
use crate::topology::Place;

/// What an operator asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdminRequest {
    /// Makes an account.
    AddUser {
        /// Its name.
        name: String,
        /// Its password, or a PHC string made before.
        secret: AdminSecret,
    },
    /// Makes two accounts each other's friends without an invitation.
    Befriend {
        /// One.
        a: String,
        /// The other.
        b: String,
    },
    /// Makes the refresh token of a new sign-in, without its password: for benchmarks in the server's
    /// own process.
    MintSignIn {
        /// The account.
        name: String,
        /// The device.
        endpoint: EndpointId,
    },
    /// Counts, for metrics.
    Counts,
    /// Moves the range of a shard to a node, where it stays until that node goes away.
    Move {
        /// One of the range's shards.
        shard: Shard,
        /// The node.
        to: NodeId,
    },
    /// Where every range stands, as the node asked knows.
    Places,
}

impl AdminRequest {
    /// The shard whose owner alone can do this; `None`: any node.
    #[must_use]
    pub fn shard(&self) -> Option<Shard> {
        match self {
            Self::AddUser { name, .. }
            | Self::Befriend { a: name, .. }
            | Self::MintSignIn { name, .. } => {
                // What is no name is refused by whoever is asked.
                account_name(name).map(|name| Shard::of_name(name.as_str()))
            }
            Self::Move { shard, .. } => Some(*shard),
            Self::Counts | Self::Places => None,
        }
    }
}

/// The secret of a new account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdminSecret {
    /// To be hashed.
    Password(Pii<String>),
    /// Hashed.
    Phc(Pii<String>),
}

/// What an operator is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum AdminReply {
    /// The account exists now.
    Added(UserId),
    /// Done.
    Done,
    /// A refresh token.
    SignIn(Bytes),
    /// Refused.
    Refused(Code),
    /// Ask this node: it owns what is asked about.
    Elsewhere(NodeId),
    /// Where every range stands, in order.
    Places(Vec<Place>),
    /// Name and value of each count.
    Counts(Vec<(&'static str, u64)>),
}
