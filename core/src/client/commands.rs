//! Each command to its outcome; what is wrong with one is said before anything is asked.

use alloc::vec::Vec;

use super::event::Event;
use super::link::{Ask, Said};
use super::session::Stage;
use super::talk::HistoryAsk;
use super::waiting::Held;
use super::{Client, Command};
use crate::error::{Code, Refusal};
use crate::id::{Channel, UserId};
use crate::limits::{
    ASKS_MAX, COMMANDS_WAITING_MAX, HISTORY_DEFAULT, INVITE_CHARS_MAX, NAME_CHARS_MAX,
    PAGE_ENTRIES_MAX, PROFILE_CHARS_MAX, TEXT_BYTES_MAX, TYPING_INTERVAL_MS,
};
use crate::model::contact::Relation;
use crate::model::name;
use crate::model::presence::Status;
use crate::time::Timestamp;
use crate::wire::body::book::{Accept, Decline, Invite, Remove, ToBook};
use crate::wire::body::cs::{Leave, SetProfile, ToCs};
use crate::wire::body::mixer::Content;
use crate::wire::bounded::Text;

/// What came of trying a command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tried {
    /// Its outcome has come or will come.
    Taken,
    /// It needs a connection or the contact list.
    Early,
}

use Tried::{Early, Taken};

impl Client {
    /// Does a command, or keeps it until it can be done.
    pub(super) fn on_command(&mut self, held: Held, now: Timestamp) {
        match self.attempt(&held, now) {
            Ok(Taken) => {}
            Ok(Early) => {
                if let Err(held) = self.waiting.hold(held) {
                    self.refuse(held.id, Refusal::of(Code::LimitReached));
                }
            }
            Err(code) => self.on_command_refused(&held, Refusal::of(code)),
        }
    }

    /// Tries again what waited.
    pub(super) fn run_waiting(&mut self, now: Timestamp) {
        for held in self.waiting.take() {
            self.on_command(held, now);
        }
    }

    fn attempt(&mut self, held: &Held, now: Timestamp) -> Result<Tried, Code> {
        if self.stage == Stage::Leaving {
            return Err(Code::Offline);
        }
        let id = held.id;
        match &held.command {
            Command::Send { to, text } => self.try_send(id, to, text, now),
            Command::Typing { to } => self.try_typing(id, to, now),
            Command::Status { status } => self.try_status(id, status, now),
            Command::Message { text } => {
                let message = Some(line(text, PROFILE_CHARS_MAX)?);
                self.try_profile(held, SetProfile { name: None, message }, now)
            }
            Command::Name { text } => {
                let name = Some(line(text, PROFILE_CHARS_MAX)?);
                self.try_profile(held, SetProfile { name, message: None }, now)
            }
            Command::Add { user, text } => {
                let (name, text) = (self.person(user)?, line(text, INVITE_CHARS_MAX)?);
                Ok(self.try_book(held, &ToBook::Invite(Invite { name, text }), now))
            }
            Command::Accept { user } => {
                let asked = self.listed(user, Code::NoInvitation)?;
                Ok(asked.map_or(Early, |user| {
                    self.try_book(held, &ToBook::Accept(Accept { user }), now)
                }))
            }
            Command::Decline { user } => {
                let asked = self.listed(user, Code::NoInvitation)?;
                Ok(asked.map_or(Early, |user| {
                    self.try_book(held, &ToBook::Decline(Decline { user }), now)
                }))
            }
            Command::Remove { user } => {
                let asked = self.listed(user, Code::NotAContact)?;
                Ok(asked.map_or(Early, |user| {
                    self.try_book(held, &ToBook::Remove(Remove { user }), now)
                }))
            }
            Command::Contacts => Ok(self.try_contacts(id)),
            Command::History { with, before, limit } => {
                self.try_history(id, with, *before, *limit, now)
            }
            Command::Sync => {
                if self.stage != Stage::Ready {
                    return Ok(Early);
                }
                if self.syncs.len() >= COMMANDS_WAITING_MAX {
                    return Err(Code::LimitReached);
                }
                self.sync(id, now);
                Ok(Taken)
            }
            Command::SignOut => Ok(self.try_sign_out(id, now)),
        }
    }

    /// Somebody else's name, well formed.
    fn person(&self, text: &str) -> Result<Text<NAME_CHARS_MAX>, Code> {
        let name = name::account_name(text).ok_or(Code::Invalid)?;
        if name == self.name { Err(Code::Yourself) } else { Ok(name) }
    }

    /// The friend of a name. `None`: the list must be read first.
    fn friend(&self, text: &str) -> Result<Option<UserId>, Code> {
        let name = self.person(text)?;
        match self.book.friend(name.as_str()).filter(|_| self.device.user.is_some()) {
            None if self.book.fetched => Err(Code::NotAContact),
            friend => Ok(friend),
        }
    }

    /// Somebody on the list. `None`: the list must be read first.
    fn listed(&self, text: &str, otherwise: Code) -> Result<Option<UserId>, Code> {
        let name = self.person(text)?;
        if !self.book.fetched {
            return Ok(None);
        }
        let on_list = |user: &UserId| self.book.relation(*user) != Relation::NONE;
        self.book.user(name.as_str()).filter(on_list).map(Some).ok_or(otherwise)
    }

