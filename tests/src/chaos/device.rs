//! A device: a client process with a cache, behind a proxy of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command as Program, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use presently_core::client::{Command, Event};
use serde_json::{Value, json};

use super::record::{Recorder, lock};
use crate::history::What;
use crate::process::{Proxy, Scratch, binary, signal};

/// Room for about twenty events that nobody read: with more, the client waits.
const PIPE_BYTES: usize = 4_096;
/// How often who is deaf listens up.
const LOOK: Duration = Duration::from_millis(2);

/// What is known of a device now.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// Signed in, and not offline since.
    pub(super) on: bool,
    /// How often it signed in.
    pub(super) sign_ins: u64,
    /// How often it was offline.
    pub(super) cuts: u64,
    /// Acks of its sends.
    pub(super) acks: u64,
    /// All events.
    pub(super) events: u64,
    /// Commands of this life without an outcome.
    pub(super) open: BTreeSet<u64>,
    /// Histories that were read.
    pub(super) histories: BTreeSet<u64>,
    /// Refusals by code.
    pub(super) errors: BTreeMap<String, u64>,
    /// The server's stamp of the last ack.
    pub(super) stamp: u64,
}

#[derive(Debug)]
struct Life {
    child: Child,
    reader: JoinHandle<()>,
}

/// A device.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) number: usize,
    pub(super) user: String,
    /// To whom it talks.
    pub(super) to: String,
    pub(super) proxy: Proxy,
    node: Option<u16>,
    cache: Scratch,
    recorder: Arc<Recorder>,
    state: Arc<Mutex<State>>,
    deaf: Arc<AtomicBool>,
    life: Mutex<Option<Life>>,
    input: Mutex<Option<ChildStdin>>,
}

impl Device {
    pub(super) fn new(
        number: usize,
        (user, to): (&str, &str),
        server: &str,
        node: Option<u16>,
        recorder: &Arc<Recorder>,
    ) -> Self {
        Self {
            number,
            user: user.to_owned(),
            to: to.to_owned(),
            proxy: Proxy::to(server),
            node,
            cache: Scratch::new(&format!("chaos-cache-{number}")),
            recorder: Arc::clone(recorder),
            state: Arc::default(),
            deaf: Arc::default(),
            life: Mutex::new(None),
            input: Mutex::new(None),
        }
    }

    /// Starts its process; `fresh`: for the first time.
    pub(super) fn start(&self, fresh: bool) {
        let mut command = Program::new(binary());
        command.args(["client", "--password-stdin", "--server", self.proxy.address()]);
        command.args(["--user", &self.user]).arg("--cache").arg(self.cache.path());
        if let Some(node) = self.node {
            command.args(["--node", &node.to_string()]);
        }
        command.env("PRESENTLY_LOG", "error").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut life = lock(&self.life);
        let mut child = command.spawn().expect("the binary runs");
        let mut input = child.stdin.take().expect("piped");
        let output = child.stdout.take().expect("piped");
        self.recorder.see(What::Born { device: self.number, fresh });
        writeln!(input, "{}", self.user).expect("a client reads its password");
        *lock(&self.input) = Some(input);
        rustix::pipe::fcntl_setpipe_size(&output, PIPE_BYTES).ok();
        let (recorder, state) = (Arc::clone(&self.recorder), Arc::clone(&self.state));
        let (device, deaf) = (self.number, Arc::clone(&self.deaf));
        let reader = std::thread::spawn(move || read(output, device, &recorder, &state, &deaf));
        *life = Some(Life { child, reader });
    }

    /// What is known of it.
    pub(super) fn state(&self) -> State {
        lock(&self.state).clone()
    }

    /// Commands without an outcome.
    pub(super) fn open(&self) -> usize {
        lock(&self.state).open.len()
    }

    /// Acks so far.
    pub(super) fn acks(&self) -> u64 {
        lock(&self.state).acks
    }

