//! The targets, a file per side they attack.

pub mod host;
pub mod link;
pub mod node;
pub mod rows;
pub mod sealed;
pub mod server;
pub mod wire;
