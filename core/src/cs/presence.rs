//! What homes tell of those who are watched (PROTOCOL §5.2).
//!
//! A change is encoded once and shared by all watchers here.

use alloc::boxed::Box;

use bytes::Bytes;

use super::floor::{Term, Verdict};
use super::friends::{Held, Standing};
use super::{Cs, End, Output};
use crate::edge::Post;
use crate::edge::cs_ps::ToCs;
use crate::edge::gate_service::{Lane, ToGate};
use crate::error::CloseReason;
use crate::id::{EndpointId, Epoch, Flow, OpId, UserId};
use crate::model::presence::{Presence, Status};
use crate::wire::body::cs::{Done, FromCs, PresenceOf, Settling};
use crate::wire::record::Record;
use crate::wire::tail::Tail;

/// The kind of a presence frame.
pub(super) const KIND: u16 = 0x0412;

/// A presence frame's body.
pub(super) fn body(user: UserId, presence: Record<Presence>, flow: Flow) -> Bytes {
    FromCs::Presence(PresenceOf { user, presence }).encode(&Tail::of_flow(flow))
}

/// What somebody sees who may not see.
pub(super) fn offline() -> Record<Presence> {
    let (name, message) = Default::default();
    Record::from(Presence { status: Status::Offline, name, message })
}

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Audience {
    Admitted,
    One(u32),
}

impl Cs {
    pub(super) fn on_ps(&mut self, flow: Flow, op: Option<OpId>, tell: ToCs) {
        match tell {
            ToCs::Saved { outcome } => {
                let Some(asked) = op.and_then(|op| self.asks.take(op)) else { return };
                match outcome {
                    Ok(()) => {
                        if asked.request != 0 {
                            let done = FromCs::Done(Done {});
                            self.answer(asked.session, asked.flow, asked.request, &done);
                        }
                        self.release(asked.session);
                    }
                    Err(refusal) => self.answered(asked, Some(refusal)),
                }
            }
            ToCs::Admit { friend, watcher, number, epoch, version, acl, presence } => {
                let Some((at, person)) = self.pair_of(friend, watcher) else { return };
                if self.reach(at, epoch, acl)
                    && self.stand(at, person, Some(number), Standing::Admitted)
                {
                    self.first(flow, at, person, version, *presence);
                }
                self.release_held(at);
            }
            ToCs::Deny { friend, watcher, number, epoch, acl } => {
                self.on_denied(flow, (friend, watcher), Some(number), (epoch, acl));
            }
            ToCs::Revoke { friend, watcher, epoch, acl } => {
                self.on_denied(flow, (friend, watcher), None, (epoch, acl));
            }
            ToCs::Settling { friend, watcher, number, epoch, acl } => {
                let Some((at, person)) = self.pair_of(friend, watcher) else { return };
                if self.reach(at, epoch, acl)
                    && self.stand(at, person, Some(number), Standing::Settling)
                {
                    let word = FromCs::Settling(Settling { user: friend });
                    let body = word.encode(&Tail::of_flow(flow));
                    self.show(flow, at, Audience::One(person), word.kind(), &body);
                }
                self.release_held(at);
            }
            ToCs::Presence { friend, epoch, version, acl, presence } => {
                let held = Held { flow, epoch, version, acl, presence: *presence };
                self.on_presence(friend, held);
            }
            ToCs::Own { user, presence } => self.on_own(flow, user, *presence),
            ToCs::Boot { user, endpoint, session } => {
                self.on_boot(flow, (user, endpoint), session);
            }
        }
    }

    fn on_boot(&mut self, flow: Flow, (user, endpoint): (UserId, EndpointId), session: OpId) {
        let Some(key) = self.sessions.of_device(user, endpoint) else { return };
        let Some(found) = self.sessions.get_mut(key) else { return };
        if found.registered == Some(session) {
            found.registered = None;
        }
        let port = found.port;
        if key == session {
            let close = ToGate::Close { port, reason: CloseReason::Superseded };
            self.post_gate(flow, port, close);
            self.end(key, End::Silent);
        }
    }

    fn pair_of(&self, friend: UserId, watcher: UserId) -> Option<(u32, u32)> {
        let (at, person) = (self.friends.of(friend)?, self.sessions.person_of(watcher));
        // An admission counts for the friend's floor even where its watcher has gone.
        Some((at, person.unwrap_or(u32::MAX)))
    }

    /// Takes an admission's number in; `false`: of a past term.
    fn reach(&mut self, friend: u32, epoch: Epoch, acl: u64) -> bool {
        let Some(entry) = self.friends.get_mut(friend) else { return false };
        match entry.floor.reach(epoch, acl) {
            Term::Past => false,
            Term::Same => true,
            Term::New => {
                entry.void();
                true
            }
        }
    }

