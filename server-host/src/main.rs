//! The program `presently`.

mod command;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// A messenger: contacts, presence and chat.
#[derive(Debug, Parser)]
#[command(name = "presently", version)]
struct Presently {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(command::serve::Serve),
    Chat(command::chat::Chat),
    Client(command::client::Client),
    #[command(subcommand)]
    User(command::user::User),
}

fn main() -> ExitCode {
    let presently = match Presently::try_parse() {
        Ok(presently) => presently,
        Err(error) => return usage(&error),
    };
    let filter =
        EnvFilter::try_from_env("PRESENTLY_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colour)
        .with_writer(std::io::stderr)
        .init();
    match presently.command {
        Command::Serve(serve) => command::serve::run(serve),
        Command::Chat(chat) => command::chat::run(chat),
        Command::Client(client) => command::client::run(client),
        Command::User(user) => command::user::run(user),
    }
}

/// Help and version as they are; a mistake in one line.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    command::fail(format!("{} (see presently --help)", line.trim_end_matches(':')), 2)
}
