//! The Presence Server: the people of a node's shards, as others see them (PROTOCOL §5.2).
//!
//! Owns: where a person's devices are and what was chosen on them (`person`), who watches and what
//! they were answered (`watches`), the profile row (`profile`), and what is told to whom (`telling`).
//! A person is here while a device, a watcher or a change of the profile needs them.
//!
//! Invariants: a change is told to each CS with somebody admitted, once, and not at all where it ends
//! in what was told last; nobody is admitted whom the book does not name; versions and acl numbers
//! never restart within an epoch.

mod person;
mod profile;
mod settling;
mod telling;
mod watches;

use alloc::vec::Vec;

use self::person::{Endpoint, Person, Save, Visible};
use self::settling::Settling;
use self::watches::Answered;
use crate::edge::cs_ps::{self, ToCs};
use crate::edge::{Envelope, Peer, Post, ToPs, book_ps, mixer_ps};
use crate::error::{Code, Refusal};
use crate::id::{EndpointId, Flow, NodeId, OpId, Shard, UserId};
use crate::index::{Index, Slab};
use crate::limits::{ENDPOINTS_MAX, LINGER_MS, PAUSE_MS, REREAD_MS, SAVES_WAITING_MAX};
use crate::machine::{Deadline, Machine};
use crate::measure::Queues;
use crate::model::presence::{Profile, Status};
use crate::outbox::Outbox;
use crate::setup::Setup;
use crate::store::{Key, Reply, Request, Write};
use crate::time::{Timestamp, Wall};
use crate::timer::TimerQueue;
use crate::topology::Moved;
use crate::wire::record::Record;

#[cfg(test)]
mod tests;

/// Everything that comes in.
#[derive(Debug)]
pub enum Input {
    /// From another machine.
    Tell(Envelope<ToPs>),
    /// How another node does.
    Peer(Peer),
    /// A reading of the wall clock, which nothing here needs.
    Wall(Wall),
    /// The completion of a `Store`.
    Stored {
        /// Echoed.
        op: OpId,
        /// What the store says.
        reply: Reply,
    },
}

/// Everything a PS may ask for.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// To another machine.
    Tell(Post),
    /// Ask the store.
    Store {
        /// To echo.
        op: OpId,
        /// What.
        request: Request,
    },
}

#[derive(Debug)]
enum Pending {
    /// Taken out while it is being looked at.
    Taken,
    Profile(OpId),
    /// The same once more, of somebody who hides: what it says is known.
    Warm(OpId),
    Save {
        person: OpId,
        record: Record<Profile>,
        write: Write,
        /// Whether an outcome of this very write was unknown.
        doubt: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Settled,
    /// Per person: ask the book, read the profile, tell presence, end lingers, show what was held
    /// back.
    Ask(OpId),
    Read(OpId),
    Tell(OpId),
    Linger(OpId),
    Unveil(OpId),
    /// Per request to the store.
    Rewrite(OpId),
}

/// The Presence Server of a node.
#[derive(Debug)]
pub struct Ps {
    setup: Setup,
    people: Slab<Person>,
    by_user: Index<UserId>,
    pending: Slab<Pending>,
    settling: Settling,
    versions: u64,
    acls: u64,
    timers: TimerQueue<Due>,
    out: Outbox<Output>,
}

impl Ps {
    /// Knows nobody yet.
    #[must_use]
    pub fn new(setup: Setup, now: Timestamp) -> Self {
        let mut ps = Self {
            by_user: Index::new(setup.rng("ps").next_u64()),
            setup,
            people: Slab::default(),
            pending: Slab::default(),
            settling: Settling::new(now),
            versions: 0,
            acls: 0,
            timers: TimerQueue::default(),
            out: Outbox::default(),
        };
        ps.watch_settling();
        ps
    }

    /// Its queues. A person has five timers, a write one, the home itself one.
    pub fn queues(&self, queues: &mut Queues) {
        let people = || self.people.iter().map(|(_, person)| person);
        queues.longest("ps saves", people().map(|p| p.saves.len()), SAVES_WAITING_MAX);
        queues.longest("ps endpoints", people().map(|p| p.endpoints.len()), ENDPOINTS_MAX);
        let timers = self.people.len() * 5 + self.pending.len() + 1;
        queues.add("ps timers", self.timers.len(), timers);
    }

    fn find(&self, user: UserId) -> Option<OpId> {
        self.by_user.get(&user).and_then(|slot| self.people.key_at(slot))
    }

