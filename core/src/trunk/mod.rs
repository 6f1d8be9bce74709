//! Node to node: tells over a fabric that may lose, double and reorder (PROTOCOL §9.3).

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::edge::{Envelope, Tell};
use crate::id::Incarnation;

/// What crosses between two nodes. Inside a process it is handed over as a value; between processes
/// and in the simulator as postcard bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// The sender's life.
    pub from: Incarnation,
    /// The receiver's life as the sender knows it; `None`: not known yet.
    pub to: Option<Incarnation>,
    /// Which understanding between these two lives: raised by the lower node when a window is passed.
    pub session: u32,
    /// What.
    pub body: ParcelBody,
}

/// The content of a parcel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParcelBody {
    /// I am here; tell me your life.
    Hello,
    /// Tells in order from a sequence, and what the sender has from us.
    Reliable {
        /// Of the first tell.
        first: u64,
        /// Everything below is received.
        ack: u64,
        /// The tells; may be none.
        tells: Vec<Envelope<Tell>>,
    },
    /// The newest value of a key.
    State {
        /// Numbered per direction.
        number: u64,
        /// The value.
        tell: Envelope<Tell>,
    },
    /// What the sender has sent of the state class since the last agreed digest.
    Digest {
        /// The highest number covered.
        through: u64,
        /// Over (key, number) of the newest of each key.
        hash: u64,
    },
    /// Agrees with a digest, or not: then everything since is sent again.
    DigestAnswer {
        /// Echoed.
        through: u64,
        /// Whether the receiver holds the same.
        agreed: bool,
    },
    /// May be lost.
    Ephemeral(Envelope<Tell>),
}
