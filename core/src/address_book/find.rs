//! From a name to a person: asked of account, outside the person's queue, for at most
//! [`TELL_MS`](crate::limits::TELL_MS). How many ask at once is bounded by the rate of invitations.

use alloc::boxed::Box;

use super::change::RETRY_MS;
use super::decide::Wish;
use super::queue::{By, Job, REST_MS, Task};
use super::{AddressBook, Due, Pending};
use crate::attached::Asker;
use crate::edge::{Post, To, book_account};
use crate::error::{Code, Refusal};
use crate::id::{NodeId, OpId, Shard, UserId};
use crate::limits::{INVITE_BYTES_MAX, INVITE_CHARS_MAX, NAME_CHARS_MAX, TELL_MS};
use crate::model::name;
use crate::time::Timestamp;
use crate::wire::body::book;
use crate::wire::bounded::Text;

/// An invitation whose name account is looking for.
#[derive(Debug)]
pub(super) struct Find {
    pub(super) asker: Asker,
    pub(super) user: UserId,
    pub(super) own_name: Box<str>,
    pub(super) name: Text<NAME_CHARS_MAX>,
    pub(super) text: Text<INVITE_BYTES_MAX>,
    /// Who was asked, as the owner of the name's shard.
    pub(super) node: NodeId,
    pub(super) shard: Shard,
}

impl AddressBook {
    /// A client asks somebody by name: account knows whose it is.
    pub(super) fn on_invite(
        &mut self,
        asker: Asker,
        user: UserId,
        invite: &book::Invite,
        now: Timestamp,
    ) {
        let name = name::account_name(invite.name.as_str());
        let text = name::line(invite.text.as_str(), INVITE_CHARS_MAX);
        let (Some(name), Some(text)) = (name, text) else {
            return self.refuse_asker(&asker, Refusal::of(Code::Invalid));
        };
        let taken = self.homes.take_invite(user, now);
        self.timers.set(Due::Rest(user), now + REST_MS, "forget a rate");
        if let Err(retry_ms) = taken {
            let retry_ms = u32::try_from(retry_ms).unwrap_or(u32::MAX);
            return self.refuse_asker(&asker, Refusal::later(Code::TooFast, retry_ms));
        }
        let shard = Shard::of_name(name.as_str());
        let node = self.setup.topology.owner(shard);
        let tell = book_account::ToAccount::Find { name: name.clone() };
        let own_name = self.name_of(&asker);
        let find = Find { asker, user, own_name, name, text, node, shard };
        let op = self.pending.insert(Pending::Find(Box::new(find)));
        self.timers.set(Due::Find(op), now + TELL_MS, "a name was not found in time");
        let post = Post { flow: asker.flow, to: To::Shard(shard), op: None, tell: tell.into() };
        self.tell(post.with_op(Some(op)));
    }

    /// Account answered.
    pub(super) fn on_found(&mut self, op: Option<OpId>, peer: UserId) {
        let Some(find) = op.and_then(|op| self.take_find(op)) else {
            return;
        };
        let Find { asker, user, own_name, name, text, .. } = find;
        let wish = Wish::Invite { peer, name, text };
        let job = Job::Change { by: By::Client(asker, own_name), wish };
        self.enqueue(Task { user, flow: asker.flow, job });
    }

    fn take_find(&mut self, op: OpId) -> Option<Find> {
        let Some(Pending::Find(_)) = self.pending.get(op) else {
            return None;
        };
        self.timers.clear(&Due::Find(op));
        match self.pending.remove(op) {
            Some(Pending::Find(find)) => Some(*find),
            _ => None,
        }
    }

    /// No answer comes any more.
    pub(super) fn on_find_lost(&mut self, op: OpId) {
        if let Some(find) = self.take_find(op) {
            self.refuse_asker(&find.asker, Refusal::later(Code::Retry, RETRY_MS));
        }
    }
}
