//! Heads: telling the members' inboxes how far the log is (PROTOCOL §6.4).
//!
//! Invariant: while a written head may be unknown to an inbox, a head mark stands in the store, so a
//! node that starts finds the conversation.

use alloc::vec::Vec;

use crate::edge::Post;
use crate::edge::mixer_inbox::ToInbox;
use crate::error::{Code, Refusal};
use crate::id::{Flow, UserId};
use crate::limits::HEAD_MARK_MS;

use super::desk::{Room, Timer};

/// What the inboxes of a conversation know.
#[derive(Debug, Default)]
pub(super) struct Heads {
    /// The revision under which the head mark stands in the store, where it does.
    pub(super) marked: Option<u64>,
    /// This mixer put it, and nobody wrote in between that it knows of: it need not be put again.
    pub(super) own: bool,
    /// The last head each member's inbox wrote.
    wrote: Vec<(UserId, u64)>,
    /// A timer looks at the end of this round.
    armed: bool,
    /// Something was stored that was not told to everyone.
    untold: bool,
}

impl Heads {
    /// Whether nothing has to be told any more.
    pub(super) fn is_settled(&self) -> bool {
        !self.untold && !self.armed && self.marked.is_none()
    }

    /// Whether the mark has done its service.
    pub(super) fn may_unmark(&self) -> bool {
        self.marked.is_some() && !self.untold
    }

    fn wrote(&mut self, user: UserId) -> &mut u64 {
        let at = match self.wrote.iter().position(|(of, _)| *of == user) {
            Some(at) => at,
            None => {
                self.wrote.push((user, 0));
                self.wrote.len() - 1
            }
        };
        &mut self.wrote[at].1
    }
}

impl Room<'_> {
    /// The log has a new head.
    pub(super) fn on_head(&mut self) {
        self.conv.heads.untold = true;
        if !self.conv.heads.armed {
            self.tell_heads();
        }
    }

    /// A mark was found that an earlier life, or another mixer, left.
    pub(super) fn on_found_mark(&mut self, revision: u64) {
        self.conv.heads.marked.get_or_insert(revision);
        self.on_head();
    }

    /// A round is over: whoever does not know the newest head is told.
    pub(super) fn on_heads_due(&mut self) {
        self.conv.heads.armed = false;
        if self.conv.heads.untold {
            self.tell_heads();
        }
        self.pump();
    }

    /// An inbox answered.
    pub(super) fn on_head_written(
        &mut self,
        user: UserId,
        head: u64,
        outcome: Result<(), Refusal>,
    ) {
        // An inbox that will never take it needs no more telling.
        let done = outcome.map_or_else(|refusal| refusal.code == Code::LimitReached, |()| true);
        if !done || self.conv.roster.members.binary_search(&user).is_err() {
            return;
        }
        let wrote = self.conv.heads.wrote(user);
        *wrote = head.max(*wrote);
        let newest = self.conv.log.head;
        let conv = &mut *self.conv;
        if conv.roster.members.iter().all(|member| *conv.heads.wrote(*member) >= newest) {
            conv.heads.untold = false;
            self.pump();
        }
    }

    /// The homes of members have moved: inboxes that owe an answer are told again, where they are now.
    pub(super) fn tell_heads_again(&mut self, is_moved: impl Fn(UserId) -> bool) {
        if self.conv.heads.armed && self.conv.heads.untold {
            self.tell_heads_of(is_moved);
        }
    }

    fn tell_heads(&mut self) {
        let conv = &mut *self.conv;
        if conv.log.head == 0 || conv.roster.members.is_empty() {
            conv.heads.untold = false;
            return;
        }
        conv.heads.armed = true;
        self.desk.timers.set(Timer::Heads(conv.key), self.now + HEAD_MARK_MS, "tell heads");
        self.tell_heads_of(|_| true);
    }

    fn tell_heads_of(&mut self, is_meant: impl Fn(UserId) -> bool) {
        let conv = &mut *self.conv;
        let head = conv.log.head;
        for at in 0..conv.roster.members.len() {
            let user = conv.roster.members[at];
            let Some(with) = conv.other(user) else { continue };
            if *conv.heads.wrote(user) >= head || !is_meant(user) {
                continue;
            }
            let (conversation, at) = (conv.id, conv.log.at);
            // Not of the act's flow: it is told for all entries of five seconds.
            let tell = ToInbox::Head { user, conversation, with, head, at };
            self.desk.tell(Post::home(Flow::default(), user, tell).with_op(Some(conv.key)));
        }
    }
}
