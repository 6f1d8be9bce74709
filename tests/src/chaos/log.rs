//! The durable log, read from the file of a server that has stopped.

use std::collections::BTreeMap;
use std::path::Path;

use presently_core::id::{ConversationId, EndpointId, UserId};
use presently_core::model::entry::Entry;
use presently_core::wire::record::Record;
use rusqlite::{Connection, OpenFlags, Row};

use crate::history::{History, Logged};

/// Every conversation of a history's people.
pub(super) fn read(data: &Path, history: &History) -> BTreeMap<(usize, usize), Vec<Logged>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let database = Connection::open_with_flags(data.join("presently.db"), flags);
    let database = database.expect("the server left its file");
    let sql = "SELECT sequence, user, endpoint, counter, tag, record FROM log \
               WHERE conversation = ? ORDER BY sequence";
    let mut statement = database.prepare(sql).expect("the view is there");
    let mut logs = BTreeMap::new();
    for a in 0..history.people.len() {
        for b in a + 1..history.people.len() {
            let id = ConversationId::one_to_one(history.users[a], history.users[b]);
            let rows = statement.query_map([&id.0[..]], |row| logged(row, history));
            let rows = rows.and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>);
            let rows = rows.expect("the log can be read");
            if !rows.is_empty() {
                logs.insert((a, b), rows);
            }
        }
    }
    logs
}

fn logged(row: &Row<'_>, history: &History) -> rusqlite::Result<Logged> {
    let record: Vec<u8> = row.get(5)?;
    let record: Record<Entry> = Record::decode(&record).expect("stored entries read back");
    let user = UserId(row.get(1)?);
    let person = history.users.iter().position(|known| *known == user);
    Ok(Logged {
        seq: row.get::<_, i64>(0)?.cast_unsigned(),
        person: person.expect("only people of this scene write"),
        endpoint: EndpointId(row.get(2)?),
        counter: row.get::<_, i64>(3)?.cast_unsigned(),
        tag: row.get::<_, i64>(4)?.to_be_bytes(),
        text: String::from_utf8_lossy(&record.value.content).into_owned(),
        at: record.value.at.0,
    })
}
