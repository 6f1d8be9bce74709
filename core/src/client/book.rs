//! The contacts: what the Address Book says, names to people and back (PROTOCOL §4.3).

use crate::sorted::{SortedMap, SortedSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::event::{ContactItem, Event};
use super::link::Ask;
use super::{Client, rows};
use crate::id::{ConversationId, Flow, UserId};
use crate::limits::{CONTACTS_MAX, LIST_ITEMS_MAX};
use crate::model::contact::{Contact, Relation};
use crate::model::presence::Status;
use crate::store::Key;
use crate::time::Timestamp;
use crate::wire::body::book::{Contacts, FetchBook, FromBook, ToBook};
use crate::wire::body::cs::{ToCs, Unwatch, Watch};
use crate::wire::bounded::List;
use crate::wire::frame::{Flags, Frame, Malformed};
use crate::wire::record::Record;

/// The contact list as last heard.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// Revision of what is known.
    pub(super) revision: u64,
    /// The list was fetched in this process: a name not in it is no contact.
    pub(super) fetched: bool,
    /// The list was known before, from the cache: its changes are news.
    pub(super) known: bool,
    contacts: SortedMap<UserId, Contact>,
    names: SortedMap<String, UserId>,
    /// Who was named by the parts of a full list so far.
    named: SortedSet<UserId>,
}

/// How a contact stood before and stands now.
struct Turn {
    before: (Relation, u32),
    contact: Contact,
}

impl Book {
    /// Puts a contact as it is; how it stood before, unless that was newer.
    fn put(&mut self, contact: Contact) -> Option<Turn> {
        let old = self.contacts.get(&contact.user);
        if old.is_some_and(|old| old.revision > contact.revision) {
            return None;
        }
        if old.is_none() && self.contacts.len() >= CONTACTS_MAX * 2 {
            return None;
        }
        let before = old.map_or((Relation::NONE, 0), |old| (old.relation, old.pact));
        let name = contact.name.as_str().to_string();
        if contact.relation != Relation::NONE || !self.names.contains_key(&name) {
            self.names.insert(name, contact.user);
        }
        self.contacts.insert(contact.user, contact.clone());
        Some(Turn { before, contact })
    }

    /// Takes a contact from the cache.
    pub(super) fn restore(&mut self, contact: Contact) {
        self.known = true;
        self.put(contact);
    }

    /// Who has a name.
    pub(super) fn user(&self, name: &str) -> Option<UserId> {
        self.names.get(name).copied()
    }

    /// The friend of a name.
    pub(super) fn friend(&self, name: &str) -> Option<UserId> {
        self.user(name).filter(|user| self.relation(*user) == Relation::FRIEND)
    }

    /// How somebody stands.
    pub(super) fn relation(&self, user: UserId) -> Relation {
        self.contacts.get(&user).map_or(Relation::NONE, |contact| contact.relation)
    }

    /// A contact's name; the id where none is known.
    pub(super) fn name(&self, user: UserId) -> String {
        self.contacts
            .get(&user)
            .map_or_else(|| user.to_string(), |contact| contact.name.as_str().to_string())
    }

    /// Everyone ever heard of.
    pub(super) fn users(&self) -> impl Iterator<Item = UserId> {
        self.contacts.keys().copied()
    }

    /// All friends, by id.
    fn friends(&self) -> Vec<UserId> {
        let friends = self.contacts.values().filter(|c| c.relation == Relation::FRIEND);
        friends.map(|contact| contact.user).collect()
    }

    /// Who the other person of a conversation of `me` is.
    pub(super) fn other(&self, me: UserId, conversation: ConversationId) -> Option<UserId> {
        let mut users = self.contacts.keys().copied();
        users.find(|user| ConversationId::one_to_one(me, *user) == conversation)
    }
}

impl Client {
    /// Asks for what changed, or for everything.
    pub(super) fn fetch_book(&mut self, now: Timestamp) {
        if let Some(channel) = self.book_channel() {
            self.session.book.asked += 1;
            let fetch = ToBook::Fetch(FetchBook { revision: self.book.revision });
            self.ask(channel, &fetch, self.session.flow, Ask::FetchBook, now);
        }
    }

    /// A frame of the Address Book.
    pub(super) fn on_book(&mut self, frame: &Frame, now: Timestamp) -> Result<(), Malformed> {
        let Some((said, tail)) = FromBook::decode(frame.kind, &frame.body)? else {
            return Ok(());
        };
        let ask = self.answered(frame, now);
        match said {
            FromBook::Contacts(part) => {
                self.on_contacts(part, !frame.flags.has(Flags::MORE), now);
            }
            FromBook::Changed(changed) => {
                self.on_contact(changed.contact, false, tail.flow(), now);
                if self.session.book.listed && changed.revision > self.book.revision {
                    self.book.revision = changed.revision;
                    self.put_lists();
                }
            }
        }
        if let Some(Ask::Command(held)) = ask {
            self.event(Event::Done { id: held.id });
        }
        Ok(())
    }

