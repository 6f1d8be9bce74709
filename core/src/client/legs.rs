//! Legs: contact, grant, attach, join, what was missed, live (PROTOCOL §4.6, §4.7).

use super::link::{Ask, Purpose};
use super::session::Stage;
use super::talk::{Leg, Look};
use super::{Client, Timer};
use crate::error::{Code, Refusal};
use crate::id::{Channel, ConversationId, Flow};
use crate::limits::{
    ASK_AGAIN_MS, CATCH_UP_LEGS_MAX, LEG_IDLE_MS, LEGS_MAX, PAGE_ENTRIES_MAX, RECONNECT_LAST_MS,
};
use crate::model::presence::Status;
use crate::store::Key;
use crate::time::Timestamp;
use crate::wire::body::account::Grant;
use crate::wire::body::cs::{Contact, Ring, ToCs};
use crate::wire::body::link::{Attach, Detach, ToGate};
use crate::wire::body::mixer::{Delivered, FromMixer, Join, Joined, ReadEntries, ToMixer, Typing};
use crate::wire::frame::{Frame, Malformed};

impl Client {
    /// Does what a conversation needs next, as far as its leg allows.
    pub(super) fn advance(&mut self, slot: u32, now: Timestamp) {
        if self.stage != Stage::Ready {
            return;
        }
        let talk = &self.talks[slot];
        match talk.leg {
            Leg::None => {
                if (talk.is_behind() || talk.is_asked_for()) && !self.is_resting(slot) {
                    self.talks.waiting.insert(slot, ());
                    self.open_legs(now);
                }
            }
            Leg::Asking | Leg::Attaching(_) | Leg::Joining(_) => {}
            Leg::Live(channel) => {
                if talk.look == Look::Wanted {
                    self.join(slot, channel, now);
                }
                self.read_on(slot, now);
                self.pump(slot, now);
                self.ask_pages(slot, now);
                self.type_on(slot, now);
                // One leg less that only reads what was missed, or that may not be let go.
                if !self.talks.waiting.is_empty() && !self.talks[slot].is_behind() {
                    self.open_legs(now);
                }
            }
        }
    }

    fn is_resting(&self, slot: u32) -> bool {
        self.timers.is_armed(&Timer::Talk(slot))
    }

    /// Opens legs for those that wait, as many as there is room for.
    fn open_legs(&mut self, now: Timestamp) {
        let mut waiting = core::mem::take(&mut self.talks.waiting);
        let (mut legs, mut reading) = self.talks.legs();
        waiting.retain(|slot, ()| {
            let talk = &self.talks[*slot];
            let asked_for = talk.is_asked_for();
            if talk.leg != Leg::None || !(talk.is_behind() || asked_for) {
                return false;
            }
            if !asked_for && reading >= CATCH_UP_LEGS_MAX {
                return true;
            }
            if legs >= LEGS_MAX {
                let Some(idle) = self.talks.idlest() else {
                    return true;
                };
                self.detach(idle);
                legs -= 1;
            }
            legs += 1;
            reading += usize::from(!asked_for);
            self.contact(*slot, now);
            false
        });
        for (slot, ()) in waiting {
            self.talks.waiting.insert(slot, ());
        }
    }

    fn contact(&mut self, slot: u32, now: Timestamp) {
        let Some(channel) = self.session.cs.channel else {
            return;
        };
        let front = self.talks[slot].queue.front().copied();
        let item = front.and_then(|counter| self.sends.get(counter));
        let flow = item.map(|item| item.flow).filter(|flow| flow.id != 0);
        let flow = flow.unwrap_or_else(|| self.draw_flow());
        let talk = &mut self.talks[slot];
        (talk.leg, talk.flow) = (Leg::Asking, flow);
        let user = talk.with;
        self.ask(channel, &ToCs::Contact(Contact { user }), flow, Ask::Contact(slot), now);
    }

