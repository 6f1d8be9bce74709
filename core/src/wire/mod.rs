//! Frames: what crosses a link (PROTOCOL §2 to §6).
//!
//! A header of our own, a frozen postcard body per kind, and a tail of tagged values. Bytes from a
//! peer become a value or a [`Malformed`](frame::Malformed), never a panic, and never allocate more
//! than a small multiple of themselves.
#![deny(clippy::indexing_slicing, clippy::cast_possible_truncation)]

pub mod body;
pub mod bounded;
pub mod frame;
pub mod hello;
pub mod names;
pub mod record;
pub mod tail;