    fn on_contacts(&mut self, part: Contacts, last: bool, now: Timestamp) {
        // The first list of a device that knew nothing is no news, except what asks for an answer.
        let quiet = !self.book.known;
        for contact in part.contacts.into_vec() {
            if part.full {
                self.book.named.insert(contact.value.user, ());
            }
            self.on_contact(contact, quiet, Flow::default(), now);
        }
        if !last {
            return;
        }
        let named = core::mem::take(&mut self.book.named);
        if part.full {
            let gone = |contact: &&Contact| {
                !named.contains_key(&contact.user)
                    && contact.relation != Relation::NONE
                    && contact.revision <= part.revision
            };
            let gone: Vec<Contact> = self.book.contacts.values().filter(gone).cloned().collect();
            for contact in gone {
                let contact = Contact { relation: Relation::NONE, ..contact };
                self.on_contact(contact.into(), false, Flow::default(), now);
            }
        }
        self.book.revision = part.revision;
        (self.book.known, self.book.fetched) = (true, true);
        self.session.book.done += 1;
        self.session.book.listed = true;
        self.put_lists();
        self.on_step(now);
    }

    fn on_contact(&mut self, record: Record<Contact>, quiet: bool, flow: Flow, now: Timestamp) {
        let bytes = record.encode();
        let Some(turn) = self.book.put(record.value) else {
            return;
        };
        let Contact { user, relation, pact, .. } = turn.contact;
        let key = Key::cached_contact(user);
        if relation == Relation::NONE {
            self.cache.delete(key);
        } else {
            self.cache.put(key, bytes);
        }
        let (was, was_pact) = turn.before;
        let name = turn.contact.name.into_string();
        if relation != was && !quiet {
            let change = relation.name().to_string();
            self.event(Event::Contact { user: name.clone(), change });
        }
        if relation == Relation::PENDING && (was != relation || was_pact != pact) {
            let text = turn.contact.text.into_string();
            self.event(Event::Invited { user: name, text });
        }
        match (was == Relation::FRIEND, relation == Relation::FRIEND) {
            (false, true) => self.on_friend(user, flow, now),
            (true, false) => self.on_parted(user, flow, now),
            // Parted and friends anew while this device did not hear of it.
            (true, true) if was_pact != pact => self.renew_leg(user, now),
            _ => {}
        }
    }

    fn on_friend(&mut self, user: UserId, flow: Flow, now: Timestamp) {
        self.watch(&[user], flow);
        if let Some(slot) = self.device.user.and_then(|me| self.talks.slot_with(me, user)) {
            self.talks[slot].closed = false;
            self.advance(slot, now);
        }
    }

    fn on_parted(&mut self, user: UserId, flow: Flow, now: Timestamp) {
        self.faces.forget(user);
        if let (Some(channel), true) = (self.session.cs.channel, self.session.watching) {
            let users = List::new(Vec::from([user])).expect("one fits");
            self.tell(channel, &ToCs::Unwatch(Unwatch { users }), flow);
        }
        self.renew_leg(user, now);
    }

    /// The mixer closes the conversation under the leg, and only a seat under the next pact opens it
    /// again (PROTOCOL §6.3): the leg goes, and what still waits asks for a new one.
    fn renew_leg(&mut self, user: UserId, now: Timestamp) {
        if let Some(slot) = self.device.user.and_then(|me| self.talks.slot_with(me, user)) {
            self.detach(slot);
            self.advance(slot, now);
        }
    }

    /// Watches every friend.
    pub(super) fn watch_all(&mut self) {
        self.session.watching = true;
        let friends = self.book.friends();
        self.watch(&friends, self.session.flow);
    }

    fn watch(&mut self, users: &[UserId], flow: Flow) {
        let (Some(channel), true) = (self.session.cs.channel, self.session.watching) else {
            return;
        };
        for part in users.chunks(LIST_ITEMS_MAX) {
            let users = List::new(part.to_vec()).expect("chunks are of that size");
            self.tell(channel, &ToCs::Watch(Watch { users }), flow);
        }
    }

    /// Keeps how far the lists are known.
    pub(super) fn put_lists(&mut self) {
        let row = rows::ListsRow { book: self.book.revision, inbox: self.inbox_revision };
        self.cache.put(rows::lists(), rows::encode(&row));
    }

    /// The list as the app sees it, by name.
    pub(super) fn contact_items(&self) -> Vec<ContactItem> {
        let by_name = self.book.names.values().filter_map(|user| self.book.contacts.get(user));
        let listed = by_name.filter(|contact| contact.relation != Relation::NONE);
        listed.map(|contact| self.contact_item(contact)).collect()
    }

    fn contact_item(&self, contact: &Contact) -> ContactItem {
        let seen = self.faces.of(contact.user);
        let user = contact.name.as_str().to_string();
        let name = seen.map(|p| p.name.as_str()).filter(|name| !name.is_empty());
        let asked = contact.relation != Relation::FRIEND;
        ContactItem {
            state: contact.relation.name().to_string(),
            text: if asked { contact.text.as_str().to_string() } else { String::new() },
            status: seen.map_or(Status::Offline, |p| p.status).name().to_string(),
            name: name.unwrap_or(&user).to_string(),
            message: seen.map_or("", |p| p.message.as_str()).to_string(),
            user,
        }
    }

    /// The channel of the Address Book, once it answers.
    pub(super) fn book_channel(&self) -> Option<crate::id::Channel> {
        self.session.book.channel.filter(|_| self.session.book.open)
    }

    /// The name of somebody as the app knows them.
    pub(super) fn name_of(&self, user: UserId) -> String {
        if self.device.user == Some(user) {
            return self.name.as_str().to_string();
        }
        self.book.name(user)
    }
}
