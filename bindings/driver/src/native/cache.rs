//! A client's cache in SQLite: rows by keyspace, on a thread of its own.

use std::fmt;
use std::path::Path;
use std::sync::mpsc;

use presently_core::id::OpId;
use presently_core::store::{Check, Key, Part, Reply, Request, Row, Space, Write};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use crate::host::{FromHost, Mailbox};

/// Why a cache cannot be used.
#[derive(Debug)]
pub enum CacheError {
    /// The directory cannot be made or written.
    Directory(std::io::Error),
    /// The database cannot be opened.
    Database(rusqlite::Error),
    /// The platform has no randomness.
    Randomness,
}

impl fmt::Display for CacheError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(error) => write!(f, "the cache directory cannot be used: {error}"),
            Self::Database(error) => write!(f, "the cache cannot be opened: {error}"),
            Self::Randomness => f.write_str("the system gives no randomness"),
        }
    }
}

impl std::error::Error for CacheError {}

type Asked = (OpId, Request, Mailbox);

/// The cache of one client.
#[derive(Debug)]
pub(super) struct SqliteCache(mpsc::Sender<Asked>);

impl SqliteCache {
    pub(super) fn open(dir: &Path) -> Result<Self, CacheError> {
        std::fs::create_dir_all(dir).map_err(CacheError::Directory)?;
        restrict(dir).map_err(CacheError::Directory)?;
        let mut rows = Rows::open(&dir.join("cache.db")).map_err(CacheError::Database)?;
        let (asks, asked) = mpsc::channel::<Asked>();
        let work = move || {
            for (op, request, mailbox) in asked {
                let reply = rows.handle(request);
                if mailbox.send_blocking(FromHost::Stored(op, reply)).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("presently-cache".into());
        thread.spawn(work).map_err(CacheError::Directory)?;
        Ok(Self(asks))
    }

    pub(super) fn ask(&self, op: OpId, request: Request, mailbox: Mailbox) -> Option<Reply> {
        let asked = self.0.send((op, request, mailbox));
        asked.is_err().then(|| Reply::Failed("the cache has stopped".into()))
    }
}

/// The cache holds what a person said: nobody else reads it.
#[cfg(unix)]
fn restrict(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn restrict(_: &Path) -> std::io::Result<()> {
    Ok(())
}

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS rows (
        space INTEGER NOT NULL, key BLOB NOT NULL, parts BLOB NOT NULL,
        value BLOB NOT NULL, revision INTEGER NOT NULL, PRIMARY KEY (space, key)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS revision (last INTEGER NOT NULL);
    INSERT INTO revision SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM revision);
";

struct Rows(Connection);

impl Rows {
    fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(connection))
    }

    fn handle(&mut self, request: Request) -> Reply {
        let reply = match request {
            Request::Read(key) => self.read(&key),
            Request::Scan { space, prefix, after, limit } => {
                self.scan(space, &prefix, after.as_ref(), limit)
            }
            Request::Write(write) => self.write(&write),
            Request::Tail(_) | Request::Entries { .. } => {
                return Reply::Failed("a client's cache holds no log".into());
            }
        };
        reply.unwrap_or_else(|error| Reply::Failed(error.to_string()))
    }

    fn read(&self, key: &Key) -> rusqlite::Result<Reply> {
        let sql = "SELECT value, revision FROM rows WHERE space = ?1 AND key = ?2";
        let mut statement = self.0.prepare_cached(sql)?;
        let found = statement
            .query_row(params![number(key.space), sortable(&key.parts)], |row| {
                Ok((row.get::<_, Vec<u8>>(0)?, revision_of(row, 1)?))
            })
            .optional()?;
        Ok(found.map_or(Reply::Absent, |(value, revision)| Reply::Found {
            value: value.into(),
            revision,
        }))
    }

    fn scan(
        &self,
        space: Space,
        prefix: &[Part],
        after: Option<&Key>,
        limit: u32,
    ) -> rusqlite::Result<Reply> {
        let sql = "SELECT key, parts, value, revision FROM rows
                   WHERE space = ?1 AND key >= ?2 AND key > ?3 ORDER BY key LIMIT ?4";
        let mut statement = self.0.prepare_cached(sql)?;
        let prefix = sortable(prefix);
        let after = after.map(|key| sortable(&key.parts)).unwrap_or_default();
        let mut found = statement.query(params![number(space), prefix, after, limit + 1])?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            if !row.get::<_, Vec<u8>>(0)?.starts_with(&prefix) {
                break;
            }
            if rows.len() as u64 == u64::from(limit) {
                return Ok(Reply::Page { rows, more: true });
            }
            let parts: Vec<u8> = row.get(1)?;
            let key = Key { space, parts: parts_of(&parts) };
            let value: Vec<u8> = row.get(2)?;
            rows.push(Row { key, value: value.into(), revision: revision_of(row, 3)? });
        }
        Ok(Reply::Page { rows, more: false })
    }

