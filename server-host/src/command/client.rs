//! `presently client`: the client for programs, JSON Lines in and out.
//!
//! The first line of input is the password. Then each line is a command with an optional `id`, any
//! JSON value, that comes back in its outcome; each line of output is an event. The words are
//! `presently_core::client::{Command, Event}`. At the end of input the client waits for the outcome
//! of every command it took, then ends.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Args;
use presently_core::error::Code;
use presently_driver::{Event, Handle};
use presently_server::lines::{self, Line, Lines};
use serde_json::{Value, json};
use tokio::io::BufReader;

use super::fail;
use super::sign_in::{SignIn, open};

/// Events taken at once: of a batch that was not said to its end the next process says all again.
const BATCH: usize = 32;

/// `presently client`.
#[derive(Args, Debug)]
pub(crate) struct Client {
    #[command(flatten)]
    sign_in: SignIn,
    /// Reads the password from the first line of input (always so; there is no other way).
    #[arg(long, required = true)]
    password_stdin: bool,
}

/// Runs until signed out, refused, or the end of input.
pub(crate) fn run(args: Client) -> ExitCode {
    super::on_runtime(serve_lines(args))
}

async fn serve_lines(args: Client) -> ExitCode {
    let mut lines = Lines::new(BufReader::new(tokio::io::stdin()));
    let Ok(Line::Text(password)) = lines.next().await else {
        return fail("the first line of input must be the password", 2);
    };
    let (handle, driver) = match open(&args.sign_in, password) {
        Ok(opened) => opened,
        Err((code, line)) => return fail(line, code),
    };
    let driving = tokio::spawn(driver.run());
    let mut session = Session { handle: handle.clone(), ids: BTreeMap::new(), refused: false };
    let mut input_open = true;
    loop {
        if !input_open && session.ids.is_empty() {
            handle.shutdown().await;
            break;
        }
        tokio::select! {
            line = lines.next(), if input_open => match line {
                Ok(Line::Text(text)) => session.on_line(&text).await,
                Ok(Line::TooLong) => session.bad_command(None, "a line is longer than 64 KiB"),
                Ok(Line::End) | Err(_) => input_open = false,
            },
            batch = handle.next_batch(BATCH) => {
                if batch.is_empty() {
                    break;
                }
                if session.on_events(batch).is_err() {
                    // Nobody reads any more.
                    handle.shutdown().await;
                    break;
                }
            }
        }
    }
    driving.await.ok();
    ExitCode::from(if session.refused { 3 } else { 0 })
}

struct Session {
    handle: Handle,
    /// The program's ids of commands under way; `Null` where it gave none.
    ids: BTreeMap<u64, Value>,
    refused: bool,
}

impl Session {
    async fn on_line(&mut self, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        let (id, command) = lines::command(text);
        match command {
            Err(words) => self.bad_command(id, words),
            Ok(command) => {
                if let Ok(number) = self.handle.command(command).await {
                    self.ids.insert(number, id.unwrap_or(Value::Null));
                }
            }
        }
    }

    fn bad_command(&self, id: Option<Value>, text: &str) {
        let mut event = json!({ "event": "error", "code": Code::BadCommand.name(), "text": text });
        if let (Some(id), Value::Object(fields)) = (id, &mut event) {
            fields.insert("id".into(), id);
        }
        print(&event).ok();
    }

    fn on_events(&mut self, batch: Vec<Event>) -> std::io::Result<()> {
        for event in batch {
            if let Event::Error { id: None, .. } = &event {
                self.refused = true;
            }
            let Ok(Value::Object(mut fields)) = serde_json::to_value(&event) else { continue };
            if let Some(number) = fields.remove("id").and_then(|id| id.as_u64()) {
                match self.ids.remove(&number) {
                    Some(Value::Null) | None => {}
                    Some(id) => {
                        fields.insert("id".into(), id);
                    }
                }
            }
            print(&Value::Object(fields))?;
        }
        std::io::stdout().flush()
    }
}

fn print(event: &Value) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{event}")?;
    out.flush()
}
