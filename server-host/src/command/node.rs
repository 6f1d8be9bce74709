//! `presently node`: what an operator does to one node of a running server.

use std::net::SocketAddr;
use std::process::ExitCode;

use super::post;

/// Nodes of a running server.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Node {
    /// End a node's present life as a bug would: its links are cut, it starts anew from the store
    Crash {
        /// Its number, from 0
        number: u16,
        /// The admin port of the server
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1864")]
        admin: SocketAddr,
    },
}

/// Does it and says what went wrong.
pub(crate) fn run(node: Node) -> ExitCode {
    let Node::Crash { number, admin } = node;
    post::ask(admin, &format!("/nodes/{number}/crash"), "")
}
