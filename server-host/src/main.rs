//! The program `presently`.

mod command;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::error::ErrorKind;
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
    #[command(subcommand)]
    Node(command::node::Node),
}

/// Standard error as a log. What cannot be written there, on a full disk or a closed pipe, is lost: a
/// server does not end over its log.
struct Log;

impl std::io::Write for Log {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        Ok(std::io::stderr().write(line).unwrap_or(line.len()))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn main() -> ExitCode {
    let presently = match Presently::try_parse() {
        Ok(presently) => presently,
        Err(error) => return usage(&error),
    };
    let filter =
        EnvFilter::try_from_env("PRESENTLY_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colour).with_writer(|| Log).init();
    match presently.command {
        Command::Serve(serve) => command::serve::run(serve),
        Command::Chat(chat) => command::chat::run(chat),
        Command::Client(client) => command::client::run(client),
        Command::User(user) => command::user::run(user),
        Command::Node(node) => command::node::run(node),
    }
}

/// Help and version as they are; a mistake in one line.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return command::fail("what to do is missing, such as serve (see presently --help)", 2);
    }
    let text = error.to_string();
    // What is missing stands in lines of its own, up to the usage.
    let says: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let line = says.join(" ");
    let line = line.strip_prefix("error: ").unwrap_or(&line);
    command::fail(format!("{line} (see presently --help)"), 2)
}
