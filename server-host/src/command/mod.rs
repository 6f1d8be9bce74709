//! What the program does, one file per subcommand.

pub(crate) mod serve;
pub(crate) mod user;

use std::process::ExitCode;

/// Says why in one line, and with which code.
pub(crate) fn fail(why: impl std::fmt::Display, code: u8) -> ExitCode {
    eprintln!("presently: {why}");
    ExitCode::from(code)
}