    /// The CS named the mixer.
    pub(super) fn on_grant(&mut self, slot: u32, grant: Grant, flow: Flow, now: Timestamp) {
        if self.talks[slot].leg != Leg::Asking {
            return;
        }
        self.follow(slot, flow);
        self.attach_leg(slot, grant, now);
    }

    fn attach_leg(&mut self, slot: u32, grant: Grant, now: Timestamp) {
        let Some(link) = &mut self.link else { return };
        let channel = link.open(Purpose::Talk(slot));
        self.talks[slot].leg = Leg::Attaching(channel);
        let Grant { service, node, shard, ticket, .. } = grant;
        let attach = ToGate::Attach(Attach { service, node, shard, ticket });
        let (flow, ask) = (self.talks[slot].flow, Ask::Attach(Purpose::Talk(slot)));
        self.ask(channel, &attach, flow, ask, now);
    }

    /// Frames that answer an act follow from it.
    fn follow(&mut self, slot: u32, flow: Flow) {
        if flow.id != 0 {
            self.talks[slot].flow = flow;
        }
    }

    /// The mixer let the leg in.
    pub(super) fn on_leg_attached(&mut self, slot: u32, flow: Flow, now: Timestamp) {
        let Leg::Attaching(channel) = self.talks[slot].leg else {
            return;
        };
        self.follow(slot, flow);
        self.talks[slot].leg = Leg::Joining(channel);
        self.join(slot, channel, now);
    }

    /// Asks where the log ends; on a live leg once more.
    fn join(&mut self, slot: u32, channel: Channel, now: Timestamp) {
        let talk = &mut self.talks[slot];
        if talk.look == Look::Wanted {
            talk.look = Look::Asked;
        }
        let flow = talk.flow;
        self.ask(channel, &ToMixer::Join(Join {}), flow, Ask::Join(slot), now);
    }

    /// Somebody spoke in a conversation that has no leg here.
    pub(super) fn on_ring(&mut self, ring: Ring, flow: Flow, now: Timestamp) {
        let Some(me) = self.device.user else { return };
        let id = ring.conversation;
        let with = if ring.from == me { self.book.other(me, id) } else { Some(ring.from) };
        let known = self.talks.slot(id);
        // Only 1:1 conversations exist so far: one that is not ours by its id is no ring for us.
        let one_to_one = |with| ConversationId::one_to_one(me, with) == id;
        let opened = with.filter(|with| one_to_one(*with)).map(|with| self.talks.open(id, with));
        let Some(slot) = known.or_else(|| opened.flatten()) else {
            return;
        };
        let talk = &mut self.talks[slot];
        talk.head = talk.head.max(ring.head);
        talk.closed = false;
        if talk.leg == Leg::None && self.link.is_some() {
            self.timers.clear(&Timer::Talk(slot));
            if self.talks.legs().0 < LEGS_MAX {
                self.talks[slot].flow = flow;
                self.attach_leg(slot, ring.grant, now);
                return;
            }
        }
        self.advance(slot, now);
    }

    /// A frame of a mixer.
    pub(super) fn on_mixer(
        &mut self,
        slot: u32,
        frame: &Frame,
        now: Timestamp,
    ) -> Result<(), Malformed> {
        let Some((said, tail)) = FromMixer::decode(frame.kind, &frame.body)? else {
            return Ok(());
        };
        self.talks[slot].touched = Some(now);
        let ask = self.answered(frame, now);
        match (said, ask) {
            (FromMixer::Joined(joined), Some(Ask::Join(_))) => {
                self.follow(slot, tail.flow());
                self.on_joined(slot, joined, now);
            }
            (FromMixer::Stored(stored), Some(Ask::Send(..))) => self.on_stored(slot, stored, now),
            (FromMixer::Expected(expected), Some(Ask::Send(_, _, round))) => {
                self.on_expected(slot, expected.last, round, now);
            }
            (FromMixer::Page(page), Some(Ask::Read(_))) => self.on_missed(slot, page, now),
            (FromMixer::Page(page), Some(Ask::History(_, asked))) => {
                self.on_history(asked, page);
            }
            (FromMixer::Entry(new), _) => self.on_entry(slot, new.entry, now),
            (FromMixer::Typing(typing), _) => self.on_typing(typing.user),
            _ => {}
        }
        Ok(())
    }

