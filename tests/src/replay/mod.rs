//! Replays records: the same inputs into a fresh hub, and equal outputs at equal places (PROTOCOL
//! §9.6).
//!
//! A host that decides is caught: one that kept back, changed or reordered an output, or moved its
//! hub by what it did not note. [`mod@host`] holds what it noted against what hosts may do at all.

pub mod host;

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use presently_core::hub::record::{Damage, Entry, Reader, Summary};
use presently_core::hub::{Hub, Input, Output};
use presently_core::machine::Machine;
use presently_core::time::Timestamp;

use host::Host;

/// Calls of the hub shown before a difference.
const TRAIL: usize = 12;
/// Nodes of one process at most.
const NODES_MAX: u16 = 256;

/// How much was replayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Hubs made.
    pub lives: u64,
    /// Inputs fed.
    pub inputs: u64,
    /// Timeouts told.
    pub timeouts: u64,
    /// Outputs that were equal.
    pub outputs: u64,
    /// Times the hub wanted no more, as recorded.
    pub drains: u64,
    /// Lives that panicked, as recorded.
    pub panics: u64,
    /// Lives that an operator ended.
    pub crashes: u64,
    /// Lives that the record's bound cut short.
    pub cut: u64,
    /// Milliseconds from the first to the last call of each life.
    pub lived_ms: u64,
    /// Most inputs between two drains.
    pub undrained: u64,
    /// Bytes of an entry that was still being written at the end.
    pub torn: u64,
}

impl Counts {
    /// Adds another record's.
    pub fn add(&mut self, other: &Self) {
        self.lives += other.lives;
        self.inputs += other.inputs;
        self.timeouts += other.timeouts;
        self.outputs += other.outputs;
        self.drains += other.drains;
        self.panics += other.panics;
        self.crashes += other.crashes;
        self.cut += other.cut;
        self.lived_ms += other.lived_ms;
        self.undrained = self.undrained.max(other.undrained);
        self.torn += other.torn;
    }
}

/// The first place where record and hub part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which life, from 1.
    pub life: u64,
    /// Which input of it, from 1.
    pub input: u64,
    /// Where in the record, in bytes.
    pub at: usize,
    /// When.
    pub now: Timestamp,
    /// What differs.
    pub what: String,
    /// The last calls before it, the newest last.
    pub trail: Vec<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { life, input, at, now, what, trail } = self;
        writeln!(f, "life {life}, input {input}, at {} ms, byte {at}: {what}", now.0)?;
        writeln!(f, "  before it:")?;
        trail.iter().try_for_each(|call| writeln!(f, "    {call}"))
    }
}

/// Replays a whole record.
///
/// # Errors
/// At the first difference; a damaged record is one.
pub fn replay(bytes: &[u8]) -> Result<Counts, Box<Difference>> {
    let mut player = Player::default();
    let mut reader = Reader::new(bytes).map_err(|damage| player.damaged(damage))?;
    loop {
        player.at = reader.at();
        let Some(entry) = reader.next_entry().map_err(|damage| player.damaged(damage))? else {
            break;
        };
        player.entry(entry).map_err(|what| player.differs(what))?;
    }
    player.counts.torn = reader.left() as u64;
    player.end().map_err(|what| player.differs(what))?;
    Ok(player.counts)
}

#[derive(Default)]
struct Player {
    counts: Counts,
    at: usize,
    /// Of the life that is played.
    input: u64,
    began: Timestamp,
    now: Timestamp,
    hub: Option<Hub>,
    /// What the hub said when it panicked.
    panicked: Option<String>,
    host: Host,
    trail: VecDeque<String>,
}

impl Player {
    fn damaged(&self, damage: Damage) -> Box<Difference> {
        self.differs(match damage {
            Damage::NotARecord => "this is no record".to_owned(),
            Damage::Format(other) => format!("a record of form {other}, which is not read here"),
            Damage::Changed(at) => format!("the record was changed at byte {at}"),
            Damage::Unknown(at) => format!("the entry at byte {at} is of another version"),
        })
    }

    fn differs(&self, what: String) -> Box<Difference> {
        let Self { at, now, input, trail, .. } = self;
        let trail = trail.iter().cloned().collect();
        let life = self.counts.lives;
        Box::new(Difference { life, input: *input, at: *at, now: *now, what, trail })
    }

