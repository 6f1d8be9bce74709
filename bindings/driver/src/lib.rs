//! Presently's client, carried: the async driver that every client shares.
//!
//! ```text
//!   app ── Handle::command ──▶ mailbox ──▶ Driver::run ──▶ presently_core::client::Client
//!   app ◀─ Handle::next_batch ◀─ events ◀──┘   │ ▲
//!                                       Host: dial, store, clock
//! ```
//!
//! It decides nothing: bytes, time and completions go in, outputs are carried out. It brings no
//! runtime: [`Driver::run`] is a future for whichever one the app has, and a [`Host`] says how that
//! platform dials, sleeps and stores. The terminal client and the uniffi crate use
//! [`native`](crate::native), the browser a host of its own.
//!
//! A panic means a bug. Limits: `presently_core::limits`.

mod events;
mod host;
#[cfg(feature = "native")]
pub mod native;
mod run;

pub use events::Events;
pub use host::{FromHost, Host, Link, Mailbox};
pub use presently_core::client::{Command, Config, Event};
pub use run::{Driver, Gone, Handle, open};
