//! The first reading of the cache, its answers, and its end (PROTOCOL §4.7).

use alloc::vec::Vec;

use super::cache::{Batch, What};
use super::event::Event;
use super::rows::{self, DeviceRow, ItemRow, ListsRow, TalkRow};
use super::session::Stage;
use super::{Client, Timer};
use crate::error::{Code, Refusal};
use crate::id::{ConversationId, EndpointId, OpId, UserId};
use crate::limits::{CACHE_RETRY_MS, COUNTER_BLOCK, SCAN_ROWS_MAX, TICKET_BYTES_MAX};
use crate::model::contact::Contact;
use crate::model::presence::Status;
use crate::store::{Check, Key, Part, Reply, Request, Row, Space, Write};
use crate::time::Timestamp;
use crate::wire::bounded::Blob;
use crate::wire::record::Record;

/// No device draws so many counters: a row that says so is broken, and its sums would overflow.
const COUNTER_MAX: u64 = 1 << 62;
/// Sequences are below 2^32 (PROTOCOL §7.4): a row that says otherwise is broken.
const SEQUENCE_MAX: u64 = u32::MAX as u64;

/// A step of the first reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loading {
    /// Who wrote last.
    Writer,
    /// This client writes from now on.
    Raise,
    /// Who this device is.
    Device,
    /// How far the lists are known.
    Lists,
    /// All rows of a space.
    Rows(Space),
}

/// Who this device is.
#[derive(Debug)]
pub(super) struct Device {
    /// The person, once known.
    pub(super) user: Option<UserId>,
    /// Its id.
    pub(super) endpoint: EndpointId,
    /// The next counter.
    pub(super) next: u64,
    /// Counters below it are reserved.
    floor: u64,
    /// The refresh token that may be used: the cache has it.
    pub(super) refresh: Option<Blob<TICKET_BYTES_MAX>>,
    /// The newest refresh token.
    pub(super) newest: Option<Blob<TICKET_BYTES_MAX>>,
    /// The status last chosen.
    pub(super) status: Status,
}

impl Device {
    /// A device nobody knows yet.
    pub(super) fn new(endpoint: EndpointId) -> Self {
        let status = Status::Online;
        Self { user: None, endpoint, next: 1, floor: 1, refresh: None, newest: None, status }
    }
}

impl Client {
    /// Starts to read the cache.
    pub(super) fn load(&mut self, step: Loading, after: Option<Key>) {
        let request = match step {
            Loading::Writer | Loading::Raise => Request::Read(rows::writer()),
            Loading::Device => Request::Read(rows::device()),
            Loading::Lists => Request::Read(rows::lists()),
            Loading::Rows(space) => {
                let limit = u32::try_from(SCAN_ROWS_MAX).unwrap_or(u32::MAX);
                Request::Scan { space, prefix: Vec::new(), after, limit }
            }
        };
        self.cache.ask(request, What::Load(step), &mut self.out);
    }

    /// The cache answered.
    pub(super) fn on_cache(&mut self, op: OpId, reply: Reply, now: Timestamp) {
        let Some((request, what)) = self.cache.complete(op) else {
            return;
        };
        match (what, reply) {
            (What::Load(Loading::Raise), Reply::Conflict) => self.load(Loading::Writer, None),
            (what, Reply::Unknown) | (what @ What::Load(_), Reply::Failed(_)) => {
                self.cache.keep(request, what);
                self.timers.set(Timer::Cache, now + CACHE_RETRY_MS, "cache again");
            }
            (What::Load(step), reply) => self.on_loaded(step, reply, now),
            (What::Write(batch), Reply::Written { .. }) => self.on_written(batch, now),
            (What::Write(batch), Reply::Failed(_)) => self.on_unwritten(batch, now),
            // Another client of the same cache writes now.
            (What::Write(_), _) => {
                self.cache.stop();
                self.give_up(Refusal::of(Code::Superseded), now);
            }
        }
    }

    fn on_loaded(&mut self, step: Loading, reply: Reply, now: Timestamp) {
        match (step, reply) {
            (Loading::Writer, Reply::Found { value, revision }) => {
                self.raise(rows::decode(&value).unwrap_or(0), Some(revision));
            }
            (Loading::Writer, _) => self.raise(0, None),
            (Loading::Raise, Reply::Written { revision }) => {
                self.cache.writer = Some(revision);
                self.load(Loading::Device, None);
            }
            (Loading::Raise, _) => self.load(Loading::Writer, None),
            (Loading::Device, reply) => {
                let row = if let Reply::Found { value, .. } = reply { Some(value) } else { None };
                self.on_device(row.and_then(|value| rows::decode(&value)));
                self.load(Loading::Lists, None);
            }
            (Loading::Lists, reply) => {
                if let Reply::Found { value, .. } = reply
                    && let Some(row) = rows::decode::<ListsRow>(&value)
                    && !self.stranger
                {
                    (self.book.revision, self.inbox_revision) = (row.book, row.inbox);
                    self.book.known = row.book > 0;
                }
                self.load(Loading::Rows(Space::CachedConversation), None);
            }
            (Loading::Rows(space), Reply::Page { rows, more }) => {
                self.on_rows(space, rows, more, now);
            }
            (Loading::Rows(space), _) => self.load(Loading::Rows(space), None),
        }
    }

