//! Frozen bodies, a file per service (PROTOCOL §4). Once released, none is edited.
//!
//! What a client sends and what a server sends are different types, so a field that the server
//! stamps cannot be spoofed.

use alloc::vec::Vec;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::frame::Malformed;
use super::tail::Tail;

pub mod account;
pub mod book;
pub mod cs;
mod flow;
pub mod inbox;
pub mod link;
pub mod mixer;

pub use flow::{flow_of, with_flow};

/// Declares the kinds of one direction of one service as an enum that decodes by kind.
macro_rules! kinds {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $kind:literal $variant:ident($body:ty),)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$vdoc])* $variant($body),)* }

        impl $name {
            /// The kinds of this direction.
            pub const KINDS: &[u16] = &[$($kind),*];

            /// Reads a body and its tail. `Ok(None)`: a kind that is not of this direction.
            ///
            /// # Errors
            /// [`Malformed`](crate::wire::frame::Malformed).
            pub fn decode(kind: u16, body: &[u8])
                -> Result<Option<(Self, crate::wire::tail::Tail)>, crate::wire::frame::Malformed>
            {
                Ok(match kind {
                    $($kind => {
                        let (value, tail) = super::take(body)?;
                        Some((Self::$variant(value), tail))
                    })*
                    _ => None,
                })
            }

            /// The kind of this value.
            #[must_use]
            pub fn kind(&self) -> u16 {
                match self { $(Self::$variant(_) => $kind,)* }
            }

            /// Its body, then the tail.
            #[must_use]
            pub fn encode(&self, tail: &crate::wire::tail::Tail) -> bytes::Bytes {
                match self { $(Self::$variant(value) => super::give(value, tail),)* }
            }
        }
    };
}
use kinds;

/// Declares bodies: public fields, the derives every body needs.
macro_rules! bodies {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $ty:ty,)* })*) => {
        $($(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub struct $name { $($(#[$fdoc])* pub $field: $ty,)* })*
    };
}
use bodies;

/// Tags of a frame's tail that this version knows; an unknown odd one refuses the frame.
const CRITICAL_KNOWN: &[u32] = &[];

fn take<T: DeserializeOwned>(body: &[u8]) -> Result<(T, Tail), Malformed> {
    let (value, rest) = postcard::take_from_bytes(body).map_err(|_| Malformed)?;
    let tail = Tail::decode(rest)?;
    if tail.has_unknown_critical(CRITICAL_KNOWN) { Err(Malformed) } else { Ok((value, tail)) }
}

fn give<T: Serialize>(value: &T, tail: &Tail) -> Bytes {
    // Most answers are short: room for one saves them the growing.
    let out = Vec::with_capacity(64);
    let mut out: Vec<u8> = postcard::to_extend(value, out).expect("frozen bodies serialize");
    tail.encode_into(&mut out);
    Bytes::from(out)
}
