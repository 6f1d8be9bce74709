//! At start: which conversations have a head that some inbox may not know (PROTOCOL §6.4).
//!
//! A page of marks at a time, so that a node that comes back does not load everything at once.

use crate::id::{ConversationId, Shard};
use crate::limits::{RELOAD_FAILED_MS, SCAN_ROWS_MAX};
use crate::store::{Key, Part as KeyPart, Reply, Request, Row, Space};
use crate::time::Timestamp;

use super::Mixer;
use super::desk::{Pending, Timer};

/// Where the scan stands.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    /// The last mark read.
    after: Option<Key>,
    /// More marks follow.
    more: bool,
    /// Conversations of this page that are being read.
    left: usize,
}

impl Mixer {
    /// Reads the next marks.
    pub(super) fn scan_on(&mut self) {
        let request = Request::Scan {
            space: Space::HeadMark,
            prefix: alloc::vec::Vec::new(),
            after: self.recovery.after.clone(),
            limit: u32::try_from(SCAN_ROWS_MAX).unwrap_or(u32::MAX),
        };
        self.desk.store(Pending::Scan, request);
    }

    /// Marks were read: loads the conversations that are this node's.
    pub(super) fn on_scanned(&mut self, reply: Reply, now: Timestamp) {
        let Reply::Page { rows, more } = reply else {
            return self.desk.timers.set(Timer::Scan, now + RELOAD_FAILED_MS, "scan again");
        };
        self.recovery.more = more;
        for Row { key, revision, .. } in rows {
            let id = match key.parts.first() {
                Some(KeyPart::Id(id)) => ConversationId(*id),
                Some(KeyPart::Number(_) | KeyPart::Text(_)) | None => continue,
            };
            self.recovery.after = Some(key);
            let setup = &self.desk.setup;
            if setup.topology.owns(setup.node, Shard::of_conversation(id)) {
                self.on_found(id, revision, now);
            }
        }
        self.scan_when_ready();
    }

    /// A conversation was read, with a mark found before or without.
    pub(super) fn on_recovered(&mut self, found: bool) {
        if found {
            self.recovery.left = self.recovery.left.saturating_sub(1);
            self.scan_when_ready();
        }
    }

    fn on_found(&mut self, id: ConversationId, revision: u64, now: Timestamp) {
        let key = self.load(id);
        let Some(mut room) = self.room(key, now) else { return };
        if room.conv.is_loaded() {
            room.on_found_mark(revision);
            return room.pump();
        }
        room.conv.found = Some(revision);
        self.recovery.left += 1;
    }

    fn scan_when_ready(&mut self) {
        if self.recovery.left == 0 && core::mem::take(&mut self.recovery.more) {
            self.scan_on();
        }
    }
}
