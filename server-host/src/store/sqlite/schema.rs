//! The file: where it lies, its settings, its tables.

use std::fmt::Write as _;
use std::fs::{DirBuilder, File, TryLockError};
use std::path::Path;
use std::time::Duration;

use presently_core::store::{KEYSPACES, PartKind};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension};

use crate::store::{OpenError, Options};

/// The version of the tables. A newer one is refused.
pub const SCHEMA: i64 = 1;

/// The first SQLite in which a checkpoint beside a writer cannot lose commits.
const ENGINE_MIN: i32 = 3_051_003;

/// The file's name in the data directory.
pub(super) const FILE: &str = "presently.db";

const TABLES: &str = "
CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
-- conversation: numbered from 1; everything up to `folded` is in messages, what is later in recent.
CREATE TABLE conversations(no INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, folded INTEGER NOT NULL);
-- endpoint: user, then endpoint, 16 bytes each.
CREATE TABLE endpoints(no INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE);
-- The last entry of each endpoint in each conversation, up to `folded`.
CREATE TABLE counters(conversation INTEGER NOT NULL, endpoint INTEGER NOT NULL,
  last INTEGER NOT NULL, tag INTEGER NOT NULL, sequence INTEGER NOT NULL, time INTEGER NOT NULL,
  PRIMARY KEY(conversation, endpoint)) WITHOUT ROWID;
CREATE TABLE recent(id INTEGER PRIMARY KEY, conversation INTEGER NOT NULL, sequence INTEGER NOT NULL,
  endpoint INTEGER NOT NULL, counter INTEGER NOT NULL, tag INTEGER NOT NULL, time INTEGER NOT NULL,
  record BLOB NOT NULL);
-- id: conversation << 32 | sequence.
CREATE TABLE messages(id INTEGER PRIMARY KEY, endpoint INTEGER NOT NULL, counter INTEGER NOT NULL,
  tag INTEGER NOT NULL, time INTEGER NOT NULL, record BLOB NOT NULL);
CREATE VIEW log AS
  SELECT c.id AS conversation, m.id & 4294967295 AS sequence, substr(e.id, 1, 16) AS user,
    substr(e.id, 17) AS endpoint, m.counter, m.tag, m.time, m.record
  FROM messages m JOIN conversations c ON c.no = m.id >> 32 JOIN endpoints e ON e.no = m.endpoint
  UNION ALL
  SELECT c.id, r.sequence, substr(e.id, 1, 16), substr(e.id, 17), r.counter, r.tag, r.time, r.record
  FROM recent r JOIN conversations c ON c.no = r.conversation JOIN endpoints e ON e.no = r.endpoint
  WHERE r.sequence > c.folded;
INSERT INTO meta VALUES('revision', 0);
";

/// Makes the directory ours alone and takes its lock, which lasts as long as the file is open.
pub(super) fn lock(directory: &Path) -> Result<File, OpenError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)?;
    let lock = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(directory.join("lock"))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(OpenError::Locked),
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    close_to_others(directory)?;
    Ok(lock)
}

#[cfg(unix)]
fn close_to_others(directory: &Path) -> Result<(), OpenError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(directory)?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let ours = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with(FILE) || name == "lock";
    for item in std::fs::read_dir(directory)? {
        if !ours(&item?.file_name()) {
            let why = "others may read it and it holds more than Presently's files";
            return Err(OpenError::Io(why.to_owned()));
        }
    }
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700))?;
    Ok(())
}

#[cfg(not(unix))]
fn close_to_others(_directory: &Path) -> Result<(), OpenError> {
    Ok(())
}

/// A connection with the settings that every one of ours has.
pub(super) fn connect(directory: &Path, options: Options) -> Result<Connection, OpenError> {
    if rusqlite::version_number() < ENGINE_MIN {
        return Err(OpenError::Engine(rusqlite::version()));
    }
    let connection = Connection::open(directory.join(FILE))?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(256);
    // Else a statement that compares a range is planned anew for each value bound to it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "page_size", 4096)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // NORMAL would not sync a commit.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -i64::from(options.cache_kib))?;
    connection.pragma_update(None, "foreign_keys", false)?;
    Ok(connection)
}

/// Makes the tables where there are none, and refuses those of a later version.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), OpenError> {
    let change = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let tables: i64 =
        change.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        change.execute_batch(TABLES)?;
        change.execute("INSERT INTO meta VALUES('schema', ?)", [SCHEMA])?;
    }
    let found = change
        .query_row("SELECT value FROM meta WHERE name = 'schema'", [], |row| row.get(0))
        .optional()?
        .ok_or_else(|| OpenError::Io("its database has no schema version".to_owned()))?;
    if found > SCHEMA {
        return Err(OpenError::Newer(found));
    }
    // A keyspace that came later only adds its table.
    for space in KEYSPACES {
        change.execute_batch(&table(space.name, space.parts))?;
    }
    change.commit()?;
    Ok(())
}

fn table(name: &str, parts: &[(&str, PartKind)]) -> String {
    let mut sql = format!("CREATE TABLE IF NOT EXISTS \"{name}\"(");
    let mut key = String::new();
    for (part, kind) in parts {
        let kind = match kind {
            PartKind::Id => "BLOB",
            PartKind::Number => "INTEGER",
            PartKind::Text => "TEXT",
        };
        let _ = write!(sql, "\"{part}\" {kind} NOT NULL, ");
        let _ = write!(key, "{}\"{part}\"", if key.is_empty() { "" } else { ", " });
    }
    let _ = write!(
        sql,
        "value BLOB NOT NULL, revision INTEGER NOT NULL, PRIMARY KEY({key})) WITHOUT ROWID;"
    );
    sql
}
