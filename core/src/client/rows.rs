//! The values of a client's cache rows (PROTOCOL §4.7).

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::id::{EndpointId, UserId};
use crate::limits::{NAME_CHARS_MAX, TICKET_BYTES_MAX};
use crate::model::presence::Status;
use crate::store::Key;
use crate::wire::body::mixer::{Content, SendId};
use crate::wire::bounded::{Blob, Text};

/// Field of the row that says who this device is.
const DEVICE: u64 = 0;
/// Field of the row that counts those who opened the cache.
const WRITER: u64 = 1;
/// Field of the row that says how far the lists are known.
const LISTS: u64 = 2;

/// The key of [`DeviceRow`].
pub(super) fn device() -> Key {
    Key::device(DEVICE)
}

/// The key of the writer's number, a `u64`.
pub(super) fn writer() -> Key {
    Key::device(WRITER)
}

/// The key of [`ListsRow`].
pub(super) fn lists() -> Key {
    Key::device(LISTS)
}

/// Who this device is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct DeviceRow {
    /// The account's name.
    pub(super) name: Text<NAME_CHARS_MAX>,
    /// The person, once signed in.
    pub(super) user: Option<UserId>,
    /// The device's id.
    pub(super) endpoint: EndpointId,
    /// Counters below it may have been used.
    pub(super) floor: u64,
    /// The last refresh token.
    pub(super) refresh: Option<Blob<TICKET_BYTES_MAX>>,
    /// The status last chosen.
    pub(super) status: Status,
}

/// How far the lists are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ListsRow {
    /// Revision of the contacts.
    pub(super) book: u64,
    /// Revision of the inbox.
    pub(super) inbox: u64,
}

/// A message not yet known to be stored; its counter is the key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ItemRow {
    /// Drawn with the counter.
    pub(super) tag: [u8; 8],
    /// To whom.
    pub(super) to: UserId,
    /// The text.
    pub(super) content: Content,
}

/// A conversation and what was shown of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TalkRow {
    /// The other person.
    pub(super) with: UserId,
    /// Whether `shown` is known: the device joined before.
    pub(super) known: bool,
    /// The last sequence that was shown and that the app took.
    pub(super) shown: u64,
    /// The last sequence heard of.
    pub(super) head: u64,
    /// The newest send of this endpoint that is not in the outbox any more.
    pub(super) last: Option<SendId>,
}

/// A row's bytes.
pub(super) fn encode<T: Serialize>(row: &T) -> Bytes {
    Bytes::from(postcard::to_allocvec(row).expect("cache rows are plain values"))
}

/// A row, unless another program wrote it.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    postcard::from_bytes(bytes).ok()
}
