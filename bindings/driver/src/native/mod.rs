//! The native host: TCP over the app's tokio runtime, a clock that counts sleep, a cache in SQLite
//! or in memory.

mod cache;
mod clock;
mod tcp;

use std::path::Path;

use presently_core::client::Config;
use presently_core::id::{LinkId, OpId};
use presently_core::store::{Reply, Request};
use presently_core::time::{Timestamp, Wall};
use presently_core::world::MemoryRows;

pub use cache::CacheError;
use cache::SqliteCache;
use clock::Clock;

use crate::host::{Host, Mailbox};
use crate::run::{Driver, Handle};

/// Where a client keeps what outlives it.
#[derive(Debug)]
enum Cache {
    Memory(MemoryRows),
    Sqlite(SqliteCache),
}

/// The native host.
#[derive(Debug)]
pub struct NativeHost {
    server: String,
    clock: Clock,
    cache: Cache,
}

/// Makes a native client of a server at `host:port`. With `cache_dir`, outbox and endpoint outlive
/// the process. Run the driver on a tokio runtime with IO and time.
///
/// # Errors
/// [`CacheError`]: the cache directory cannot be used; nothing was changed.
pub fn open(
    server: impl Into<String>,
    config: Config,
    cache_dir: Option<&Path>,
) -> Result<(Handle, Driver<NativeHost>), CacheError> {
    let cache = match cache_dir {
        Some(dir) => Cache::Sqlite(SqliteCache::open(dir)?),
        None => Cache::Memory(MemoryRows::default()),
    };
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| CacheError::Randomness)?;
    let host = NativeHost { server: server.into(), clock: Clock::default(), cache };
    Ok(crate::run::open(config, seed, host))
}

impl Host for NativeHost {
    type Link = tcp::TcpLink;

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn wall(&self) -> Wall {
        clock::wall()
    }

    async fn sleep(&self, ms: u64) {
        tokio::time::sleep(std::time::Duration::from_millis(ms)).await;
    }

    fn dial(&mut self, link: LinkId, mailbox: Mailbox) -> tcp::TcpLink {
        tcp::dial(self.server.clone(), link, mailbox)
    }

    fn store(&mut self, op: OpId, request: Request, mailbox: &Mailbox) -> Option<Reply> {
        match &mut self.cache {
            Cache::Memory(store) => Some(store.handle(&request)),
            Cache::Sqlite(cache) => cache.ask(op, request, mailbox.clone()),
        }
    }
}
