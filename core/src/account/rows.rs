//! What account keeps (PROTOCOL §5.1). The values are postcard of these, frozen once released.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::id::UserId;
use crate::redact::Pii;

/// A person's credentials, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AccountRow {
    /// Who it is.
    pub(super) user: UserId,
    /// The password's PHC string.
    pub(super) phc: Pii<String>,
    /// The last endpoint number given; 0: none.
    pub(super) endpoints_given: u32,
}

/// A sign-in of one device, by name and endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EndpointRow {
    /// The last refresh token used.
    pub(super) generation: u64,
    /// Of the device among the account's, by first sign-in, from 1.
    pub(super) number: u32,
    /// Whose sign-in.
    pub(super) user: UserId,
}

/// A row's value.
pub(super) fn encode(row: &impl Serialize) -> Bytes {
    let bytes: Vec<u8> = postcard::to_allocvec(row).expect("rows serialize");
    Bytes::from(bytes)
}

/// A row of a value; `None`: it is not one, which only a damaged store answers.
pub(super) fn decode<T: DeserializeOwned>(value: &[u8]) -> Option<T> {
    postcard::from_bytes(value).ok()
}
