//! What happened in a run, for somebody who does not know the code: who did what, who sent what to
//! whom, what broke, and at the end which law, what it promises and what was seen instead.
//!
//! Keepalives, digests, acks between nodes and readings of clocks are never shown. Where the rest is
//! more than a person reads, traffic is folded: first that of the start, then that of the end, then
//! from the first step on as much as it takes.

mod laws;
mod names;
mod words;

use std::collections::BTreeSet;
use std::fmt::{self, Display};

use presently_core::time::Timestamp;
use presently_core::wire::names::kind_name;

use crate::history::{Broken, History, What};
use crate::judge;
use crate::sim::notes::{Note, Noted};
use crate::sim::{Run, Schedule, Swarm, World};

pub use laws::promise;

/// A timeline has fewer lines, where folding can do it.
pub const LINES_MAX: usize = 200;
/// Kinds that say no more than that a link lives.
const KEEPALIVE: [u16; 2] = [0x0006, 0x0007];
/// So many entries of a log are shown, the last ones.
const LOG_SHOWN: usize = 12;

/// How much is folded.
#[derive(Clone, Copy)]
enum Detail {
    /// Nothing.
    All,
    /// Traffic until steps begin.
    Steps,
    /// Traffic after all is mended too, and until then.
    From(Timestamp),
}

/// The part of a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Start,
    Steps,
    Mended,
}

/// A run, told.
#[derive(Clone, Debug)]
pub struct Timeline {
    world: String,
    lines: Vec<String>,
    law: String,
}

impl Timeline {
    /// Plays a schedule once more and tells it.
    #[must_use]
    pub fn of(schedule: &Schedule, law: Option<&str>) -> Self {
        let mut world = World::of(schedule, None);
        world.keep_notes();
        let judged = judge::judge(world, law);
        Self::of_run(&judged.run, judged.broken.as_ref())
    }

    fn of_run(run: &Run, broken: Option<&Broken>) -> Self {
        let mut lines = Vec::new();
        for detail in details(run) {
            lines = Teller::new(&run.history, detail).tell(&run.notes);
            if lines.len() < LINES_MAX {
                break;
            }
        }
        let law = broken.map_or_else(
            || String::from("No law is broken."),
            |broken| {
                let what = names::in_text(&run.history, &broken.what);
                format!("Broken: {}\nPromised: {}\nSeen: {what}", broken.law, promise(broken.law))
            },
        );
        Self { world: about(&run.history, &run.schedule), lines, law }
    }

    /// How many events it tells.
    #[must_use]
    pub fn events(&self) -> usize {
        self.lines.len()
    }
}

impl Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.world)?;
        for (number, line) in (1..).zip(&self.lines) {
            writeln!(f, "{number:>4} {line}")?;
        }
        writeln!(f, "{}", self.law)
    }
}

/// From all of the traffic to none of it; of that between the steps the last is shown the longest.
fn details(run: &Run) -> Vec<Detail> {
    let at = |wanted: fn(&Noted) -> bool| {
        let found = run.notes.iter().find(|note| wanted(&note.what));
        found.or_else(|| run.notes.last()).map_or(0, |note| note.at.0)
    };
    let from = at(|what| matches!(what, Noted::Begins));
    let to = at(|what| matches!(what, Noted::Seen(What::Healed)));
    let part = |sixteenths: u64| Detail::From(Timestamp(from + (to - from) * sixteenths / 16));
    let mut out = vec![Detail::All, Detail::Steps];
    out.extend((0..16).map(part));
    out.push(Detail::From(Timestamp(u64::MAX)));
    out
}

/// The swarm in words: who, on what, and what does not go well.
fn about(history: &History, schedule: &Schedule) -> String {
    let swarm = &schedule.swarm;
    let born = (0..swarm.owner.len()).filter(|device| !swarm.unborn.contains(device));
    let born: Vec<String> = born.map(|device| names::device(history, device)).collect();
    let mut out = format!("{} nodes; {}.", swarm.nodes, born.join(", "));
    let facts = |swarm: &Swarm| serde_json::to_value(swarm).unwrap_or_default();
    let (now, calm) = (facts(swarm), facts(&Swarm::calm(swarm.seed)));
    let weathers = now.as_object().into_iter().flatten().filter(|(kind, _)| *kind != "faults");
    for (kind, weather) in weathers {
        for (side, value) in weather.as_object().into_iter().flatten() {
            if calm[kind][side] != *value {
                out += &format!(" {}: {} {value}.", kind, side.replace('_', " "));
            }
        }
    }
    out
}

