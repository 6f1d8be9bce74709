//! The recorder: what all devices of a scene were told and told us, in one order.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use presently_core::time::Timestamp;

use crate::history::{History, Seen, What};

/// The clock of a history begins here: checkers look back in time.
const BEGIN_MS: u64 = 100_000;

/// Locks what no panic leaves half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct Book {
    history: History,
    closed: bool,
}

/// Writes a history down while it happens.
#[derive(Debug)]
pub(super) struct Recorder {
    began: Instant,
    book: Mutex<Book>,
    next: AtomicU64,
}

impl Recorder {
    pub(super) fn new(history: History) -> Self {
        let book = Mutex::new(Book { history, closed: false });
        Self { began: Instant::now(), book, next: AtomicU64::new(1) }
    }

    /// A number for an act, never used twice.
    pub(super) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Notes something, unless the book is closed.
    pub(super) fn see(&self, what: What) {
        let mut book = lock(&self.book);
        if !book.closed {
            let passed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
            book.history.seen.push(Seen { at: Timestamp(BEGIN_MS + passed), what });
        }
    }

    /// Nothing more is noted; what was.
    pub(super) fn close(&self) -> History {
        let mut book = lock(&self.book);
        book.closed = true;
        std::mem::take(&mut book.history)
    }
}
