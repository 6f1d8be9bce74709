//! Who a client is to be.

use alloc::string::String;

use crate::id::NodeId;
use crate::redact::Pii;
use crate::wire::hello::Versions;

/// What an app gives its client.
#[derive(Clone, Debug)]
pub struct Config {
    /// The account's name.
    pub user: Pii<String>,
    /// Its password. `None`: only a sign-in kept in the cache works.
    pub password: Option<Pii<String>>,
    /// The keepalive wished for, in milliseconds; 0: the server's.
    pub keepalive_ms: u32,
    /// Whether to offer traces of acts (PROTOCOL §8).
    pub trace: bool,
    /// The node wanted; `None`: any.
    pub node: Option<NodeId>,
    /// The versions it speaks; others than [`Versions::default`] are for tests.
    pub versions: Versions,
}

impl Config {
    /// A client of an account: any node, the server's keepalive, no traces, no password.
    #[must_use]
    pub fn new(user: impl Into<String>) -> Self {
        Self {
            user: Pii(user.into()),
            password: None,
            keepalive_ms: 0,
            trace: false,
            node: None,
            versions: Versions::default(),
        }
    }
}
