//! What a store may hand back (PROTOCOL §7): a client's cache on a bad disk, a server's rows of another
//! hand.

use arbitrary::Unstructured;
use bytes::Bytes;
use presently_core::client::Command;
use presently_core::store::{KEYSPACES, Key, Reply, Request, Write};
use presently_core::world::MemoryRows;
use presently_tests::words::value::{Pool, any};

use super::link::{act, bounded};
use crate::memory::taken;
use crate::stage::device::Stage as Device;
use crate::stage::node::Stage as Node;

const ACTS_MAX: usize = 128;

/// A value as a bad disk or another program may leave it.
fn spoil(value: &Bytes, from: &mut Unstructured<'_>, pool: &Pool) -> Option<Bytes> {
    let mut bytes = value.to_vec();
    match from.arbitrary::<u8>().ok()? % 8 {
        0..=2 => {
            let at = from.choose_index(bytes.len().max(1)).ok()?;
            let byte = from.arbitrary().ok()?;
            bytes.get_mut(at).into_iter().for_each(|slot| *slot = byte);
        }
        3 => bytes.truncate(from.choose_index(bytes.len().max(1)).ok()?),
        4 => bytes = from.arbitrary::<&[u8]>().ok()?.to_vec(),
        5 => bytes.extend_from_slice(from.arbitrary::<&[u8]>().ok()?),
        6 => bytes = from.choose(&pool.blobs).ok()?.to_vec(),
        // Numbers at their ends, over and over.
        _ => {
            let number = *from.choose(&pool.numbers).ok()?;
            let row = (number, number, number, number);
            bytes = postcard::to_allocvec(&row).unwrap_or_default();
        }
    }
    Some(Bytes::from(bytes))
}

/// Rows of a client's cache.
fn every_row(cache: &mut MemoryRows) -> Vec<(Key, Bytes)> {
    let mut rows = Vec::new();
    for keyspace in KEYSPACES {
        let request =
            Request::Scan { space: keyspace.space, prefix: Vec::new(), after: None, limit: 500 };
        if let Reply::Page { rows: found, .. } = cache.handle(&request) {
            rows.extend(found.into_iter().map(|row| (row.key, row.value)));
        }
    }
    rows
}

/// The cache of a client that signed in, talked, and was ended with a message in its outbox; and what
/// was said meanwhile.
fn good_cache() -> (MemoryRows, Pool) {
    let mut device = Device::new(MemoryRows::default());
    device.honest();
    device.command(Command::Send { to: "bob".into(), text: "one".into() });
    device.honest();
    device.command(Command::Send { to: "bob".into(), text: "two".into() });
    while device.waiting() > 0 {
        device.answer(|request, cache| cache.handle(request));
    }
    (device.cache, device.pool)
}

/// A cache that was good, then spoilt: the app starts over it, signs in, and goes on.
pub fn cache_rows(data: &[u8]) {
    let mut from = Unstructured::new(data);
    let (mut cache, pool) = good_cache();
    for (key, value) in every_row(&mut cache) {
        if from.arbitrary::<u8>().unwrap_or(0) & 1 == 1
            && let Some(value) = spoil(&value, &mut from, &pool)
        {
            put(&mut cache, key, value);
        }
    }
    while !from.is_empty() {
        let Some(key) = key(&mut from, &pool) else { break };
        let Some(value) = any::<Vec<u8>>(&mut from, &pool) else { break };
        put(&mut cache, key, Bytes::from(value));
    }
    let ((), growth) = taken(|| after(cache));
    assert!(growth.peak < 8 << 20, "a spoilt cache took {} bytes", growth.peak);
}

fn after(cache: MemoryRows) {
    let mut device = Device::new(cache);
    device.honest();
    for command in [
        Command::Send { to: "bob".into(), text: "four".into() },
        Command::Contacts,
        Command::History { with: "bob".into(), before: None, limit: None },
        Command::Sync,
    ] {
        device.command(command);
        device.honest();
    }
    // What a bad row led to may cost an attempt, never the app.
    for _ in 0..40 {
        device.pass(10_000);
        device.honest();
        if device.signed_in {
            return;
        }
    }
    panic!("alice does not come in again (ended: {})", device.ended);
}

fn put(cache: &mut MemoryRows, key: Key, value: Bytes) {
    cache.handle(&Request::Write(Write { puts: vec![(key, value)], ..Write::default() }));
}

/// A key whose parts are what its keyspace says: the host's columns hold nothing else.
fn key(from: &mut Unstructured<'_>, pool: &Pool) -> Option<Key> {
    use presently_core::store::{Part, PartKind};
    let keyspace = from.choose(KEYSPACES).ok()?;
    let part = |kind: &PartKind, from: &mut Unstructured<'_>| {
        Some(match kind {
            PartKind::Id => Part::Id(*from.choose(&pool.ids).ok()?),
            // Columns are below 2^63.
            PartKind::Number => Part::Number(from.choose(&pool.numbers).ok()? & (u64::MAX >> 1)),
            PartKind::Text => Part::Text(from.choose(&pool.texts).ok()?.as_str().into()),
        })
    };
    let parts = keyspace.parts.iter().map(|(_, kind)| part(kind, from)).collect::<Option<_>>()?;
    Some(Key { space: keyspace.space, parts })
}

/// A node whose store hands back values that nobody wrote.
pub fn home_rows(data: &[u8]) {
    let mut from = Unstructured::new(data);
    let mut stage = Node::new(1, &["alice", "bob", "carol"]);
    let people = stage.people.clone();
    let (alice, _) = stage.sign_in(&people[0], 1);
    stage.settle(alice, people[1].user);
    bounded(&mut stage, |stage| {
        for _ in 0..ACTS_MAX {
            if from.is_empty() || step(stage, &mut from).is_none() {
                break;
            }
        }
        stage.answer_all();
        stage.pass(120_000);
        stage.answer_all();
    });
}

fn step(stage: &mut Node, from: &mut Unstructured<'_>) -> Option<()> {
    if from.arbitrary::<u8>().ok()? < 128 {
        return act(stage, from);
    }
    let at = from.choose_index(stage.waiting().max(1)).ok()?;
    let pool = stage.pool.clone();
    stage.answer(at, |request, store| {
        let reply = store.handle(request);
        spoilt(reply.clone(), from, &pool).unwrap_or(reply)
    });
    Some(())
}

fn spoilt(reply: Reply, from: &mut Unstructured<'_>, pool: &Pool) -> Option<Reply> {
    Some(match reply {
        Reply::Found { value, revision } => {
            Reply::Found { value: spoil(&value, from, pool)?, revision }
        }
        Reply::Absent => {
            let value = spoil(&Bytes::new(), from, pool)?;
            Reply::Found { value, revision: 1 }
        }
        Reply::Page { mut rows, more } => {
            for row in &mut rows {
                row.value = spoil(&row.value, from, pool)?;
            }
            Reply::Page { rows, more }
        }
        Reply::Entries { mut entries, more } => {
            for entry in &mut entries {
                entry.record = spoil(&entry.record, from, pool)?;
            }
            Reply::Entries { entries, more }
        }
        other @ (Reply::Tail { .. }
        | Reply::Written { .. }
        | Reply::Conflict
        | Reply::Failed(_)
        | Reply::Unknown) => other,
    })
}

#[cfg(test)]
#[path = "rows_test.rs"]
mod tests;
