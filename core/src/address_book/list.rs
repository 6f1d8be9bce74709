//! Reading a whole list, page by page: for a client, or for who may see the person.

use alloc::vec::Vec;

use crate::attached::Asker;
use crate::edge::Post;
use crate::id::UserId;
use crate::limits::{LIST_ITEMS_MAX, PAGE_BYTES_MAX, SCAN_ROWS_MAX};
use crate::model::contact::{Contact, Relation};
use crate::store::{Key, Part, Request, Row, Space};
use crate::wire::body::book::{Contacts, FromBook};
use crate::wire::bounded::List;
use crate::wire::record::Record;
use crate::wire::tail::Tail;

/// Where a reading stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    after: Option<Key>,
    friends: Vec<UserId>,
    /// The list's revision, and what of it is wanted.
    revision: u64,
    since: u64,
    is_full: bool,
    part: Vec<Record<Contact>>,
    part_bytes: usize,
}

impl Listing {
    /// For a client that has `since` of a list at `revision`: a delta, or all of it where there is
    /// nothing to build on.
    pub(super) fn since(since: u64, revision: u64) -> Self {
        let is_full = since == 0 || since > revision;
        Self { revision, since: if is_full { 0 } else { since }, is_full, ..Self::default() }
    }

    /// The next page.
    pub(super) fn request(&self, user: UserId) -> Request {
        Request::Scan {
            space: Space::Contact,
            prefix: alloc::vec![Part::Id(user.0)],
            after: self.after.clone(),
            limit: u32::try_from(SCAN_ROWS_MAX).expect("the bound is a small number"),
        }
    }

    /// Whether nothing changed since, so that no row needs reading.
    pub(super) fn is_empty(&self) -> bool {
        self.since == self.revision
    }

    /// Everyone who may see the person: in key order, which is sorted.
    pub(super) fn into_friends(self) -> Vec<UserId> {
        self.friends
    }

    /// Takes in a page for its friends only.
    pub(super) fn on_friends(&mut self, rows: &[Row]) {
        for contact in rows.iter().filter_map(contact_of) {
            if contact.value.relation == Relation::FRIEND {
                self.friends.push(contact.value.user);
            }
        }
        self.after = rows.last().map(|row| row.key.clone());
    }

    /// Takes in a page for a client: the parts of the answer that are full.
    pub(super) fn on_rows(&mut self, asker: &Asker, rows: &[Row]) -> Vec<Post> {
        let mut posts = Vec::new();
        for contact in rows.iter().filter_map(contact_of) {
            let tombstone = contact.value.relation == Relation::NONE;
            if contact.value.revision <= self.since || (tombstone && self.is_full) {
                continue;
            }
            let bytes = contact.encode().len() + LENGTH_BYTES;
            if self.part.len() == LIST_ITEMS_MAX || self.part_bytes + bytes > PAGE_BYTES_MAX {
                posts.push(self.part(asker, true));
            }
            self.part_bytes += bytes;
            self.part.push(contact);
        }
        self.after = rows.last().map(|row| row.key.clone());
        posts
    }

    /// A part of the answer, or its last.
    pub(super) fn part(&mut self, asker: &Asker, more: bool) -> Post {
        self.part_bytes = 0;
        let contacts = List::new(core::mem::take(&mut self.part)).expect("cut at the bound");
        let Self { revision, is_full: full, .. } = *self;
        let frame = FromBook::Contacts(Contacts { revision, full, contacts });
        asker.answer(frame.kind(), more, frame.encode(&Tail::of_flow(asker.flow)))
    }
}

/// The length that stands before a record in a list.
const LENGTH_BYTES: usize = 3;

fn contact_of(row: &Row) -> Option<Record<Contact>> {
    Record::decode(&row.value).ok()
}
