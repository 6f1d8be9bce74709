//! `presently chat`: a person's terminal client.
//!
//! A line is said to the person last named; a line that begins with `/` is a command (`/help`).

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Args;
use presently_driver::{Command, Event, Handle};
use tokio::io::{AsyncBufReadExt, BufReader, Stdin};

use super::fail;
use super::sign_in::{SignIn, open};

const HELP: &str = "\
/to NAME            talk to NAME; what you type then goes there
/who                your contacts
/add NAME [TEXT]    ask NAME to become a contact
/accept NAME        /decline NAME        /remove NAME
/status STATUS      online busy idle be_right_back away on_the_phone out_to_lunch appear_offline
/message [TEXT]     your personal message
/name [TEXT]        your display name
/history [NAME]     what was said
/quit               leave; messages wait for you        /sign_out   leave and forget this device";

/// `presently chat`.
#[derive(Args, Debug)]
pub(crate) struct Chat {
    #[command(flatten)]
    sign_in: SignIn,
}

/// Runs until the person leaves.
pub(crate) fn run(args: Chat) -> ExitCode {
    super::on_runtime(talk_until_left(args))
}

async fn talk_until_left(args: Chat) -> ExitCode {
    let mut input = BufReader::new(tokio::io::stdin()).lines();
    let password = if std::io::stdin().is_terminal() {
        say(&format!("Password for {}: ", args.sign_in.user));
        rpassword::read_password().ok()
    } else {
        input.next_line().await.ok().flatten()
    };
    let Some(password) = password else {
        return fail("no password was given", 2);
    };
    let (handle, driver) = match open(&args.sign_in, password) {
        Ok(opened) => opened,
        Err((code, line)) => return fail(line, code),
    };
    let driving = tokio::spawn(driver.run());
    let mut room = Room { me: args.sign_in.user.clone(), to: None, refused: false };
    talk(&mut room, &handle, &mut input).await;
    handle.shutdown().await;
    driving.await.ok();
    ExitCode::from(if room.refused { 3 } else { 0 })
}

async fn talk(room: &mut Room, handle: &Handle, input: &mut tokio::io::Lines<BufReader<Stdin>>) {
    say("Type /help for help.\n");
    loop {
        tokio::select! {
            line = input.next_line() => {
                let Ok(Some(line)) = line else { return };
                match room.read(line.trim()) {
                    Typed::Ask(command) => {
                        if handle.command(command).await.is_err() {
                            return;
                        }
                    }
                    Typed::Say(text) => say(&format!("{text}\n")),
                    Typed::Nothing => {}
                    Typed::Quit => return,
                }
            }
            batch = handle.next_batch(256) => {
                if batch.is_empty() {
                    return;
                }
                for event in &batch {
                    room.show(event);
                }
            }
        }
    }
}

fn say(text: &str) {
    // What others wrote must not steer the terminal.
    let text: String =
        text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect();
    let mut out = std::io::stdout().lock();
    // A terminal that is gone ends the input too.
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
}

/// What a line of input means.
enum Typed {
    Ask(Command),
    Say(String),
    Nothing,
    Quit,
}

struct Room {
    me: String,
    to: Option<String>,
    refused: bool,
}

impl Room {
    fn read(&mut self, line: &str) -> Typed {
        let Some(command) = line.strip_prefix('/') else {
            return match (&self.to, line) {
                (_, "") => Typed::Nothing,
                (Some(to), text) => Typed::Ask(Command::Send { to: to.clone(), text: text.into() }),
                (None, _) => Typed::Say("Say to whom? Type /to NAME first.".into()),
            };
        };
        let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
        let rest = rest.trim();
        let (first, text) = rest.split_once(' ').unwrap_or((rest, ""));
        let user = || first.to_owned();
        Typed::Ask(match word {
            "to" if !first.is_empty() => {
                self.to = Some(user());
                if text.is_empty() {
                    return Typed::Say(format!("You talk to {first} now."));
                }
                Command::Send { to: user(), text: text.into() }
            }
            "who" => Command::Contacts,
            "add" if !first.is_empty() => Command::Add { user: user(), text: text.into() },
            "accept" if !first.is_empty() => Command::Accept { user: user() },
            "decline" if !first.is_empty() => Command::Decline { user: user() },
            "remove" if !first.is_empty() => Command::Remove { user: user() },
            "status" if !first.is_empty() => Command::Status { status: user() },
            "message" => Command::Message { text: rest.into() },
            "name" => Command::Name { text: rest.into() },
            "history" => match self.to.clone().filter(|_| first.is_empty()) {
                Some(with) => Command::History { with, before: None, limit: None },
                None if first.is_empty() => return Typed::Say("History with whom?".into()),
                None => Command::History { with: user(), before: None, limit: None },
            },
            "sign_out" => Command::SignOut,
            "quit" | "q" => return Typed::Quit,
            _ => return Typed::Say(HELP.into()),
        })
    }

    fn show(&mut self, event: &Event) {
        let line = match event {
            Event::SignedIn { user, .. } => format!("* You are signed in as {user}."),
            Event::Presence { user, status, name, message } => {
                let shown = if name.is_empty() || name == user {
                    user.clone()
                } else {
                    format!("{name} ({user})")
                };
                let note = if message.is_empty() { String::new() } else { format!(" - {message}") };
                format!("* {shown} is {}{note}", status.replace('_', " "))
            }
            Event::Invited { user, text } => {
                format!(
                    "* {user} asks to be your contact: {text} (/accept {user}, /decline {user})"
                )
            }
            Event::Contact { user, change } => format!("* {user}: {change}"),
            Event::Message { from, with, text, .. } if *from == self.me => {
                format!("[to {with}] {text}")
            }
            Event::Message { from, text, .. } => format!("{from} says: {text}"),
            Event::Typing { user } => format!("* {user} is writing..."),
            Event::Contacts { list, .. } => {
                list.iter().fold(String::from("* contacts"), |all, c| {
                    let state = if c.state == "friend" { &c.status } else { &c.state };
                    format!("{all}\n  {:<20} {:<14} {}", c.user, state.replace('_', " "), c.message)
                })
            }
            Event::History { list, .. } => list.iter().fold(String::from("* history"), |all, m| {
                format!("{all}\n  {}: {}", m.from, m.text)
            }),
            Event::Error { id, text, .. } => {
                self.refused |= id.is_none();
                format!("! {text}")
            }
            Event::Offline { reason, retry_ms } => {
                format!(
                    "* no connection ({reason}), trying again in {} s",
                    retry_ms.div_ceil(1_000)
                )
            }
            Event::Lagged { missed } => format!("* {missed} events were dropped"),
            Event::Acked { .. } | Event::Done { .. } => return,
        };
        say(&format!("{line}\n"));
    }
}
