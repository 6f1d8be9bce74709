//! What a CS has heard of one friend: which presence is news, which is old, which must wait
//! (PROTOCOL §5.2).
//!
//! Admissions of a friend are numbered at its home (`acl`) and come in order. Presence may overtake
//! them; shown before its admissions are known it would tell somebody who may no longer see. So it
//! waits until the acl it names is reached. Terms (`epoch`) are learned from admissions only.

use crate::id::Epoch;

/// What is known of a friend's home.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Floor {
    epoch: Epoch,
    acl: u64,
    /// Of the presence shown last in this term.
    version: Option<u64>,
}

/// What to do with a presence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Older than what is shown.
    Drop,
    /// Not before its admissions are known.
    Hold,
    /// Show it.
    Show,
}

/// What an admission says of its home's term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Term {
    /// A term that is over: the word is ignored.
    Past,
    /// The one known.
    Same,
    /// A new one: no admission of the one before stands.
    New,
}

impl Floor {
    /// Takes the term and number of an admission, refusal or revocation.
    pub(super) fn reach(&mut self, epoch: Epoch, acl: u64) -> Term {
        if epoch < self.epoch {
            return Term::Past;
        }
        let term = if epoch > self.epoch { Term::New } else { Term::Same };
        if term == Term::New {
            *self = Self { epoch, acl: 0, version: None };
        }
        self.acl = self.acl.max(acl);
        term
    }

    /// Judges a presence.
    pub(super) fn judge(&self, epoch: Epoch, version: u64, acl: u64) -> Verdict {
        let old = epoch < self.epoch
            || epoch == self.epoch && self.version.is_some_and(|shown| version <= shown);
        if old {
            return Verdict::Drop;
        }
        if epoch > self.epoch || acl > self.acl { Verdict::Hold } else { Verdict::Show }
    }

    /// Whether the first value of an admission is older than what is shown.
    pub(super) fn is_overtaken(&self, version: u64) -> bool {
        self.version.is_some_and(|shown| version < shown)
    }

    /// A presence of this term was shown.
    pub(super) fn shown(&mut self, version: u64) {
        self.version = Some(version);
    }

    /// Nothing is shown to anybody any more: the next admission says what is.
    pub(super) fn forget(&mut self) {
        self.version = None;
    }
}

#[cfg(test)]
#[path = "floor_test.rs"]
mod floor_test;
