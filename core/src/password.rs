//! Work on passwords, which a host does off its node's thread: an effect of `account` (PROTOCOL §4.2).

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::redact::Pii;

/// Argon2id work. The password never stands in a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum HashRequest {
    /// Make a PHC string.
    Make {
        /// The password.
        password: Pii<String>,
    },
    /// Check against a PHC string; `None`: do the same work and answer `false`.
    Verify {
        /// The password.
        password: Pii<String>,
        /// What was stored.
        phc: Option<Pii<String>>,
    },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HashReply {
    /// The PHC string.
    Made(Pii<String>),
    /// Whether the password is right.
    Verified(bool),
    /// The host could not.
    Failed,
}
