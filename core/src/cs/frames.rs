//! What clients say to their CS (PROTOCOL §4.5).

use super::Cs;
use super::asks::{Ask, Asked};
use super::friends::Standing;
use super::presence;
use crate::edge::gate_service::{Lane, ToGate};
use crate::edge::{Post, cs_book, cs_ps};
use crate::error::{Code, Refusal};
use crate::id::{Act, Flow, OpId, Shard, UserId};
use crate::limits::{CONTACTS_MAX, CS_ASKS_MAX, PROFILE_CHARS_MAX};
use crate::model::name::line;
use crate::model::presence::Status;
use crate::time::Timestamp;
use crate::wire::body::cs::{Done, FromCs, SetProfile, Settling, ToCs};
use crate::wire::tail::Tail;

impl Cs {
    pub(super) fn on_frame(
        &mut self,
        key: OpId,
        flow: Flow,
        request: u32,
        (kind, body): (u16, &[u8]),
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let decoded = ToCs::decode(kind, body).map_err(|_| Refusal::of(Code::Malformed))?;
        let (word, tail) = decoded.ok_or(Refusal::of(Code::Unsupported))?;
        match word {
            ToCs::Watch(watch) => self.on_watch(key, flow, &watch.users)?,
            ToCs::Unwatch(unwatch) => self.on_unwatch(key, &unwatch.users),
            ToCs::SetStatus(set) => self.on_status(key, flow, set.status, now)?,
            ToCs::Leave(_) => self.on_leave(key, flow),
            ToCs::SetProfile(set) => {
                return self.on_profile(key, flow, request, (set, tail.act()), now);
            }
            ToCs::Contact(ask) => return self.on_contact(key, flow, request, ask.user, now),
        }
        if request != 0 {
            self.answer(key, flow, request, &FromCs::Done(Done {}));
        }
        Ok(())
    }

    fn on_watch(&mut self, key: OpId, flow: Flow, users: &[UserId]) -> Result<(), Refusal> {
        let Some(watcher) = self.sessions.user_of(key) else { return Ok(()) };
        for &user in users.iter().filter(|user| **user != watcher) {
            let Some(session) = self.sessions.get(key) else { return Ok(()) };
            if session.watched.len() >= CONTACTS_MAX {
                return Err(Refusal::of(Code::LimitReached));
            }
            let person = session.person;
            let friend = self.friends.enter(user);
            let Some(session) = self.sessions.get_mut(key) else { return Ok(()) };
            let Err(at) = session.watched.binary_search(&friend) else { continue };
            if session.watched.is_empty() {
                session.watched.reserve_exact(users.len());
            }
            session.watched.insert(at, friend);
            match self.friends.pair(friend, person) {
                Some(number) => {
                    let watch = cs_ps::ToPs::Watch { friend: user, watcher, number };
                    self.post_home(flow, user, watch);
                }
                None => self.show_known(key, friend, person),
            }
        }
        Ok(())
    }

    /// Another device of the person watches this friend already: what it was told.
    fn show_known(&mut self, key: OpId, friend: u32, person: u32) {
        let Some(entry) = self.friends.get(friend) else { return };
        let Some(watcher) = entry.watcher(person) else { return };
        let user = entry.user;
        let (kind, body) = match watcher.standing {
            Standing::Asked => return,
            Standing::Admitted => match &entry.seen {
                Some(seen) => (presence::KIND, seen.clone()),
                None => return,
            },
            Standing::Denied => {
                (presence::KIND, presence::body(user, presence::offline(), Flow::default()))
            }
            Standing::Settling => {
                let word = FromCs::Settling(Settling { user });
                (word.kind(), word.encode(&Tail::default()))
            }
        };
        let Some(session) = self.sessions.get(key) else { return };
        let (port, lane) = (session.port, Lane::Presence(user));
        let frame = ToGate::Frame { port, lane, kind, request: 0, more: false, body };
        self.post_gate(Flow::default(), port, frame);
    }

    fn on_unwatch(&mut self, key: OpId, users: &[UserId]) {
        let Some(watcher) = self.sessions.user_of(key) else { return };
        for user in users {
            let Some(friend) = self.friends.of(*user) else { continue };
            let Some(session) = self.sessions.get_mut(key) else { return };
            let Ok(at) = session.watched.binary_search(&friend) else { continue };
            session.watched.remove(at);
            let person = session.person;
            self.part(friend, person, watcher);
        }
    }

