//! What account keeps (PROTOCOL §5.1). The values are postcard of these, frozen once released.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::id::UserId;
use crate::redact::Pii;
use crate::store::COUNTER_END;

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

/// What a row's numbers may be: each is counted on from.
pub(super) trait Row: DeserializeOwned {
    /// Whether they can be.
    fn is_sound(&self) -> bool;
}

impl Row for AccountRow {
    fn is_sound(&self) -> bool {
        self.endpoints_given < u32::MAX
    }
}

impl Row for EndpointRow {
    fn is_sound(&self) -> bool {
        self.generation < COUNTER_END
    }
}

/// A row's value.
pub(super) fn encode(row: &impl Serialize) -> Bytes {
    let bytes: Vec<u8> = postcard::to_allocvec(row).expect("rows serialize");
    Bytes::from(bytes)
}

/// A row of a value; `None`: it is not one, which only a damaged store answers.
pub(super) fn decode<T: Row>(value: &[u8]) -> Option<T> {
    postcard::from_bytes(value).ok().filter(T::is_sound)
}
