//! Both ends of intents: changes that must also reach another owner (PROTOCOL §6.2).
//!
//! ```text
//! source: reserve ─▶ stage (number and intent in the write of the cause) ─▶ written ─▶ tell ─▶ Applied ─▶ delete
//! target: judge ─▶ apply (number in the write of the effect) ─▶ written ─▶ Applied
//! ```
//!
//! Neither end is a machine: the owning machine carries what they ask for. A source tells one intent
//! of a (source shard, target) at a time, so a target never sees them overtake each other.

mod source;
mod target;

pub use source::{Effect, Reserve, Source};
pub use target::{TargetLog, Verdict};

#[cfg(test)]
#[path = "source_test.rs"]
mod source_test;
#[cfg(test)]
#[path = "target_test.rs"]
mod target_test;
