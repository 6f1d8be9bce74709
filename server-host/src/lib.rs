//! Presently's server: the tokio host around the core's machines.

pub mod store;