    fn on_joined(&mut self, slot: u32, joined: Joined, now: Timestamp) {
        let talk = &mut self.talks[slot];
        talk.head = talk.head.max(joined.head);
        if talk.look == Look::Asked {
            talk.look = Look::No;
        }
        let Leg::Joining(channel) = talk.leg else {
            self.step_syncs(now);
            return self.advance(slot, now);
        };
        (talk.leg, talk.reading) = (Leg::Live(channel), false);
        (talk.attempts, talk.closed) = (0, false);
        talk.delivered = joined.delivered;
        talk.round = talk.round.wrapping_add(1);
        if !talk.known {
            // What this device sent, and never heard of, may stand among what others were shown.
            let first = talk.queue.front();
            let stored = joined.last.as_ref().is_some_and(|last| first <= Some(&last.counter));
            let back = if first.is_some() && (stored || talk.read_first) {
                PAGE_ENTRIES_MAX as u64
            } else {
                0
            };
            let shown = joined.delivered.min(joined.head).saturating_sub(back);
            if shown > 0 {
                self.sends.not_read(&talk.queue);
            }
            (talk.known, talk.shown, talk.taken) = (true, shown, shown);
        }
        self.put_talk(slot);
        self.timers.set(Timer::Idle(slot), now + LEG_IDLE_MS, "leg idle");
        if !self.on_last(slot, joined.last.clone(), now) {
            return;
        }
        self.talks[slot].base = joined.last;
        self.on_shown(slot, now);
        self.advance(slot, now);
        self.open_legs(now);
    }

    /// Asks for what was missed.
    fn read_on(&mut self, slot: u32, now: Timestamp) {
        let talk = &mut self.talks[slot];
        let Some(channel) = talk.live() else { return };
        if talk.reading || talk.shown >= talk.head || self.timers.is_armed(&Timer::Talk(slot)) {
            return;
        }
        talk.reading = true;
        let read = ToMixer::Read(ReadEntries {
            // Below the head, as was just seen, and so below the last number there is.
            from: talk.shown + 1,
            until: u64::MAX,
            limit: u16::try_from(PAGE_ENTRIES_MAX).unwrap_or(u16::MAX),
            newest: false,
        });
        let flow = talk.flow;
        self.ask(channel, &read, flow, Ask::Read(slot), now);
    }

    fn ask_pages(&mut self, slot: u32, now: Timestamp) {
        let Some(channel) = self.talks[slot].live() else { return };
        for page in core::mem::take(&mut self.talks[slot].pages) {
            let (until, limit) = (page.before, page.limit);
            let read = ToMixer::Read(ReadEntries { from: 1, until, limit, newest: true });
            let flow = self.draw_flow();
            self.ask(channel, &read, flow, Ask::History(slot, page), now);
        }
    }

    fn type_on(&mut self, slot: u32, now: Timestamp) {
        let hides = self.device.status == Status::AppearOffline;
        let talk = &mut self.talks[slot];
        let Some(channel) = talk.live() else { return };
        // Who has begun to hide meanwhile says nothing.
        if core::mem::take(&mut talk.types) && !hides {
            (talk.typed, talk.touched) = (Some(now), Some(now));
            let flow = self.draw_flow();
            self.tell(channel, &ToMixer::Typing(Typing {}), flow);
        }
    }

    /// Tells the mixer what was taken.
    pub(super) fn deliver(&mut self, slot: u32) {
        let talk = &mut self.talks[slot];
        let Some(channel) = talk.live() else { return };
        if talk.taken > talk.delivered {
            talk.delivered = talk.taken;
            let delivered = ToMixer::Delivered(Delivered { through: talk.taken });
            self.tell(channel, &delivered, Flow::default());
        }
    }

