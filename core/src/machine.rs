//! The one shape every machine has (PROTOCOL §1).
//!
//! A machine is moved by its input and by time, and by nothing else. What it wants done stands in
//! one ordered queue. Draining that queue early or late never changes what comes out of it.

use crate::time::Timestamp;

/// A sans-IO state machine.
///
/// The run loop of every driver:
///
/// ```text
/// loop {
///     while let Some(output) = machine.poll_output() { carry(output) }
///     wait until an input is ready, or machine.poll_timeout()
///     for input in ready (at most 256) { machine.handle_input(input, now) }
///     if due { machine.handle_timeout(now) }
/// }
/// ```
pub trait Machine {
    /// Everything that comes in. Bytes are borrowed, the rest is owned.
    type Input<'a>;
    /// Everything this role may ask for.
    type Output;

    /// Takes one input.
    fn handle_input(&mut self, input: Self::Input<'_>, now: Timestamp);

    /// Acts on every deadline at or before `now`. Early and repeated calls are harmless.
    fn handle_timeout(&mut self, now: Timestamp);

    /// The next output, in order; `None` once drained.
    fn poll_output(&mut self) -> Option<Self::Output>;

    /// The earliest deadline, in constant time.
    fn poll_timeout(&self) -> Option<Deadline>;
}

/// When a machine wants to be called, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline {
    /// The instant on the monotonic clock.
    pub at: Timestamp,
    /// What is due then, for logs and for the simulator's trace.
    pub why: &'static str,
}

impl Deadline {
    /// The sooner of two deadlines.
    #[must_use]
    pub fn soonest(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => Some(if b.at < a.at { b } else { a }),
            (a, None) => a,
            (None, b) => b,
        }
    }
}
