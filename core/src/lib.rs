//! Presently's machines.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(feature = "server")]
pub mod account;
#[cfg(feature = "server")]
pub mod address_book;
#[cfg(feature = "server")]
pub mod attached;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "server")]
pub mod cs;
#[cfg(feature = "server")]
pub mod edge;
pub mod error;
#[cfg(feature = "server")]
pub mod gate;
#[cfg(feature = "server")]
pub mod hub;
pub mod id;
#[cfg(feature = "server")]
pub mod inbox;
pub mod index;
#[cfg(feature = "server")]
pub mod intent;
pub mod limits;
pub mod machine;
#[cfg(feature = "server")]
pub mod mixer;
pub mod model;
pub mod outbox;
#[cfg(feature = "server")]
pub mod ps;
#[cfg(feature = "server")]
pub mod rate;
pub mod redact;
pub mod rng;
#[cfg(feature = "server")]
pub mod setup;
pub mod sorted;
pub mod store;
#[cfg(feature = "server")]
pub mod ticket;
pub mod time;
pub mod timer;
pub mod topology;
#[cfg(feature = "server")]
pub mod trunk;
pub mod wire;
#[cfg(any(feature = "client", feature = "world"))]
pub mod world;