    fn write(&mut self, write: &Write) -> rusqlite::Result<Reply> {
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for Check { key, revision } in &write.checks {
            let sql = "SELECT revision FROM rows WHERE space = ?1 AND key = ?2";
            let found: Option<u64> = transaction
                .prepare_cached(sql)?
                .query_row(params![number(key.space), sortable(&key.parts)], |row| {
                    revision_of(row, 0)
                })
                .optional()?;
            if found != *revision {
                return Ok(Reply::Conflict);
            }
        }
        let sql = "UPDATE revision SET last = last + 1 RETURNING last";
        let revision = transaction.query_row(sql, [], |row| revision_of(row, 0))?;
        for (key, value) in &write.puts {
            let sql = "INSERT OR REPLACE INTO rows VALUES (?1, ?2, ?3, ?4, ?5)";
            let (sorted, parts) = (sortable(&key.parts), stored(&key.parts));
            let row =
                params![number(key.space), sorted, parts, value.as_ref(), revision.cast_signed()];
            transaction.prepare_cached(sql)?.execute(row)?;
        }
        for key in &write.deletes {
            let sql = "DELETE FROM rows WHERE space = ?1 AND key = ?2";
            let row = params![number(key.space), sortable(&key.parts)];
            transaction.prepare_cached(sql)?.execute(row)?;
        }
        Ok(match transaction.commit() {
            Ok(()) => Reply::Written { revision },
            Err(_) => Reply::Unknown,
        })
    }
}

/// SQLite's integers are signed; revisions count from 1 and stay far below the sign.
fn revision_of(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

fn number(space: Space) -> u32 {
    space as u32
}

/// Key parts as bytes that sort as the parts do.
fn sortable(parts: &[Part]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        match part {
            Part::Id(id) => out.extend_from_slice(id),
            Part::Number(number) => out.extend_from_slice(&number.to_be_bytes()),
            Part::Text(text) => {
                out.extend_from_slice(text.as_bytes());
                out.push(0);
            }
        }
    }
    out
}

/// Key parts as bytes that read back: a mark before each.
fn stored(parts: &[Part]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        out.push(match part {
            Part::Id(_) => b'i',
            Part::Number(_) => b'n',
            Part::Text(_) => b't',
        });
        out.extend(sortable(std::slice::from_ref(part)));
    }
    out
}

/// The parts of a key that [`stored`] wrote; cut short where the bytes are not its.
fn parts_of(mut bytes: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    while let Some((mark, rest)) = bytes.split_first() {
        let (part, rest) = match mark {
            b'i' => match rest.split_first_chunk::<16>() {
                Some((id, rest)) => (Part::Id(*id), rest),
                None => break,
            },
            b'n' => match rest.split_first_chunk::<8>() {
                Some((number, rest)) => (Part::Number(u64::from_be_bytes(*number)), rest),
                None => break,
            },
            _ => {
                let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
                let text = String::from_utf8_lossy(&rest[..end]);
                (Part::Text(text.into()), rest.get(end + 1..).unwrap_or_default())
            }
        };
        parts.push(part);
        bytes = rest;
    }
    parts
}
