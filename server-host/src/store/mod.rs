//! Storage for all nodes of this process (PROTOCOL §7).

mod sqlite;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;

use presently_core::store::{Reply, Request};

pub use sqlite::SCHEMA;

/// How large the store may grow in memory. The defaults suit a small server.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// SQLite's page cache, in KiB.
    pub cache_kib: u32,
    /// Entries that may stand in the append-only table before they are folded into the keyed one.
    pub window: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_kib: 32 * 1024, window: 50_000 }
    }
}

/// Why a store does not open.
#[derive(Debug)]
pub enum OpenError {
    /// Another process has it.
    Locked,
    /// A later version of Presently wrote it.
    Newer(i64),
    /// The bundled SQLite is one that can lose commits.
    Engine(&'static str),
    /// The file system, or what lies there.
    Io(String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked => f.write_str("another process uses it"),
            Self::Newer(schema) => write!(
                f,
                "it was written by a later version (its schema is {schema}, this program knows {SCHEMA})"
            ),
            Self::Engine(version) => {
                write!(f, "SQLite {version} can lose commits, 3.51.3 is needed")
            }
            Self::Io(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Io(error.to_string())
    }
}

impl From<std::io::Error> for OpenError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.to_string())
    }
}

/// What the store has done since it was opened.
#[derive(Debug, Default)]
pub struct Counts {
    commits: AtomicU64,
    entries: AtomicU64,
    folded: AtomicU64,
}

impl Counts {
    /// Transactions that were made durable, each by one sync.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Entries that were made durable.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
    }

    /// Entries that were folded into the keyed table.
    #[must_use]
    pub fn folded(&self) -> u64 {
        self.folded.load(Ordering::Relaxed)
    }
}

/// What is called with the answer, on the writer's thread: it only hands it on.
type Done = Box<dyn FnOnce(Reply) + Send>;

/// What the writer takes. Bounded by the nodes: each of their machines bounds what it has outstanding.
enum Job {
    Ask(Request, Done),
    Stop,
}

/// The way to the store. Clones lead to the same one.
#[derive(Clone)]
pub struct Door {
    jobs: mpsc::Sender<Job>,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Door")
    }
}

impl Door {
    /// Asks. `done` is called once, on the store's thread; never where the store has stopped.
    pub fn ask(&self, request: Request, done: impl FnOnce(Reply) + Send + 'static) {
        // A stopped store completes nothing, like one that was killed.
        let _ = self.jobs.send(Job::Ask(request, Box::new(done)));
    }

    /// Asks and waits: for tests and tools.
    #[must_use]
    pub fn ask_and_wait(&self, request: Request) -> Reply {
        let (tell, told) = mpsc::sync_channel(1);
        self.ask(request, move |reply| {
            let _ = tell.send(reply);
        });
        told.recv().unwrap_or(Reply::Unknown)
    }
}

/// An open store and its threads.
#[derive(Debug)]
pub struct Store {
    door: Door,
    counts: Arc<Counts>,
    writer: Option<JoinHandle<()>>,
}

impl Store {
    /// Opens the store in a directory, which is made where it does not exist.
    ///
    /// # Errors
    /// Says in one line why not; nothing was changed.
    pub fn open(directory: &Path, options: Options) -> Result<Self, OpenError> {
        let counts = Arc::new(Counts::default());
        let (jobs, taken) = mpsc::channel();
        let writer = sqlite::Writer::open(directory, options, Arc::clone(&counts))?;
        let writer = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.run(&taken))?;
        Ok(Self { door: Door { jobs }, counts, writer: Some(writer) })
    }

    /// The way in.
    #[must_use]
    pub fn door(&self) -> Door {
        self.door.clone()
    }

    /// What it has done.
    #[must_use]
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// Does what was asked before, then closes the files.
    pub fn close(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        let _ = self.door.jobs.send(Job::Stop);
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the store's thread panicked");
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.writer.is_some() {
            self.stop();
        }
    }
}
