//! The lives of devices: what checkers ask of a history more than once.

use std::collections::BTreeMap;

use presently_core::client::{Command, Event};
use presently_core::time::Timestamp;

use crate::history::{History, Sleepers, What};

/// A client process, from its start to its end.
#[derive(Clone, Debug)]
pub(super) struct Life<'a> {
    pub(super) device: usize,
    pub(super) person: usize,
    /// Began without a cache.
    pub(super) fresh: bool,
    /// When it was killed or ended.
    pub(super) until: Option<Timestamp>,
    /// When it last ran: before that, where it was killed standing still.
    pub(super) ran: Option<Timestamp>,
    pub(super) events: Vec<(Timestamp, &'a Event)>,
    pub(super) acts: Vec<(u64, &'a Command)>,
}

/// All lives in order of their beginning.
pub(super) fn lives(history: &History) -> Vec<Life<'_>> {
    let mut out: Vec<Life<'_>> = Vec::new();
    let mut current: BTreeMap<usize, usize> = BTreeMap::new();
    let mut sleepers = Sleepers::default();
    for seen in &history.seen {
        sleepers.note(seen);
        match &seen.what {
            What::Born { device, fresh } => {
                current.insert(*device, out.len());
                out.push(Life {
                    device: *device,
                    person: history.owner[*device],
                    fresh: *fresh,
                    until: None,
                    ran: None,
                    events: Vec::new(),
                    acts: Vec::new(),
                });
            }
            What::Killed { device } | What::Ended { device } => {
                if let Some(life) = current.remove(device) {
                    out[life].until = Some(seen.at);
                    out[life].ran = Some(sleepers.ran(*device, seen.at));
                }
            }
            What::Event { device, event } => {
                if let Some(life) = current.get(device) {
                    out[*life].events.push((seen.at, event));
                }
            }
            What::Act { device, id, command } => {
                if let Some(life) = current.get(device) {
                    out[*life].acts.push((*id, command));
                }
            }
            What::Unlinked { .. }
            | What::Cloned { .. }
            | What::Trouble
            | What::Quiet
            | What::Resync
            | What::Lives { .. }
            | What::Owns { .. }
            | What::Wrote { .. }
            | What::Refused { .. }
            | What::Halts { .. }
            | What::Dials { .. }
            | What::Sleeps { .. }
            | What::Wakes { .. }
            | What::Gone { .. }
            | What::Healed
            | What::Told { .. }
            | What::Draining { .. }
            | What::Drained { .. }
            | What::Faulted { .. }
            | What::Measured { .. } => {}
        }
    }
    out
}

/// A message event, decided to whom it belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown<'a> {
    pub(super) at: Timestamp,
    pub(super) pair: (usize, usize),
    pub(super) from: Option<usize>,
    pub(super) seq: u64,
    pub(super) text: &'a str,
    pub(super) stamp: u64,
}

impl<'a> Life<'a> {
    /// The messages shown, in order.
    pub(super) fn shown(&self, history: &History) -> Vec<Shown<'a>> {
        let messages = self.events.iter().filter_map(|(at, event)| match event {
            Event::Message { from, with, seq, text, at: stamp, .. } => {
                let other = history.person(with)?;
                Some(Shown {
                    at: *at,
                    pair: History::pair(self.person, other),
                    from: history.person(from),
                    seq: *seq,
                    text,
                    stamp: *stamp,
                })
            }
            _ => None,
        });
        messages.collect()
    }
}

/// Every send ever given: number → (device, to, text).
pub(super) fn sends(history: &History) -> BTreeMap<u64, (usize, usize, &str)> {
    let mut out = BTreeMap::new();
    for seen in &history.seen {
        if let What::Act { device, id, command: Command::Send { to, text } } = &seen.what
            && let Some(to) = history.person(to)
        {
            out.insert(*id, (*device, to, text.as_str()));
        }
    }
    out
}