    fn on_tell(&mut self, envelope: Envelope<ToPs>, now: Timestamp) {
        if !self.setup.owns(Shard::of_user(user_of(&envelope.tell))) {
            return self.on_stray(&envelope);
        }
        match envelope.tell {
            ToPs::Cs(tell) => {
                let Envelope { flow, from, op, .. } = envelope;
                self.on_cs(tell, from.node, op, flow, now);
            }
            ToPs::Book(book_ps::ToPs::Visible { user, friends }) => {
                self.on_visible(user, friends, envelope.flow, now);
            }
            ToPs::Book(book_ps::ToPs::Changed { user, friend, allowed }) => {
                self.on_changed(user, friend, allowed, envelope.flow);
            }
            ToPs::Mixer(mixer_ps::ToPs::Route { user }) => {
                let person = self.find(user).and_then(|key| self.people.get(key));
                let endpoints = person.map(|person| &person.endpoints[..]).unwrap_or_default();
                let live = endpoints.iter().filter(|endpoint| endpoint.is_live());
                let endpoints = live.map(|endpoint| (endpoint.endpoint, endpoint.node)).collect();
                let tell = mixer_ps::ToMixer::Route { user, endpoints };
                let post = Post::node(envelope.flow, envelope.from.node, tell);
                self.tell(post.with_op(envelope.op));
            }
            ToPs::Mixer(mixer_ps::ToPs::Shows { user }) => {
                let seen = self.find(user).and_then(|key| self.people.get(key)?.seen());
                let shows = seen.is_some_and(|seen| seen.status != Status::Offline);
                let tell = mixer_ps::ToMixer::Shows { shows };
                let post = Post::node(envelope.flow, envelope.from.node, tell);
                self.tell(post.with_op(envelope.op));
            }
        }
    }

    /// For a home that is not here, or not any longer: whoever tells it learns where it is and tells it
    /// there (PROTOCOL §9.5).
    fn on_stray(&mut self, envelope: &Envelope<ToPs>) {
        if let ToPs::Cs(cs_ps::ToPs::Save { .. }) = &envelope.tell {
            let outcome = Err(Refusal::later(Code::Retry, RETRY_MS));
            self.tell(envelope.answer(ToCs::Saved { outcome }));
        }
    }

    fn on_cs(
        &mut self,
        tell: cs_ps::ToPs,
        node: NodeId,
        op: Option<OpId>,
        flow: Flow,
        now: Timestamp,
    ) {
        use cs_ps::ToPs as From;
        match tell {
            From::Arrive { user, endpoint, session, sign_in } => {
                let (is_published, lingers_until) = (false, None);
                let at = Endpoint { endpoint, node, session, sign_in, is_published, lingers_until };
                self.on_arrive(user, at, flow, now);
            }
            From::Publish { user, endpoint, session, status, ago_ms } => {
                self.on_publish(user, (endpoint, node, session), (status, ago_ms), flow, now);
            }
            From::Lost { user, endpoint, session } => {
                let Some(key) = self.find(user) else {
                    return;
                };
                let person = self.people.get_mut(key).expect("the index names people");
                let at = person.endpoint_of(endpoint, node, session);
                if let Some(at) = at.filter(|at| at.is_live()) {
                    at.lingers_until = Some(now + LINGER_MS);
                    self.watch_lingers(key);
                }
            }
            From::Leave { user, endpoint, session } => {
                let Some(key) = self.find(user) else {
                    return;
                };
                let person = self.people.get_mut(key).expect("the index names people");
                let is_it = |at: &Endpoint| at.endpoint == endpoint && at.is_of(node, session);
                person.endpoints.retain(|at| !is_it(at));
                self.on_endpoints_gone(key, flow, now);
            }
            From::Save { user, endpoint, sign_in, act, name, message } => {
                let said = act.map(|act| (endpoint, act));
                let save = Save { flow, node, op, said, name, message, conflicts: 0 };
                self.on_save(user, (endpoint, sign_in), save);
            }
            From::Watch { friend, watcher, number } => {
                self.on_watch(friend, (node, watcher), number, flow);
            }
            From::Unwatch { friend, watcher } => {
                if let Some(key) = self.find(friend) {
                    let person = self.people.get_mut(key).expect("the index names people");
                    person.watches.remove(node, watcher);
                    self.forget_idle(key, now);
                }
            }
        }
    }

