//! HELLO and WELCOME: a layout fixed for ever (PROTOCOL §2.3).

use alloc::vec::Vec;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::frame::Malformed;
use crate::id::NodeId;
use crate::time::Wall;

/// HELLO, from the client: the first frame of every link.
pub const HELLO: u16 = 0x0001;
/// WELCOME, the answer.
pub const WELCOME: u16 = 0x0002;

/// The newest version this code speaks.
pub const VERSION: u16 = 1;
/// The oldest version this code speaks.
pub const VERSION_MIN: u16 = 1;

/// The versions an end speaks: both ends say theirs, the newest common one is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// The oldest.
    pub min: u16,
    /// The newest.
    pub max: u16,
}

impl Default for Versions {
    fn default() -> Self {
        Self { min: VERSION_MIN, max: VERSION }
    }
}

impl Versions {
    /// The newest version of these and a HELLO's; `None`: there is none in common.
    #[must_use]
    pub fn common(self, hello: &Hello) -> Option<u16> {
        let version = hello.version_max.min(self.max);
        (version >= hello.version_min.max(self.min)).then_some(version)
    }
}

/// Feature bits.
pub mod feature {
    /// Flows travel in tails, hops are traced.
    pub const TRACE: u64 = 1;
}

/// What a client offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Oldest version it speaks.
    pub version_min: u16,
    /// Newest version it speaks.
    pub version_max: u16,
    /// Feature bits it knows.
    pub features: u64,
    /// Largest frame it takes, in bytes.
    pub frame_bytes_max: u32,
    /// The keepalive it wishes, in milliseconds; 0: the server's.
    pub keepalive_ms: u32,
    /// The node it wants; `None`: any.
    pub node: Option<NodeId>,
}

/// What the server chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The version both speak.
    pub version: u16,
    /// Features both know.
    pub features: u64,
    /// Largest frame the server takes, in bytes.
    pub frame_bytes_max: u32,
    /// The client says something at least this often, in milliseconds.
    pub keepalive_ms: u32,
    /// The node that holds this link.
    pub node: NodeId,
    /// The server's wall clock.
    pub wall: Wall,
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*head)
    }
}

impl Hello {
    /// Reads a HELLO body. Bytes after the fixed part are for later versions and skipped.
    ///
    /// # Errors
    /// [`Malformed`] where it is too short or its range is empty.
    pub fn decode(body: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader(body);
        let hello = Self {
            version_min: u16::from_be_bytes(from.take()?),
            version_max: u16::from_be_bytes(from.take()?),
            features: u64::from_be_bytes(from.take()?),
            frame_bytes_max: u32::from_be_bytes(from.take()?),
            keepalive_ms: u32::from_be_bytes(from.take()?),
            node: u16::from_be_bytes(from.take()?).checked_sub(1).map(NodeId),
        };
        if hello.version_min > hello.version_max { Err(Malformed) } else { Ok(hello) }
    }

    /// The body's bytes.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(22);
        out.extend_from_slice(&self.version_min.to_be_bytes());
        out.extend_from_slice(&self.version_max.to_be_bytes());
        out.extend_from_slice(&self.features.to_be_bytes());
        out.extend_from_slice(&self.frame_bytes_max.to_be_bytes());
        out.extend_from_slice(&self.keepalive_ms.to_be_bytes());
        let node = self.node.map_or(0, |node| node.0.saturating_add(1));
        out.extend_from_slice(&node.to_be_bytes());
        Bytes::from(out)
    }
}

impl Welcome {
    /// Reads a WELCOME body. Bytes after the fixed part are skipped.
    ///
    /// # Errors
    /// [`Malformed`] where it is too short.
    pub fn decode(body: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader(body);
        Ok(Self {
            version: u16::from_be_bytes(from.take()?),
            features: u64::from_be_bytes(from.take()?),
            frame_bytes_max: u32::from_be_bytes(from.take()?),
            keepalive_ms: u32::from_be_bytes(from.take()?),
            node: NodeId(u16::from_be_bytes(from.take()?)),
            wall: Wall(u64::from_be_bytes(from.take()?)),
        })
    }

    /// The body's bytes.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(28);
        out.extend_from_slice(&self.version.to_be_bytes());
        out.extend_from_slice(&self.features.to_be_bytes());
        out.extend_from_slice(&self.frame_bytes_max.to_be_bytes());
        out.extend_from_slice(&self.keepalive_ms.to_be_bytes());
        out.extend_from_slice(&self.node.0.to_be_bytes());
        out.extend_from_slice(&self.wall.0.to_be_bytes());
        Bytes::from(out)
    }
}
