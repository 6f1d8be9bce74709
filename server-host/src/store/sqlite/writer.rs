//! The one thread that writes: group commit.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use presently_core::store::{Reply, Request, Write};

use super::checkpoint::{Checkpointer, FRAMES_MAX};
use super::database::{Database, Outcome, is_read};
use super::schema;
use crate::store::{Counts, Done, Job, OpenError, Options};

/// Requests of one commit.
const BATCH_MAX: usize = 4_096;

/// First wait before a store that failed is opened again, or a full disk tried again; doubled up to
/// the last.
const WAIT_FIRST: Duration = Duration::from_millis(100);
const WAIT_LAST: Duration = Duration::from_secs(2);

/// How a commit can fail in tests.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fault {
    #[default]
    None,
    /// It says that it failed and nothing is there.
    Lost,
    /// It says that it failed and all is there.
    Kept,
    /// There is no room.
    Full,
}

/// Owns the file.
pub(in crate::store) struct Writer {
    directory: PathBuf,
    options: Options,
    counts: Arc<Counts>,
    open: Option<Open>,
    /// No write is tried before then: the disk was full. And how long that wait is.
    resting: Option<(Instant, Duration)>,
    _lock: File,
    #[cfg(test)]
    pub(super) fault: Fault,
}

struct Open {
    // Dropped first: the last connection to close moves the log.
    checkpointer: Checkpointer,
    database: Database,
}

impl Open {
    fn new(directory: &Path, options: Options) -> Result<Self, OpenError> {
        let database = Database::open(directory, options)?;
        let checkpointer = Checkpointer::start(directory)?;
        Ok(Self { checkpointer, database })
    }
}

impl Writer {
    pub(in crate::store) fn open(
        directory: &Path,
        options: Options,
        counts: Arc<Counts>,
    ) -> Result<Self, OpenError> {
        let lock = schema::lock(directory)?;
        let open = Open::new(directory, options)?;
        Ok(Self {
            directory: directory.to_owned(),
            options,
            counts,
            open: Some(open),
            resting: None,
            _lock: lock,
            #[cfg(test)]
            fault: Fault::None,
        })
    }

    /// Takes what waits, commits it, answers; until it is told to stop.
    pub(in crate::store) fn run(mut self, jobs: &Receiver<Job>) {
        let mut writes = Vec::new();
        while let Ok(first) = jobs.recv() {
            let mut next = Some(first);
            let mut stop = false;
            let mut reads = 0;
            while let Some(job) = next {
                match job {
                    // A read sees no write of its own batch: what it shows is durable.
                    Job::Ask(request, done) if is_read(&request) => {
                        // From the second on they share one state of the file, and its locks.
                        reads += 1;
                        if reads == 2 {
                            self.begin_reads();
                        }
                        done(self.read(&request));
                    }
                    Job::Ask(Request::Write(write), done) => writes.push((write, done)),
                    Job::Ask(..) => {}
                    Job::Stop => stop = true,
                }
                // Reads that go on and on must not hold up a commit.
                if stop || writes.len() + reads >= BATCH_MAX {
                    break;
                }
                next = jobs.try_recv().ok();
            }
            if reads > 1 {
                self.end_reads();
            }
            self.write(std::mem::take(&mut writes), jobs);
            // Told to stop, now or while the file did not open.
            if stop || self.open.is_none() {
                return;
            }
        }
    }

    /// Where it fails, each read stands for itself.
    fn begin_reads(&mut self) {
        if let Some(open) = &mut self.open
            && let Err(error) = open.database.begin_reads()
        {
            tracing::warn!(%error, "reads do not share a transaction");
        }
    }

    /// Where it fails, the next write does too, and the store is opened again.
    fn end_reads(&self) {
        if let Some(open) = &self.open
            && let Err(error) = open.database.end_reads()
        {
            tracing::warn!(%error, "a transaction of reads did not end");
        }
    }

    pub(super) fn read(&mut self, request: &Request) -> Reply {
        match &mut self.open {
            Some(open) => open.database.read(request),
            None => Reply::Failed("the store is closed".to_owned()),
        }
    }

    pub(super) fn write(&mut self, batch: Vec<(Write, Done)>, jobs: &Receiver<Job>) {
        if batch.is_empty() {
            return;
        }
        if self.resting.is_some_and(|(until, _)| Instant::now() < until) {
            return refuse(batch, "the disk was full a moment ago");
        }
        match self.transact(&batch) {
            Ok(outcomes) => {
                self.resting = None;
                for ((_, done), outcome) in batch.into_iter().zip(outcomes) {
                    done(match outcome {
                        Outcome::Written(revision) => Reply::Written { revision },
                        Outcome::Conflict => Reply::Conflict,
                        Outcome::Refused(why) => Reply::Failed(why.to_owned()),
                    });
                }
                self.tend_log();
            }
            Err(Broken { full: true, .. }) if self.rest() => refuse(batch, "the disk is full"),
            Err(Broken { error, committing, .. }) => {
                tracing::error!(%error, committing, "the store failed, opening it again");
                // Only a store whose log was moved under a sync that succeeded knows what it has.
                self.reopen(jobs);
                if !committing {
                    return refuse(batch, "the batch was rolled back");
                }
                for (_, done) in batch {
                    done(Reply::Unknown);
                }
            }
        }
    }