    fn try_send(
        &mut self,
        id: Option<u64>,
        to: &str,
        text: &str,
        now: Timestamp,
    ) -> Result<Tried, Code> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(Code::TooLarge);
        }
        if text.is_empty() {
            return Err(Code::Invalid);
        }
        let Some(friend) = self.friend(to)?.filter(|_| self.stage != Stage::Loading) else {
            return Ok(Early);
        };
        let content = Content::new(Vec::from(text)).map_err(|_| Code::TooLarge)?;
        self.send(id, friend, content, now);
        Ok(Taken)
    }

    fn try_typing(&mut self, id: Option<u64>, to: &str, now: Timestamp) -> Result<Tried, Code> {
        let friend = self.friend(to)?;
        let hides = self.device.status == Status::AppearOffline;
        if let (Some(me), Some(friend), Stage::Ready, false) =
            (self.device.user, friend, self.stage, hides)
        {
            let conversation = crate::id::ConversationId::one_to_one(me, friend);
            if let Some(slot) = self.talks.open(conversation, friend) {
                let talk = &mut self.talks[slot];
                talk.types |= talk.typed.is_none_or(|at| now.since(at) >= TYPING_INTERVAL_MS);
                self.advance(slot, now);
            }
        }
        self.event(Event::Done { id });
        Ok(Taken)
    }

    fn try_status(&mut self, id: Option<u64>, text: &str, now: Timestamp) -> Result<Tried, Code> {
        let status = Status::from_name(text).filter(|status| status.is_choosable());
        let status = status.ok_or(Code::Invalid)?;
        if self.stage == Stage::Loading {
            return Ok(Early);
        }
        if self.choosing.len() >= COMMANDS_WAITING_MAX {
            return Err(Code::LimitReached);
        }
        self.device.status = status;
        self.put_device(None);
        self.choosing.push(id);
        if self.stage == Stage::Ready {
            self.publish(now);
        }
        Ok(Taken)
    }

    fn try_profile(
        &mut self,
        held: &Held,
        profile: SetProfile,
        now: Timestamp,
    ) -> Result<Tried, Code> {
        let channel = self.session.cs.channel.filter(|_| self.stage == Stage::Ready);
        Ok(self.try_ask(channel, held, &ToCs::SetProfile(profile), now))
    }

    fn try_book(&mut self, held: &Held, said: &ToBook, now: Timestamp) -> Tried {
        let channel = self.book_channel().filter(|_| self.stage == Stage::Ready);
        self.try_ask(channel, held, said, now)
    }

    fn try_ask(
        &mut self,
        channel: Option<Channel>,
        held: &Held,
        said: &impl Said,
        now: Timestamp,
    ) -> Tried {
        let Some(channel) = channel else { return Early };
        if self.link.as_ref().is_some_and(|link| link.asks() >= ASKS_MAX) {
            self.refuse(held.id, Refusal::of(Code::LimitReached));
            return Taken;
        }
        let flow = self.draw_flow();
        self.ask(channel, said, flow, Ask::Command(held.clone()), now);
        Taken
    }

    fn try_contacts(&mut self, id: Option<u64>) -> Tried {
        if !self.book.fetched {
            return Early;
        }
        let (revision, list) = (self.book.revision, self.contact_items());
        self.faces.list();
        self.event(Event::Contacts { id, revision, list });
        Taken
    }

    fn try_history(
        &mut self,
        id: Option<u64>,
        with: &str,
        before: Option<u64>,
        limit: Option<u16>,
        now: Timestamp,
    ) -> Result<Tried, Code> {
        let most = u16::try_from(PAGE_ENTRIES_MAX).unwrap_or(u16::MAX);
        let limit = limit.unwrap_or(HISTORY_DEFAULT).min(most);
        if limit == 0 {
            return Err(Code::Invalid);
        }
        let friend = self.friend(with)?;
        let (Some(friend), Some(me), Stage::Ready) = (friend, self.device.user, self.stage) else {
            return Ok(Early);
        };
        let conversation = crate::id::ConversationId::one_to_one(me, friend);
        let slot = self.talks.open(conversation, friend).ok_or(Code::LimitReached)?;
        let pages = &mut self.talks[slot].pages;
        if pages.len() >= COMMANDS_WAITING_MAX {
            return Err(Code::LimitReached);
        }
        pages.push(HistoryAsk { id, before: before.unwrap_or(u64::MAX), limit });
        self.advance(slot, now);
        Ok(Taken)
    }

    fn try_sign_out(&mut self, id: Option<u64>, now: Timestamp) -> Tried {
        match (self.stage, self.session.cs.channel) {
            (Stage::Ready, Some(channel)) => {
                self.leaving = Some(id);
                self.stage = Stage::Leaving;
                let flow = self.draw_flow();
                self.ask(channel, &ToCs::Leave(Leave {}), flow, Ask::Leave, now);
                Taken
            }
            (Stage::Resting | Stage::Suspended, _) => {
                self.leaving = Some(id);
                self.erase(now);
                Taken
            }
            _ => Early,
        }
    }
}

/// A one-line text of bounded length.
fn line<const MAX: usize>(text: &str, chars: usize) -> Result<Text<MAX>, Code> {
    if text.chars().count() > chars {
        return Err(Code::TooLarge);
    }
    name::line(text, chars).ok_or(Code::Invalid)
}
