//! What an operator asks of a node, and is told.

use alloc::string::String;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::Code;
use crate::id::{EndpointId, UserId};
use crate::redact::Pii;

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
    /// Name and value of each count.
    Counts(alloc::vec::Vec<(&'static str, u64)>),
}