    /// After a transaction for which there was no room: nothing of it is there, and reads go on.
    /// Whether that is so.
    fn rest(&mut self) -> bool {
        let Some(open) = &mut self.open else { return false };
        match open.database.back() {
            Ok(true) => {}
            Ok(false) => return false,
            Err(error) => {
                tracing::error!(%error, "a transaction without room did not roll back");
                return false;
            }
        }
        let wait = self.resting.map_or(WAIT_FIRST, |(_, wait)| (wait * 2).min(WAIT_LAST));
        tracing::error!(wait_ms = wait.as_millis(), "the disk is full, writes are refused");
        self.resting = Some((Instant::now() + wait, wait));
        true
    }

    fn transact(&mut self, batch: &[(Write, Done)]) -> Result<Vec<Outcome>, Broken> {
        let open = self.open.as_mut().ok_or_else(|| Broken::before("the store is closed"))?;
        let database = &mut open.database;
        let mut outcomes = Vec::with_capacity(batch.len());
        let mut entries = 0;
        let mut written = false;
        database.begin()?;
        for (write, _) in batch {
            let outcome = database.apply(write)?;
            if matches!(outcome, Outcome::Written(_)) {
                written = true;
                entries += write.entries.len();
            }
            outcomes.push(outcome);
        }
        let folded = database.settle(entries)?;
        #[cfg(test)]
        match std::mem::take(&mut self.fault) {
            Fault::None => {}
            Fault::Lost => return Err(Broken { committing: true, ..Broken::before("planted") }),
            Fault::Full => {
                return Err(Broken { committing: true, full: true, ..Broken::before("planted") });
            }
            Fault::Kept => {
                database.commit()?;
                return Err(Broken { committing: true, ..Broken::before("planted") });
            }
        }
        let committed = database.commit();
        committed.map_err(|error| Broken { committing: true, ..Broken::from(error) })?;
        let add = |count: &std::sync::atomic::AtomicU64, more: usize| {
            count.fetch_add(u64::try_from(more).unwrap_or(u64::MAX), Ordering::Relaxed)
        };
        add(&self.counts.commits, usize::from(written));
        add(&self.counts.entries, entries);
        add(&self.counts.folded, folded);
        Ok(outcomes)
    }

    /// Keeps the write-ahead log short.
    fn tend_log(&self) {
        let Some(open) = &self.open else { return };
        let Open { checkpointer, database } = open;
        if checkpointer.has_run() {
            // The short tail that came meanwhile: with it done the next commit starts the log anew.
            if let Err(error) = database.checkpoint_tail() {
                tracing::warn!(%error, "a checkpoint failed");
            }
            database.frames.store(0, Ordering::Relaxed);
        } else if database.frames.load(Ordering::Relaxed) > FRAMES_MAX {
            checkpointer.begin();
        }
    }

    /// Opens the file again and moves its log; does not come back before that succeeded, or the
    /// process stops.
    fn reopen(&mut self, jobs: &Receiver<Job>) {
        let mut wait = WAIT_FIRST;
        self.open = None;
        loop {
            let opened = Open::new(&self.directory, self.options).and_then(|open| {
                open.database.checkpoint_all()?;
                Ok(open)
            });
            match opened {
                Ok(open) => {
                    self.open = Some(open);
                    return;
                }
                Err(error) => tracing::error!(%error, "the store does not open"),
            }
            let until = Instant::now() + wait;
            while let Some(left) = until.checked_duration_since(Instant::now()) {
                match jobs.recv_timeout(left) {
                    // What was asked in between may be refused: it was not written.
                    Ok(Job::Ask(_, done)) => {
                        done(Reply::Failed("the store is closed".to_owned()));
                    }
                    Ok(Job::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => {}
                }
            }
            wait = (wait * 2).min(WAIT_LAST);
        }
    }
}

fn refuse(batch: Vec<(Write, Done)>, why: &str) {
    for (_, done) in batch {
        done(Reply::Failed(why.to_owned()));
    }
}

/// A transaction that did not come to its end.
struct Broken {
    error: String,
    /// Whether it may have.
    committing: bool,
    /// There was no room for all of its frames: its end, which makes it one, is the last of them, so
    /// even where it was committing it is not there (unlike after a sync that failed).
    full: bool,
}

impl Broken {
    fn before(error: &str) -> Self {
        Self { error: error.to_owned(), committing: false, full: false }
    }
}

impl From<rusqlite::Error> for Broken {
    fn from(error: rusqlite::Error) -> Self {
        let full = error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull);
        Self { error: error.to_string(), committing: false, full }
    }
}
