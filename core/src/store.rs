//! Storage as an effect: what is asked, what is answered, and the typed keys (PROTOCOL §7).
//!
//! Keys are the contract, not the layout. A host lays its tables out from [`KEYSPACES`], so a new
//! feature changes no host. Two kinds of keyspace exist:
//!
//! - *log*: [`Request::Tail`], [`Request::Entries`] and [`EntryPut`]: key (conversation, sequence),
//!   written expected absent.
//! - *row*: everything else: key parts, a value, and a `u64` revision given by the store.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::id::{ConversationId, EndpointId, NodeId, UserId};
use crate::time::Wall;

/// The type of one key part: a column of the host's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// 16 bytes.
    Id,
    /// An unsigned number below 2^63.
    Number,
    /// UTF-8.
    Text,
}

/// One key part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Part {
    /// 16 bytes.
    Id([u8; 16]),
    /// An unsigned number below 2^63.
    Number(u64),
    /// UTF-8.
    Text(Box<str>),
}

/// A table of rows: its name and its key columns in order.
#[derive(Clone, Copy, Debug)]
pub struct Keyspace {
    /// Name of the space, and of the host's table.
    pub space: Space,
    /// The table's name.
    pub name: &'static str,
    /// Key columns.
    pub parts: &'static [(&'static str, PartKind)],
}

macro_rules! keyspaces {
    ($($(#[$doc:meta])* $space:ident $name:literal ($($part:ident: $kind:ident),*);)*) => {
        /// The row keyspaces. The number is frozen once released.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Space { $($(#[$doc])* $space,)* }

        /// Every row keyspace with its columns.
        pub const KEYSPACES: &[Keyspace] = &[
            $(Keyspace { space: Space::$space, name: $name,
                parts: &[$((stringify!($part), PartKind::$kind)),*] },)*
        ];
    };
}

keyspaces! {
    /// A person's credentials: owner account.
    Account "account" (name: Text);
    /// A sign-in of one device: owner account.
    Endpoint "endpoint" (name: Text, endpoint: Id);
    /// Keys that seal tickets, process-wide: owner account.
    TicketKey "ticket_key" (number: Number);
    /// Display name, personal message: owner ps.
    Profile "profile" (user: Id);
    /// A list's revision: owner address book.
    Book "book" (user: Id);
    /// One contact, invitation or tombstone: owner address book.
    Contact "contact" (user: Id, contact: Id);
    /// An inbox's revision: owner inbox.
    InboxState "inbox_state" (user: Id);
    /// A conversation as one person has it: owner inbox.
    Inbox "inbox" (user: Id, conversation: Id);
    /// Roster and settings of a conversation: owner mixer.
    Conversation "conversation" (conversation: Id);
    /// Heads not yet told to every inbox: owner mixer.
    HeadMark "head_mark" (conversation: Id);
    /// Delivered and read watermarks: owner mixer.
    Mark "mark" (conversation: Id, user: Id);
    /// A change that must reach another owner: owner of the source shard.
    Intent "intent" (source: Number, target: Number, number: Number);
    /// The last intent number given: owner of the source shard.
    IntentNumber "intent_number" (source: Number, target: Number);
    /// The last intent number applied: owner of the target shard.
    Applied "applied" (target: Number, source: Number);
    /// Lives of a node: the fabric.
    Incarnation "incarnation" (node: Number);
    /// Who owns a range of shards, in which term; absent until it first moved: the fabric.
    Range "shard_range" (range: Number);
    /// A count that a node raises while it cannot reach another: the fabric.
    Alive "alive" (node: Number);
    /// A client's own: who this device is, its next counter, its writer.
    Device "device" (field: Number);
    /// A client's own: messages not yet known to be stored, by counter.
    Outbox "outbox" (counter: Number);
    /// A client's own: contacts as last seen.
    CachedContact "cached_contact" (contact: Id);
    /// A client's own: conversations and what was shown of them.
    CachedConversation "cached_conversation" (conversation: Id);
}

/// Counters in rows stay below this. One that says otherwise was written by nobody: the row is
/// damaged, and to count on from it would overflow.
pub const COUNTER_END: u64 = 1 << 62;

/// The key of a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// Its keyspace.
    pub space: Space,
    /// Its parts, as many and of the kinds the keyspace names.
    pub parts: Vec<Part>,
}

macro_rules! keys {
    ($($(#[$doc:meta])* $fn:ident $space:ident ($($arg:ident: $ty:ty => $part:expr),*);)*) => {
        impl Key {
            $($(#[$doc])* #[must_use] pub fn $fn($($arg: $ty),*) -> Self {
                Self { space: Space::$space, parts: alloc::vec![$($part),*] }
            })*
        }
    };
}

keys! {
    /// A person's credentials.
    account Account (name: &str => Part::Text(name.into()));
    /// A sign-in of one device.
    endpoint Endpoint (name: &str => Part::Text(name.into()), endpoint: EndpointId => Part::Id(endpoint.0));
    /// A key that seals tickets.
    ticket_key TicketKey (number: u64 => Part::Number(number));
    /// A person's profile.
    profile Profile (user: UserId => Part::Id(user.0));
    /// The revision of a contact list.
    book Book (user: UserId => Part::Id(user.0));
    /// One contact of a person.
    contact Contact (user: UserId => Part::Id(user.0), contact: UserId => Part::Id(contact.0));
    /// The revision of an inbox.
    inbox_state InboxState (user: UserId => Part::Id(user.0));
    /// One conversation of a person.
    inbox Inbox (user: UserId => Part::Id(user.0), conversation: ConversationId => Part::Id(conversation.0));
    /// A conversation.
    conversation Conversation (conversation: ConversationId => Part::Id(conversation.0));
    /// A head not yet told.
    head_mark HeadMark (conversation: ConversationId => Part::Id(conversation.0));
    /// A member's watermarks.
    mark Mark (conversation: ConversationId => Part::Id(conversation.0), user: UserId => Part::Id(user.0));
    /// An intent.
    intent Intent (source: u64 => Part::Number(source), target: u64 => Part::Number(target), number: u64 => Part::Number(number));
    /// The last intent number given.
    intent_number IntentNumber (source: u64 => Part::Number(source), target: u64 => Part::Number(target));
    /// The last intent number applied.
    applied Applied (target: u64 => Part::Number(target), source: u64 => Part::Number(source));
    /// A node's lives.
    incarnation Incarnation (node: NodeId => Part::Number(u64::from(node.0)));
    /// Who owns a range of shards.
    range Range (range: crate::id::Range => Part::Number(u64::from(range.0)));
    /// A sign of life of a node.
    alive Alive (node: NodeId => Part::Number(u64::from(node.0)));
    /// A field of a client's device record.
    device Device (field: u64 => Part::Number(field));
    /// An item of a client's outbox.
    outbox Outbox (counter: u64 => Part::Number(counter));
    /// A cached contact.
    cached_contact CachedContact (contact: UserId => Part::Id(contact.0));
    /// A cached conversation.
    cached_conversation CachedConversation (conversation: ConversationId => Part::Id(conversation.0));
}

/// What a write demands of a row that it may or may not write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The row.
    pub key: Key,
    /// Its revision; `None`: absent.
    pub revision: Option<u64>,
}

/// The columns of an entry beside its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryMeta {
    /// Who wrote it.
    pub user: UserId,
    /// On which device.
    pub endpoint: EndpointId,
    /// The device's counter.
    pub counter: u64,
    /// The device's tag for that counter.
    pub tag: [u8; 8],
    /// When the server stored it.
    pub at: Wall,
}

/// One entry to append, expected absent at its sequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryPut {
    /// The conversation.
    pub conversation: ConversationId,
    /// Its place, from 1. A sequence below 2^32 (PROTOCOL §7.4).
    pub sequence: u64,
    /// Columns.
    pub meta: EntryMeta,
    /// The Entry record, opaque to the host.
    pub record: Bytes,
}

