//! How the program's clients sign in: which server, and who.

use std::path::PathBuf;

use clap::Args;
use presently_core::id::NodeId;
use presently_core::redact::Pii;
use presently_driver::native::NativeHost;
use presently_driver::{Config, Driver, Handle};

/// Which server, and who.
#[derive(Args, Debug)]
pub(crate) struct SignIn {
    /// The server, `host:port`.
    #[arg(long, default_value = "127.0.0.1:1863")]
    pub(crate) server: String,
    /// The account's name.
    #[arg(long)]
    pub(crate) user: String,
    /// Wants one node of the server, counted from 0; any where left out.
    #[arg(long)]
    pub(crate) node: Option<u16>,
    /// Keeps outbox and endpoint in this directory, so that they outlive the process.
    #[arg(long)]
    pub(crate) cache: Option<PathBuf>,
}

/// Opens the client; or the line and code to end with.
pub(crate) fn open(
    args: &SignIn,
    password: String,
) -> Result<(Handle, Driver<NativeHost>), (u8, String)> {
    let config = Config {
        password: Some(Pii(password)),
        node: args.node.map(NodeId),
        trace: true,
        ..Config::new(&args.user)
    };
    presently_driver::native::open(args.server.clone(), config, args.cache.as_deref())
        .map_err(|error| (5, error.to_string()))
}