    fn on_arrive(&mut self, user: UserId, at: Endpoint, flow: Flow, now: Timestamp) {
        let key = self.load(user);
        let person = self.people.get_mut(key).expect("just loaded");
        if person.is_past(at.endpoint, at.sign_in) {
            return self.boot(user, &at, flow);
        }
        let replaced = person.replace(&at);
        // What was published on it still shows: coming back in time changes nothing.
        let is_published = replaced.is_some_and(|old| old.is_published);
        let is_full = person.endpoints.len() >= ENDPOINTS_MAX;
        let given_up = is_full.then(|| {
            let lingering = person.endpoints.iter().position(|old| !old.is_live());
            person.endpoints.remove(lingering.unwrap_or(0))
        });
        person.endpoints.push(Endpoint { is_published, ..at });
        if person.profile.is_none() {
            person.flow = flow;
        }
        let gone = replaced.into_iter().chain(given_up);
        for old in gone.filter(|old| old.is_live() && !old.is_of(at.node, at.session)) {
            self.boot(user, &old, flow);
        }
        self.watch_lingers(key);
        // Before anything is published there is nothing to tell: and where the home happens to know the
        // person, since somebody watches, nothing more than where it does not (PROTOCOL §5.5).
        let person = self.people.get(key).expect("just loaded");
        if person.endpoints.iter().any(|at| at.is_published) {
            self.tell_own(key, flow, Some(at.node));
        }
        self.refresh(key, flow, now);
    }

    fn on_publish(
        &mut self,
        user: UserId,
        (endpoint, node, session): (EndpointId, NodeId, OpId),
        (status, ago_ms): (Status, Option<u64>),
        flow: Flow,
        now: Timestamp,
    ) {
        let Some(key) = self.find(user).filter(|_| status.is_choosable()) else {
            return;
        };
        let person = self.people.get_mut(key).expect("the index names people");
        let Some(at) = person.endpoint_of(endpoint, node, session) else {
            return;
        };
        let first = !core::mem::replace(&mut at.is_published, true);
        let past = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        let chosen = past(now.0) - past(ago_ms.unwrap_or(0));
        if ago_ms.is_none() || person.is_news((endpoint, node, session), chosen) {
            person.status = status;
            (person.chosen, person.chosen_on) = (chosen, Some((endpoint, node, session)));
        }
        if person.profile.is_none() {
            person.flow = flow;
        }
        if first {
            self.tell_own(key, flow, Some(node));
        }
        self.refresh(key, flow, now);
        self.unveil(key);
    }

    fn on_watch(
        &mut self,
        friend: UserId,
        (node, watcher): (NodeId, UserId),
        number: u32,
        flow: Flow,
    ) {
        let key = self.load(friend);
        self.cool(key);
        let person = self.people.get_mut(key).expect("just loaded");
        person.watches.insert(node, watcher, number);
        if person.visible == Visible::Unasked {
            self.ask_book(key);
        }
        self.answer_watches(key, flow);
    }

    fn on_visible(
        &mut self,
        user: UserId,
        friends: Option<Vec<UserId>>,
        flow: Flow,
        now: Timestamp,
    ) {
        let Some(key) = self.find(user) else {
            return;
        };
        let person = self.people.get_mut(key).expect("the index names people");
        let Some(friends) = friends else {
            if person.visible == Visible::Asked {
                self.timers.set(Due::Ask(key), now + REREAD_MS, "ask the book again");
            }
            return;
        };
        person.visible = Visible::To(friends);
        self.answer_watches(key, flow);
    }

    fn on_changed(&mut self, user: UserId, friend: UserId, allowed: bool, flow: Flow) {
        let Some(key) = self.find(user) else {
            return;
        };
        let person = self.people.get_mut(key).expect("the index names people");
        person.visible.set(friend, allowed);
        for watch in person.watches.of(friend) {
            let needs = match watch.answered {
                Answered::Nothing => false,
                Answered::Denied => allowed,
                Answered::Settling | Answered::Admitted => !allowed,
            };
            if needs {
                self.answer_watch(key, &watch, flow);
            }
        }
    }

    /// Somebody hides whom nobody watches: their home would not know them if they were not there, and
    /// would have to read before it answers a watch. So it reads (PROTOCOL §5.5).
    fn cool(&mut self, key: OpId) {
        let Some(person) = self.people.get_mut(key) else {
            return;
        };
        if person.watches.is_empty() && person.hides() && person.profile.is_some() {
            (person.is_cold, person.visible) = (true, Visible::Unasked);
            let row = Key::profile(person.user);
            let op = self.pending.insert(Pending::Warm(key));
            self.out.push(Output::Store { op, request: Request::Read(row) });
        }
    }