    /// The leg may have been idle long enough.
    pub(super) fn on_idle(&mut self, slot: u32, now: Timestamp) {
        let talk = &self.talks[slot];
        if talk.live().is_none() {
            return;
        }
        let due = talk.touched.map_or(now, |at| at + LEG_IDLE_MS);
        if due > now {
            self.timers.set(Timer::Idle(slot), due, "leg idle");
        } else if talk.is_asked_for() || talk.is_behind() {
            self.timers.set(Timer::Idle(slot), now + LEG_IDLE_MS, "leg idle");
        } else {
            self.detach(slot);
        }
    }

    /// Lets a leg go, however far it has come; what it was asked is asked again on the next one.
    pub(super) fn detach(&mut self, slot: u32) {
        self.deliver(slot);
        if let Some(channel) = self.channel_of_leg(slot) {
            self.tell(channel, &ToGate::Detach(Detach {}), Flow::default());
            let asks = self.link.as_mut().map(|link| link.close(channel)).unwrap_or_default();
            self.give_back(asks);
        }
        self.drop_leg(slot);
    }

    /// The leg is gone; what it was asked is asked again on the next one.
    pub(super) fn drop_leg(&mut self, slot: u32) {
        let talk = &mut self.talks[slot];
        (talk.leg, talk.reading, talk.base) = (Leg::None, false, None);
        talk.round = talk.round.wrapping_add(1);
        for timer in [Timer::Idle(slot), Timer::Delivered(slot), Timer::Talk(slot)] {
            self.timers.clear(&timer);
        }
    }

    /// A step towards or on a leg was refused, or the mixer let the leg go.
    pub(super) fn on_leg_refused(&mut self, slot: u32, refusal: Refusal, now: Timestamp) {
        if let Leg::Joining(channel) = self.talks[slot].leg {
            self.tell(channel, &ToGate::Detach(Detach {}), Flow::default());
        }
        if let Some(channel) = self.channel_of_leg(slot)
            && let Some(link) = &mut self.link
        {
            let asks = link.close(channel);
            self.give_back(asks);
        }
        self.drop_leg(slot);
        if refusal.code == Code::NotAContact {
            self.close_talk(slot, refusal, now);
        } else {
            self.rest(slot, refusal, now);
        }
        self.open_legs(now);
    }

    fn channel_of_leg(&self, slot: u32) -> Option<Channel> {
        match self.talks[slot].leg {
            Leg::Attaching(channel) | Leg::Joining(channel) | Leg::Live(channel) => Some(channel),
            Leg::None | Leg::Asking => None,
        }
    }

    /// Waits before the conversation goes on.
    pub(super) fn rest(&mut self, slot: u32, refusal: Refusal, now: Timestamp) {
        let talk = &mut self.talks[slot];
        talk.attempts = talk.attempts.saturating_add(1);
        let longest = ASK_AGAIN_MS.saturating_mul(1 << talk.attempts.min(8));
        let half = longest.min(RECONNECT_LAST_MS) / 2;
        // Those who were let go together come back apart.
        let wait = (half + self.rng.below(half)).max(u64::from(refusal.retry_after_ms));
        self.timers.set(Timer::Talk(slot), now + wait, "conversation again");
    }

    /// Nobody to talk to there: what waits is refused.
    fn close_talk(&mut self, slot: u32, refusal: Refusal, now: Timestamp) {
        let talk = &mut self.talks[slot];
        (talk.closed, talk.look, talk.types) = (true, Look::No, false);
        let pages = core::mem::take(&mut talk.pages);
        for counter in talk.queue.clone() {
            self.fail(counter, refusal);
        }
        for page in pages {
            self.refuse(page.id, refusal);
        }
        self.put_talk(slot);
        self.step_syncs(now);
    }

    /// Keeps a conversation.
    pub(super) fn put_talk(&mut self, slot: u32) {
        let talk = &self.talks[slot];
        self.cache.put(Key::cached_conversation(talk.id), talk.row());
    }
}
