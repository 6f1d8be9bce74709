//! The open file: requests against tables and memory.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use presently_core::id::ConversationId;
use presently_core::store::{EntryPut, Reply, Request, Write};
use rusqlite::{Connection, Result};

use super::log::{Cut, Log, SEQUENCE_MAX};
use super::rows::Rows;
use super::schema;
use crate::store::{OpenError, Options};

/// What a write came to, if the commit that it is part of succeeds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// With the revision given.
    Written(u64),
    Conflict,
    Refused(&'static str),
}

/// One connection and what is known without asking it.
///
/// After an error of any of its functions memory and file may differ: open it anew.
pub(super) struct Database {
    pub(super) connection: Connection,
    /// Frames in the write-ahead log after the last commit.
    pub(super) frames: Arc<AtomicU32>,
    rows: Rows,
    log: Log,
    window: usize,
    credit: usize,
    /// Changes with each commit of somebody else: what is kept in memory does not hold then.
    version: i64,
}

impl Database {
    pub(super) fn open(directory: &Path, options: Options) -> Result<Self, OpenError> {
        let mut connection = schema::connect(directory, options)?;
        schema::prepare(&mut connection)?;
        let frames = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&frames);
        connection.wal_hook(Some(move |_: &mut _, pages: i32| {
            count.store(pages.unsigned_abs(), Ordering::Relaxed);
            Ok(())
        }))?;
        let version = data_version(&connection)?;
        let rows = Rows::open(&connection)?;
        let log = Log::open(&connection)?;
        Ok(Self { connection, frames, rows, log, window: options.window, credit: 0, version })
    }

    /// Everything but a write. Only between commits: an answer shows nothing that is not durable.
    pub(super) fn read(&mut self, request: &Request) -> Reply {
        // Else it was done as the transaction began.
        if self.connection.is_autocommit()
            && let Err(error) = self.heed_others()
        {
            return Reply::Failed(error.to_string());
        }
        let connection = &self.connection;
        let answer = match request {
            Request::Read(key) if Rows::fits(key) => self.rows.read(connection, key),
            Request::Scan { space, prefix, after, limit }
                if Rows::leads(*space, prefix)
                    && after.as_ref().is_none_or(|key| Rows::fits(key) && key.space == *space) =>
            {
                self.rows.scan(connection, *space, prefix, after.as_ref(), *limit)
            }
            Request::Read(_) | Request::Scan { .. } => {
                return Reply::Failed("a key does not fit its keyspace".to_owned());
            }
            Request::Tail(id) => self.log.tail(connection, *id),
            Request::Entries { checks, .. }
                if !checks.iter().all(|check| Rows::fits(&check.key)) =>
            {
                return Reply::Failed("a key does not fit its keyspace".to_owned());
            }
            Request::Entries { checks, conversation, from, until, limit, bytes, newest } => {
                for check in checks {
                    match self.rows.holds(connection, check) {
                        Ok(true) => {}
                        Ok(false) => return Reply::Conflict,
                        Err(error) => return Reply::Failed(error.to_string()),
                    }
                }
                let cut = Cut::new(*limit, *bytes);
                self.log.entries(connection, *conversation, (*from, *until), *newest, cut)
            }
            Request::Write(_) => return Reply::Failed("a write is no read".to_owned()),
        };
        answer.unwrap_or_else(|error| Reply::Failed(error.to_string()))
    }

    /// Reads that follow see one state and take its locks once, until [`Self::end_reads`].
    pub(super) fn begin_reads(&mut self) -> Result<()> {
        self.connection.prepare_cached("BEGIN DEFERRED")?.execute([])?;
        self.heed_others()
    }

    /// Ends what [`Self::begin_reads`] began, if it did.
    pub(super) fn end_reads(&self) -> Result<()> {
        if self.connection.is_autocommit() { Ok(()) } else { self.commit() }
    }

    pub(super) fn begin(&mut self) -> Result<()> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        self.heed_others()
    }

    /// Reads memory again from the file where another process wrote it: the lock was taken from us, and
    /// a check must see the life that was begun there (PROTOCOL §9.7).
    fn heed_others(&mut self) -> Result<()> {
        let version = data_version(&self.connection)?;
        if version == self.version {
            return Ok(());
        }
        self.rows = Rows::open(&self.connection)?;
        self.log = Log::open(&self.connection)?;
        (self.credit, self.version) = (0, version);
        Ok(())
    }

    pub(super) fn commit(&self) -> Result<()> {
        self.connection.prepare_cached("COMMIT")?.execute([]).map(drop)
    }

    /// After a transaction that was not written: rolls it back and reads memory again from the file.
    /// `false`: the file has it all the same.
    pub(super) fn back(&mut self) -> Result<bool> {
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        let raised = self.rows.revision();
        self.rows = Rows::open(&self.connection)?;
        self.log = Log::open(&self.connection)?;
        self.credit = 0;
        Ok(self.rows.revision() < raised)
    }

    /// Applies one write within the transaction that was begun. Nothing of one that is not `Written`
    /// is applied.
    pub(super) fn apply(&mut self, write: &Write) -> Result<Outcome> {
        let keys = write.checks.iter().map(|check| &check.key);
        let keys = keys.chain(write.puts.iter().map(|(key, _)| key)).chain(&write.deletes);
        if !keys.into_iter().all(Rows::fits) {
            return Ok(Outcome::Refused("a key does not fit its keyspace"));
        }
        if write.entries.iter().any(|put| !(1..=SEQUENCE_MAX).contains(&put.sequence)) {
            return Ok(Outcome::Refused("a sequence is out of its range"));
        }
        for check in &write.checks {
            if !self.rows.holds(&self.connection, check)? {
                return Ok(Outcome::Conflict);
            }
        }
        let mut entries: Vec<&EntryPut> = write.entries.iter().collect();
        entries.sort_by_key(|put| (put.conversation, put.sequence));
        if !self.places_are_free(&entries)? {
            return Ok(Outcome::Conflict);
        }
        let revision = self.rows.raise();
        for (key, value) in &write.puts {
            self.rows.put(&self.connection, key, value)?;
        }
        for key in &write.deletes {
            self.rows.delete(&self.connection, key)?;
        }
        for put in entries {
            self.log.append(&self.connection, put)?;
        }
        Ok(Outcome::Written(revision))
    }

    /// What each commit does besides the writes: folds behind them; how many entries it folded.
    pub(super) fn settle(&mut self, entries: usize) -> Result<usize> {
        self.rows.settle(&self.connection)?;
        if self.log.pending <= self.window {
            self.credit = 0;
            return Ok(0);
        }
        // A little faster than entries come in, and twice as fast when that was not enough.
        let behind = self.log.pending > self.window + self.window / 4;
        self.credit += if behind { entries * 2 } else { entries + entries.div_ceil(8) };
        if self.credit < FOLD_MIN {
            return Ok(0);
        }
        let budget = std::mem::take(&mut self.credit);
        self.log.fold(&self.connection, budget)
    }

    /// Moves what it can of the write-ahead log into the file, without waiting for anybody.
    pub(super) fn checkpoint_tail(&self) -> Result<()> {
        self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
    }

    /// Moves all of the write-ahead log into the file, under syncs that succeeded.
    pub(super) fn checkpoint_all(&self) -> Result<()> {
        let busy: i64 =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy == 0 { Ok(()) } else { Err(rusqlite::Error::InvalidQuery) }
    }

    fn places_are_free(&mut self, entries: &[&EntryPut]) -> Result<bool> {
        let mut last: Option<(ConversationId, u64)> = None;
        for put in entries {
            let head = match last {
                Some((conversation, sequence)) if conversation == put.conversation => sequence,
                Some(_) | None => self.log.head(&self.connection, put.conversation)?,
            };
            if put.sequence <= head {
                return Ok(false);
            }
            last = Some((put.conversation, put.sequence));
        }
        Ok(true)
    }
}

/// Folding a handful costs a commit as much as folding this many.
const FOLD_MIN: usize = 64;

/// Whether a request only reads.
pub(super) fn is_read(request: &Request) -> bool {
    !matches!(request, Request::Write(_))
}

fn data_version(connection: &Connection) -> Result<i64> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}
