//! One signed-in device (PROTOCOL §4).

pub mod command;
pub mod event;
pub mod io;

pub use command::Command;
pub use event::Event;
pub use io::{Input, Output};