    fn on_status(
        &mut self,
        key: OpId,
        flow: Flow,
        status: Status,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if !status.is_choosable() {
            return Err(Refusal::of(Code::Invalid));
        }
        let Some(user) = self.sessions.user_of(key) else { return Ok(()) };
        let said = self.said.read(now);
        let Some(session) = self.sessions.get_mut(key) else { return Ok(()) };
        // A session that was opened after a pause said nothing before it.
        let chosen = said.max(session.chosen);
        let (endpoint, sign_in) = (session.endpoint, session.sign_in);
        (session.status, session.chosen) = (Some(status), chosen);
        if session.registered.replace(key) != Some(key) {
            let session = key;
            self.post_home(flow, user, cs_ps::ToPs::Arrive { user, endpoint, session, sign_in });
        }
        let (session, ago_ms) = (key, (chosen < now).then(|| now.since(chosen)));
        let publish = cs_ps::ToPs::Publish { user, endpoint, session, status, ago_ms };
        self.post_home(flow, user, publish);
        Ok(())
    }

    fn on_leave(&mut self, key: OpId, flow: Flow) {
        let Some(user) = self.sessions.user_of(key) else { return };
        let Some(session) = self.sessions.get_mut(key) else { return };
        let endpoint = session.endpoint;
        session.status = None;
        if let Some(registered) = session.registered.take() {
            let leave = cs_ps::ToPs::Leave { user, endpoint, session: registered };
            self.post_home(flow, user, leave);
        }
    }

    fn on_profile(
        &mut self,
        key: OpId,
        flow: Flow,
        request: u32,
        (SetProfile { name, message }, act): (SetProfile, Option<Act>),
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let texts = [&name, &message];
        let fits = |text: &str| line::<{ usize::MAX }>(text, PROFILE_CHARS_MAX).is_some();
        if !texts.into_iter().flatten().all(|text| fits(text.as_str())) {
            return Err(Refusal::of(Code::Invalid));
        }
        let Some(user) = self.sessions.user_of(key) else { return Ok(()) };
        let Some(session) = self.sessions.get(key) else { return Ok(()) };
        let (endpoint, sign_in) = (session.endpoint, session.sign_in);
        let (shard, ask) = (Shard::of_user(user), Ask::Save);
        let node = self.setup.topology.owner(shard);
        let op = self.ask(Asked { session: key, request, flow, node, shard, ask }, now)?;
        let save = cs_ps::ToPs::Save { user, endpoint, sign_in, act, name, message };
        self.post(Post::home(flow, user, save).with_op(Some(op)));
        Ok(())
    }

    fn on_contact(
        &mut self,
        key: OpId,
        flow: Flow,
        request: u32,
        peer: UserId,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let Some(user) = self.sessions.user_of(key) else { return Ok(()) };
        if self.sessions.get(key).is_none_or(|session| session.status.is_none()) {
            return Err(Refusal::of(Code::NotReady));
        }
        if request == 0 {
            // A grant that nobody waits for is not asked for.
            return Ok(());
        }
        if peer == user {
            return Err(Refusal::of(Code::Yourself));
        }
        let (shard, ask) = (Shard::of_user(user), Ask::MayContact(peer));
        let node = self.setup.topology.owner(shard);
        let op = self.ask(Asked { session: key, request, flow, node, shard, ask }, now)?;
        let may = cs_book::ToBook::MayContact { user, peer };
        self.post(Post::home(flow, user, may).with_op(Some(op)));
        Ok(())
    }

    /// Takes a request in that waits for others.
    fn ask(&mut self, asked: Asked, now: Timestamp) -> Result<OpId, Refusal> {
        let session = self.sessions.get_mut(asked.session).ok_or(Refusal::of(Code::OutOfOrder))?;
        if session.asks >= CS_ASKS_MAX {
            return Err(Refusal::later(Code::TooFast, super::FULL_MS));
        }
        session.asks += 1;
        Ok(self.asks.insert(asked, now))
    }
}
