//! Row keyspaces: ordinary tables with their key parts as columns.

use bytes::Bytes;
use hashbrown::HashMap;
use presently_core::limits::SCAN_ROWS_MAX;
use presently_core::store::{Check, KEYSPACES, Key, Keyspace, Part, PartKind, Reply, Row, Space};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Result, ToSql, params_from_iter};

/// Revisions kept for checks: every append checks two rows, and a look-up in memory is a tenth of one
/// in the table.
const REVISIONS_MAX: usize = 65_536;

/// The statements of one table.
#[derive(Debug)]
struct Table {
    read: String,
    revision: String,
    put: String,
    delete: String,
    columns: String,
}

/// The row tables and what is known of them.
#[derive(Debug)]
pub(super) struct Rows {
    tables: Vec<Table>,
    revisions: HashMap<Key, Option<u64>>,
    revision: u64,
    stored_revision: u64,
}

/// A key part as SQLite takes it.
struct Param<'a>(&'a Part);

impl ToSql for Param<'_> {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Part::Id(id) => ToSqlOutput::Borrowed(ValueRef::Blob(id)),
            Part::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Part::Number(number) => ToSqlOutput::Owned(Value::Integer(number.cast_signed())),
        })
    }
}

impl Rows {
    pub(super) fn open(connection: &Connection) -> Result<Self> {
        let revision: i64 =
            connection.query_row("SELECT value FROM meta WHERE name = 'revision'", [], |row| {
                row.get(0)
            })?;
        let revision = revision.cast_unsigned();
        let tables = KEYSPACES.iter().map(Table::of).collect();
        Ok(Self { tables, revisions: HashMap::new(), revision, stored_revision: revision })
    }

    /// Whether a key has the parts its keyspace names.
    pub(super) fn fits(key: &Key) -> bool {
        let parts = space(key.space).parts;
        key.parts.len() == parts.len() && Self::leads(key.space, &key.parts)
    }

    /// Whether these may stand first in a key.
    pub(super) fn leads(of: Space, leading: &[Part]) -> bool {
        let parts = space(of).parts;
        leading.len() <= parts.len()
            && leading.iter().zip(parts).all(|(part, (_, kind))| match part {
                Part::Id(_) => *kind == PartKind::Id,
                Part::Number(number) => *kind == PartKind::Number && *number < 1 << 63,
                Part::Text(_) => *kind == PartKind::Text,
            })
    }

    pub(super) fn read(&self, connection: &Connection, key: &Key) -> Result<Reply> {
        let mut statement = connection.prepare_cached(&self.table(key.space).read)?;
        let found = statement
            .query_row(params_from_iter(key.parts.iter().map(Param)), |row| {
                let value = Bytes::copy_from_slice(row.get_ref(0)?.as_blob()?);
                Ok(Reply::Found { value, revision: row.get::<_, i64>(1)?.cast_unsigned() })
            })
            .optional()?;
        Ok(found.unwrap_or(Reply::Absent))
    }

