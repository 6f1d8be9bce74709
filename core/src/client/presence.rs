//! What is shown of friends: only differences become events (PROTOCOL §4.7, §5.2).

use crate::sorted::SortedMap;

use crate::id::UserId;
use crate::model::presence::{Presence, Status};

/// What was seen of one person.
#[derive(Clone, Debug)]
struct Face {
    presence: Presence,
    /// The app was told something of them: from then on it is told everything.
    told: bool,
}

/// What is shown of everyone, kept over cuts. Who was not seen yet is offline, without name and message.
#[derive(Debug, Default)]
pub(super) struct Faces {
    seen: SortedMap<UserId, Face>,
    /// The app has a list of all of them.
    listed: bool,
}

impl Faces {
    /// Takes a presence; whether the app is to be told.
    pub(super) fn see(&mut self, user: UserId, presence: &Presence) -> bool {
        let known = self.seen.get(&user);
        let told = known.is_some_and(|face| face.told);
        let told = told || self.listed || presence.status != Status::Offline;
        let differs = match known {
            Some(face) => face.presence != *presence,
            None => *presence != Presence::default(),
        };
        self.seen.insert(user, Face { presence: presence.clone(), told });
        told && differs
    }

    /// The app was given a list: what differs from it is told.
    pub(super) fn list(&mut self) {
        self.listed = true;
    }

    /// Nothing may be shown of them any more.
    pub(super) fn forget(&mut self, user: UserId) {
        self.seen.remove(&user);
    }

    /// What is shown of them.
    pub(super) fn of(&self, user: UserId) -> Option<&Presence> {
        self.seen.get(&user).map(|face| &face.presence)
    }
}
