//! Acts and events as sentences.

use presently_core::client::{Command, Event};

use super::names::person;
use crate::history::History;

/// Texts are shown up to this many characters.
const SHOWN: usize = 24;

/// A person by the account's name.
fn who(history: &History, name: &str) -> String {
    history.person(name).map_or_else(|| name.to_owned(), person)
}

/// A text, shortened.
pub(super) fn quoted(text: &str) -> String {
    let bare = text.trim_end_matches('.');
    let cut: String = bare.chars().take(SHOWN).collect();
    if cut.len() < bare.len() { format!("\"{cut}..\"") } else { format!("\"{cut}\"") }
}

/// What an app asked, with the number of the act.
pub(super) fn act(history: &History, id: u64, command: &Command) -> String {
    let who = |name: &str| who(history, name);
    match command {
        Command::Send { to, text } => format!("says {} to {} (#{id})", quoted(text), who(to)),
        Command::Typing { to } => format!("is typing to {} (#{id})", who(to)),
        Command::Status { status } => format!("chooses the status {status} (#{id})"),
        Command::Message { text } => format!("chooses the message {} (#{id})", quoted(text)),
        Command::Name { text } => format!("chooses the name {} (#{id})", quoted(text)),
        Command::Add { user, .. } => format!("invites {} (#{id})", who(user)),
        Command::Accept { user } => format!("accepts {} (#{id})", who(user)),
        Command::Decline { user } => format!("declines {} (#{id})", who(user)),
        Command::Remove { user } => format!("removes {} (#{id})", who(user)),
        Command::Contacts => format!("asks for the contact list (#{id})"),
        Command::History { with, before, limit } => {
            let before = before.map_or(String::new(), |before| format!(" before {before}"));
            let limit = limit.map_or(String::new(), |limit| format!(", at most {limit}"));
            format!("asks for the history with {}{before}{limit} (#{id})", who(with))
        }
        Command::Sync => format!("asks for all there is (#{id})"),
        Command::SignOut => format!("signs out (#{id})"),
    }
}

/// Whether an act only asks.
pub(super) fn only_asks(command: &Command) -> bool {
    matches!(command, Command::Contacts | Command::History { .. } | Command::Sync)
}

/// What an app was told.
pub(super) fn event(history: &History, event: &Event) -> String {
    let who = |name: &str| who(history, name);
    let of = |id: &Option<u64>| id.map_or(String::new(), |id| format!(" (#{id})"));
    match event {
        Event::SignedIn { endpoint, .. } => {
            format!("is signed in as endpoint {}", endpoint.get(..6).unwrap_or(endpoint))
        }
        Event::Presence { user, status, name, message } => {
            let mut text = format!("sees {} {status}", who(user));
            if name != user {
                text += &format!(", called {}", quoted(name));
            }
            if !message.is_empty() {
                text += &format!(", {}", quoted(message));
            }
            text
        }
        Event::Invited { user, .. } => format!("is invited by {}", who(user)),
        Event::Contact { user, change } => format!("has {} as {change}", who(user)),
        Event::Message { from, with, seq, text, .. } => {
            let with = if from == with { String::new() } else { format!(" (with {})", who(with)) };
            format!("is shown {} by {}{with} at place {seq}", quoted(text), who(from))
        }
        Event::Acked { id, seq, .. } => format!("has an ack{}: stored at place {seq}", of(id)),
        Event::Typing { user } => format!("sees {} typing", who(user)),
        Event::Contacts { id, list, .. } => {
            let list: Vec<String> = list
                .iter()
                .map(|item| format!("{} {} {}", who(&item.user), item.state, item.status))
                .collect();
            format!("is given the contact list{}: {}", of(id), list.join("; "))
        }
        Event::History { id, list, more } => {
            let count = list.len();
            let skipped = if count > 12 { "..; " } else { "" };
            let list: Vec<String> = list[count.saturating_sub(12)..]
                .iter()
                .map(|item| format!("{} {} {}", item.seq, who(&item.from), quoted(&item.text)))
                .collect();
            let more = if *more { "; and more before" } else { "" };
            format!("is given {count} of the history{}: {skipped}{}{more}", of(id), list.join("; "))
        }
        Event::Done { id } => format!("is told that it is done{}", of(id)),
        Event::Error { id, code, .. } => format!("is refused{}: {code}", of(id)),
        Event::Offline { reason, retry_ms } => {
            format!("is offline ({reason}), tries again in {retry_ms} ms")
        }
        Event::Lagged { missed } => format!("has missed {missed} events"),
    }
}

/// Whether an event is of no more interest than that it came.
pub(super) fn is_ordinary(event: &Event) -> bool {
    matches!(event, Event::Done { .. })
}
