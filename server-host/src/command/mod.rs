//! What the program does, one file per subcommand.

pub(crate) mod chat;
pub(crate) mod client;
pub(crate) mod node;
mod post;
pub(crate) mod serve;
mod sign_in;
pub(crate) mod user;

use std::process::ExitCode;

/// Says why in one line, and with which code.
pub(crate) fn fail(why: impl std::fmt::Display, code: u8) -> ExitCode {
    eprintln!("presently: {why}");
    ExitCode::from(code)
}

/// Runs a client on a runtime of its own. A read of standard input that still waits is left behind.
fn on_runtime(work: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(work);
            runtime.shutdown_background();
            code
        }
        Err(error) => fail(error, 4),
    }
}