    pub(super) fn scan(
        &self,
        connection: &Connection,
        of: Space,
        prefix: &[Part],
        after: Option<&Key>,
        limit: u32,
    ) -> Result<Reply> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(SCAN_ROWS_MAX);
        let columns = space(of).parts;
        let mut sql = self.table(of).columns.clone();
        let mut glue = " WHERE ";
        for (name, _) in &columns[..prefix.len()] {
            sql.push_str(&format!("{glue}\"{name}\" = ?"));
            glue = " AND ";
        }
        if after.is_some() {
            let names = listed(columns, |name| format!("\"{name}\""));
            sql.push_str(&format!("{glue}({names}) > ({})", listed(columns, |_| "?".into())));
        }
        let order = listed(columns, |name| format!("\"{name}\""));
        sql.push_str(&format!(" ORDER BY {order} LIMIT {}", limit + 1));
        let parts = prefix.iter().chain(after.into_iter().flat_map(|key| &key.parts));
        let mut statement = connection.prepare_cached(&sql)?;
        let mut found = statement.query(params_from_iter(parts.map(Param)))?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            if rows.len() == limit {
                return Ok(Reply::Page { rows, more: true });
            }
            let parts = (0..columns.len()).map(|at| part(row.get_ref(at)?));
            let key = Key { space: of, parts: parts.collect::<Result<_>>()? };
            let value = Bytes::copy_from_slice(row.get_ref(columns.len())?.as_blob()?);
            let revision = row.get::<_, i64>(columns.len() + 1)?.cast_unsigned();
            rows.push(Row { key, value, revision });
        }
        Ok(Reply::Page { rows, more: false })
    }

    pub(super) fn holds(&mut self, connection: &Connection, check: &Check) -> Result<bool> {
        if let Some(known) = self.revisions.get(&check.key) {
            return Ok(*known == check.revision);
        }
        let mut statement = connection.prepare_cached(&self.table(check.key.space).revision)?;
        let found = statement
            .query_row(params_from_iter(check.key.parts.iter().map(Param)), |row| {
                row.get::<_, i64>(0)
            })
            .optional()?
            .map(i64::cast_unsigned);
        self.remember(&check.key, found);
        Ok(found == check.revision)
    }

    /// The last revision given.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// The revision of the next batch of puts.
    pub(super) fn raise(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }

    pub(super) fn put(&mut self, connection: &Connection, key: &Key, value: &[u8]) -> Result<()> {
        let mut statement = connection.prepare_cached(&self.table(key.space).put)?;
        let revision = self.revision.cast_signed();
        let parts = key.parts.iter().map(|part| Box::new(Param(part)) as Box<dyn ToSql>);
        let rest = [Box::new(value) as Box<dyn ToSql>, Box::new(revision)];
        statement.execute(params_from_iter(parts.chain(rest)))?;
        self.remember(key, Some(self.revision));
        Ok(())
    }

    pub(super) fn delete(&mut self, connection: &Connection, key: &Key) -> Result<()> {
        let mut statement = connection.prepare_cached(&self.table(key.space).delete)?;
        statement.execute(params_from_iter(key.parts.iter().map(Param)))?;
        self.remember(key, None);
        Ok(())
    }

    /// Writes down how far revisions went: before each commit.
    pub(super) fn settle(&mut self, connection: &Connection) -> Result<()> {
        if self.stored_revision != self.revision {
            connection
                .prepare_cached("UPDATE meta SET value = ? WHERE name = 'revision'")?
                .execute([self.revision.cast_signed()])?;
            self.stored_revision = self.revision;
        }
        Ok(())
    }

    fn remember(&mut self, key: &Key, revision: Option<u64>) {
        if let Some(known) = self.revisions.get_mut(key) {
            *known = revision;
            return;
        }
        if self.revisions.len() >= REVISIONS_MAX {
            self.revisions.clear();
        }
        self.revisions.insert(key.clone(), revision);
    }

    fn table(&self, of: Space) -> &Table {
        self.tables.get(of as usize).expect("every space has its table, in the same order")
    }
}

impl Table {
    fn of(space: &Keyspace) -> Self {
        let name = space.name;
        let names = listed(space.parts, |name| format!("\"{name}\""));
        let key = space.parts.iter().map(|(name, _)| format!("\"{name}\" = ?"));
        let key = key.collect::<Vec<_>>().join(" AND ");
        let marks = listed(space.parts, |_| "?".to_owned());
        Self {
            read: format!("SELECT value, revision FROM \"{name}\" WHERE {key}"),
            revision: format!("SELECT revision FROM \"{name}\" WHERE {key}"),
            put: format!(
                "INSERT INTO \"{name}\"({names}, value, revision) VALUES({marks}, ?, ?) \
                 ON CONFLICT DO UPDATE SET value = excluded.value, revision = excluded.revision"
            ),
            delete: format!("DELETE FROM \"{name}\" WHERE {key}"),
            columns: format!("SELECT {names}, value, revision FROM \"{name}\""),
        }
    }
}

fn listed(parts: &[(&str, PartKind)], each: impl Fn(&str) -> String) -> String {
    parts.iter().map(|(name, _)| each(name)).collect::<Vec<_>>().join(", ")
}

fn space(of: Space) -> &'static Keyspace {
    let space = KEYSPACES.get(of as usize).expect("every space is in the list, in its order");
    debug_assert_eq!(space.space, of, "the list is in the order of the enum");
    space
}

fn part(value: ValueRef<'_>) -> Result<Part> {
    Ok(match value {
        ValueRef::Integer(number) => Part::Number(number.cast_unsigned()),
        ValueRef::Text(_) => Part::Text(value.as_str()?.into()),
        ValueRef::Blob(_) | ValueRef::Null | ValueRef::Real(_) => {
            let id = value.as_blob()?;
            Part::Id(id.try_into().map_err(|_| rusqlite::Error::InvalidQuery)?)
        }
    })
}
