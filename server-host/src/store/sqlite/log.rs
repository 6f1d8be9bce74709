//! Conversations: heads and unfolded entries in memory, the rest in tables.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use hashbrown::HashMap;
use presently_core::id::{ConversationId, EndpointId, UserId};
use presently_core::store::{EntryMeta, EntryPut, LastSend, Reply, StoredEntry};
use presently_core::time::Wall;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::sweep::Sweep;

/// Conversations without unfolded entries, and endpoints, kept for their number.
const KNOWN_MAX: usize = 200_000;

/// A sequence has the lower half of a message's key (PROTOCOL §7.4).
pub(super) const SEQUENCE_MAX: u64 = u32::MAX as u64;

/// Numbers of conversations have the upper half, less its sign.
const NUMBER_MAX: u64 = i32::MAX as u64;

/// An entry that stands in `recent`.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) id: i64,
    pub(super) sequence: u64,
    pub(super) endpoint: i64,
    pub(super) counter: u64,
    pub(super) tag: [u8; 8],
    pub(super) at: Wall,
    pub(super) record: Bytes,
}

/// What is known of a conversation without asking the tables.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) no: i64,
    pub(super) folded: u64,
    pub(super) rows: VecDeque<Pending>,
}

impl Conversation {
    fn head(&self) -> u64 {
        self.rows.back().map_or(self.folded, |row| row.sequence)
    }
}

/// The log keyspace.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) conversations: HashMap<ConversationId, Conversation>,
    /// Those with unfolded entries, by number: the order of the fold.
    pub(super) laden: BTreeMap<i64, ConversationId>,
    pub(super) pending: usize,
    pub(super) next_id: i64,
    pub(super) sweep: Sweep,
    numbers: HashMap<(UserId, EndpointId), i64>,
    endpoints: HashMap<i64, (UserId, EndpointId)>,
}

/// Where a page ends.
pub(super) struct Cut {
    pub(super) limit: usize,
    pub(super) bytes: usize,
    held: usize,
    more: bool,
}

impl Cut {
    pub(super) fn new(limit: u32, bytes: u32) -> Self {
        let wide = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        Self { limit: wide(limit), bytes: wide(bytes), held: 0, more: false }
    }

    /// Whether an entry of this size still has room; at least one has.
    fn takes(&mut self, count: usize, bytes: usize) -> bool {
        self.held += bytes;
        self.more = count >= self.limit || (self.held > self.bytes && count > 0);
        !self.more
    }
}

impl Log {
    /// Reads what is not folded.
    pub(super) fn open(connection: &Connection) -> Result<Self> {
        let mut log = Self { next_id: 1, ..Self::default() };
        let sql = "SELECT r.id, r.conversation, r.sequence, r.endpoint, r.counter, r.tag, r.time, \
                   r.record, c.id, c.folded FROM recent r JOIN conversations c \
                   ON c.no = r.conversation ORDER BY r.id";
        let mut statement = connection.prepare(sql)?;
        let mut found = statement.query([])?;
        let mut first = None;
        while let Some(row) = found.next()? {
            let row_id: i64 = row.get(0)?;
            first.get_or_insert(row_id);
            log.next_id = row_id + 1;
            let (no, sequence) = (row.get(1)?, number(row, 2)?);
            let folded = number(row, 9)?;
            if sequence <= folded {
                continue;
            }
            let id = ConversationId(id(row.get_ref(8)?)?);
            let pending = Pending {
                id: row_id,
                sequence,
                endpoint: row.get(3)?,
                counter: number(row, 4)?,
                tag: tag(row.get(5)?),
                at: Wall(number(row, 6)?),
                record: Bytes::copy_from_slice(row.get_ref(7)?.as_blob()?),
            };
            let conversation = log.conversations.entry(id).or_insert_with(|| Conversation {
                no,
                folded,
                rows: VecDeque::new(),
            });
            conversation.rows.push_back(pending);
            log.laden.insert(no, id);
            log.pending += 1;
        }
        log.sweep = Sweep::new(first.unwrap_or(log.next_id));
        Ok(log)
    }

    /// The last sequence of a conversation; 0 where it has none.
    pub(super) fn head(&mut self, connection: &Connection, id: ConversationId) -> Result<u64> {
        Ok(self.known(connection, id)?.map_or(0, |conversation| conversation.head()))
    }

    /// Appends an entry whose place was found free.
    pub(super) fn append(&mut self, connection: &Connection, put: &EntryPut) -> Result<()> {
        let meta = &put.meta;
        let endpoint = self.endpoint_number(connection, meta.user, meta.endpoint)?;
        if self.known(connection, put.conversation)?.is_none() {
            self.begin(connection, put.conversation)?;
        }
        let id = self.next_id;
        let conversation =
            self.conversations.get_mut(&put.conversation).expect("it was read or begun just now");
        connection.prepare_cached("INSERT INTO recent VALUES(?, ?, ?, ?, ?, ?, ?, ?)")?.execute(
            params![
                id,
                conversation.no,
                put.sequence.cast_signed(),
                endpoint,
                meta.counter.cast_signed(),
                i64::from_be_bytes(meta.tag),
                meta.at.0.cast_signed(),
                put.record.as_ref(),
            ],
        )?;
        conversation.rows.push_back(Pending {
            id,
            sequence: put.sequence,
            endpoint,
            counter: meta.counter,
            tag: meta.tag,
            at: meta.at,
            // A copy of its own: the given one may be a slice of a far larger buffer.
            record: Bytes::copy_from_slice(&put.record),
        });
        self.laden.insert(conversation.no, put.conversation);
        self.next_id += 1;
        self.pending += 1;
        Ok(())
    }

