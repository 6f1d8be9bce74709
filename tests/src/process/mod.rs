//! Real processes: the server's binary, its clients for programs, and a cable between them.
//!
//! Everything listens on loopback, on ports the system picks, in directories that go with the value.

mod cable;
mod client;
pub mod frames;
mod proxy;
mod run;
mod server;
pub mod signal;
pub mod trace;

pub use cable::Cable;
pub use client::JsonClient;
pub use proxy::{Proxy, Weather};
pub use run::{Ended, run, run_in};
pub use server::{Ready, Server, ServerOptions};

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// File systems in memory, as `statfs` names them: a sync costs nothing there.
const IN_MEMORY: [i64; 2] = [0x0102_1994, 0x8584_58f6];

/// The server's binary: `PRESENTLY_BIN`, else the one built beside this program or test.
///
/// # Panics
/// Where there is none: run `cargo build --workspace` first, or `cargo xtask test`.
#[must_use]
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("PRESENTLY_BIN") {
        return path.into();
    }
    let own = std::env::current_exe().expect("a program has a path");
    // A test lies in a folder below that of the binaries.
    let beside = own.ancestors().skip(1).take(2).map(|folder| folder.join("presently"));
    let built = beside.into_iter().find(|built| built.exists());
    built.expect("presently is built: `cargo build --workspace`, or `cargo xtask test`")
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
        let path = Self::folder().join(format!("{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the build directory can be written");
        Self(path)
    }

    /// Where all of them are: below the build directory.
    ///
    /// # Panics
    /// Where the binary is nowhere.
    #[must_use]
    pub fn folder() -> PathBuf {
        binary().ancestors().nth(2).expect("target/debug/presently").join("scratch")
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        &self.0
    }

    /// Whether it is on a disk: what is judged of syncs means nothing in memory.
    ///
    /// # Panics
    /// Where it is gone.
    #[must_use]
    pub fn is_on_disk(&self) -> bool {
        let kind = rustix::fs::statfs(&self.0).expect("the directory is there").f_type;
        #[expect(clippy::useless_conversion, reason = "its type differs between platforms")]
        let kind = i64::from(kind);
        !IN_MEMORY.contains(&kind)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}
