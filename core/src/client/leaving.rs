//! Signing out, and forgetting a person (PROTOCOL §4.2).

use alloc::vec::Vec;

use super::book::Book;
use super::link::{Ask, Purpose};
use super::presence::Faces;
use super::session::Stage;
use super::talk::Talks;
use super::{Client, Timer, rows};
use crate::error::{Code, Refusal};
use crate::limits::CLOSE_FLUSH_MS;
use crate::store::Key;
use crate::time::Timestamp;
use crate::wire::body::account::{SignOut, ToAccount};

impl Client {
    /// Forgets the person, not the device.
    pub(super) fn forget_everything(&mut self) {
        for counter in self.sends.counters() {
            self.fail(counter, Refusal::of(Code::SignInEnded));
        }
        self.delete_rows();
        self.device.user = None;
        self.book = Book::default();
        self.faces = Faces::default();
        self.talks = Talks::new(self.rng.next_u64());
        self.inbox_revision = 0;
    }

    fn delete_rows(&mut self) {
        for key in self.sends.keys() {
            self.cache.delete(key);
        }
        for talk in self.talks.iter() {
            self.cache.delete(Key::cached_conversation(talk.id));
        }
        for user in self.book.users() {
            self.cache.delete(Key::cached_contact(user));
        }
        self.cache.delete(rows::lists());
    }

    /// The end of a sign-out: links closed, the cache empty, then `done`.
    pub(super) fn erase(&mut self, now: Timestamp) {
        let offline = Refusal::of(Code::Offline);
        self.stage = Stage::Leaving;
        self.drop_link(CLOSE_FLUSH_MS);
        if self.cache.next().erases {
            return;
        }
        for counter in self.sends.counters() {
            self.fail(counter, offline);
        }
        let held = self.waiting.take().into_iter().map(|held| held.id);
        let syncs = core::mem::take(&mut self.syncs).into_iter().map(|sync| sync.id);
        let choosing = core::mem::take(&mut self.choosing);
        let pages = self.talks.take_pages().into_iter().map(|page| page.id);
        let ids: Vec<Option<u64>> = held.chain(syncs).chain(choosing).chain(pages).collect();
        for id in ids {
            self.refuse(id, offline);
        }
        self.delete_rows();
        self.cache.delete(rows::device());
        self.cache.next().erases = true;
        self.timers.clear(&Timer::Dial);
        self.seen = now;
    }

    /// Asks account to end the sign-in.
    pub(super) fn sign_out(&mut self, now: Timestamp) {
        let channel = self.link.as_ref().and_then(|link| link.channel_of(Purpose::Account));
        let (Some(channel), Some(refresh)) = (channel, self.device.newest.clone()) else {
            return self.erase(now);
        };
        let (flow, ask) = (self.session.flow, Ask::SignOut);
        self.ask(channel, &ToAccount::SignOut(SignOut { refresh }), flow, ask, now);
    }
}