    fn entry(&mut self, entry: Entry<Input<'_>>) -> Result<(), String> {
        match entry {
            Entry::Life(life) => {
                self.end()?;
                self.counts.lives += 1;
                (self.began, self.now, self.input) = (life.now, life.now, 0);
                (self.panicked, self.host) = (None, Host::default());
                self.trail.clear();
                self.trail.push_back(format!("{:>13} begins", life.now.0));
                let made = || Hub::new(life.config, life.seed.0, life.wall, life.now);
                match catch_unwind(made) {
                    Ok(hub) => self.hub = Some(hub),
                    Err(why) => self.panicked = Some(said(&*why)),
                }
            }
            Entry::Input { now, input } => {
                self.input += 1;
                self.counts.inputs += 1;
                self.call(now, || format!("{} {}", input.kind(), about(&input)))?;
                self.host.on_input(&input, now)?;
                self.counts.undrained = self.counts.undrained.max(self.host.undrained());
                self.hub(|hub| hub.handle_input(input, now));
            }
            Entry::Timeout { now } => {
                self.counts.timeouts += 1;
                self.call(now, || "timeout".to_owned())?;
                self.hub(|hub| hub.handle_timeout(now));
            }
            Entry::Output(carried) => self.output(carried)?,
            Entry::Drained => {
                if let Some(output) = self.poll()? {
                    let wanted = Summary::of(&output);
                    return Err(format!("the hub wants [{wanted}]; the host went on without it"));
                }
                self.counts.drains += 1;
                self.host.on_drained();
            }
            Entry::Panicked => self.panic()?,
            Entry::Crashed => {
                self.counts.crashes += 1;
                self.hub = None;
            }
            Entry::Full => {
                self.counts.cut += 1;
                self.hub = None;
            }
        }
        Ok(())
    }

    fn call(&mut self, now: Timestamp, line: impl FnOnce() -> String) -> Result<(), String> {
        if self.counts.lives == 0 {
            return Err("the record does not begin with a life".to_owned());
        }
        if let Some(why) = &self.panicked {
            return Err(format!("the hub panics: {why}; recorded, it went on"));
        }
        if self.trail.len() == TRAIL {
            self.trail.pop_front();
        }
        self.trail.push_back(format!("{:>13} {}", now.0, line()));
        if now < self.now {
            return Err(format!("time goes back, from {} to {}", self.now.0, now.0));
        }
        self.counts.lived_ms += now.since(self.now);
        self.now = now;
        Ok(())
    }

    /// Calls the hub, whose panic is not ours.
    fn hub<T>(&mut self, call: impl FnOnce(&mut Hub) -> T) -> Option<T> {
        let hub = self.hub.as_mut()?;
        match catch_unwind(AssertUnwindSafe(|| call(hub))) {
            Ok(done) => Some(done),
            Err(why) => {
                self.hub = None;
                self.panicked = Some(said(&*why));
                None
            }
        }
    }

    fn poll(&mut self) -> Result<Option<Output>, String> {
        let output = self.hub(Machine::poll_output).flatten();
        match &self.panicked {
            Some(why) => Err(format!("the hub panics: {why}; recorded, it went on")),
            None => Ok(output),
        }
    }

    fn output(&mut self, carried: Summary) -> Result<(), String> {
        let Some(output) = self.poll()? else {
            return Err(format!("the hub wants nothing; the host carried out [{carried}]"));
        };
        let wanted = Summary::of(&output);
        if wanted != carried {
            return Err(format!("the hub wants [{wanted}]; the host carried out [{carried}]"));
        }
        self.counts.outputs += 1;
        self.host.on_output(&output, self.now);
        Ok(())
    }

    fn panic(&mut self) -> Result<(), String> {
        if self.panicked.is_none() {
            // It was asked for an output, or for its deadline, and these calls are not noted.
            self.hub(|hub| (hub.poll_output(), hub.poll_timeout()));
        }
        let Some(why) = self.panicked.take() else {
            return Err("the hub holds; recorded, it panicked".to_owned());
        };
        self.trail.push_back(format!("{:>13} panicked: {why}", self.now.0));
        self.counts.panics += 1;
        self.hub = None;
        Ok(())
    }

    /// A life is over: by its panic, the next one's beginning, or with the record.
    fn end(&mut self) -> Result<(), String> {
        match self.panicked.take() {
            Some(why) => Err(format!("the hub panics: {why}; recorded, it did not")),
            None if self.counts.lives > 0 => self.host.end(self.now),
            None => Ok(()),
        }
    }
}

fn said(why: &(dyn std::any::Any + Send)) -> String {
    let text = why.downcast_ref::<String>().cloned();
    text.or_else(|| why.downcast_ref::<&str>().map(|text| String::from(*text))).unwrap_or_default()
}

/// What an input is about, without what people say.
fn about(input: &Input<'_>) -> String {
    match input {
        Input::LinkOpened { link, .. } | Input::LinkClosed { link } => format!("link {}", link.0),
        Input::LinkBytes { link, bytes } => format!("link {}, {} bytes", link.0, bytes.len()),
        Input::LinkSent { link, bytes } => format!("link {}, {bytes} bytes", link.0),
        Input::Stored { op, .. } | Input::Hashed { op, .. } => {
            format!("{:?} request {}.{}", op.role, op.op.slot, op.op.generation)
        }
        Input::Parcel { from, .. } => format!("from node {}", from.0),
        Input::Admin { op, .. } => format!("request {op}"),
        Input::Wall(wall) => format!("{}", wall.0),
        Input::Drain => String::new(),
    }
}

/// The files of a record by the name given to `serve --record`, the older first; a file itself.
#[must_use]
pub fn files(base: &Path) -> Vec<PathBuf> {
    if base.is_file() {
        return vec![base.to_owned()];
    }
    let named = |end: String| {
        let mut name = base.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let of_node = |node: u16| [named(format!(".{node}.old")), named(format!(".{node}"))];
    (0..NODES_MAX).flat_map(of_node).filter(|path| path.is_file()).collect()
}
