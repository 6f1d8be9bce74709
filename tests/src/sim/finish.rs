//! The end of a run: what apps are asked, what the disk holds.

use presently_core::client::Command;
use presently_core::id::ConversationId;
use presently_core::model::entry::Entry;
use presently_core::store::{Reply, Request, StoredEntry};
use presently_core::wire::record::Record;

use super::world::World;
use crate::coverage::Mark;
use crate::history::{History, Logged};

impl World {
    /// Every app asks for what it should have by now.
    pub(super) fn question(&mut self) {
        for device in 0..self.devices.len() {
            if self.devices[device].client.is_none() || self.devices[device].given_up {
                continue;
            }
            self.give(device, Command::Sync);
            self.give(device, Command::Contacts);
            let me = self.devices[device].person;
            for other in 0..self.history.people.len() {
                let asks = !self.swarm.is_population || (me + other).is_multiple_of(16);
                if asks && other != me && self.reference.surely_friends(me, other) {
                    let with = self.history.people[other].clone();
                    let ask = Command::History { with, before: None, limit: Some(200) };
                    self.give(device, ask);
                }
            }
        }
    }

    /// Reads what is durable and closes the books.
    pub(super) fn close_books(&mut self) {
        self.nodes.iter_mut().for_each(super::node::Node::end_shadow);
        (0..self.devices.len()).for_each(|device| self.end_shadow(device));
        let people = self.history.people.len();
        for a in 0..people {
            for b in a + 1..people {
                let log = self.log(a, b);
                if !log.is_empty() {
                    self.history.logs.insert((a, b), log);
                }
            }
        }
        let again = self.devices.iter().flat_map(|device| &device.sends);
        let again: std::collections::BTreeSet<[u8; 8]> =
            again.filter(|(_, times)| **times > 1).map(|(tag, _)| *tag).collect();
        let logged = self.history.logs.values().flatten();
        let repeats = logged.filter(|entry| again.contains(&entry.tag)).count();
        self.history.alive = (0..self.devices.len())
            .filter(|device| self.devices[*device].client.is_some())
            .filter(|device| !self.devices[*device].given_up)
            .collect();
        let disk = self.disk.counts();
        self.counts.lost_writes = disk.lost;
        self.counts.unknowns = disk.unknown;
        self.counts.repeats = repeats as u64;
        self.coverage.hits(Mark::StoreTorn, disk.torn);
        self.coverage.hits(Mark::StoreUnread, disk.unread);
        self.coverage.hits(Mark::StoreLost, disk.lost);
        self.coverage.hits(Mark::StoreUnknownLanded, disk.landed);
        self.coverage.hits(Mark::ClientRepeatedSend, repeats as u64);
    }

    fn log(&mut self, a: usize, b: usize) -> Vec<Logged> {
        let (user_a, user_b) = (self.history.users[a], self.history.users[b]);
        let conversation = ConversationId::one_to_one(user_a, user_b);
        let mut out = Vec::new();
        let mut from = 1;
        loop {
            let request = Request::Entries {
                checks: Vec::new(),
                conversation,
                from,
                until: u64::MAX,
                limit: 1_000,
                bytes: u32::MAX,
                newest: false,
            };
            let Reply::Entries { entries, more } = self.disk.durable().handle(&request) else {
                panic!("a store answers with entries");
            };
            let Some(last) = entries.last() else {
                return out;
            };
            from = last.sequence + 1;
            out.extend(entries.iter().map(|entry| logged(&self.history, entry)));
            if !more {
                return out;
            }
        }
    }
}

fn logged(history: &History, entry: &StoredEntry) -> Logged {
    let record: Record<Entry> = Record::decode(&entry.record).expect("stored entries read back");
    let text = String::from_utf8_lossy(&record.value.content).into_owned();
    let person = history.users.iter().position(|user| *user == entry.meta.user);
    Logged {
        seq: entry.sequence,
        person: person.expect("only people of this world write"),
        endpoint: entry.meta.endpoint,
        counter: entry.meta.counter,
        tag: entry.meta.tag,
        text,
        at: record.value.at.0,
    }
}