/// Traffic between two that is not told yet.
struct Traffic {
    pair: (bool, usize, usize),
    at: Timestamp,
    pieces: Vec<(bool, String, u32)>,
}

struct Teller<'a> {
    history: &'a History,
    detail: Detail,
    phase: Phase,
    traffic: Vec<Traffic>,
    /// Frames and tells that are not told one by one.
    folded: usize,
    /// Who has no link, where that was told last.
    no_link: Option<String>,
    /// Queues that were over their bounds.
    over: BTreeSet<&'static str>,
    lines: Vec<String>,
}

impl<'a> Teller<'a> {
    fn new(history: &'a History, detail: Detail) -> Self {
        Self {
            history,
            detail,
            phase: Phase::Start,
            traffic: Vec::new(),
            folded: 0,
            no_link: None,
            over: BTreeSet::new(),
            lines: Vec::new(),
        }
    }

    fn tell(mut self, notes: &[Note]) -> Vec<String> {
        for note in notes {
            self.note(note);
        }
        let end = notes.last().map_or(Timestamp(0), |note| note.at);
        self.enters(Phase::Mended, end);
        for (pair, log) in &self.history.logs {
            let skipped = if log.len() > LOG_SHOWN { "..; " } else { "" };
            let shown: Vec<String> = log[log.len().saturating_sub(LOG_SHOWN)..]
                .iter()
                .map(|e| {
                    format!("{} {} {}", e.seq, names::person(e.person), words::quoted(&e.text))
                })
                .collect();
            let (a, b) = (names::person(pair.0), names::person(pair.1));
            self.line(
                end,
                &format!("the disk holds of {a} and {b}: {skipped}{}", shown.join("; ")),
            );
        }
        self.lines
    }

    fn line(&mut self, at: Timestamp, text: &str) {
        self.lines.push(format!("{:>5}.{:03} s  {text}", at.0 / 1_000, at.0 % 1_000));
    }

    fn shows_traffic(&self, at: Timestamp) -> bool {
        match self.detail {
            Detail::All => true,
            Detail::Steps => self.phase != Phase::Start,
            Detail::From(from) => self.phase == Phase::Steps && at >= from,
        }
    }

    fn note(&mut self, note: &Note) {
        match &note.what {
            Noted::Begins => {
                self.enters(Phase::Steps, note.at);
            }
            Noted::Frames { device, node, up, kinds } => {
                for kind in kinds.iter().filter(|kind| !KEEPALIVE.contains(kind)) {
                    self.passes((true, *device, *node), *up, kind_name(*kind), note.at);
                }
            }
            Noted::Parcel { from, to, tells, copies } => {
                for tell in tells {
                    let fate = match copies {
                        0 => " (lost)",
                        1 => "",
                        _ => " (twice)",
                    };
                    let pair = (false, *from.min(to), *from.max(to));
                    self.passes(pair, from < to, &format!("{tell}{fate}"), note.at);
                }
            }
            Noted::Write { who, says } => {
                if self.shows_traffic(note.at) {
                    self.says(note.at, &format!("{who} {says}"));
                }
            }
            Noted::Said(text) => self.says(note.at, &names::in_text(self.history, text)),
            Noted::Store { who, says } => {
                self.says(note.at, &format!("the disk answers {who}: {says}"));
            }
            // A queue that goes on growing is told once.
            Noted::Seen(What::Measured { queue, length, bound, .. })
                if length > bound && !self.over.insert(*queue) => {}
            Noted::Seen(what) => {
                if let Some(text) = self.seen(what) {
                    self.says(note.at, &text);
                }
                if matches!(what, What::Healed) {
                    self.enters(Phase::Mended, note.at);
                }
            }
        }
    }

    fn enters(&mut self, phase: Phase, at: Timestamp) {
        self.flush();
        self.phase = phase;
        let folded = std::mem::take(&mut self.folded);
        if folded > 0 {
            self.line(at, &format!("({folded} frames and tells until here)"));
        }
    }

    fn says(&mut self, at: Timestamp, text: &str) {
        self.flush();
        // A client that dials again and again is told once.
        let state = no_link(text);
        if state.is_none() || state != self.no_link.as_deref() {
            self.line(at, text);
        }
        self.no_link = state.map(str::to_owned);
    }