    fn ask_book(&mut self, key: OpId) {
        let person = self.people.get_mut(key).expect("who asks is here");
        person.visible = Visible::Asked;
        let user = person.user;
        self.tell(Post::home(Flow::default(), user, book_ps::ToBook::Visible { user }));
    }

    fn on_peer(&mut self, peer: Peer, now: Timestamp) {
        let node = match peer {
            Peer::Lost(node) => node,
            // A CS that can reach this home again registers what it has.
            Peer::Up(_) => return,
            Peer::Moved(moved) => return self.on_moved(&moved, now),
        };
        let mut touched = Vec::new();
        for (key, person) in self.people.iter_mut() {
            person.watches.forget_node(node);
            for at in &mut person.endpoints {
                if at.node == node && at.is_live() {
                    at.lingers_until = Some(now + LINGER_MS);
                    touched.push(key);
                }
            }
            if person.is_idle() {
                touched.push(key);
            }
        }
        for key in touched {
            self.watch_lingers(key);
            self.forget_idle(key, now);
        }
    }

    /// Who loses a range forgets its people, and nobody is told anything: their CSs tell the new owner,
    /// who settles before it calls anybody offline (PROTOCOL §9.5).
    fn on_moved(&mut self, moved: &Moved, now: Timestamp) {
        self.setup.topology.apply(moved);
        if moved.is_loss(self.setup.node) {
            self.settling.on_loss(moved.range);
            let lost = self.people.iter().filter(|(_, person)| moved.has(person.shard));
            let lost: Vec<OpId> = lost.map(|(key, _)| key).collect();
            for key in lost {
                self.drop_person(key);
            }
        }
        if moved.is_gain(self.setup.node) {
            self.settling.on_gain(moved.range, now);
        }
        self.watch_settling();
    }

    /// A person is another's from here on. What was asked for them is lost; a change of the profile that
    /// is being written lands before the range moved, or fails by its check.
    fn drop_person(&mut self, key: OpId) {
        let Some(person) = self.forget(key) else {
            return;
        };
        for save in person.saves {
            let refusal = Refusal::later(Code::Retry, RETRY_MS);
            self.tell(save.answer(Err(refusal)));
        }
        let of_person = |pending: &Pending| match pending {
            Pending::Profile(of) | Pending::Warm(of) | Pending::Save { person: of, .. } => {
                *of == key
            }
            Pending::Taken => false,
        };
        // At most one of each kind; people with something pending are few.
        let ops = self.pending.iter().filter(|(_, pending)| of_person(pending));
        for op in ops.map(|(op, _)| op).collect::<Vec<_>>() {
            self.pending.remove(op);
            self.timers.clear(&Due::Rewrite(op));
        }
    }

    fn watch_settling(&mut self) {
        match self.settling.next() {
            Some(at) => self.timers.set(Due::Settled, at, "homes are settled"),
            None => self.timers.clear(&Due::Settled),
        }
    }

    /// Arms the end of a person's next linger.
    fn watch_lingers(&mut self, key: OpId) {
        let Some(person) = self.people.get(key) else {
            return;
        };
        match person.next_linger() {
            Some(at) => self.timers.set(Due::Linger(key), at, "a linger ends"),
            None => self.timers.clear(&Due::Linger(key)),
        }
    }

    fn on_linger(&mut self, key: OpId, now: Timestamp) {
        let Some(person) = self.people.get_mut(key) else {
            return;
        };
        person.endpoints.retain(|at| at.lingers_until.is_none_or(|until| until > now));
        self.on_endpoints_gone(key, Flow::default(), now);
    }

    fn on_endpoints_gone(&mut self, key: OpId, flow: Flow, now: Timestamp) {
        self.watch_lingers(key);
        self.refresh(key, flow, now);
        self.forget_idle(key, now);
    }

    fn on_settled(&mut self, now: Timestamp) {
        self.settling.end(now);
        self.watch_settling();
        let people: Vec<OpId> = self.people.iter().map(|(key, _)| key).collect();
        for key in people {
            self.admit_settled(key, Flow::default());
        }
    }

    /// Forgets a person nobody needs, and whose next change may go out at once: when it does must not
    /// depend on who watched.
    fn forget_idle(&mut self, key: OpId, now: Timestamp) {
        let Some(person) = self.people.get(key).filter(|person| person.is_idle()) else {
            return;
        };
        if now < person.quiet_until {
            self.timers.set_if_idle(Due::Tell(key), person.quiet_until, "presence goes out");
        } else {
            self.forget(key);
        }
    }

