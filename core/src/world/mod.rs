//! Pure models of the world around the machines: for tests, the simulator and the in-tab server.

mod store;
#[cfg(test)]
mod store_test;

pub use store::MemoryStore;