    /// Head and last sends.
    pub(super) fn tail(&mut self, connection: &Connection, id: ConversationId) -> Result<Reply> {
        let Some(conversation) = self.known(connection, id)? else {
            return Ok(Reply::Tail { head: 0, last: Vec::new() });
        };
        let (no, head) = (conversation.no, conversation.head());
        let mut last = BTreeMap::new();
        let sql = "SELECT e.id, c.last, c.tag, c.sequence, c.time FROM counters c \
                   JOIN endpoints e ON e.no = c.endpoint WHERE c.conversation = ?";
        let mut statement = connection.prepare_cached(sql)?;
        let mut found = statement.query([no])?;
        while let Some(row) = found.next()? {
            let (user, endpoint) = pair(row.get_ref(0)?)?;
            let send = LastSend {
                user,
                endpoint,
                counter: number(row, 1)?,
                tag: tag(row.get(2)?),
                sequence: number(row, 3)?,
                at: Wall(number(row, 4)?),
            };
            last.insert((user, endpoint), send);
        }
        let Self { conversations, endpoints, .. } = self;
        let rows = conversations.get(&id).into_iter().flat_map(|conversation| &conversation.rows);
        for row in rows {
            let (user, endpoint) = name(connection, endpoints, row.endpoint)?;
            let send = LastSend {
                user,
                endpoint,
                counter: row.counter,
                tag: row.tag,
                sequence: row.sequence,
                at: row.at,
            };
            let known = last.entry((user, endpoint)).or_insert(send);
            if known.counter <= send.counter {
                *known = send;
            }
        }
        Ok(Reply::Tail { head, last: last.into_values().collect() })
    }

    /// A range of entries: the folded ones from the table, the others from memory.
    pub(super) fn entries(
        &mut self,
        connection: &Connection,
        id: ConversationId,
        (from, until): (u64, u64),
        newest: bool,
        mut cut: Cut,
    ) -> Result<Reply> {
        let Some(known) = self.known(connection, id)? else {
            return Ok(Reply::Entries { entries: Vec::new(), more: false });
        };
        let (no, folded) = (known.no, known.folded);
        let until = until.min(SEQUENCE_MAX + 1);
        let table = (no, from, until.min(folded + 1));
        let mut entries = Vec::new();
        if newest {
            self.unfolded(connection, id, (from, until), true, &mut cut, &mut entries)?;
            if !cut.more {
                self.folded(connection, table, true, &mut cut, &mut entries)?;
            }
            entries.reverse();
        } else {
            self.folded(connection, table, false, &mut cut, &mut entries)?;
            if !cut.more {
                self.unfolded(connection, id, (from, until), false, &mut cut, &mut entries)?;
            }
        }
        Ok(Reply::Entries { entries, more: cut.more })
    }

    fn folded(
        &mut self,
        connection: &Connection,
        (no, from, until): (i64, u64, u64),
        newest: bool,
        cut: &mut Cut,
        entries: &mut Vec<StoredEntry>,
    ) -> Result<()> {
        if from >= until {
            return Ok(());
        }
        let sql = if newest {
            "SELECT id, endpoint, counter, tag, time, record FROM messages \
             WHERE id >= ? AND id <= ? ORDER BY id DESC"
        } else {
            "SELECT id, endpoint, counter, tag, time, record FROM messages \
             WHERE id >= ? AND id <= ? ORDER BY id"
        };
        let mut statement = connection.prepare_cached(sql)?;
        let mut found = statement.query([place(no, from), place(no, until - 1)])?;
        while let Some(row) = found.next()? {
            let record = row.get_ref(5)?.as_blob()?;
            if !cut.takes(entries.len(), record.len()) {
                return Ok(());
            }
            let (user, endpoint) = name(connection, &mut self.endpoints, row.get(1)?)?;
            let meta = EntryMeta {
                user,
                endpoint,
                counter: number(row, 2)?,
                tag: tag(row.get(3)?),
                at: Wall(number(row, 4)?),
            };
            let sequence = number(row, 0)? & SEQUENCE_MAX;
            entries.push(StoredEntry { sequence, meta, record: Bytes::copy_from_slice(record) });
        }
        Ok(())
    }