    /// Gives a command, if the process lives; its number.
    pub(super) fn give(&self, command: Command) -> Option<u64> {
        let mut input = lock(&self.input);
        let to = input.as_mut()?;
        let id = self.recorder.number();
        let mut line = serde_json::to_value(&command).expect("commands are plain values");
        line["id"] = json!(id);
        lock(&self.state).open.insert(id);
        self.recorder.see(What::Act { device: self.number, id, command });
        // One that was just killed reads nothing: what it did not take has no outcome.
        writeln!(to, "{line}").ok();
        Some(id)
    }

    /// Says something new to whom it talks.
    pub(super) fn say(&self) {
        let mut input = lock(&self.input);
        let Some(to) = input.as_mut() else { return };
        let id = self.recorder.number();
        let text = format!("{} says {id}", self.user);
        let line = json!({ "cmd": "send", "id": id, "to": self.to, "text": text });
        lock(&self.state).open.insert(id);
        let command = Command::Send { to: self.to.clone(), text };
        self.recorder.see(What::Act { device: self.number, id, command });
        writeln!(to, "{line}").ok();
    }

    /// kill -9; what it had said before is noted first.
    pub(super) fn kill(&self) {
        let Some(Life { mut child, reader }) = lock(&self.life).take() else { return };
        child.kill().expect("the client runs");
        child.wait().expect("a killed process ends");
        self.deafen(false);
        reader.join().expect("what a client says is understood");
        let mut input = lock(&self.input);
        *input = None;
        let mut state = lock(&self.state);
        state.open.clear();
        state.on = false;
        self.recorder.see(What::Killed { device: self.number });
    }

    /// Whether nobody reads what it says: then its pipe fills, and it waits to say more.
    pub(super) fn deafen(&self, deaf: bool) {
        self.deaf.store(deaf, Ordering::SeqCst);
    }

    /// SIGSTOP.
    pub(super) fn freeze(&self) {
        if let Some(life) = &*lock(&self.life) {
            self.recorder.see(What::Sleeps { device: self.number });
            signal::stop(life.child.id());
        }
    }

    /// SIGCONT.
    pub(super) fn thaw(&self) {
        if let Some(life) = &*lock(&self.life) {
            signal::resume(life.child.id());
            self.recorder.see(What::Wakes { device: self.number });
        }
    }

    /// Its link is gone.
    pub(super) fn unlinked(&self) {
        self.recorder.see(What::Unlinked { device: self.number });
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if let Some(mut life) = lock(&self.life).take() {
            life.child.kill().ok();
            life.child.wait().ok();
        }
    }
}

/// Notes what a client says until it ends.
fn read(
    from: ChildStdout,
    device: usize,
    recorder: &Recorder,
    state: &Mutex<State>,
    deaf: &AtomicBool,
) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
        if line.last() != Some(&b'\n') {
            // It was killed within a line: nobody was shown it.
            return;
        }
        let json: Value = serde_json::from_slice(&line).expect("each line is JSON");
        let event: Event = serde_json::from_value(json).expect("each line is an event");
        line.clear();
        while deaf.load(Ordering::SeqCst) {
            std::thread::sleep(LOOK);
        }
        let mut state = lock(state);
        note(&mut state, &event);
        recorder.see(What::Event { device, event });
    }
}

fn note(state: &mut State, event: &Event) {
    state.events += 1;
    match event {
        Event::SignedIn { .. } => {
            state.on = true;
            state.sign_ins += 1;
        }
        Event::Offline { .. } => {
            state.on = false;
            state.cuts += 1;
        }
        Event::Acked { id, at, .. } => {
            state.acks += 1;
            state.stamp = *at;
            close(state, *id);
        }
        Event::Error { id, code, .. } => {
            *state.errors.entry(code.clone()).or_default() += 1;
            close(state, *id);
        }
        Event::History { id, .. } => {
            state.histories.extend(*id);
            close(state, *id);
        }
        Event::Contacts { id, .. } | Event::Done { id } => close(state, *id),
        Event::Presence { .. }
        | Event::Invited { .. }
        | Event::Contact { .. }
        | Event::Message { .. }
        | Event::Typing { .. }
        | Event::Lagged { .. } => {}
    }
}

fn close(state: &mut State, id: Option<u64>) {
    if let Some(id) = id {
        state.open.remove(&id);
    }
}
