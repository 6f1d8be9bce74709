//! The client that browsers and node load: [`presently_driver`] over a platform object.
//!
//! The package's TypeScript brings the platform (sockets, a monotonic clock); everything else is the
//! core's. Exports take `&self`, so a call while another is pending is no fault; `shutdown`, then let
//! `next_batch` end, then `free`.
#![cfg(target_arch = "wasm32")]

mod client;
mod host;

pub use client::RawClient;
pub use host::Platform;
