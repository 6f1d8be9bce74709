//! Chaos: real processes under load, and what may befall them.
//!
//! A scene is the server's binary, pairs of people with client processes (JSON Lines, each with a cache, behind
//! a proxy of its own) and their talk. A part is one kind of misfortune. What was seen is a history like the
//! simulator's, and the same checkers judge it.

mod clock;
mod descriptors;
mod device;
mod disk;
mod judge;
mod kills;
mod load;
mod log;
mod pauses;
mod record;
mod rolling;
mod scene;
mod strace;

use std::path::PathBuf;

/// How much of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// A little of each, in about a minute and a half.
    Short,
    /// What takes an hour: 1,000 kill -9, 200 stops, 300 crashes of a node.
    Full,
}

/// What a part is told.
#[derive(Clone, Debug)]
pub struct Setting {
    /// How much.
    pub scale: Scale,
    /// Draws the faults.
    pub seed: u64,
    /// Which round of a part that goes on and on.
    pub round: u64,
    /// A strace that may trace.
    pub strace: Option<PathBuf>,
    /// The library of libfaketime.
    pub faketime: Option<PathBuf>,
}

impl Setting {
    /// One number or the other.
    pub(crate) fn pick<T>(&self, short: T, full: T) -> T {
        match self.scale {
            Scale::Short => short,
            Scale::Full => full,
        }
    }
}

/// What a part came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    /// All laws held; counts by name.
    Held(Vec<(&'static str, u64)>),
    /// This machine cannot do it, for a reason.
    Skipped(String),
}

/// A part: its name, and how it is played. It panics where a law is broken.
pub type Part = (&'static str, fn(&Setting) -> Came);

/// Every part.
pub const PARTS: &[Part] = &[
    ("kills", kills::play),
    ("disk_full", disk::full),
    ("sync_fails", strace::sync_fails),
    ("every_write", strace::every_write),
    ("descriptors", descriptors::play),
    ("clock", clock::play),
    ("pauses", pauses::play),
    ("rolling", rolling::play),
];
