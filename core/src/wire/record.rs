//! Records: the same length-prefixed bytes on the wire, in lists and in the store (PROTOCOL §3.4).

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use serde::de::{DeserializeOwned, Error, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::frame::Malformed;
use super::tail::Tail;
use crate::limits::PAGE_BYTES_MAX;

/// A frozen body and the tail that came with it; unknown tags are kept and passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<T> {
    /// The body.
    pub value: T,
    /// Values added since the body was frozen.
    pub tail: Tail,
}

impl<T> From<T> for Record<T> {
    fn from(value: T) -> Self {
        Self { value, tail: Tail::default() }
    }
}

impl<T: Serialize + DeserializeOwned> Record<T> {
    /// Reads a record.
    ///
    /// # Errors
    /// [`Malformed`]; also where it is longer than what carries it may be.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > PAGE_BYTES_MAX {
            return Err(Malformed);
        }
        let (value, rest) = postcard::take_from_bytes(bytes).map_err(|_| Malformed)?;
        Ok(Self { value, tail: Tail::decode(rest)? })
    }

    /// The record's bytes, without the length that stands before them in a frame.
    ///
    /// # Panics
    /// Never: bodies of records serialize.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        Bytes::from(self.to_vec().expect("record bodies serialize"))
    }

    fn to_vec(&self) -> Result<Vec<u8>, postcard::Error> {
        let mut out = postcard::to_allocvec(&self.value)?;
        self.tail.encode_into(&mut out);
        Ok(out)
    }
}

impl<T: Serialize + DeserializeOwned> Serialize for Record<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.to_vec().map_err(S::Error::custom)?)
    }
}

impl<'de, T: Serialize + DeserializeOwned> Deserialize<'de> for Record<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<T>(core::marker::PhantomData<T>);
        impl<T: Serialize + DeserializeOwned> Visitor<'_> for V<T> {
            type Value = Record<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a record")
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Record<T>, E> {
                Record::decode(bytes).map_err(|Malformed| E::custom("not a record"))
            }
        }
        deserializer.deserialize_bytes(V(core::marker::PhantomData))
    }
}
