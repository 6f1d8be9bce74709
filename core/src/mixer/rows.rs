//! Values of the rows a mixer owns that have no record type: postcard, no version byte.

use alloc::vec::Vec;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The value of a head mark. Its being there says that some inbox may not know the head yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadMark {
    /// The first sequence of the batch that put it, for who looks at the table.
    pub from: u64,
}

/// A row's bytes.
pub(super) fn encode(value: &impl Serialize) -> Bytes {
    let bytes: Vec<u8> = postcard::to_allocvec(value).expect("rows serialize");
    Bytes::from(bytes)
}

/// A row's value; `None` where the bytes are none of ours.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    postcard::from_bytes(bytes).ok()
}
