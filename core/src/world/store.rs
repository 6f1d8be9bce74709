//! A store in memory, answering exactly as [`crate::store`] says (PROTOCOL §7).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::rows::MemoryRows;
use crate::id::{ConversationId, EndpointId, UserId};
use crate::store::{EntryPut, LastSend, Reply, Request, StoredEntry, Write};

/// Rows and logs in ordered maps: the same requests give the same answers, always.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    rows: MemoryRows,
    entries: BTreeMap<(ConversationId, u64), StoredEntry>,
    tails: BTreeMap<ConversationId, Tail>,
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
            Request::Read(_) | Request::Scan { .. } => self.rows.handle(request),
            Request::Tail(conversation) => match self.tails.get(conversation) {
                Some(tail) => {
                    Reply::Tail { head: tail.head, last: tail.last.values().copied().collect() }
                }
                None => Reply::Tail { head: 0, last: Vec::new() },
            },
            Request::Entries { checks, conversation, from, until, limit, bytes, newest } => {
                if !self.rows.hold(checks) {
                    return Reply::Conflict;
                }
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
        self.rows.revision()
    }

    /// Drops the log's entries below a sequence, as retention would: tails outlive them.
    pub fn forget_entries(&mut self, conversation: ConversationId, below: u64) {
        self.entries.retain(|(of, sequence), _| *of != conversation || *sequence >= below);
    }

    fn write(&mut self, write: &Write) -> Reply {
        if !self.places_are_free(&write.entries) {
            return Reply::Conflict;
        }
        let reply = self.rows.write(write);
        if let Reply::Written { .. } = reply {
            for put in &write.entries {
                self.append(put);
            }
        }
        reply
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
