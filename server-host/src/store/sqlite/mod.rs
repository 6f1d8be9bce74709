//! The store on SQLite: one file, one writer, group commit.
//!
//! A commit writes an entry only to `recent`, which grows at its end. The same writer folds it behind,
//! in the order of conversations, into `messages`, within the transactions that follow: rows straight
//! into a keyed table cost ten times as much. Heads and what is not yet folded stand in memory, and
//! absence is checked there, so one process owns the file (`lock`) and this is its one writer.
//!
//! Every row and entry is in plain SQL at all times; the view `log` is for people.

mod checkpoint;
mod database;
mod log;
mod rows;
mod schema;
mod sweep;
#[cfg(test)]
mod tests;
mod writer;

pub use schema::SCHEMA;
pub(super) use writer::Writer;
