//! The fold: what stands in `recent` is moved into `messages`, conversation by conversation.
//!
//! A sweep goes through the conversations by number, so that neighbouring pages are written together,
//! and writes each one's entries, how far it is folded, and its counters. When it is through, all of
//! `recent` up to the id noted at its start is in `messages`, and is deleted in runs.

use hashbrown::HashMap;
use rusqlite::{Connection, Result, params};

use super::log::{Conversation, Log, Pending, place};

/// Rows of one deletion.
const DELETE_ROWS: i64 = 256;

/// Deleting a row from the front of `recent` costs about this part of folding one.
const DELETE_SHARE: usize = 4;

/// Where the sweep stands.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    stage: Stage,
    /// The first id that may still stand in `recent`.
    first: i64,
}

#[derive(Clone, Copy, Debug, Default)]
enum Stage {
    #[default]
    Idle,
    Moving {
        mark: i64,
        next: i64,
    },
    Deleting {
        mark: i64,
    },
}

impl Sweep {
    pub(super) fn new(first: i64) -> Self {
        Self { stage: Stage::Idle, first }
    }
}

impl Log {
    /// Folds about `budget` entries; how many it moved.
    pub(super) fn fold(&mut self, connection: &Connection, mut budget: usize) -> Result<usize> {
        let mut moved = 0;
        while budget > 0 {
            match self.sweep.stage {
                Stage::Idle if self.laden.is_empty() => break,
                Stage::Idle => {
                    self.sweep.stage = Stage::Moving { mark: self.next_id - 1, next: 0 };
                }
                Stage::Moving { mark, next } => {
                    let count = self.fold_next(connection, mark, next, budget)?;
                    moved += count;
                    budget -= count.min(budget);
                }
                Stage::Deleting { mark } => {
                    let until = (self.sweep.first + DELETE_ROWS).min(mark + 1);
                    let deleted = connection
                        .prepare_cached("DELETE FROM recent WHERE id < ?")?
                        .execute([until])?;
                    self.sweep.first = until;
                    if until > mark {
                        self.sweep.stage = Stage::Idle;
                    }
                    budget = budget.saturating_sub(deleted.div_ceil(DELETE_SHARE).max(1));
                }
            }
        }
        Ok(moved)
    }

    fn fold_next(
        &mut self,
        connection: &Connection,
        mark: i64,
        next: i64,
        budget: usize,
    ) -> Result<usize> {
        let Some((&no, &id)) = self.laden.range(next..).next() else {
            self.sweep.stage = Stage::Deleting { mark };
            return Ok(0);
        };
        let conversation =
            self.conversations.get_mut(&id).expect("a laden conversation is kept in memory");
        // One that began after the sweep did waits for the next, with more entries by then.
        let began_before = conversation.rows.front().is_some_and(|row| row.id <= mark);
        let count = if began_before { conversation.rows.len().min(budget) } else { 0 };
        conversation.fold(connection, count)?;
        let next = if conversation.rows.is_empty() {
            self.laden.remove(&no);
            no + 1
        } else if began_before {
            no
        } else {
            no + 1
        };
        self.pending -= count;
        self.sweep.stage = Stage::Moving { mark, next };
        Ok(count)
    }
}

impl Conversation {
    fn fold(&mut self, connection: &Connection, count: usize) -> Result<()> {
        let mut insert =
            connection.prepare_cached("INSERT INTO messages VALUES(?, ?, ?, ?, ?, ?)")?;
        let mut last: HashMap<i64, Pending> = HashMap::new();
        for row in self.rows.drain(..count) {
            // A place taken here is a broken invariant: the insert fails and nothing is committed.
            insert.execute(params![
                place(self.no, row.sequence),
                row.endpoint,
                row.counter.cast_signed(),
                i64::from_be_bytes(row.tag),
                row.at.0.cast_signed(),
                row.record.as_ref(),
            ])?;
            self.folded = row.sequence;
            let known = last.get(&row.endpoint).is_some_and(|last| last.counter > row.counter);
            if !known {
                last.insert(row.endpoint, row);
            }
        }
        if count == 0 {
            return Ok(());
        }
        if self.rows.is_empty() {
            self.rows.shrink_to_fit();
        }
        connection
            .prepare_cached("UPDATE conversations SET folded = ? WHERE no = ?")?
            .execute([self.folded.cast_signed(), self.no])?;
        let sql = "INSERT INTO counters VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET \
                   last = excluded.last, tag = excluded.tag, sequence = excluded.sequence, \
                   time = excluded.time WHERE excluded.last >= last";
        let mut counter = connection.prepare_cached(sql)?;
        let mut last: Vec<_> = last.into_values().collect();
        last.sort_unstable_by_key(|row| row.endpoint);
        for row in last {
            counter.execute(params![
                self.no,
                row.endpoint,
                row.counter.cast_signed(),
                i64::from_be_bytes(row.tag),
                row.sequence.cast_signed(),
                row.at.0.cast_signed(),
            ])?;
        }
        Ok(())
    }
}