    fn raise(&mut self, number: u64, revision: Option<u64>) {
        let write = Write {
            checks: Vec::from([Check { key: rows::writer(), revision }]),
            puts: Vec::from([(rows::writer(), rows::encode(&number.wrapping_add(1)))]),
            ..Write::default()
        };
        self.cache.ask(Request::Write(write), What::Load(Loading::Raise), &mut self.out);
    }

    fn on_device(&mut self, row: Option<DeviceRow>) {
        let is_own = |row: &DeviceRow| row.name == self.name && row.floor <= COUNTER_MAX;
        let Some(row) = row.filter(is_own) else {
            // Nothing here, or another person's: what is found is deleted.
            self.stranger = true;
            self.cache.delete(rows::lists());
            self.put_device(None);
            return;
        };
        self.device = Device {
            user: row.user,
            endpoint: row.endpoint,
            next: row.floor,
            floor: row.floor,
            refresh: row.refresh.clone(),
            newest: row.refresh,
            status: row.status,
        };
    }

    fn on_rows(&mut self, space: Space, rows: Vec<Row>, more: bool, now: Timestamp) {
        let last = rows.last().map(|row| row.key.clone());
        for row in rows {
            if self.stranger || !self.take_row(space, &row) {
                self.cache.delete(row.key);
            }
        }
        if more {
            return self.load(Loading::Rows(space), last);
        }
        if space == Space::CachedConversation {
            self.load(Loading::Rows(Space::CachedContact), None);
        } else if space == Space::CachedContact {
            self.load(Loading::Rows(Space::Outbox), None);
        } else {
            self.stage = Stage::Suspended;
            if !self.sleepy {
                self.dial(now);
            }
            self.run_waiting(now);
        }
    }

    /// Takes a row in; whether it could be read.
    fn take_row(&mut self, space: Space, row: &Row) -> bool {
        match (space, row.key.parts.as_slice()) {
            (Space::CachedConversation, [Part::Id(id)]) => {
                let talk: Option<TalkRow> = rows::decode(&row.value);
                let is_sound = |talk: &TalkRow| talk.shown.max(talk.head) <= SEQUENCE_MAX;
                let Some(talk) = talk.filter(is_sound) else { return false };
                let slot = self.talks.open(ConversationId(*id), talk.with);
                slot.map(|slot| self.talks[slot].restore(talk)).is_some()
            }
            (Space::CachedContact, [Part::Id(_)]) => {
                let contact = Record::<Contact>::decode(&row.value);
                contact.map(|contact| self.book.restore(contact.value)).is_ok()
            }
            (Space::Outbox, [Part::Number(counter)]) if *counter <= COUNTER_MAX => {
                let Some(item) = rows::decode::<ItemRow>(&row.value) else { return false };
                self.device.next = self.device.next.max(counter + 1);
                self.restore_item(*counter, item);
                true
            }
            _ => false,
        }
    }

    fn on_written(&mut self, batch: Batch, now: Timestamp) {
        for (id, refusal) in batch.refused {
            self.refuse(id, refusal);
        }
        if batch.erases {
            if let Some(id) = self.leaving.take() {
                self.event(Event::Done { id });
            }
            return self.end(now);
        }
        if batch.refresh.is_some() && batch.refresh == self.device.newest {
            self.device.refresh = batch.refresh;
        }
        self.on_items_written(&batch.items, now);
    }

    fn on_unwritten(&mut self, mut batch: Batch, now: Timestamp) {
        if batch.erases {
            let id = self.leaving.take().flatten();
            self.refuse(id, Refusal::of(Code::StoreFailed));
            return self.end(now);
        }
        let items = core::mem::take(&mut batch.items);
        self.cache.restore(batch);
        self.timers.set(Timer::Cache, now + CACHE_RETRY_MS * 10, "cache again");
        self.on_items_unwritten(&items, now);
    }

    /// A counter never used before, once the batch is durable that this call adds to.
    pub(super) fn draw_counter(&mut self) -> u64 {
        if self.device.next >= self.device.floor {
            self.device.floor = self.device.next + COUNTER_BLOCK;
            self.put_device(None);
        }
        self.device.next += 1;
        self.device.next - 1
    }

    /// Keeps who this device is, and with it a refresh token that may be used once it is durable.
    pub(super) fn put_device(&mut self, refresh: Option<Blob<TICKET_BYTES_MAX>>) {
        let device = &self.device;
        let row = DeviceRow {
            name: self.name.clone(),
            user: device.user,
            endpoint: device.endpoint,
            floor: device.floor,
            refresh: device.newest.clone(),
            status: device.status,
        };
        self.cache.put(rows::device(), rows::encode(&row));
        if refresh.is_some() {
            self.cache.next().refresh = refresh;
        }
    }

    /// Somebody else has this endpoint's id (a copied device): this one takes another, and sends
    /// again what the log does not hold (PROTOCOL §6.1).
    pub(super) fn become_another(&mut self, now: Timestamp) {
        self.device.endpoint = EndpointId(self.rng.bytes());
        (self.device.refresh, self.device.newest) = (None, None);
        self.put_device(None);
        self.sends.start_over();
        for slot in self.talks.slots() {
            let talk = &mut self.talks[slot];
            (talk.last, talk.read_first) = (None, !talk.queue.is_empty());
            self.put_talk(slot);
        }
        self.lose("shared_device", 0, now);
    }
}
