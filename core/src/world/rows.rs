//! Rows in memory, without a log: the cache of a client that keeps none (PROTOCOL §7).

use bytes::Bytes;

use crate::limits::SCAN_ROWS_MAX;
use crate::sorted::Map;
use crate::store::{Check, Key, Part, Reply, Request, Row, Space, Write};

/// Rows in an ordered map: the same requests give the same answers, always.
#[derive(Clone, Debug, Default)]
pub struct MemoryRows {
    rows: Map<Key, (Bytes, u64)>,
    revision: u64,
}

impl MemoryRows {
    /// Does what is asked, at once and for good; what asks for a log is refused.
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
            Request::Write(write) if write.entries.is_empty() => self.write(write),
            Request::Write(_) | Request::Tail(_) | Request::Entries { .. } => {
                Reply::Failed("there is no log here".into())
            }
        }
    }

    /// The revision given last.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    fn scan(&self, space: Space, prefix: &[Part], after: Option<&Key>, limit: u32) -> Reply {
        let limit = (limit as usize).min(SCAN_ROWS_MAX);
        let first = Key { space, parts: prefix.to_vec() };
        let from = after.filter(|after| **after >= first).unwrap_or(&first);
        let under = |key: &Key| key.space == space && key.parts.starts_with(prefix);
        let mut found = self.rows.range(from.clone()..).take_while(|(key, _)| under(key));
        let mut found = found.by_ref().filter(|(key, _)| Some(*key) != after);
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

    /// Whether all rows are as named.
    pub(super) fn hold(&self, checks: &[Check]) -> bool {
        let holds = |check: &Check| {
            self.rows.get(&check.key).map(|(_, revision)| *revision) == check.revision
        };
        checks.iter().all(holds)
    }

    /// Checks, then puts and deletes rows; a batch's entries are the caller's.
    pub(super) fn write(&mut self, write: &Write) -> Reply {
        if !self.hold(&write.checks) {
            return Reply::Conflict;
        }
        self.revision += 1;
        for (key, value) in &write.puts {
            self.rows.insert(key.clone(), (value.clone(), self.revision));
        }
        for key in &write.deletes {
            self.rows.remove(key);
        }
        Reply::Written { revision: self.revision }
    }
}