    fn unfolded(
        &mut self,
        connection: &Connection,
        id: ConversationId,
        (from, until): (u64, u64),
        newest: bool,
        cut: &mut Cut,
        entries: &mut Vec<StoredEntry>,
    ) -> Result<()> {
        let Self { conversations, endpoints, .. } = self;
        let Some(conversation) = conversations.get(&id) else {
            return Ok(());
        };
        let rows = &conversation.rows;
        let first = rows.partition_point(|row| row.sequence < from);
        let end = rows.partition_point(|row| row.sequence < until).max(first);
        for step in 0..end - first {
            let at = if newest { end - 1 - step } else { first + step };
            let row = rows.get(at).expect("both ends are within the rows");
            if !cut.takes(entries.len(), row.record.len()) {
                return Ok(());
            }
            let (user, endpoint) = name(connection, endpoints, row.endpoint)?;
            let meta = EntryMeta { user, endpoint, counter: row.counter, tag: row.tag, at: row.at };
            let record = row.record.clone();
            entries.push(StoredEntry { sequence: row.sequence, meta, record });
        }
        Ok(())
    }

    fn known(
        &mut self,
        connection: &Connection,
        id: ConversationId,
    ) -> Result<Option<&mut Conversation>> {
        if !self.conversations.contains_key(&id) {
            let sql = "SELECT no, folded FROM conversations WHERE id = ?";
            let found = connection
                .prepare_cached(sql)?
                .query_row([&id.0[..]], |row| Ok((row.get(0)?, number(row, 1)?)))
                .optional()?;
            let Some((no, folded)) = found else {
                return Ok(None);
            };
            self.know(id, no, folded);
        }
        Ok(self.conversations.get_mut(&id))
    }

    fn know(&mut self, id: ConversationId, no: i64, folded: u64) {
        if self.conversations.len() - self.laden.len() >= KNOWN_MAX {
            self.conversations.retain(|_, conversation| !conversation.rows.is_empty());
        }
        self.conversations.insert(id, Conversation { no, folded, rows: VecDeque::new() });
    }

    fn begin(&mut self, connection: &Connection, id: ConversationId) -> Result<()> {
        connection
            .prepare_cached("INSERT INTO conversations(id, folded) VALUES(?, 0)")?
            .execute([&id.0[..]])?;
        let no = connection.last_insert_rowid();
        if no.cast_unsigned() > NUMBER_MAX {
            return Err(rusqlite::Error::IntegralValueOutOfRange(0, no));
        }
        self.know(id, no, 0);
        Ok(())
    }

    fn endpoint_number(
        &mut self,
        connection: &Connection,
        user: UserId,
        endpoint: EndpointId,
    ) -> Result<i64> {
        if let Some(no) = self.numbers.get(&(user, endpoint)) {
            return Ok(*no);
        }
        let mut id = [0; 32];
        let (left, right) = id.split_at_mut(16);
        left.copy_from_slice(&user.0);
        right.copy_from_slice(&endpoint.0);
        let found = connection
            .prepare_cached("SELECT no FROM endpoints WHERE id = ?")?
            .query_row([&id[..]], |row| row.get(0))
            .optional()?;
        let no = if let Some(no) = found {
            no
        } else {
            connection.prepare_cached("INSERT INTO endpoints(id) VALUES(?)")?.execute([&id[..]])?;
            connection.last_insert_rowid()
        };
        if self.numbers.len() >= KNOWN_MAX {
            self.numbers.clear();
        }
        self.numbers.insert((user, endpoint), no);
        Ok(no)
    }
}

/// Who an endpoint's number stands for.
fn name(
    connection: &Connection,
    known: &mut HashMap<i64, (UserId, EndpointId)>,
    no: i64,
) -> Result<(UserId, EndpointId)> {
    if let Some(pair) = known.get(&no) {
        return Ok(*pair);
    }
    let found = connection
        .prepare_cached("SELECT id FROM endpoints WHERE no = ?")?
        .query_row([no], |row| pair(row.get_ref(0)?))?;
    if known.len() >= KNOWN_MAX {
        known.clear();
    }
    known.insert(no, found);
    Ok(found)
}

/// The key of a message.
pub(super) fn place(no: i64, sequence: u64) -> i64 {
    no << 32 | sequence.min(SEQUENCE_MAX).cast_signed()
}

fn number(row: &Row<'_>, at: usize) -> Result<u64> {
    row.get::<_, i64>(at).map(i64::cast_unsigned)
}

fn tag(number: i64) -> [u8; 8] {
    number.to_be_bytes()
}

fn id(value: ValueRef<'_>) -> Result<[u8; 16]> {
    value.as_blob()?.try_into().map_err(|_| rusqlite::Error::InvalidQuery)
}

fn pair(value: ValueRef<'_>) -> Result<(UserId, EndpointId)> {
    let bytes: [u8; 32] = value.as_blob()?.try_into().map_err(|_| rusqlite::Error::InvalidQuery)?;
    let (mut user, mut endpoint) = ([0; 16], [0; 16]);
    let (left, right) = bytes.split_at(16);
    user.copy_from_slice(left);
    endpoint.copy_from_slice(right);
    Ok((UserId(user), EndpointId(endpoint)))
}
