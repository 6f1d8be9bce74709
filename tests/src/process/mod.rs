//! Real processes: the server's binary, its clients for programs, and a cable between them.
//!
//! Everything listens on loopback, on ports the system picks, in directories that go with the value.

mod cable;
mod client;
mod run;
mod server;

pub use cable::Cable;
pub use client::JsonClient;
pub use run::{Ended, run};
pub use server::{Ready, Server, ServerOptions};

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// The server's binary: `PRESENTLY_BIN`, else the debug build beside this test.
///
/// # Panics
/// Where there is none: run `cargo build --workspace` first, or `cargo xtask test`.
#[must_use]
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("PRESENTLY_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().expect("a test has a path");
    let built = test.ancestors().nth(2).expect("target/debug/deps/test").join("presently");
    assert!(built.exists(), "{} is not built", built.display());
    built
}

/// A directory on a real disk, removed with the value.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new empty directory below the build's own.
    ///
    /// # Panics
    /// Where it cannot be made.
    #[must_use]
    pub fn new(name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let target = binary().ancestors().nth(2).expect("target/debug/presently").join("scratch");
        let path = target.join(format!("{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the build directory can be written");
        Self(path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}
