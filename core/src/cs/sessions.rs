//! The sessions of a CS: one per port, by person (PROTOCOL §4.5).

use alloc::vec::Vec;

use crate::edge::gate_service::Port;
use crate::id::{EndpointId, OpId, Shard, UserId};
use crate::index::{Index, Slab};
use crate::model::presence::Status;
use crate::time::Timestamp;

/// One device's session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) port: Port,
    /// Whose.
    pub(super) person: u32,
    pub(super) endpoint: EndpointId,
    /// Which sign-in of the device it is of.
    pub(super) sign_in: u64,
    /// Friends watched, by index, sorted.
    pub(super) watched: Vec<u32>,
    /// Chosen; `None`: not yet, and the person may not ask to contact anybody.
    pub(super) status: Option<Status>,
    /// When that was; before the first, when the session was opened.
    pub(super) chosen: Timestamp,
    /// The session under which the home knows the device: this one, or the one it replaced until
    /// the first status.
    pub(super) registered: Option<OpId>,
    /// Requests that wait for a home or a mixer.
    pub(super) asks: u8,
}

/// A person with a session here.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) user: UserId,
    /// Of their home.
    pub(super) shard: Shard,
    /// Slots of their sessions, in the order they came.
    pub(super) sessions: Vec<u32>,
}

/// All sessions, found by port, by person and by device.
#[derive(Debug)]
pub(super) struct Sessions {
    all: Slab<Session>,
    by_port: Index<Port>,
    persons: Slab<Person>,
    by_user: Index<UserId>,
}

impl Sessions {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            all: Slab::default(),
            by_port: Index::new(seed),
            persons: Slab::default(),
            by_user: Index::new(seed),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn get(&self, key: OpId) -> Option<&Session> {
        self.all.get(key)
    }

    pub(super) fn get_mut(&mut self, key: OpId) -> Option<&mut Session> {
        self.all.get_mut(key)
    }

    pub(super) fn of_port(&self, port: Port) -> Option<OpId> {
        self.all.key_at(self.by_port.get(&port)?)
    }

    pub(super) fn of_device(&self, user: UserId, endpoint: EndpointId) -> Option<OpId> {
        let person = self.persons.at(self.by_user.get(&user)?)?;
        let is = |slot: &&u32| self.all.at(**slot).is_some_and(|s| s.endpoint == endpoint);
        self.all.key_at(*person.sessions.iter().find(is)?)
    }

    pub(super) fn person(&self, person: u32) -> Option<&Person> {
        self.persons.at(person)
    }

    pub(super) fn person_of(&self, user: UserId) -> Option<u32> {
        self.by_user.get(&user)
    }

    /// Who a session is.
    pub(super) fn user_of(&self, key: OpId) -> Option<UserId> {
        Some(self.persons.at(self.all.get(key)?.person)?.user)
    }

    /// The sessions of a person.
    pub(super) fn of_person(&self, person: u32) -> impl Iterator<Item = &Session> {
        let slots = self.persons.at(person).map_or(&[][..], |person| &person.sessions);
        slots.iter().filter_map(|slot| self.all.at(*slot))
    }

    /// The ports of a person's sessions that watch a friend.
    pub(super) fn watching(&self, person: u32, friend: u32) -> impl Iterator<Item = Port> {
        let watches = move |session: &&Session| session.watched.binary_search(&friend).is_ok();
        self.of_person(person).filter(watches).map(|session| session.port)
    }

    /// All sessions, with their keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = (OpId, &Session)> {
        self.all.iter()
    }

    /// A session of a device of a person, in one of its sign-ins, opened now.
    pub(super) fn insert(
        &mut self,
        port: Port,
        user: UserId,
        (endpoint, sign_in): (EndpointId, u64),
        now: Timestamp,
    ) -> OpId {
        let person = self.by_user.get(&user).unwrap_or_else(|| {
            let sessions = Vec::with_capacity(1);
            let shard = Shard::of_user(user);
            let slot = self.persons.insert(Person { user, shard, sessions }).slot;
            self.by_user.insert(user, slot);
            slot
        });
        let key = self.all.insert(Session {
            port,
            person,
            endpoint,
            sign_in,
            watched: Vec::new(),
            status: None,
            chosen: now,
            registered: None,
            asks: 0,
        });
        self.by_port.insert(port, key.slot);
        if let Some(person) = self.persons.at_mut(person) {
            person.sessions.push(key.slot);
        }
        key
    }

    /// Takes a session out. Its person stays until [`drop_idle`](Self::drop_idle).
    pub(super) fn remove(&mut self, key: OpId) -> Option<Session> {
        let session = self.all.remove(key)?;
        self.by_port.remove(&session.port);
        if let Some(person) = self.persons.at_mut(session.person) {
            person.sessions.retain(|slot| *slot != key.slot);
        }
        Some(session)
    }

    /// Forgets a person without sessions.
    pub(super) fn drop_idle(&mut self, person: u32) {
        if let Some(key) = self.persons.key_at(person)
            && let Some(idle) = self.persons.get(key).filter(|person| person.sessions.is_empty())
        {
            self.by_user.remove(&idle.user);
            self.persons.remove(key);
        }
    }
}
