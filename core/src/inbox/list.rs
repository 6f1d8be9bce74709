//! Reading an inbox, page by page, for a client.

use alloc::vec::Vec;

use crate::attached::Asker;
use crate::edge::Post;
use crate::id::UserId;
use crate::limits::{LIST_ITEMS_MAX, PAGE_BYTES_MAX, SCAN_ROWS_MAX};
use crate::model::conversation::InboxItem;
use crate::store::{Key, Part, Request, Row, Space};
use crate::wire::body::inbox::{Conversations, FromInbox};
use crate::wire::bounded::List;
use crate::wire::record::Record;
use crate::wire::tail::Tail;

/// Where a reading stands.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) user: UserId,
    pub(super) asker: Asker,
    pub(super) since: u64,
    revision: u64,
    after: Option<Key>,
    part: Vec<Record<InboxItem>>,
    part_bytes: usize,
}

impl Listing {
    pub(super) fn new(user: UserId, asker: Asker, since: u64) -> Self {
        Self { user, asker, since, revision: 0, after: None, part: Vec::new(), part_bytes: 0 }
    }

    /// The inbox is at a revision: everything is wanted where there is nothing to build on. `false`:
    /// nothing changed, no row needs reading.
    pub(super) fn begin(&mut self, revision: u64) -> bool {
        self.revision = revision;
        if self.since > revision {
            self.since = 0;
        }
        self.since != revision
    }

    /// The next page.
    pub(super) fn request(&self) -> Request {
        Request::Scan {
            space: Space::Inbox,
            prefix: alloc::vec![Part::Id(self.user.0)],
            after: self.after.clone(),
            limit: u32::try_from(SCAN_ROWS_MAX).expect("the bound is a small number"),
        }
    }

    /// Takes in a page: the parts of the answer that are full.
    pub(super) fn on_rows(&mut self, rows: &[Row]) -> Vec<Post> {
        let mut posts = Vec::new();
        for row in rows {
            let Ok(item) = Record::<InboxItem>::decode(&row.value) else {
                continue;
            };
            if item.value.revision <= self.since {
                continue;
            }
            // Items are small and of one size, but for what a later version keeps behind them.
            let bytes = row.value.len() + LENGTH_BYTES;
            if self.part.len() == LIST_ITEMS_MAX || self.part_bytes + bytes > PAGE_BYTES_MAX {
                posts.push(self.part(true));
            }
            self.part_bytes += bytes;
            self.part.push(item);
        }
        self.after = rows.last().map(|row| row.key.clone());
        posts
    }

    /// A part of the answer, or its last.
    pub(super) fn part(&mut self, more: bool) -> Post {
        self.part_bytes = 0;
        let items = List::new(core::mem::take(&mut self.part)).expect("cut at the bound");
        let frame = FromInbox::Conversations(Conversations { revision: self.revision, items });
        self.asker.answer(frame.kind(), more, frame.encode(&Tail::of_flow(self.asker.flow)))
    }
}

/// The length that stands before a record in a list.
const LENGTH_BYTES: usize = 3;
