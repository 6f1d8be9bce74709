//! `sync`: everything the server held at that moment was shown (PROTOCOL §4.7).

use alloc::vec::Vec;

use super::Client;
use super::event::Event;
use super::session::Stage;
use super::talk::{Leg, Look};
use crate::limits::{HEAD_MARK_MS, WALL_LEEWAY_MS};
use crate::time::Timestamp;

/// How far one command is.
#[derive(Debug)]
pub(super) struct Sync {
    /// The app's number.
    pub(super) id: Option<u64>,
    /// Fetches of book and inbox on this link that must have been answered.
    fetches: (u64, u64),
    /// What must be shown, once the inbox is known: slot and sequence. A sequence that is not known
    /// yet is that of the next join.
    targets: Option<Vec<(u32, Option<u64>)>>,
}

impl Sync {
    /// On a new link both lists are fetched at sign-in.
    pub(super) fn start_over(&mut self) {
        (self.fetches, self.targets) = ((1, 1), None);
    }
}

impl Client {
    /// Starts one.
    pub(super) fn sync(&mut self, id: Option<u64>, now: Timestamp) {
        self.fetch_book(now);
        self.fetch_inbox(now);
        let fetches = (self.session.book.next_done(), self.session.inbox.next_done());
        self.syncs.push(Sync { id, fetches, targets: None });
    }

    /// Goes on with each, as far as things are.
    pub(super) fn step_syncs(&mut self, now: Timestamp) {
        if self.syncs.is_empty() || self.stage != Stage::Ready {
            return;
        }
        let mut syncs = core::mem::take(&mut self.syncs);
        let fetched = (self.session.book.done, self.session.inbox.done);
        for sync in &mut syncs {
            let known = fetched.0 >= sync.fetches.0 && fetched.1 >= sync.fetches.1;
            if known && sync.targets.is_none() {
                sync.targets = Some(self.sync_targets(now));
            }
            if let Some(targets) = &mut sync.targets {
                targets.retain_mut(|(slot, sequence)| self.is_missing(*slot, sequence));
            }
        }
        let done = syncs.extract_if(.., |sync| sync.targets.as_ref().is_some_and(Vec::is_empty));
        for sync in done.collect::<Vec<_>>() {
            self.event(Event::Done { id: sync.id });
        }
        syncs.append(&mut self.syncs);
        self.syncs = syncs;
    }

    fn is_missing(&self, slot: u32, sequence: &mut Option<u64>) -> bool {
        let talk = &self.talks[slot];
        if sequence.is_none() && talk.look == Look::No {
            *sequence = Some(talk.head);
        }
        !talk.closed && sequence.is_none_or(|sequence| talk.shown < sequence)
    }

    /// What is behind, and what the inbox may not know to be: it lags by a few seconds.
    fn sync_targets(&mut self, now: Timestamp) -> Vec<(u32, Option<u64>)> {
        // A talk's stamp is by another node's wall clock than the server's of this link.
        let lag = HEAD_MARK_MS * 2 + WALL_LEEWAY_MS;
        let recent = self.session.server.at(now).0.saturating_sub(lag);
        let mut targets = Vec::new();
        for slot in self.talks.slots() {
            let talk = &mut self.talks[slot];
            // What comes over a leg by itself may still be on its way.
            let follows = talk.leg != Leg::None;
            // A stamp says nothing once a wall clock was set; what this process heard it knows by its own.
            let followed = talk.touched.is_some_and(|at| at + lag >= now);
            if (follows || followed || talk.at.0 >= recent) && !talk.closed {
                talk.look = Look::Wanted;
            }
            if talk.is_behind() {
                targets.push((slot, (talk.look == Look::No).then_some(talk.head)));
            }
        }
        for (slot, _) in &targets {
            self.advance(*slot, now);
        }
        targets
    }
}
