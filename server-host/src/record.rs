//! `serve --record`: what came into each node and a digest of what it had done (PROTOCOL §9.6).
//!
//! A node notes into memory; a thread of the record's own writes files, so a slow or failing disk
//! never holds up a node: the record stops, with one warning. Files are their owner's alone, for
//! they hold everything.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use presently_core::hub::record::{Life, Recorder};
use presently_core::hub::{Config, Input, Output};
use presently_core::id::NodeId;
use presently_core::redact::Pii;
use presently_core::time::{Timestamp, Wall};
use presently_core::wire::hello;

/// Bytes that go to the writer before the node is drained.
const PIECE_BYTES: usize = 256 * 1024;
/// Bytes that may wait for the disk: two seconds of a disk that does 8 MiB/s.
const WAITING_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Pieces that may wait: one per turn of a node.
const WAITING_MAX: usize = 16 * 1024;

/// What the writer is told.
enum Job {
    Bytes(Vec<u8>),
    /// What follows goes to a new file; the one so far is kept as the old one.
    Renew,
}

/// The record of one node, on its thread.
pub(crate) struct Sink {
    node: NodeId,
    recorder: Recorder,
    bytes_max: usize,
    /// `None` once the record has stopped for good.
    jobs: Option<SyncSender<Job>>,
    waiting: Arc<AtomicUsize>,
    writer: Option<JoinHandle<()>>,
    /// It was said that this life does not fit.
    told: bool,
}

impl Sink {
    /// Begins a file for a node; what stood there becomes the old one.
    pub(crate) fn create(base: &Path, node: NodeId, bytes_max: usize) -> io::Result<Self> {
        let place = Place::new(base, node);
        let file = place.create()?;
        Self::over(place, file, node, bytes_max)
    }

    fn over(place: Place, file: File, node: NodeId, bytes_max: usize) -> io::Result<Self> {
        let (jobs, taken) = sync_channel(WAITING_MAX);
        let waiting = Arc::new(AtomicUsize::new(0));
        let left = Arc::clone(&waiting);
        let writer = std::thread::Builder::new()
            .name(format!("record/{}", node.0))
            .spawn(move || write(&place, file, &taken, &left))?;
        Ok(Self {
            node,
            recorder: Recorder::new(bytes_max),
            bytes_max,
            jobs: Some(jobs),
            waiting,
            writer: Some(writer),
            told: false,
        })
    }

    /// A hub is about to be made. A life that would begin in the second half of a file begins the next.
    pub(crate) fn life(&mut self, config: Config, seed: [u8; 32], wall: Wall, now: Timestamp) {
        if self.recorder.used() > self.bytes_max / 2 {
            self.hand_over();
            self.tell(Job::Renew);
            self.recorder.renew();
        }
        self.told = false;
        let build = env!("CARGO_PKG_VERSION").to_owned();
        let protocol = hello::VERSION;
        let life = Life { build, protocol, config, seed: Pii(seed), wall, now };
        self.note(|recorder| recorder.life(life));
        self.hand_over();
    }

    pub(crate) fn input(&mut self, input: &Input<'_>, now: Timestamp) {
        self.note(|recorder| recorder.input(input, now));
    }

    pub(crate) fn timeout(&mut self, now: Timestamp) {
        self.note(|recorder| recorder.timeout(now));
    }

    pub(crate) fn output(&mut self, output: &Output) {
        self.note(|recorder| recorder.output(output));
    }

    pub(crate) fn drained(&mut self) {
        self.note(Recorder::drained);
    }

    /// The life is over, by its own fault or the operator's word; what led to it is written at once.
    pub(crate) fn broke(&mut self, what: &str) {
        self.note(if what == "crash" { Recorder::crashed } else { Recorder::panicked });
        self.hand_over();
    }

    fn note(&mut self, note: impl FnOnce(&mut Recorder)) {
        if self.jobs.is_none() {
            return;
        }
        note(&mut self.recorder);
        if self.recorder.waiting() >= PIECE_BYTES {
            self.hand_over();
        }
    }

    /// Gives the writer what was noted.
    pub(crate) fn hand_over(&mut self) {
        if self.jobs.is_none() || self.recorder.waiting() == 0 {
            return;
        }
        let bytes = self.recorder.take();
        if self.recorder.is_full() && !self.told {
            self.told = true;
            tracing::warn!(node = self.node.0, "the record is full: this life goes on without one");
        }
        let length = bytes.len();
        if self.waiting.fetch_add(length, Ordering::Relaxed) + length > WAITING_BYTES_MAX {
            return self.stop();
        }
        self.tell(Job::Bytes(bytes));
    }

    fn tell(&mut self, job: Job) {
        if self.jobs.as_ref().is_some_and(|jobs| jobs.try_send(job).is_err()) {
            self.stop();
        }
    }

    /// The writer fell behind, or failed. Nobody waits for it any more.
    fn stop(&mut self) {
        tracing::warn!(node = self.node.0, "the record stops: its disk is too slow or failed");
        (self.jobs, self.writer) = (None, None);
        self.recorder.take();
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.hand_over();
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// Where the files of a node's record are.
struct Place {
    newest: PathBuf,
    old: PathBuf,
}

impl Place {
    fn new(base: &Path, node: NodeId) -> Self {
        let named = |end: String| {
            let mut name = OsString::from(base);
            name.push(end);
            PathBuf::from(name)
        };
        Self { newest: named(format!(".{}", node.0)), old: named(format!(".{}.old", node.0)) }
    }

    /// A new empty file that nobody else may read. Never one that was there, whose rights are
    /// another's to choose.
    fn create(&self) -> io::Result<File> {
        match std::fs::rename(&self.newest, &self.old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&self.newest)
    }
}

/// Runs until the node is gone or the disk fails.
fn write(place: &Place, mut file: File, jobs: &Receiver<Job>, waiting: &AtomicUsize) {
    for job in jobs {
        let done = match job {
            Job::Bytes(bytes) => {
                let done = file.write_all(&bytes);
                waiting.fetch_sub(bytes.len(), Ordering::Relaxed);
                done
            }
            Job::Renew => place.create().map(|new| file = new),
        };
        if let Err(error) = done {
            let path = place.newest.display();
            return tracing::warn!(%error, %path, "the record cannot be written");
        }
    }
}

#[cfg(test)]
#[path = "record_test.rs"]
mod tests;
