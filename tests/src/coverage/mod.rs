//! What the simulator has reached: faults, states of machines as seen from outside, kinds of frames,
//! tells between nodes, codes and reasons. The whole list is known, so that what no seed reaches is
//! seen too.
//!
//! A mark is one line of [`marks`]; what is named elsewhere (faults, kinds of frames and tells, codes) is
//! taken from there. What cannot be reached stands in [`rare`] with its reason.

pub mod marks;
pub mod rare;

use std::collections::BTreeMap;

use presently_core::client::Event;
use presently_core::edge::Tell;
use presently_core::error::Code;
use presently_core::wire::names::kind_name;

pub use marks::Mark;

use crate::sim::Kind;

/// Kinds are below this.
const KINDS: usize = 0x0700;
/// The names of statuses, as apps see them.
const STATUSES: [&str; 8] =
    ["online", "busy", "idle", "be_right_back", "away", "on_the_phone", "out_to_lunch", "offline"];
/// What becomes of a contact, as apps see it.
const CHANGES: [&str; 4] = ["invited", "pending", "friend", "removed"];
/// Why a client says that there is no connection.
const REASONS: [&str; 8] =
    ["unreachable", "cut", "silent", "draining", "busy", "refused", "fault", "shared_device"];

/// How often each mark was reached.
#[derive(Clone, Debug)]
pub struct Coverage {
    marks: Vec<u64>,
    frames: Vec<u64>,
    named: BTreeMap<&'static str, BTreeMap<String, u64>>,
    tells: BTreeMap<(&'static str, &'static str), u64>,
    faults: [u64; Kind::ALL.len()],
}

impl Default for Coverage {
    fn default() -> Self {
        let marks = vec![0; Mark::ALL.len()];
        let (named, tells) = (BTreeMap::new(), BTreeMap::new());
        Self { marks, frames: vec![0; KINDS], named, tells, faults: [0; Kind::ALL.len()] }
    }
}

impl Coverage {
    /// A mark is reached.
    pub fn hit(&mut self, mark: Mark) {
        self.hits(mark, 1);
    }

    /// A mark is reached that often.
    pub fn hits(&mut self, mark: Mark, times: u64) {
        self.marks[mark as usize] += times;
    }

    /// With the faults that took effect, by kind.
    #[must_use]
    pub fn with_faults(self, faults: [u64; Kind::ALL.len()]) -> Self {
        Self { faults, ..self }
    }

    /// A frame passed.
    pub fn frame(&mut self, kind: u16) {
        if let Some(count) = self.frames.get_mut(usize::from(kind)) {
            *count += 1;
        }
    }

    /// A tell went from node to node.
    pub fn tell(&mut self, tell: &Tell) {
        *self.tells.entry((tell.role().name(), tell.kind())).or_default() += 1;
    }

    /// A gate closed a link.
    pub fn close(&mut self, reason: &str) {
        self.name("close", reason);
    }

    /// A client told its app something.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Presence { status, .. } => self.name("presence", status),
            Event::Contact { change, .. } => self.name("contact", change),
            Event::Error { code, .. } => self.name("error", code),
            Event::Offline { reason, .. } => self.name("offline", reason),
            Event::Lagged { .. } => self.hit(Mark::ClientLagged),
            Event::Typing { .. } => self.hit(Mark::ClientTyping),
            Event::History { more: true, .. } => self.hit(Mark::HistoryMore),
            Event::SignedIn { .. }
            | Event::Invited { .. }
            | Event::Message { .. }
            | Event::Acked { .. }
            | Event::Contacts { .. }
            | Event::History { .. }
            | Event::Done { .. } => {}
        }
    }

    /// A client without an app was refused something.
    pub fn refused(&mut self, code: Code) {
        self.name("error", code.name());
    }

    fn name(&mut self, group: &'static str, name: &str) {
        let group = self.named.entry(group).or_default();
        // Looked for first: most names are there, and a search needs no string of its own.
        match group.get_mut(name) {
            Some(count) => *count += 1,
            None => {
                group.insert(name.to_owned(), 1);
            }
        }
    }

    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        let sum = |to: &mut Vec<u64>, from: &Vec<u64>| {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        };
        sum(&mut self.marks, &other.marks);
        sum(&mut self.frames, &other.frames);
        self.faults.iter_mut().zip(other.faults).for_each(|(to, from)| *to += from);
        for (group, names) in &other.named {
            let group = self.named.entry(group).or_default();
            for (name, count) in names {
                *group.entry(name.clone()).or_default() += count;
            }
        }
        for (tell, count) in &other.tells {
            *self.tells.entry(*tell).or_default() += count;
        }
    }

    /// How often a mark was reached.
    #[must_use]
    pub fn count(&self, mark: Mark) -> u64 {
        self.marks[mark as usize]
    }

    /// Every mark there is, and how often it was reached. What was reached and is on no list comes
    /// too: then the list is behind.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, u64> {
        let mut out: BTreeMap<String, u64> = known().into_iter().map(|name| (name, 0)).collect();
        for mark in Mark::ALL {
            out.insert(mark.text().to_owned(), self.count(*mark));
        }
        for (kind, count) in Kind::ALL.iter().zip(self.faults) {
            out.insert(format!("fault.{}", kind.name()), count);
        }
        for (kind, count) in (0u16..).zip(&self.frames).filter(|(_, count)| **count > 0) {
            *out.entry(format!("frame.{}", kind_name(kind))).or_default() += count;
        }
        for (group, names) in &self.named {
            for (name, count) in names {
                *out.entry(format!("{group}.{name}")).or_default() += count;
            }
        }
        for ((role, kind), count) in &self.tells {
            *out.entry(format!("tell.{role}.{kind}")).or_default() += count;
        }
        out
    }

    /// Marks that were not reached and have no reason for it.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let all =
            self.all().into_iter().filter(|(name, count)| *count == 0 && rare::why(name).is_none());
        all.map(|(name, _)| name).collect()
    }

    /// Faults by kind, without those that were not drawn.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, u64)> {
        let faults = Kind::ALL.iter().zip(self.faults).map(|(kind, count)| (kind.name(), count));
        faults.filter(|(_, count)| *count > 0).collect()
    }
}

/// The names of all marks.
#[must_use]
pub fn known() -> Vec<String> {
    let mut out: Vec<String> = Mark::ALL.iter().map(|mark| mark.text().to_owned()).collect();
    out.extend(Kind::ALL.iter().map(|kind| format!("fault.{}", kind.name())));
    let kinds = (0..0x0700).map(kind_name).filter(|name| *name != "unknown");
    out.extend(kinds.map(|name| format!("frame.{name}")));
    for (role, kinds) in Tell::KINDS {
        out.extend(kinds.iter().map(|kind| format!("tell.{}.{kind}", role.name())));
    }
    let codes = (0..1_000).map(|number| Code(number).name()).filter(|name| *name != "unknown");
    out.extend(codes.map(|name| format!("error.{name}")));
    for (group, names) in [
        ("presence", &STATUSES[..]),
        ("contact", &CHANGES[..]),
        ("offline", &REASONS[..]),
        ("close", &marks::CLOSES[..]),
    ] {
        out.extend(names.iter().map(|name| format!("{group}.{name}")));
    }
    out.sort();
    out.dedup();
    out
}

#[cfg(test)]
#[path = "coverage_test.rs"]
mod tests;
