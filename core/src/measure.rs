//! How long queues are, beside the bound of each (PROTOCOL §10): for metrics, and for the simulator,
//! which holds every queue of every machine against its bound.

use alloc::vec::Vec;

/// One kind of queue of a machine: the longest there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: &'static str,
    /// Its length, in its unit (items or bytes).
    pub length: usize,
    /// What it may be.
    pub bound: usize,
}

/// Queues as machines name them.
#[derive(Clone, Debug, Default)]
pub struct Queues(Vec<Queue>);

impl Queues {
    /// Adds one.
    pub fn add(&mut self, name: &'static str, length: usize, bound: usize) {
        self.0.push(Queue { name, length, bound });
    }

    /// Adds the longest of many.
    pub fn longest(
        &mut self,
        name: &'static str,
        lengths: impl Iterator<Item = usize>,
        bound: usize,
    ) {
        self.add(name, lengths.max().unwrap_or(0), bound);
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Queue] {
        &self.0
    }
}
