//! The binary's clients: for programs ([`client`]), for people ([`chat`]), and how both sign in.

pub(crate) mod chat;
pub(crate) mod client;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use presently_core::id::NodeId;
use presently_core::model::name::account_name;
use presently_core::redact::Pii;
use presently_driver::native::NativeHost;
use presently_driver::{Config, Driver, Handle};

/// Which server, and who.
#[derive(Args, Debug)]
pub(crate) struct SignInArgs {
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

/// Ends with one clear line.
fn refuse(code: u8, line: impl std::fmt::Display) -> ExitCode {
    eprintln!("presently: {line}");
    ExitCode::from(code)
}

/// Opens the client; or the line and code to end with.
fn open(args: &SignInArgs, password: String) -> Result<(Handle, Driver<NativeHost>), (u8, String)> {
    let Some(name) = account_name(&args.user) else {
        return Err((2, "a name is 1 to 64 of a-z 0-9 . _ -".into()));
    };
    let config = Config {
        password: Some(Pii(password)),
        node: args.node.map(NodeId),
        trace: true,
        ..Config::new(name)
    };
    presently_driver::native::open(args.server.clone(), config, args.cache.as_deref())
        .map_err(|error| (5, error.to_string()))
}
