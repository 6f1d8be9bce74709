//! Presently's server: the tokio host around the core's machines.
//!
//! One process, a thread per node; each node is one single-threaded hub with the sockets of its links
//! ([`Server`]). One thread writes for all of them ([`store`]), a few hash passwords, one accepts.
//! This crate feeds bytes, time and completions in and carries outputs out; it decides nothing.

mod accept;
mod admin;
mod clock;
mod error;
mod hashing;
mod hops;
#[doc(hidden)]
pub mod lines;
mod listen;
mod node;
#[doc(hidden)]
pub mod probe;
mod record;
mod server;
pub mod store;

pub use admin::Admin;
pub use error::StartError;
pub use hashing::prepared_hash;
pub use server::{Config, Server};
