//! Heads told by mixers: waiting, coalesced per conversation, and the batch they become.

use alloc::vec::Vec;

use super::rows::StateRow;
use crate::edge::Post;
use crate::edge::mixer_inbox::ToMixer;
use crate::error::{Code, Refusal};
use crate::id::{ConversationId, Flow, NodeId, OpId, UserId};
use crate::limits::{CONVERSATIONS_MAX, HOME_WAITING_MAX};
use crate::model::conversation::InboxItem;
use crate::store::{Check, Key, Write};
use crate::time::Wall;
use crate::wire::record::Record;

/// A mixer that told a head and waits for it to be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiter {
    pub(super) flow: Flow,
    pub(super) node: NodeId,
    pub(super) op: Option<OpId>,
    pub(super) head: u64,
}

impl Waiter {
    pub(super) fn answer(
        &self,
        user: UserId,
        conversation: ConversationId,
        outcome: Result<(), Refusal>,
    ) -> Post {
        let tell = ToMixer::Written { user, conversation, head: self.head, outcome };
        Post::node(self.flow, self.node, tell).with_op(self.op)
    }
}

/// The newest head told of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) conversation: ConversationId,
    pub(super) with: UserId,
    pub(super) head: u64,
    pub(super) at: Wall,
    pub(super) waiters: Vec<Waiter>,
}

impl Head {
    /// The act that told the newest head.
    pub(super) fn flow(&self) -> Flow {
        let newest = self.waiters.iter().max_by_key(|waiter| waiter.head);
        newest.map(|waiter| waiter.flow).unwrap_or_default()
    }

    /// The answers to all who wait.
    pub(super) fn answers(&self, user: UserId, outcome: Result<(), Refusal>) -> Vec<Post> {
        let waiters = self.waiters.iter();
        waiters.map(|waiter| waiter.answer(user, self.conversation, outcome)).collect()
    }
}

/// Takes a head in among those that wait; `false`: too many.
pub(super) fn wait(waiting: &mut Vec<Head>, head: Head) -> bool {
    let waiters: usize = waiting.iter().map(|other| other.waiters.len()).sum();
    if waiters >= HOME_WAITING_MAX {
        return false;
    }
    let same = waiting.iter_mut().find(|other| other.conversation == head.conversation);
    let Some(same) = same else {
        waiting.push(head);
        return true;
    };
    if head.head > same.head {
        (same.head, same.at) = (head.head, head.at);
    }
    same.waiters.extend(head.waiters);
    true
}

/// Heads being written together: one write per person at a time.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) user: UserId,
    pub(super) heads: Vec<Head>,
    pub(super) state: StateRow,
    /// The store's revision of the state row.
    pub(super) checked: Option<u64>,
    /// Per head, in order, as far as its row was read: what it becomes.
    pub(super) items: Vec<Outcome>,
    pub(super) conflicts: u32,
}

/// What becomes of one head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The row moves up.
    Moves(Record<InboxItem>),
    /// The row is there or beyond.
    Stays,
    /// The inbox is full.
    Full,
}

impl Batch {
    pub(super) fn new(user: UserId, heads: Vec<Head>) -> Self {
        let state = StateRow::default();
        Self { user, heads, state, checked: None, items: Vec::new(), conflicts: 0 }
    }

    /// Begins, or begins again, on a state row as read.
    pub(super) fn on_state(&mut self, state: StateRow, checked: Option<u64>) {
        (self.state, self.checked) = (state, checked);
        self.items.clear();
    }

    /// The row to read next.
    pub(super) fn next_key(&self) -> Option<Key> {
        let head = self.heads.get(self.items.len())?;
        Some(Key::inbox(self.user, head.conversation))
    }

    /// The row asked for was read. It moves only up (PROTOCOL §6.4).
    pub(super) fn on_item(&mut self, old: Option<Record<InboxItem>>) {
        let Some(head) = self.heads.get(self.items.len()) else {
            return;
        };
        let outcome = match &old {
            Some(old) if old.value.head >= head.head => Outcome::Stays,
            None if self.state.conversations as usize >= CONVERSATIONS_MAX => Outcome::Full,
            old => {
                self.state.revision += 1;
                self.state.conversations += u32::from(old.is_none());
                let value = InboxItem {
                    conversation: head.conversation,
                    with: head.with,
                    head: head.head,
                    at: head.at,
                    revision: self.state.revision,
                };
                let tail = old.as_ref().map(|old| old.tail.clone()).unwrap_or_default();
                Outcome::Moves(Record { value, tail })
            }
        };
        self.items.push(outcome);
    }

    /// What is to be written; `None`: nothing.
    pub(super) fn write(&self, fence: [Check; 2]) -> Option<Write> {
        let key = Key::inbox_state(self.user);
        let checked = Check { key: key.clone(), revision: self.checked };
        let checks = fence.into_iter().chain([checked]).collect();
        let mut puts = alloc::vec![(key, self.state.encode())];
        for (_, item) in self.moves() {
            puts.push((Key::inbox(self.user, item.value.conversation), item.encode()));
        }
        (puts.len() > 1).then(|| Write { checks, puts, ..Write::default() })
    }

    /// The heads whose rows move, with their rows.
    pub(super) fn moves(&self) -> impl Iterator<Item = (&Head, &Record<InboxItem>)> {
        self.heads.iter().zip(&self.items).filter_map(|(head, outcome)| match outcome {
            Outcome::Moves(item) => Some((head, item)),
            Outcome::Stays | Outcome::Full => None,
        })
    }

    /// The answers, the batch being durable.
    pub(super) fn answers(&self) -> Vec<Post> {
        let outcome = |item: &Outcome| match item {
            Outcome::Moves(_) | Outcome::Stays => Ok(()),
            Outcome::Full => Err(Refusal::of(Code::LimitReached)),
        };
        let each = self.heads.iter().zip(&self.items);
        each.flat_map(|(head, item)| head.answers(self.user, outcome(item))).collect()
    }

    /// The answers, nothing being durable.
    pub(super) fn refusals(&self, refusal: Refusal) -> Vec<Post> {
        self.heads.iter().flat_map(|head| head.answers(self.user, Err(refusal))).collect()
    }
}
