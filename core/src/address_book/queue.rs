//! One change or reading of a person's list at a time, the rest waiting in order.
//!
//! Invariant: whoever tells about a person tells it in the order it became durable, since nothing of
//! the same person runs beside it.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::decide::Wish;
use crate::attached::Asker;
use crate::edge::intent::Target;
use crate::edge::{Envelope, Post, Tell};
use crate::id::{Flow, NodeId, OpId, Shard, UserId};
use crate::index::{Index, Slab};
use crate::limits::{HOME_WAITING_MAX, INVITE_BURST, INVITE_INTERVAL_MS};
use crate::measure::Queues;
use crate::rate::{Rate, Used};
use crate::time::Timestamp;
use crate::topology::Moved;

const INVITES: Rate = Rate { interval_ms: INVITE_INTERVAL_MS, burst: INVITE_BURST };

/// After this without an invitation a person's rate is as if new.
pub(super) const REST_MS: u64 = INVITE_INTERVAL_MS * INVITE_BURST as u64;

/// Where the answer to another machine goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Back {
    flow: Flow,
    node: NodeId,
    op: Option<OpId>,
}

impl Back {
    pub(super) fn of<T>(envelope: &Envelope<T>) -> Self {
        Self { flow: envelope.flow, node: envelope.from.node, op: envelope.op }
    }

    pub(super) fn answer(&self, tell: impl Into<Tell>) -> Post {
        Post::node(self.flow, self.node, tell).with_op(self.op)
    }
}

/// An intent as it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) back: Back,
    pub(super) source: Shard,
    pub(super) target: Target,
    pub(super) number: u64,
}

/// Who wants a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The person, on one of their devices, and their account's name.
    Client(Asker, Box<str>),
    /// The operator.
    Operator,
    /// Another home.
    Intent(Told),
}

/// What is to be done for one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Job {
    Fetch { asker: Asker, revision: u64 },
    Visible { back: Back },
    MayContact { back: Back, peer: UserId },
    Change { by: By, wish: Wish },
}

/// A job, whose list it is about, and the act it follows from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) user: UserId,
    pub(super) flow: Flow,
    pub(super) job: Job,
}

#[derive(Debug)]
struct Home {
    user: UserId,
    shard: Shard,
    waiting: VecDeque<Task>,
    is_running: bool,
    invites: Used,
    rests_at: Timestamp,
}

/// The people somebody wants something of.
#[derive(Debug)]
pub(super) struct Homes {
    homes: Slab<Home>,
    by_user: Index<UserId>,
    ready: VecDeque<UserId>,
}

impl Homes {
    pub(super) fn new(seed: u64) -> Self {
        Self { homes: Slab::default(), by_user: Index::new(seed), ready: VecDeque::new() }
    }

    /// Queues a task; gives it back where too many wait.
    pub(super) fn enqueue(&mut self, task: Task) -> Result<(), Box<Task>> {
        let home = self.home(task.user);
        if home.waiting.len() >= HOME_WAITING_MAX {
            return Err(Box::new(task));
        }
        let user = task.user;
        home.waiting.push_back(task);
        self.ready.push_back(user);
        Ok(())
    }

    /// The next task of a person of whom nothing runs; it runs from now on.
    pub(super) fn next(&mut self) -> Option<Task> {
        while let Some(user) = self.ready.pop_front() {
            let home = self.by_user.get(&user).and_then(|slot| self.homes.at_mut(slot));
            let Some(home) = home.filter(|home| !home.is_running) else {
                continue;
            };
            if let Some(task) = home.waiting.pop_front() {
                home.is_running = true;
                return Some(task);
            }
        }
        None
    }

    /// The task of a person that ran is done; whether the person is forgotten.
    pub(super) fn finished(&mut self, user: UserId, now: Timestamp) -> bool {
        let home = self.home(user);
        home.is_running = false;
        if home.waiting.is_empty() {
            return self.forget_idle(user, now);
        }
        self.ready.push_back(user);
        false
    }

    /// The people of a range are another node's: who they are, and what waited for them, in order.
    pub(super) fn handle_moved(&mut self, moved: &Moved) -> (Vec<UserId>, Vec<Task>) {
        let gone = self.homes.iter().filter(|(_, home)| moved.has(home.shard));
        let gone: Vec<OpId> = gone.map(|(key, _)| key).collect();
        let (mut users, mut tasks) = (Vec::new(), Vec::new());
        for home in gone.into_iter().filter_map(|key| self.homes.remove(key)) {
            self.by_user.remove(&home.user);
            users.push(home.user);
            tasks.extend(home.waiting);
        }
        (users, tasks)
    }

    /// Counts one invitation of a person.
    pub(super) fn take_invite(&mut self, user: UserId, now: Timestamp) -> Result<(), u64> {
        let home = self.home(user);
        home.rests_at = now + REST_MS;
        INVITES.take(&mut home.invites, now)
    }

    /// Forgets a person of whom nobody wants anything and whose rate is as if new; whether it did.
    pub(super) fn forget_idle(&mut self, user: UserId, now: Timestamp) -> bool {
        let Some(slot) = self.by_user.get(&user) else {
            return false;
        };
        let home = self.homes.at(slot).expect("the index names homes");
        let is_idle = home.waiting.is_empty() && !home.is_running && home.rests_at <= now;
        if is_idle {
            let key = self.homes.key_at(slot).expect("the index names homes");
            self.homes.remove(key);
            self.by_user.remove(&user);
        }
        is_idle
    }

    /// How many tasks wait of the person of whom most do.
    pub(super) fn queues(&self, queues: &mut Queues) {
        let waiting = self.homes.iter().map(|(_, home)| home.waiting.len());
        queues.longest("book tasks of a person", waiting, HOME_WAITING_MAX);
        let ready = self.homes.len() * (HOME_WAITING_MAX + 1);
        queues.add("book people with tasks", self.ready.len(), ready);
    }

    /// How many people there are.
    pub(super) fn len(&self) -> usize {
        self.homes.len()
    }

    fn home(&mut self, user: UserId) -> &mut Home {
        let slot = self.by_user.get(&user).unwrap_or_else(|| {
            let waiting = VecDeque::new();
            let (invites, rests_at) = (Used::default(), Timestamp::default());
            let shard = Shard::of_user(user);
            let home = Home { user, shard, waiting, is_running: false, invites, rests_at };
            let slot = self.homes.insert(home).slot;
            self.by_user.insert(user, slot);
            slot
        });
        let home = self.homes.at_mut(slot).expect("the index names homes");
        debug_assert_eq!(home.user, user, "the index names a person's own home");
        home
    }
}
