//! The last inputs of a node, for the log of a panic: kinds and instants, never what people say.

use std::fmt;

use presently_core::time::Timestamp;

/// Inputs kept.
const KEPT: usize = 32;

/// A ring of the newest inputs.
#[derive(Debug)]
pub(super) struct LastInputs {
    ring: [(Timestamp, &'static str); KEPT],
    next: usize,
}

impl LastInputs {
    pub(super) const fn new() -> Self {
        Self { ring: [(Timestamp(0), ""); KEPT], next: 0 }
    }

    pub(super) fn push(&mut self, kind: &'static str, now: Timestamp) {
        self.ring[self.next] = (now, kind);
        self.next = (self.next + 1) % KEPT;
    }

    /// They belong to a life that is over.
    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }
}

/// The oldest first, each with how many milliseconds it came before the newest; alike ones in a row
/// are told once: `wall -1204, bytes -12 x3, stored 0`.
impl fmt::Display for LastInputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (newer, older) = self.ring.split_at(self.next);
        let known = || older.iter().chain(newer).filter(|(_, kind)| !kind.is_empty());
        let newest = known().next_back().map_or(Timestamp(0), |(at, _)| *at);
        let mut rest = known().peekable();
        let mut between = "";
        while let Some((at, kind)) = rest.next() {
            let mut times = 1;
            while rest.next_if(|next| **next == (*at, *kind)).is_some() {
                times += 1;
            }
            let ago = i64::try_from(newest.since(*at)).unwrap_or(i64::MAX);
            write!(f, "{between}{kind} {}", -ago)?;
            if times > 1 {
                write!(f, " x{times}")?;
            }
            between = ", ";
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "last_test.rs"]
mod tests;