    /// How a pair stands now; `false`: the word answers another watch, or nobody watches.
    fn stand(&mut self, friend: u32, person: u32, number: Option<u32>, standing: Standing) -> bool {
        let Some(entry) = self.friends.get_mut(friend) else { return false };
        let Some(watcher) = entry.watcher_mut(person) else { return false };
        if number.is_some_and(|number| number != watcher.number) {
            return false;
        }
        watcher.standing = standing;
        entry.settle();
        true
    }

    /// The first value of somebody just admitted.
    fn first(
        &mut self,
        flow: Flow,
        friend: u32,
        person: u32,
        version: u64,
        presence: Record<Presence>,
    ) {
        let Some(entry) = self.friends.get_mut(friend) else { return };
        if !entry.floor.is_overtaken(version) {
            return self.take(flow, friend, version, presence, Some(person));
        }
        if let Some(seen) = entry.seen.clone() {
            self.show(Flow::default(), friend, Audience::One(person), KIND, &seen);
        }
    }

    /// Keeps a presence as what is seen, and shows it: to all who are admitted where it is news to them
    /// (what lay between may never have come), else to who was admitted just now.
    fn take(
        &mut self,
        flow: Flow,
        friend: u32,
        version: u64,
        presence: Record<Presence>,
        first_of: Option<u32>,
    ) {
        let Some(entry) = self.friends.get_mut(friend) else { return };
        entry.floor.shown(version);
        let plain = body(entry.user, presence.clone(), Flow::default());
        let told = if flow.id == 0 { plain.clone() } else { body(entry.user, presence, flow) };
        let is_news = entry.seen.replace(plain.clone()) != Some(plain);
        let to = if is_news { Some(Audience::Admitted) } else { first_of.map(Audience::One) };
        if let Some(to) = to {
            self.show(flow, friend, to, KIND, &told);
        }
    }

    fn on_denied(
        &mut self,
        flow: Flow,
        (friend, watcher): (UserId, UserId),
        number: Option<u32>,
        (epoch, acl): (Epoch, u64),
    ) {
        let Some((at, person)) = self.pair_of(friend, watcher) else { return };
        if self.reach(at, epoch, acl) && self.stand(at, person, number, Standing::Denied) {
            let body = body(friend, offline(), flow);
            self.show(flow, at, Audience::One(person), KIND, &body);
        }
        self.release_held(at);
    }

    fn on_presence(&mut self, friend: UserId, news: Held) {
        let Some(at) = self.friends.of(friend) else { return };
        let Some(entry) = self.friends.get_mut(at) else { return };
        match entry.floor.judge(news.epoch, news.version, news.acl) {
            Verdict::Drop => {}
            Verdict::Hold => {
                let rank = |held: &Held| (held.epoch, held.version);
                if entry.held.as_ref().is_none_or(|held| rank(held) < rank(&news)) {
                    entry.held = Some(Box::new(news));
                }
            }
            // Nobody is admitted, so nobody is shown it; an admission brings its own.
            Verdict::Show if entry.admitted().next().is_none() => {}
            Verdict::Show => {
                self.take(news.flow, at, news.version, news.presence, None);
            }
        }
    }

    /// Judges again what waited for an admission.
    fn release_held(&mut self, friend: u32) {
        let Some(entry) = self.friends.get_mut(friend) else { return };
        if let Some(held) = entry.held.take() {
            let user = entry.user;
            self.on_presence(user, *held);
        }
    }

    fn on_own(&mut self, flow: Flow, user: UserId, presence: Record<Presence>) {
        let Some(person) = self.sessions.person_of(user) else { return };
        let body = body(user, presence, flow);
        for session in self.sessions.of_person(person) {
            let (port, lane) = (session.port, Lane::Presence(user));
            let (kind, body) = (KIND, body.clone());
            let frame = ToGate::Frame { port, lane, kind, request: 0, more: false, body };
            self.out.push(Output::Tell(Post::node(flow, port.node, frame)));
        }
    }

    /// Sends one body to everyone meant.
    fn show(&mut self, flow: Flow, friend: u32, to: Audience, kind: u16, body: &Bytes) {
        let Some(entry) = self.friends.get(friend) else { return };
        let meant = entry.watchers().iter().filter(|watcher| match to {
            Audience::Admitted => watcher.standing == Standing::Admitted,
            Audience::One(person) => watcher.person == person,
        });
        for watcher in meant {
            for port in self.sessions.watching(watcher.person, friend) {
                let (lane, body) = (Lane::Presence(entry.user), body.clone());
                let frame = ToGate::Frame { port, lane, kind, request: 0, more: false, body };
                self.out.push(Output::Tell(Post::node(flow, port.node, frame)));
            }
        }
    }
}
