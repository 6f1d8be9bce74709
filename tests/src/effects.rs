//! What machines asked of their hosts and were answered: judged as it happens, since half of all that is
//! seen of a run would be these.

use std::collections::{BTreeMap, BTreeSet};

/// Requests that one asker may leave unanswered at the end.
const OPEN_MAX: usize = 64;

/// Who asks for effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// A node, of its store.
    Node(usize),
    /// A device, of its cache.
    Device(usize),
    /// A device, for a link.
    Dial(usize),
    /// A node, for a password's hash.
    Hash(usize),
}

/// Effects by who asked for them, in which of its lives.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    open: BTreeMap<(By, u32), BTreeSet<(u64, u64)>>,
    broken: Option<String>,
}

impl Effects {
    /// A machine asks for an effect under a number.
    pub fn asked(&mut self, by: (By, u32), op: (u64, u64)) {
        if !self.open.entry(by).or_default().insert(op) {
            self.breaks(format!("{by:?} asks {op:?} again before its answer"));
        }
    }

    /// The effect was completed.
    pub fn answered(&mut self, by: (By, u32), op: (u64, u64)) {
        if !self.open.entry(by).or_default().remove(&op) {
            self.breaks(format!("{by:?} is answered {op:?} unasked"));
        }
    }

    /// The asker's life is over.
    pub fn gone(&mut self, by: (By, u32)) {
        self.open.remove(&by);
    }

    /// What was not completed exactly once, if anything.
    #[must_use]
    pub fn broken(&self) -> Option<String> {
        self.broken.clone().or_else(|| {
            let (by, ops) = self.open.iter().find(|(_, ops)| ops.len() > OPEN_MAX)?;
            Some(format!("{by:?} still waits for {} answers", ops.len()))
        })
    }

    fn breaks(&mut self, what: String) {
        self.broken.get_or_insert(what);
    }
}