    /// A frame or a tell between two.
    fn passes(&mut self, pair: (bool, usize, usize), up: bool, what: &str, at: Timestamp) {
        if !self.shows_traffic(at) {
            self.folded += 1;
            return;
        }
        let traffic = match self.traffic.iter_mut().find(|traffic| traffic.pair == pair) {
            Some(traffic) => traffic,
            None => {
                self.traffic.push(Traffic { pair, at, pieces: Vec::new() });
                self.traffic.last_mut().expect("it was just put there")
            }
        };
        match traffic.pieces.last_mut() {
            Some((was_up, last, times)) if *was_up == up && last == what => *times += 1,
            _ => traffic.pieces.push((up, what.to_owned(), 1)),
        }
    }

    /// Tells the traffic until now.
    fn flush(&mut self) {
        for traffic in std::mem::take(&mut self.traffic) {
            let (client, a, b) = traffic.pair;
            let (a, b) = if client {
                (names::device(self.history, a), format!("node {b}"))
            } else {
                (format!("node {a}"), format!("node {b}"))
            };
            let mut text = format!("{a} - {b}:");
            let mut way = None;
            for (up, what, times) in traffic.pieces {
                if way != Some(up) {
                    text += if up { "  >" } else { "  <" };
                    way = Some(up);
                }
                text += &format!(" {what}");
                if times > 1 {
                    text += &format!(" x{times}");
                }
            }
            self.line(traffic.at, &text);
        }
    }

    /// What was seen from outside, where it is worth a line.
    fn seen(&self, what: &What) -> Option<String> {
        let name = |device: &usize| names::device(self.history, *device);
        Some(match what {
            What::Act { command, .. }
                if self.phase == Phase::Mended && words::only_asks(command) =>
            {
                return None;
            }
            What::Act { device, id, command } => {
                format!("{} {}", name(device), words::act(self.history, *id, command))
            }
            What::Event { event, .. } if words::is_ordinary(event) => return None,
            What::Event { device, event } => {
                format!("{} {}", name(device), words::event(self.history, event))
            }
            What::Born { device, fresh: true } => {
                format!("{} starts, without a cache", name(device))
            }
            What::Born { device, .. } => format!("{} starts", name(device)),
            What::Killed { device } => format!("{}'s client is killed", name(device)),
            What::Cloned { device, of } => {
                format!("{} gets a copy of the cache of {}", name(device), name(of))
            }
            What::Ended { device } => format!("{} has signed out and ended", name(device)),
            What::Unlinked { device } => format!("{} has no link", name(device)),
            What::Healed => String::from("from here on nothing goes wrong"),
            What::Measured { queue, length, bound, .. } if length > bound => {
                format!("a queue ({queue}) is {length} long, and may be {bound}")
            }
            What::Refused { node, by: (host, life) } => {
                format!("host {host} is refused a write of node {node}, in its life {life}")
            }
            What::Halts { host: Some(host), until } => {
                format!("host {host} stands still until {until:?}")
            }
            What::Halts { host: None, until } => {
                format!("the disk stands still or fails until {until:?}")
            }
            What::Draining { node } => format!("host {node} is told to go away"),
            What::Drained { node, .. } => format!("host {node} has let its clients go"),
            What::Trouble
            | What::Quiet
            | What::Resync
            | What::Lives { .. }
            | What::Owns { .. }
            | What::Wrote { .. }
            | What::Dials { .. }
            | What::Sleeps { .. }
            | What::Wakes { .. }
            | What::Gone { .. }
            | What::Told { .. }
            | What::Faulted { .. }
            | What::Measured { .. } => return None,
        })
    }
}

/// Where a line only says that somebody has no link, it without when they try again.
fn no_link(text: &str) -> Option<&str> {
    text.split_once(", tries again in").map(|(state, _)| state)
}

/// A fault in words: its kind and what is particular to it, people by number.
#[must_use]
pub fn fault(fault: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(fault).unwrap_or_default();
    let Some((kind, fields)) = value.as_object().and_then(|kinds| kinds.iter().next()) else {
        return format!("FAULT {}", value.as_str().unwrap_or_default().replace('_', " "));
    };
    let parts = fields.as_object().into_iter().flatten().filter_map(|(name, value)| {
        let name = name.replace('_', " ");
        match value.as_bool() {
            Some(true) => Some(name),
            Some(false) => None,
            None if name == "ms" => Some(format!("{value} ms")),
            None => Some(format!("{name} {value}")),
        }
    });
    let parts: Vec<String> = parts.collect();
    let colon = if parts.is_empty() { "" } else { ": " };
    format!("FAULT {}{colon}{}", kind.replace('_', " "), parts.join(", "))
}

#[cfg(test)]
#[path = "timeline_test.rs"]
mod tests;
