//! Why a server does not start or goes no further, and what a program then exits with (PROTOCOL §11).

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use presently_core::id::NodeId;

use crate::store::OpenError;

/// One clear line and an exit code.
#[derive(Debug)]
pub enum StartError {
    /// What was asked for cannot be.
    Usage(String),
    /// An address that cannot be listened on.
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the operating system says.
        why: String,
    },
    /// The data directory does not serve.
    Data {
        /// Which.
        directory: PathBuf,
        /// Why.
        why: OpenError,
    },
    /// The nodes did not come up.
    NotReady,
    /// Another process took over the life of a node in the store.
    Fenced(NodeId),
    /// The demo's people could not be made.
    Demo(String),
    /// The operating system refused something else.
    System(String),
}

impl StartError {
    /// 2: usage (an address is one), 3: refused, 5: data directory, 6: fenced off.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Listen { .. } => 2,
            Self::Data { .. } => 5,
            Self::Fenced(_) => 6,
            Self::NotReady | Self::Demo(_) | Self::System(_) => 3,
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(why) => f.write_str(why),
            Self::Listen { address, why } => write!(f, "cannot listen on {address}: {why}"),
            Self::Data { directory, why } => {
                write!(f, "cannot use the data directory {}: {why}", directory.display())
            }
            Self::NotReady => f.write_str("the server did not become ready in time"),
            Self::Fenced(node) => write!(
                f,
                "node {} is fenced off: another process has begun a later life of it in this data \
                 directory and serves it now. This one ends. Let one process alone use the directory, \
                 and start this one again only when the other has ended",
                node.0
            ),
            Self::Demo(why) => write!(f, "cannot make the demo's people: {why}"),
            Self::System(why) => write!(f, "cannot start: {why}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<std::io::Error> for StartError {
    fn from(error: std::io::Error) -> Self {
        Self::System(error.to_string())
    }
}
