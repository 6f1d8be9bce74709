//! Presently for Swift, Kotlin and Python.
//!
//! A first small API over [`presently_driver`]: connect, send, contacts, history, events in batches,
//! shutdown. Events are pulled: `next_batch` waits, an empty batch is the end. Every long wait ends at
//! `shutdown`, since not every language cancels what it awaits.

mod client;
mod event;

pub use client::{Client, ConnectOptions, Sent};
pub use event::{ContactItem, Contacts, Event, History, HistoryItem, PresentlyError};

uniffi::setup_scaffolding!("presently");
