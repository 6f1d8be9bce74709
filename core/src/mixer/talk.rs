//! What a leg says: join, send, read, typing, shown (PROTOCOL §4.6).

use bytes::Bytes;

use crate::edge::gate_service::Lane;
use crate::edge::{Post, mixer_ps};
use crate::error::{Code, Refusal};
use crate::id::{Flow, OpId};
use crate::limits::{PAGE_BYTES_MAX, PAGE_ENTRIES_MAX, READS_MAX, TYPING_INTERVAL_MS};
use crate::store::{Reply, Request};
use crate::wire::body::mixer::{
    self as body, Expected, FromMixer, Joined, ReadEntries, ToMixer, TypingOf,
};
use crate::wire::bounded::List;
use crate::wire::frame::Malformed;
use crate::wire::tail::Tail;

use super::desk::{Pending, Room};
use super::frames;
use super::log::{Answer, Send};

/// When a leg that reads too much at once may go on.
const READ_AGAIN_MS: u32 = 100;

impl Room<'_> {
    /// A frame of a leg.
    pub(super) fn on_frame(
        &mut self,
        leg: OpId,
        (kind, request): (u16, u32),
        bytes: &Bytes,
        flow: Flow,
    ) {
        let Some(joined) = self.legs.get(leg).map(|leg| leg.joined) else { return };
        let code = match ToMixer::decode(kind, bytes) {
            Err(Malformed) => Code::Malformed,
            Ok(None) => Code::Unsupported,
            Ok(Some((ToMixer::Join(_), _))) => return self.on_join(leg, request, flow),
            Ok(Some(_)) if !joined => Code::OutOfOrder,
            Ok(Some((ToMixer::Send(send), _))) => return self.on_send(leg, request, send, flow),
            Ok(Some((ToMixer::Read(read), _))) => return self.on_read(leg, request, &read, flow),
            Ok(Some((ToMixer::Typing(_), _))) => return self.on_typing(leg, flow),
            Ok(Some((ToMixer::Delivered(shown), _))) => {
                return self.on_delivered(leg, shown.through);
            }
        };
        self.refuse(leg, request, Refusal::of(code), flow);
    }

    /// A page was read.
    pub(super) fn on_page(&mut self, leg: OpId, request: u32, reply: &Reply, flow: Flow) {
        let Some(at) = self.legs.get_mut(leg) else { return };
        at.reads = at.reads.saturating_sub(1);
        let port = at.port;
        // A store that fails and one whose entries cannot be read are the same to who asks.
        if let Reply::Entries { entries, more } = reply
            && let Some(body) = frames::page(entries, *more, flow)
        {
            self.desk.frame(port, (Lane::Control, frames::PAGE), request, body, flow);
        } else if *reply == Reply::Conflict {
            let elsewhere = Refusal::later(Code::Retry, READ_AGAIN_MS);
            self.desk.refuse(port, request, elsewhere, flow);
        } else {
            self.desk.refuse(port, request, Refusal::of(Code::StoreFailed), flow);
        }
    }

    fn on_join(&mut self, leg: OpId, request: u32, flow: Flow) {
        let Some(leg) = self.legs.get_mut(leg) else { return };
        leg.joined = true;
        let members = self.conv.roster.members.clone();
        let joined = Joined {
            head: self.conv.log.head,
            members: List::new(members).unwrap_or_default(),
            delivered: self.conv.marks.of(leg.user).delivered,
            last: self.conv.log.last_id(leg.user, leg.endpoint),
        };
        self.desk.answer(leg.port, request, &FromMixer::Joined(joined), flow);
    }

    fn on_send(&mut self, key: OpId, request: u32, send: body::Send, flow: Flow) {
        let Some(leg) = self.legs.get(key) else { return };
        let send = Send {
            leg: key,
            user: leg.user,
            endpoint: leg.endpoint,
            request,
            flow,
            id: send.id,
            after: send.after,
            content_type: send.content_type,
            content: send.content,
            reloaded: false,
        };
        if let Some(last) = self.conv.log.duplicate(&send) {
            return self.answer(&send, Answer::Stored(last));
        }
        let Some(leg) = self.legs.get_mut(key) else { return };
        let last = self.conv.log.last_id(send.user, send.endpoint);
        if !leg.takes((&send.id, &send.after), &last) {
            let (port, expected) = (leg.port, FromMixer::Expected(Expected { last }));
            return self.desk.answer(port, request, &expected, flow);
        }
        if let Some((send, answer)) = self.conv.log.receive(send) {
            return self.answer(&send, answer);
        }
        self.pump();
    }

    fn on_read(&mut self, key: OpId, request: u32, read: &ReadEntries, flow: Flow) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        if leg.reads >= READS_MAX {
            let busy = Refusal::later(Code::Busy, READ_AGAIN_MS);
            return self.refuse(key, request, busy, flow);
        }
        // What is beyond the head may be in the store and not yet be safe there.
        let until = read.until.min(self.conv.log.head + 1);
        leg.reads += 1;
        let limit = u32::from(read.limit).clamp(1, u32::try_from(PAGE_ENTRIES_MAX).unwrap_or(1));
        // Where this node owns the conversation no longer, others may have appended: what it knows is
        // then not the newest. It is asked even where nothing new is known.
        let request_entries = Request::Entries {
            checks: self.desk.fenced(self.conv.id).into(),
            conversation: self.conv.id,
            from: read.from,
            until,
            limit,
            bytes: u32::try_from(PAGE_BYTES_MAX).unwrap_or(u32::MAX),
            newest: read.newest,
        };
        self.desk.store(Pending::Page { leg: key, request, flow }, request_entries);
    }

    /// Passed on at most once in four seconds, and only where the home says that the person shows:
    /// who appears offline does not write (PROTOCOL §5.5).
    fn on_typing(&mut self, key: OpId, flow: Flow) {
        let now = self.now;
        let Some(leg) = self.legs.get_mut(key) else { return };
        let user = leg.user;
        let soon = leg.typed.is_some_and(|typed| now.since(typed) < TYPING_INTERVAL_MS);
        if soon || !self.conv.roster.open {
            return;
        }
        leg.typed = Some(now);
        let ask = Post::home(flow, user, mixer_ps::ToPs::Shows { user });
        self.desk.tell(ask.with_op(Some(key)));
    }

    /// The home lets a typing notice pass: to everyone else's devices.
    pub(super) fn pass_typing(&mut self, key: OpId, flow: Flow) {
        let Some(user) = self.legs.get(key).filter(|leg| leg.joined).map(|leg| leg.user) else {
            return;
        };
        if !self.conv.roster.open {
            return;
        }
        let notice = FromMixer::Typing(TypingOf { user });
        let bytes = notice.encode(&Tail::of_flow(flow));
        let lane = (Lane::Typing(self.conv.id, user), notice.kind());
        for other in self.conv.legs.iter().filter_map(|key| self.legs.get(*key)) {
            if other.joined && other.user != user {
                self.desk.frame(other.port, lane, 0, bytes.clone(), flow);
            }
        }
    }

    fn refuse(&mut self, leg: OpId, request: u32, refusal: Refusal, flow: Flow) {
        if let Some(leg) = self.legs.get(leg) {
            self.desk.refuse(leg.port, request, refusal, flow);
        }
    }
}
