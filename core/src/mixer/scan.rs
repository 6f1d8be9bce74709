//! At start, and when a range comes here: which conversations have a head that some inbox may not know
//! (PROTOCOL §6.4, §9.5).
//!
//! Marks are not in the order of shards, so each scan reads them all; ranges that come while one is
//! under way wait for the next.
//!
//! A page of marks at a time, so that a node that comes back does not load everything at once.

use alloc::collections::BTreeSet;

use crate::id::{ConversationId, Range, Shard};
use crate::limits::{RELOAD_FAILED_MS, SCAN_ROWS_MAX};
use crate::setup::Setup;
use crate::store::{Key, Part as KeyPart, Reply, Request, Row, Space};
use crate::time::Timestamp;

use super::Mixer;
use super::desk::{Pending, Timer};

/// Where the scan stands.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    /// What the scan under way looks for.
    wanted: BTreeSet<Range>,
    /// What the next one will.
    next: BTreeSet<Range>,
    /// A scan is under way.
    running: bool,
    /// The last mark read.
    after: Option<Key>,
    /// More marks follow.
    more: bool,
    /// A page is being read.
    asked: bool,
    /// Conversations of this page that are being read.
    left: usize,
}

impl Recovery {
    /// Looks for all that is the node's.
    pub(super) fn want_all(&mut self, setup: &Setup) {
        let own = |range: &Range| setup.topology.placement(*range).owner == setup.node;
        self.wanted = Range::all().filter(own).collect();
        self.running = true;
    }

    /// A conversation is dropped, perhaps before it was read for its mark.
    pub(super) fn on_dropped(&mut self, waited: bool) {
        self.left -= usize::from(waited);
    }

    /// A range went; what was found of it is dropped by who asks.
    pub(super) fn on_loss(&mut self, range: Range) {
        self.wanted.remove(&range);
        self.next.remove(&range);
    }
}

impl Mixer {
    /// A range came here.
    pub(super) fn scan_range(&mut self, range: Range) {
        self.recovery.next.insert(range);
        if !self.recovery.running {
            self.scan_anew();
        }
    }

    fn scan_anew(&mut self) {
        let wanted = core::mem::take(&mut self.recovery.next);
        let running = !wanted.is_empty();
        self.recovery = Recovery { wanted, running, ..Recovery::default() };
        if running {
            self.scan_on();
        }
    }

    /// Reads the next marks.
    pub(super) fn scan_on(&mut self) {
        let request = Request::Scan {
            space: Space::HeadMark,
            prefix: alloc::vec::Vec::new(),
            after: self.recovery.after.clone(),
            limit: u32::try_from(SCAN_ROWS_MAX).unwrap_or(u32::MAX),
        };
        self.recovery.asked = true;
        self.desk.store(Pending::Scan, request);
    }

    /// Marks were read: loads the conversations that are this node's.
    pub(super) fn on_scanned(&mut self, reply: Reply, now: Timestamp) {
        let Reply::Page { rows, more } = reply else {
            return self.desk.timers.set(Timer::Scan, now + RELOAD_FAILED_MS, "scan again");
        };
        self.recovery.asked = false;
        self.recovery.more = more;
        for Row { key, revision, .. } in rows {
            let id = match key.parts.first() {
                Some(KeyPart::Id(id)) => ConversationId(*id),
                Some(KeyPart::Number(_) | KeyPart::Text(_)) | None => continue,
            };
            self.recovery.after = Some(key);
            if self.recovery.wanted.contains(&Shard::of_conversation(id).range()) {
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

    pub(super) fn scan_when_ready(&mut self) {
        if !self.recovery.running || self.recovery.left > 0 {
            return;
        }
        if core::mem::take(&mut self.recovery.more) {
            self.scan_on();
        } else if !self.recovery.asked {
            self.scan_anew();
        }
    }
}
