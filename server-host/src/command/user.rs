//! `presently user`: talks to the admin port of a running server.

use std::net::SocketAddr;
use std::process::ExitCode;

use super::{fail, post};

/// Accounts of a running server.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum User {
    /// Make an account
    Add {
        /// Its name
        name: String,
        /// Read the password from the first line of standard input
        #[arg(long, required = true)]
        password_stdin: bool,
        /// The admin port of the server
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1864")]
        admin: SocketAddr,
    },
}

/// Does it and says so.
pub(crate) fn run(user: User) -> ExitCode {
    let User::Add { name, password_stdin: _, admin } = user;
    let mut password = String::new();
    if std::io::stdin().read_line(&mut password).is_err() {
        return fail("the password is not UTF-8", 2);
    }
    let password = password.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return fail("a password is expected on standard input", 2);
    }
    let body = serde_json::json!({ "name": name, "password": password });
    post::ask(admin, "/users", &body.to_string())
}
