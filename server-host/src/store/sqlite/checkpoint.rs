//! The thread that moves the write-ahead log into the file while the writer goes on.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::thread::JoinHandle;

use super::schema;
use crate::store::{OpenError, Options};

/// Frames in the log past which it is moved.
pub(super) const FRAMES_MAX: u32 = 2_000;

/// Runs one passive checkpoint when told.
pub(super) struct Checkpointer {
    tell: Option<SyncSender<()>>,
    busy: Arc<AtomicBool>,
    ran: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub(super) fn start(directory: &Path) -> Result<Self, OpenError> {
        let small = Options { cache_kib: 1_024, ..Options::default() };
        let connection = schema::connect(directory, small)?;
        let (tell, told) = mpsc::sync_channel(1);
        let (busy, ran) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (is_busy, has_run) = (Arc::clone(&busy), Arc::clone(&ran));
        let run = move || {
            while told.recv().is_ok() {
                let sql = "PRAGMA wal_checkpoint(PASSIVE)";
                if let Err(error) = connection.query_row(sql, [], |_| Ok(())) {
                    tracing::warn!(%error, "a checkpoint failed");
                }
                has_run.store(true, Ordering::Release);
                is_busy.store(false, Ordering::Release);
            }
        };
        let thread = std::thread::Builder::new().name("checkpoint".to_owned()).spawn(run)?;
        Ok(Self { tell: Some(tell), busy, ran, thread: Some(thread) })
    }

    /// Starts one where none runs.
    pub(super) fn begin(&self) {
        if let Some(tell) = &self.tell
            && !self.busy.swap(true, Ordering::AcqRel)
        {
            let _ = tell.try_send(());
        }
    }

    /// Whether one has ended since this was last asked.
    pub(super) fn has_run(&self) -> bool {
        self.ran.swap(false, Ordering::AcqRel)
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.tell = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
