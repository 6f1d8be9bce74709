//! Frames that carry entries: built from the record's own bytes, encoded once, shared by all legs and
//! by the store (PROTOCOL §3.4).

use alloc::vec::Vec;

use bytes::Bytes;

use crate::id::Flow;
use crate::limits::{FRAME_BYTES_MAX, PAGE_ENTRIES_MAX};
use crate::model::entry::Entry;
use crate::store::StoredEntry;
use crate::wire::record::Record;
use crate::wire::tail::Tail;

/// The kind of a live entry.
pub(super) const ENTRY: u16 = 0x0515;
/// The kind of a page.
pub(super) const PAGE: u16 = 0x0514;

/// The longest varint of a record's length.
const LENGTH_BYTES: usize = 5;
/// What a page's frame takes beside its entries, at most: header, count, flow.
const FRAME_ROOM: usize = 64;
/// What an entry takes beside its content, at most.
const ENVELOPE_BYTES: usize = 96;

/// The frame of a new entry and the record in it: one buffer.
pub(super) fn new_entry(entry: &Entry) -> (Bytes, Bytes) {
    let mut out = Vec::with_capacity(LENGTH_BYTES + ENVELOPE_BYTES + entry.content.len());
    out.resize(LENGTH_BYTES, 0);
    let mut out = postcard::to_extend(entry, out).expect("an entry serializes");
    let mut scratch = [0; LENGTH_BYTES];
    let length = length(out.len() - LENGTH_BYTES, &mut scratch);
    let start = LENGTH_BYTES - length.len();
    out[start..LENGTH_BYTES].copy_from_slice(length);
    let whole = Bytes::from(out);
    (whole.slice(start..), whole.slice(LENGTH_BYTES..))
}

/// The frame of an entry that was stored before; `None`: it cannot be read.
pub(super) fn stored_entry(entry: &StoredEntry) -> Option<Bytes> {
    if !is_readable(entry) {
        return None;
    }
    let mut out = Vec::with_capacity(LENGTH_BYTES + entry.record.len());
    put_record(&entry.record, &mut out);
    Some(Bytes::from(out))
}

/// Whether a stored record is the entry that stands there: its bytes are passed on as they are, and
/// only a damaged store has others.
fn is_readable(entry: &StoredEntry) -> bool {
    Record::<Entry>::decode(&entry.record).is_ok_and(|at| at.value.sequence == entry.sequence)
}

/// A frame with the flow it belongs to: the same bytes where nobody traces.
pub(super) fn traced(frame: &Bytes, flow: Flow) -> Bytes {
    if flow.id == 0 {
        return frame.clone();
    }
    let mut out = Vec::with_capacity(frame.len() + 24);
    out.extend_from_slice(frame);
    Tail::of_flow(flow).encode_into(&mut out);
    Bytes::from(out)
}

/// The body of a page; `None`: one of its entries cannot be read, or together they fit no frame.
pub(super) fn page(entries: &[StoredEntry], more: bool, flow: Flow) -> Option<Bytes> {
    let entries = entries.get(..PAGE_ENTRIES_MAX).unwrap_or(entries);
    let bytes: usize = entries.iter().map(|entry| entry.record.len() + LENGTH_BYTES).sum();
    if bytes + FRAME_ROOM > FRAME_BYTES_MAX || !entries.iter().all(is_readable) {
        return None;
    }
    let mut out = Vec::with_capacity(bytes + FRAME_ROOM);
    let mut scratch = [0; LENGTH_BYTES];
    out.extend_from_slice(length(entries.len(), &mut scratch));
    for entry in entries {
        put_record(&entry.record, &mut out);
    }
    out.push(u8::from(more));
    Tail::of_flow(flow).encode_into(&mut out);
    Some(Bytes::from(out))
}

fn put_record(record: &[u8], out: &mut Vec<u8>) {
    let mut scratch = [0; LENGTH_BYTES];
    out.extend_from_slice(length(record.len(), &mut scratch));
    out.extend_from_slice(record);
}

fn length(bytes: usize, scratch: &mut [u8; LENGTH_BYTES]) -> &[u8] {
    let bytes = u32::try_from(bytes).expect("records and pages are far below 4 GiB");
    postcard::to_slice(&bytes, scratch).expect("a varint of 32 bits takes 5 bytes at most")
}