/// An atomic batch. Every check must hold, and every entry's place be free, or nothing is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// Rows whose revision must be as named.
    pub checks: Vec<Check>,
    /// Rows to put.
    pub puts: Vec<(Key, Bytes)>,
    /// Rows to delete; an absent one is no fault.
    pub deletes: Vec<Key>,
    /// Entries to append.
    pub entries: Vec<EntryPut>,
}

/// What is asked of a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// One row: `Found`, `Absent`.
    Read(Key),
    /// Rows of a space under leading key parts, in key order, after a key, at most `limit` (itself at
    /// most [`crate::limits::SCAN_ROWS_MAX`]): `Page`.
    Scan {
        /// The keyspace.
        space: Space,
        /// Leading parts all rows share; may be empty.
        prefix: Vec<Part>,
        /// Only rows after this key.
        after: Option<Key>,
        /// Most rows to answer.
        limit: u32,
    },
    /// A conversation's head and last counters: `Tail`.
    Tail(ConversationId),
    /// Entries with `from <= sequence < until` in sequence order: `Entries`, or `Conflict`. With
    /// `newest`, the last ones of the range are taken where the limits cut, still in sequence order.
    Entries {
        /// Rows whose revision must be as named, or nothing is read.
        checks: Vec<Check>,
        /// The conversation.
        conversation: ConversationId,
        /// First sequence.
        from: u64,
        /// Sequence after the last.
        until: u64,
        /// Most entries.
        limit: u32,
        /// Most bytes of records (at least one entry comes whatever its size).
        bytes: u32,
        /// Cut at the old end.
        newest: bool,
    },
    /// A batch: `Written`, `Conflict`, `Failed`, `Unknown`.
    Write(Write),
}

/// A row as read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its key.
    pub key: Key,
    /// Its value.
    pub value: Bytes,
    /// Its revision, greater after each put.
    pub revision: u64,
}

/// An entry as read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredEntry {
    /// Its place.
    pub sequence: u64,
    /// Columns.
    pub meta: EntryMeta,
    /// The Entry record.
    pub record: Bytes,
}

/// The last thing an endpoint stored in a conversation. Outlives the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastSend {
    /// Who.
    pub user: UserId,
    /// On which device.
    pub endpoint: EndpointId,
    /// Its highest counter here.
    pub counter: u64,
    /// That counter's tag.
    pub tag: [u8; 8],
    /// Where it stands.
    pub sequence: u64,
    /// When it was stored.
    pub at: Wall,
}

/// What a store answers. Each request gets exactly one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// The row.
    Found {
        /// Its value.
        value: Bytes,
        /// Its revision.
        revision: u64,
    },
    /// No such row.
    Absent,
    /// Rows, and whether more follow.
    Page {
        /// In key order.
        rows: Vec<Row>,
        /// Whether the limit cut.
        more: bool,
    },
    /// A conversation's end.
    Tail {
        /// The last sequence; 0: none.
        head: u64,
        /// Per (user, endpoint), in that order.
        last: Vec<LastSend>,
    },
    /// Entries in sequence order.
    Entries {
        /// The entries.
        entries: Vec<StoredEntry>,
        /// Whether a limit cut.
        more: bool,
    },
    /// The batch is durable. `revision` is that of every row it put.
    Written {
        /// Given by the store, greater than any before.
        revision: u64,
    },
    /// A check did not hold or a sequence was taken; nothing was written.
    Conflict,
    /// The store refuses; nothing was written. The text is for logs and holds no values.
    Failed(String),
    /// It may or may not have been written. Absence on a later read proves nothing.
    Unknown,
}
