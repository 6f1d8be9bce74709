//! The client's cache: one request at a time, writes gathered meanwhile (PROTOCOL §4.7, §7).

use crate::sorted::SortedMap;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use super::io::Output;
use super::load::Loading;
use super::rows;
use crate::error::Refusal;
use crate::id::OpId;
use crate::limits::TICKET_BYTES_MAX;
use crate::outbox::Outbox;
use crate::store::{Check, Key, Request, Space, Write};
use crate::wire::bounded::Blob;

/// What a request is for.
#[derive(Debug)]
pub(super) enum What {
    /// A step of the first reading.
    Load(Loading),
    /// Rows.
    Write(Batch),
}

/// Rows to write and what hangs on them.
#[derive(Debug, Default)]
pub(super) struct Batch {
    rows: SortedMap<Key, Option<Bytes>>,
    /// Items that may go out once it is written.
    pub(super) items: Vec<u64>,
    /// Commands that are refused once it is written: what they said is in the outbox until then.
    pub(super) refused: Vec<(Option<u64>, Refusal)>,
    /// The refresh token that may be used once it is written.
    pub(super) refresh: Option<Blob<TICKET_BYTES_MAX>>,
    /// Nothing of the person is left then.
    pub(super) erases: bool,
}

/// A request that is not answered yet.
#[derive(Debug)]
struct Flight {
    op: OpId,
    request: Request,
    what: What,
}

/// The cache as this client drives it.
#[derive(Debug, Default)]
pub(super) struct Cache {
    /// The writer row's revision: whoever opens the cache after this client raises it.
    pub(super) writer: Option<u64>,
    next: Batch,
    flight: Option<Flight>,
    number: u32,
    /// Waits before it asks again.
    resting: bool,
    stopped: bool,
}

impl Cache {
    /// Asks.
    pub(super) fn ask(&mut self, request: Request, what: What, out: &mut Outbox<Output>) {
        self.number = self.number.wrapping_add(1);
        let op = OpId { slot: 0, generation: self.number };
        out.push(Output::Store { op, request: request.clone() });
        self.flight = Some(Flight { op, request, what });
    }

    /// What an answer completes.
    pub(super) fn complete(&mut self, op: OpId) -> Option<(Request, What)> {
        let flight = self.flight.take_if(|flight| flight.op == op)?;
        Some((flight.request, flight.what))
    }

    /// The same must be asked again, later.
    pub(super) fn keep(&mut self, request: Request, what: What) {
        self.resting = true;
        // No answer carries this number: the request is not under way.
        let op = OpId { slot: 1, generation: self.number };
        self.flight = Some(Flight { op, request, what });
    }

    /// A batch was refused: its rows are written again with the next one, except those of items.
    pub(super) fn restore(&mut self, batch: Batch) {
        self.resting = true;
        for (key, value) in batch.rows {
            if key.space != Space::Outbox || value.is_none() {
                self.next.rows.or_insert_with(key, || value);
            }
        }
        let later = core::mem::replace(&mut self.next.refused, batch.refused);
        self.next.refused.extend(later);
        self.next.refresh = self.next.refresh.take().or(batch.refresh);
    }

    /// The wait is over.
    pub(super) fn wake(&mut self, out: &mut Outbox<Output>) {
        self.resting = false;
        if let Some(Flight { request, what, .. }) =
            self.flight.take_if(|flight| flight.op.slot == 1)
        {
            self.ask(request, what, out);
        }
    }

    /// Writes what was gathered, unless a write is under way.
    pub(super) fn flush(&mut self, out: &mut Outbox<Output>) {
        let idle = self.flight.is_none() && !self.resting && !self.stopped;
        if !idle || (self.next.rows.is_empty() && !self.next.erases) {
            return;
        }
        let batch = core::mem::take(&mut self.next);
        let mut write = Write {
            checks: vec![Check { key: rows::writer(), revision: self.writer }],
            ..Write::default()
        };
        for (key, value) in batch.rows.iter() {
            match value {
                Some(value) => write.puts.push((key.clone(), value.clone())),
                None => write.deletes.push(key.clone()),
            }
        }
        self.ask(Request::Write(write), What::Write(batch), out);
    }

    /// Nothing is written any more.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }

    /// Puts a row.
    pub(super) fn put(&mut self, key: Key, value: Bytes) {
        self.next.rows.insert(key, Some(value));
    }

    /// Puts an item of the outbox: it goes out once it is written.
    pub(super) fn put_item(&mut self, counter: u64, value: Bytes) {
        self.put(Key::outbox(counter), value);
        self.next.items.push(counter);
    }

    /// Deletes a row.
    pub(super) fn delete(&mut self, key: Key) {
        self.next.rows.insert(key, None);
    }

    /// How many refusals wait until the cache does not hold any more what they are of.
    pub(super) fn refused(&self) -> usize {
        let writing = match &self.flight {
            Some(Flight { what: What::Write(batch), .. }) => batch.refused.len(),
            Some(Flight { what: What::Load(_), .. }) | None => 0,
        };
        self.next.refused.len() + writing
    }

    /// The batch being gathered.
    pub(super) fn next(&mut self) -> &mut Batch {
        &mut self.next
    }
}
