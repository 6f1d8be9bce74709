//! Pure models of the world around the machines: for tests, the simulator and the in-tab server.
//!
//! Nothing here does IO or reads a clock. Each model is told the time, draws from a seeded stream and
//! says what happens and when; the simulator and the in-tab server carry it out.

#[cfg(feature = "world")]
pub mod clock;
#[cfg(feature = "world")]
pub mod conformance;
#[cfg(feature = "world")]
pub mod disk;
#[cfg(all(test, feature = "world"))]
mod disk_test;
#[cfg(feature = "world")]
pub mod net;
#[cfg(all(test, feature = "world"))]
mod net_test;
mod rows;
mod store;
#[cfg(test)]
mod store_test;

pub use rows::MemoryRows;
pub use store::MemoryStore;
