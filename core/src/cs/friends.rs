//! Friends watched at this CS: one entry per friend, whoever watches (PROTOCOL §5.2).

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;

use super::floor::Floor;
use crate::id::{Epoch, Flow, Shard, UserId};
use crate::index::{Index, Slab};
use crate::model::presence::Presence;
use crate::wire::record::Record;

/// How a pair of friend and watcher stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The home has not answered the last watch.
    Asked,
    /// The watcher sees.
    Admitted,
    /// The watcher sees Offline.
    Denied,
    /// The home has just started: the watcher keeps what it shows.
    Settling,
}

/// One person here who watches. Twelve bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watcher {
    /// Who.
    pub(super) person: u32,
    /// The watch whose answer counts.
    pub(super) number: u32,
    pub(super) standing: Standing,
}

/// A presence that waits for its admissions.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) flow: Flow,
    pub(super) epoch: Epoch,
    pub(super) version: u64,
    pub(super) acl: u64,
    pub(super) presence: Record<Presence>,
}

/// One friend.
#[derive(Debug)]
pub(super) struct Friend {
    pub(super) user: UserId,
    /// Of their home.
    pub(super) shard: Shard,
    pub(super) floor: Floor,
    /// The frame body last shown, without a flow; only while somebody is admitted.
    pub(super) seen: Option<Bytes>,
    pub(super) held: Option<Box<Held>>,
    /// Sorted by person.
    watchers: Vec<Watcher>,
}

impl Friend {
    pub(super) fn watchers(&self) -> &[Watcher] {
        &self.watchers
    }

    pub(super) fn watcher(&self, person: u32) -> Option<&Watcher> {
        self.at(person).ok().map(|at| &self.watchers[at])
    }

    pub(super) fn watcher_mut(&mut self, person: u32) -> Option<&mut Watcher> {
        self.at(person).ok().map(|at| &mut self.watchers[at])
    }

    /// Who is admitted.
    pub(super) fn admitted(&self) -> impl Iterator<Item = u32> {
        let admitted = |watcher: &&Watcher| watcher.standing == Standing::Admitted;
        self.watchers.iter().filter(admitted).map(|watcher| watcher.person)
    }

    /// No answer to an earlier watch counts any longer.
    pub(super) fn ask_again(&mut self, mut number: impl FnMut() -> u32) {
        for watcher in &mut self.watchers {
            watcher.number = number();
            watcher.standing = Standing::Asked;
        }
    }

    /// Admissions of a past term do not stand.
    pub(super) fn void(&mut self) {
        self.seen = None;
        for watcher in &mut self.watchers {
            watcher.standing = Standing::Asked;
        }
    }

    /// Keeps what is shown only while somebody sees it.
    pub(super) fn settle(&mut self) {
        if self.admitted().next().is_none() {
            self.seen = None;
            self.floor.forget();
        }
    }

    fn at(&self, person: u32) -> Result<usize, usize> {
        self.watchers.binary_search_by_key(&person, |watcher| watcher.person)
    }
}

/// All friends watched.
#[derive(Debug)]
pub(super) struct Friends {
    all: Slab<Friend>,
    by_user: Index<UserId>,
    last_number: u32,
}

impl Friends {
    pub(super) fn new(seed: u64) -> Self {
        Self { all: Slab::default(), by_user: Index::new(seed), last_number: 0 }
    }

    pub(super) fn of(&self, user: UserId) -> Option<u32> {
        self.by_user.get(&user)
    }

    pub(super) fn get(&self, friend: u32) -> Option<&Friend> {
        self.all.at(friend)
    }

    pub(super) fn get_mut(&mut self, friend: u32) -> Option<&mut Friend> {
        self.all.at_mut(friend)
    }

    /// The friend of an id, new where nobody watched it.
    pub(super) fn enter(&mut self, user: UserId) -> u32 {
        if let Some(friend) = self.by_user.get(&user) {
            return friend;
        }
        let friend = self.all.insert(Friend {
            user,
            shard: Shard::of_user(user),
            floor: Floor::default(),
            seen: None,
            held: None,
            watchers: Vec::new(),
        });
        self.by_user.insert(user, friend.slot);
        friend.slot
    }

    /// Adds a pair; the number to watch under, or `None` where it is there.
    pub(super) fn pair(&mut self, friend: u32, person: u32) -> Option<u32> {
        let entry = self.all.at_mut(friend)?;
        let at = entry.at(person).err()?;
        self.last_number += 1;
        let number = self.last_number;
        let standing = Standing::Asked;
        if entry.watchers.is_empty() {
            entry.watchers.reserve_exact(1);
        }
        entry.watchers.insert(at, Watcher { person, number, standing });
        Some(number)
    }

    /// Ends a pair, and the friend that nobody watches any more. The friend's id.
    pub(super) fn part(&mut self, friend: u32, person: u32) -> Option<UserId> {
        let key = self.all.key_at(friend)?;
        let entry = self.all.get_mut(key)?;
        let at = entry.at(person).ok()?;
        entry.watchers.remove(at);
        entry.settle();
        let user = entry.user;
        if entry.watchers.is_empty() {
            self.by_user.remove(&user);
            self.all.remove(key);
        }
        Some(user)
    }

    /// Watches again at homes that hold nothing of what was told: (friend, person, number) of each
    /// pair, in order.
    pub(super) fn ask_again(&mut self, is_anew: impl Fn(Shard) -> bool) -> Vec<(UserId, u32, u32)> {
        let mut asked = Vec::new();
        for (_, friend) in self.all.iter_mut().filter(|(_, friend)| is_anew(friend.shard)) {
            friend.ask_again(|| {
                self.last_number += 1;
                self.last_number
            });
            let pairs = friend.watchers.iter().map(|w| (friend.user, w.person, w.number));
            asked.extend(pairs);
        }
        asked
    }

    /// How many are watched.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
}
