//! The client for programs: JSON Lines in and out.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::binary;

/// A running `presently client`. Dropped: killed.
#[derive(Debug)]
pub struct JsonClient {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<(Instant, Value)>,
    /// Looked at and not wanted then.
    kept: VecDeque<(Instant, Value)>,
}

impl JsonClient {
    /// Starts one; the password is the name's own, as in demo mode.
    #[must_use]
    pub fn start(server: &str, user: &str) -> Self {
        Self::with(server, user, user, &[], None)
    }

    /// Starts one on a node.
    #[must_use]
    pub fn on_node(server: &str, user: &str, node: u16) -> Self {
        Self::with(server, user, user, &["--node", &node.to_string()], None)
    }

    /// Starts one with more arguments, and a cache.
    ///
    /// # Panics
    /// Where the binary does not run.
    #[must_use]
    pub fn with(
        server: &str,
        user: &str,
        password: &str,
        more: &[&str],
        cache: Option<&Path>,
    ) -> Self {
        let mut command = Command::new(binary());
        command.args(["client", "--server", server, "--user", user, "--password-stdin"]);
        command.args(more).stdin(Stdio::piped()).stdout(Stdio::piped());
        if let Some(dir) = cache {
            command.arg("--cache").arg(dir);
        }
        let mut child = command.spawn().expect("the binary runs");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).expect("each line is JSON");
                if tell.send((Instant::now(), event)).is_err() {
                    return;
                }
            }
        });
        let mut input = child.stdin.take().expect("piped");
        writeln!(input, "{password}").expect("the client reads its input");
        let input = Some(input);
        Self { name: user.into(), child, input, lines, kept: VecDeque::new() }
    }

    /// Gives a command.
    ///
    /// # Panics
    /// Where the client is gone.
    pub fn give(&mut self, command: &Value) {
        self.give_line(&command.to_string());
    }

    /// Gives a line as it is.
    ///
    /// # Panics
    /// Where the client is gone.
    pub fn give_line(&mut self, line: &str) {
        let input = self.input.as_mut().expect("the input is open");
        writeln!(input, "{line}").expect("the client reads its input");
        input.flush().expect("the client reads its input");
    }

    /// The next event of any kind within a time.
    pub fn next(&mut self, within: Duration) -> Option<(Instant, Value)> {
        if let Some(kept) = self.kept.pop_front() {
            return Some(kept);
        }
        self.lines.recv_timeout(within).ok()
    }

    /// The next event for which `wanted` holds, and when it came; those before it are kept for later.
    ///
    /// # Panics
    /// Where none comes within the time.
    pub fn wait(
        &mut self,
        what: &str,
        within: Duration,
        mut wanted: impl FnMut(&Value) -> bool,
    ) -> (Instant, Value) {
        if let Some(at) = self.kept.iter().position(|(_, event)| wanted(event)) {
            return self.kept.remove(at).expect("found");
        }
        let until = Instant::now() + within;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok((_, ref event)) if !wanted(event) => {
                    self.kept.push_back((Instant::now(), event.clone()));
                }
                Ok(found) => return found,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("{}: no {what} within {within:?}; had {:?}", self.name, self.kept)
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("{}: ended without {what}; had {:?}", self.name, self.kept)
                }
            }
        }
    }

    /// Waits for an event by name.
    pub fn wait_event(&mut self, name: &str) -> Value {
        self.wait(name, Duration::from_secs(30), |event| event["event"] == name).1
    }

    /// Waits for a presence of somebody.
    pub fn wait_presence(&mut self, user: &str, status: &str, within: Duration) -> Instant {
        let what = format!("presence {user} {status}");
        self.wait(&what, within, |event| {
            event["event"] == "presence" && event["user"] == user && event["status"] == status
        })
        .0
    }

    /// Everything that came and was not waited for.
    pub fn drain(&mut self) -> Vec<Value> {
        let mut all: Vec<Value> = self.kept.drain(..).map(|(_, event)| event).collect();
        all.extend(self.lines.try_iter().map(|(_, event)| event));
        all
    }

    /// Closes its input; its exit code once it ended.
    ///
    /// # Panics
    /// Where it does not end within 30 s.
    pub fn finish(&mut self) -> Option<i32> {
        self.input = None;
        let until = Instant::now() + Duration::from_secs(30);
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{}: did not end", self.name);
    }

    /// kill -9.
    ///
    /// # Panics
    /// Where it is gone already.
    pub fn kill(&mut self) {
        self.child.kill().expect("the client runs");
        self.child.wait().expect("a killed process ends");
    }
}

impl Drop for JsonClient {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