    fn forget(&mut self, key: OpId) -> Option<Person> {
        let person = self.people.remove(key)?;
        self.by_user.remove(&person.user);
        let own = [Due::Ask, Due::Read, Due::Tell, Due::Linger, Due::Unveil];
        own.into_iter().for_each(|due| self.timers.clear(&due(key)));
        Some(person)
    }

    /// This node stood still: others' silence during that time was ours (PROTOCOL §1.2).
    fn forgive(&mut self, pause_ms: u64) {
        let mut moved = Vec::new();
        for (key, person) in self.people.iter_mut() {
            for until in person.endpoints.iter_mut().filter_map(|at| at.lingers_until.as_mut()) {
                *until = *until + pause_ms;
                moved.push(key);
            }
        }
        moved.into_iter().for_each(|key| self.watch_lingers(key));
        self.settling.forgive(pause_ms);
        self.watch_settling();
    }

    fn on_stored(&mut self, op: OpId, reply: &Reply, now: Timestamp) {
        let Some(slot) = self.pending.get_mut(op) else {
            return;
        };
        match core::mem::replace(slot, Pending::Taken) {
            Pending::Taken => {}
            Pending::Profile(key) => {
                self.pending.remove(op);
                self.on_profile(key, reply, now);
            }
            Pending::Warm(key) => {
                self.pending.remove(op);
                if let Some(person) = self.people.get_mut(key) {
                    person.is_cold = false;
                    self.answer_watches(key, Flow::default());
                }
            }
            Pending::Save { person, record, write, doubt } => {
                // After doubt a failure says nothing of the write before it: it may stand.
                let again = doubt && matches!(reply, Reply::Failed(_));
                if again || *reply == Reply::Unknown {
                    return self.rewrite(op, (person, record, write), now);
                }
                self.on_saved(op, (person, record), reply, now);
            }
        }
    }

    /// A session is over: another of its device, or of more than there may be, stands in for it.
    fn boot(&mut self, user: UserId, at: &Endpoint, flow: Flow) {
        let Endpoint { endpoint, node, session, .. } = *at;
        self.tell(Post::node(flow, node, ToCs::Boot { user, endpoint, session }));
    }

    fn tell(&mut self, post: Post) {
        self.out.push(Output::Tell(post));
    }
}

/// A change that time heals is worth trying again after this.
const RETRY_MS: u32 = 1_000;

/// Whose home a tell is for.
fn user_of(tell: &ToPs) -> UserId {
    use cs_ps::ToPs as From;
    match tell {
        ToPs::Cs(
            From::Arrive { user, .. }
            | From::Publish { user, .. }
            | From::Lost { user, .. }
            | From::Leave { user, .. }
            | From::Save { user, .. }
            | From::Watch { friend: user, .. }
            | From::Unwatch { friend: user, .. },
        )
        | ToPs::Book(book_ps::ToPs::Visible { user, .. } | book_ps::ToPs::Changed { user, .. })
        | ToPs::Mixer(mixer_ps::ToPs::Route { user } | mixer_ps::ToPs::Shows { user }) => *user,
    }
}

impl Machine for Ps {
    type Input<'a> = Input;
    type Output = Output;

    fn handle_input(&mut self, input: Input, now: Timestamp) {
        match input {
            Input::Tell(envelope) => self.on_tell(envelope, now),
            Input::Peer(peer) => self.on_peer(peer, now),
            Input::Wall(_) => {}
            Input::Stored { op, reply } => self.on_stored(op, &reply, now),
        }
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        let late = self.timers.next().map_or(0, |deadline| now.since(deadline.at));
        if late > PAUSE_MS {
            self.forgive(late);
        }
        while let Some(due) = self.timers.pop_due(now) {
            match due {
                Due::Settled => self.on_settled(now),
                Due::Ask(key) => {
                    if self.people.get(key).is_some() {
                        self.ask_book(key);
                    }
                }
                Due::Read(key) => self.read_profile(key),
                Due::Tell(key) => {
                    self.tell_presence(key, now);
                    self.forget_idle(key, now);
                }
                Due::Linger(key) => self.on_linger(key, now),
                Due::Unveil(key) => self.unveil(key),
                Due::Rewrite(op) => {
                    if let Some(Pending::Save { write, .. }) = self.pending.get(op) {
                        let request = Request::Write(write.clone());
                        self.out.push(Output::Store { op, request });
                    }
                }
            }
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.out.pop()
    }

    fn poll_timeout(&self) -> Option<Deadline> {
        self.timers.next()
    }
}
