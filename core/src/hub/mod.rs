//! The server machines of one node, joined in process; itself a machine (PROTOCOL §9).

pub mod io;

pub use io::{AdminReply, AdminRequest, HashReply, HashRequest, Hop, Input, Output, StoreOp};
