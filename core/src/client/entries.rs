//! What was said: each entry shown once, in sequence order (PROTOCOL §4.7).

use alloc::string::String;
use alloc::vec::Vec;

use super::Client;
use super::event::{Event, HistoryItem};
use super::session::Stage;
use super::talk::HistoryAsk;
use crate::id::UserId;
use crate::model::entry::{CONTENT_TEXT, Entry, EntryKind};
use crate::time::Timestamp;
use crate::wire::body::mixer::Page;
use crate::wire::record::Record;

/// What a person reads of an entry; `None`: nothing to read.
fn text(entry: &Entry) -> Option<String> {
    let readable = entry.kind == EntryKind::MESSAGE && entry.content_type == CONTENT_TEXT;
    readable.then(|| String::from_utf8_lossy(&entry.content).into_owned())
}

impl Client {
    /// A live entry. One that leaves a gap is read again with what lies between.
    pub(super) fn on_entry(&mut self, slot: u32, entry: Record<Entry>, now: Timestamp) {
        let talk = &mut self.talks[slot];
        let sequence = entry.value.sequence;
        talk.head = talk.head.max(sequence);
        // Before `signed_in` names may not be known yet: it is read with the rest.
        let at_once = self.stage == Stage::Ready && !talk.reading;
        if at_once && sequence.checked_sub(1) == Some(talk.shown) {
            self.show(slot, &entry.value);
            self.on_shown(slot, now);
        }
        self.advance(slot, now);
    }

    /// A page of what was missed.
    pub(super) fn on_missed(&mut self, slot: u32, page: Page, now: Timestamp) {
        self.talks[slot].reading = false;
        for entry in page.entries.iter() {
            // Sequences that are gone for good leave a hole in the page: it is passed over.
            if entry.value.sequence > self.talks[slot].shown {
                self.show(slot, &entry.value);
            }
        }
        let talk = &mut self.talks[slot];
        if page.entries.is_empty() {
            talk.head = talk.shown;
        }
        self.on_shown(slot, now);
        self.advance(slot, now);
    }

    fn show(&mut self, slot: u32, entry: &Entry) {
        let talk = &mut self.talks[slot];
        talk.shown = entry.sequence;
        talk.head = talk.head.max(entry.sequence);
        let (with, id) = (talk.with, talk.id);
        if self.device.user == Some(entry.user) {
            self.on_own_entry(slot, entry);
        }
        if let Some(text) = text(entry) {
            let message = Event::Message {
                from: self.name_of(entry.user),
                conversation: alloc::format!("{id}"),
                with: self.name_of(with),
                seq: entry.sequence,
                text,
                at: entry.at.0,
            };
            self.event(message);
            self.untaken.push(slot, entry.sequence, true);
        } else {
            self.untaken.push(slot, entry.sequence, false);
        }
    }

    /// More was shown: what waited for it goes on.
    pub(super) fn on_shown(&mut self, slot: u32, now: Timestamp) {
        self.put_talk(slot);
        self.settle_covered(slot);
        let talk = &mut self.talks[slot];
        if talk.shown >= talk.head {
            talk.read_first = false;
        }
        self.keep_taken(now);
        self.step_syncs(now);
    }

    /// A page of history.
    pub(super) fn on_history(&mut self, asked: HistoryAsk, page: Page) {
        let item = |entry: &Record<Entry>| {
            let entry = &entry.value;
            let text = text(entry)?;
            let from = self.name_of(entry.user);
            Some(HistoryItem { from, seq: entry.sequence, text, at: entry.at.0 })
        };
        let list: Vec<HistoryItem> = page.entries.iter().filter_map(item).collect();
        self.event(Event::History { id: asked.id, list, more: page.more });
    }

    /// A member writes.
    pub(super) fn on_typing(&mut self, user: UserId) {
        if self.device.user != Some(user) {
            let user = self.name_of(user);
            self.event(Event::Typing { user });
        }
    }
}
