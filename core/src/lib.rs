//! Presently's machines.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod id;
pub mod index;
pub mod machine;
pub mod outbox;
pub mod redact;
pub mod rng;
pub mod time;
pub mod timer;
