//! The simulator's laws over what real processes did, and what only they can show.

use std::collections::BTreeSet;

use presently_core::client::Event;

use crate::check;
use crate::history::{History, What};

/// What there was to judge.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Judged {
    /// Sends that apps gave.
    pub(super) sends: u64,
    /// Acks they had.
    pub(super) acks: u64,
    /// Entries of the durable log.
    pub(super) entries: u64,
    /// Messages shown.
    pub(super) shown: u64,
    /// Of these, shown before by the process whose cache this one took over.
    pub(super) again: u64,
}

/// Holds a history against every law.
///
/// # Panics
/// Where one is broken, or there was nothing to judge.
pub(super) fn judge(name: &str, history: &History) -> Judged {
    if let Err(broken) = check::all(history) {
        panic!("{name}: {} is broken: {}", broken.law, broken.what);
    }
    let mut judged = Judged::default();
    let mut places = BTreeSet::new();
    for seen in &history.seen {
        match &seen.what {
            What::Act { command: presently_core::client::Command::Send { .. }, .. } => {
                judged.sends += 1;
            }
            What::Event { event: Event::Acked { .. }, .. } => judged.acks += 1,
            What::Event { device, event: Event::Message { with, seq, .. } } => {
                judged.shown += 1;
                judged.again += u64::from(!places.insert((*device, with.as_str(), *seq)));
            }
            What::Act { .. }
            | What::Event { .. }
            | What::Born { .. }
            | What::Cloned { .. }
            | What::Killed { .. }
            | What::Ended { .. }
            | What::Unlinked { .. }
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
    judged.entries = history.logs.values().map(|log| log.len() as u64).sum();
    assert!(judged.acks > 0 && judged.entries >= judged.acks / 2, "{name}: idle: {judged:?}");
    judged
}

/// How often somebody was seen going offline.
pub(super) fn offlines(history: &History) -> u64 {
    let offline = |what: &What| {
        matches!(what, What::Event { device, event: Event::Presence { user, status, .. } }
            if status == "offline" && history.people[history.owner[*device]] != *user)
    };
    history.seen.iter().filter(|seen| offline(&seen.what)).count() as u64
}

/// Demands that nobody was seen going offline.
///
/// # Panics
/// Where somebody was.
pub(super) fn nobody_left(name: &str, history: &History) {
    let seen = history.seen.iter().find(|seen| {
        matches!(&seen.what, What::Event { device, event: Event::Presence { user, status, .. } }
            if status == "offline" && history.people[history.owner[*device]] != *user)
    });
    if let Some(seen) = seen {
        panic!("{name}: a false Offline at {}: {:?}", seen.at.0, seen.what);
    }
}
