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

/// What is shown of everyone, kept over cuts. Nobody seen yet is offline.
#[derive(Debug, Default)]
pub(super) struct Faces(SortedMap<UserId, Face>);

impl Faces {
    /// Takes a presence; whether the app is to be told.
    pub(super) fn see(&mut self, user: UserId, presence: &Presence) -> bool {
        let known = self.0.get(&user);
        if known.is_some_and(|face| face.presence == *presence) {
            return false;
        }
        let told = known.is_some_and(|face| face.told) || presence.status != Status::Offline;
        self.0.insert(user, Face { presence: presence.clone(), told });
        told
    }

    /// Nothing may be shown of them any more.
    pub(super) fn forget(&mut self, user: UserId) {
        self.0.remove(&user);
    }

    /// What is shown of them.
    pub(super) fn of(&self, user: UserId) -> Option<&Presence> {
        self.0.get(&user).map(|face| &face.presence)
    }
}
