//! A store in memory, answering exactly as [`crate::store`] says (PROTOCOL §7).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Bound;

use bytes::Bytes;

use crate::id::{ConversationId, EndpointId, UserId};
use crate::limits::SCAN_ROWS_MAX;
use crate::store::{EntryPut, Key, LastSend, Part, Reply, Request, Row, Space, StoredEntry, Write};

/// Rows and logs in ordered maps: the same requests give the same answers, always.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    rows: BTreeMap<Key, (Bytes, u64)>,
    entries: BTreeMap<(ConversationId, u64), StoredEntry>,
    tails: BTreeMap<ConversationId, Tail>,
    revision: u64,
}

/// What outlives the entries of a conversation.
#[derive(Clone, Debug, Default)]
struct Tail {
    head: u64,
    last: BTreeMap<(UserId, EndpointId), LastSend>,
}

impl MemoryStore {
    /// Does what is asked, at once and for good.
    pub fn handle(&mut self, request: &Request) -> Reply {
        match request {
            Request::Read(key) => match self.rows.get(key) {
                Some((value, revision)) => {
                    Reply::Found { value: value.clone(), revision: *revision }
                }
                None => Reply::Absent,
            },
            Request::Scan { space, prefix, after, limit } => {
                self.scan(*space, prefix, after.as_ref(), *limit)
            }
            Request::Tail(conversation) => match self.tails.get(conversation) {
                Some(tail) => {
                    Reply::Tail { head: tail.head, last: tail.last.values().copied().collect() }
                }
                None => Reply::Tail { head: 0, last: Vec::new() },
            },
            Request::Entries { conversation, from, until, limit, bytes, newest } => {
                let range = (*conversation, *from)..(*conversation, (*until).max(*from));
                let range = self.entries.range(range).map(|(_, entry)| entry);
                let (limit, bytes) = (*limit as usize, *bytes as usize);
                if *newest {
                    let (mut entries, more) = cut(range.rev(), limit, bytes);
                    entries.reverse();
                    Reply::Entries { entries, more }
                } else {
                    let (entries, more) = cut(range, limit, bytes);
                    Reply::Entries { entries, more }
                }
            }
            Request::Write(write) => self.write(write),
        }
    }

    /// The revision given last.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Drops the log's entries below a sequence, as retention would: tails outlive them.
    pub fn forget_entries(&mut self, conversation: ConversationId, below: u64) {
        self.entries.retain(|(of, sequence), _| *of != conversation || *sequence >= below);
    }

    fn scan(&self, space: Space, prefix: &[Part], after: Option<&Key>, limit: u32) -> Reply {
        let limit = (limit as usize).min(SCAN_ROWS_MAX);
        let first = Key { space, parts: prefix.to_vec() };
        let from = match after {
            Some(after) if *after >= first => Bound::Excluded(after.clone()),
            _ => Bound::Included(first),
        };
        let under = |key: &Key| key.space == space && key.parts.starts_with(prefix);
        let mut found = self.rows.range((from, Bound::Unbounded)).take_while(|(key, _)| under(key));
        let rows = found
            .by_ref()
            .take(limit)
            .map(|(key, (value, revision))| Row {
                key: key.clone(),
                value: value.clone(),
                revision: *revision,
            })
            .collect();
        Reply::Page { rows, more: found.next().is_some() }
    }

    fn write(&mut self, write: &Write) -> Reply {
        let holds = |check: &crate::store::Check| {
            self.rows.get(&check.key).map(|(_, revision)| *revision) == check.revision
        };
        if !write.checks.iter().all(holds) || !self.places_are_free(&write.entries) {
            return Reply::Conflict;
        }
        self.revision += 1;
        for (key, value) in &write.puts {
            self.rows.insert(key.clone(), (value.clone(), self.revision));
        }
        for key in &write.deletes {
            self.rows.remove(key);
        }
        for put in &write.entries {
            self.append(put);
        }
        Reply::Written { revision: self.revision }
    }

    fn places_are_free(&self, puts: &[EntryPut]) -> bool {
        let mut places: Vec<_> = puts.iter().map(|put| (put.conversation, put.sequence)).collect();
        places.sort_unstable();
        // A place at or below the head was taken once, even where retention emptied it.
        let taken = |(conversation, sequence): &(ConversationId, u64)| {
            self.tails.get(conversation).is_some_and(|tail| *sequence <= tail.head)
        };
        !places.iter().any(taken) && places.windows(2).all(|pair| pair[0] != pair[1])
    }

    fn append(&mut self, put: &EntryPut) {
        let EntryPut { conversation, sequence, meta, record } = put;
        let entry = StoredEntry { sequence: *sequence, meta: *meta, record: record.clone() };
        self.entries.insert((*conversation, *sequence), entry);
        let tail = self.tails.entry(*conversation).or_default();
        tail.head = tail.head.max(*sequence);
        let send = LastSend {
            user: meta.user,
            endpoint: meta.endpoint,
            counter: meta.counter,
            tag: meta.tag,
            sequence: *sequence,
            at: meta.at,
        };
        let last = tail.last.entry((meta.user, meta.endpoint)).or_insert(send);
        if last.counter <= send.counter {
            *last = send;
        }
    }
}

/// The first of `range` that fit, at least one, and whether any was left.
fn cut<'a>(
    range: impl Iterator<Item = &'a StoredEntry>,
    limit: usize,
    bytes: usize,
) -> (Vec<StoredEntry>, bool) {
    let (mut entries, mut held) = (Vec::new(), 0);
    for entry in range {
        held += entry.record.len();
        if entries.len() >= limit || (held > bytes && !entries.is_empty()) {
            return (entries, true);
        }
        entries.push(entry.clone());
    }
    (entries, false)
}
