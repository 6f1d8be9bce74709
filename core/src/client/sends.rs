//! The outbox: what was said and is not yet known to be stored (PROTOCOL §6.1).

use crate::sorted::SortedMap;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::event::Event;
use super::link::Ask;
use super::rows::{self, ItemRow};
use super::session::Stage;
use super::{Client, Timer};
use crate::error::{Code, Refusal};
use crate::id::{ConversationId, Flow, UserId};
use crate::limits::{OUTBOX_MAX, SENDS_UNACKED_MAX};
use crate::model::entry::{CONTENT_TEXT, Entry};
use crate::store::Key;
use crate::time::{Timestamp, Wall};
use crate::wire::body::mixer::{Content, Send, SendId, Stored, ToMixer};

/// A message on its way.
#[derive(Clone, Debug)]
pub(super) struct Item {
    tag: [u8; 8],
    slot: u32,
    content: Content,
    /// The app's number, as long as the process lives that gave it.
    pub(super) id: Option<u64>,
    /// The act it is.
    pub(super) flow: Flow,
    /// The cache has it: only then it goes out.
    durable: bool,
    /// The round of its leg in which it went out last.
    round: Option<u32>,
    /// It is stored; its own place is not known yet.
    stored: bool,
    /// It is stored at or before this place, or was given up by another process with this outbox.
    covered: Option<(u64, Wall)>,
    /// Its entry may stand below what this device reads.
    unread: bool,
}

/// All items by counter.
#[derive(Debug, Default)]
pub(super) struct Sends(SortedMap<u64, Item>);

impl Sends {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// An item.
    pub(super) fn get(&self, counter: u64) -> Option<&Item> {
        self.0.get(&counter)
    }

    /// The keys of all rows.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key> {
        self.0.keys().map(|counter| Key::outbox(*counter))
    }

    /// Everything, in order.
    pub(super) fn counters(&self) -> Vec<u64> {
        self.0.keys().copied().collect()
    }

    /// Its row is durable.
    fn written(&mut self, counter: u64) -> Option<u32> {
        let item = self.0.get_mut(&counter)?;
        item.durable = true;
        Some(item.slot)
    }

    /// The log is read from a place on that may lie behind the entries of some.
    pub(super) fn not_read(&mut self, counters: &VecDeque<u64>) {
        for counter in counters {
            if let Some(item) = self.0.get_mut(counter) {
                item.unread = true;
            }
        }
    }

    /// Another endpoint sends them: nothing of what was answered counts.
    pub(super) fn start_over(&mut self) {
        for item in self.0.values_mut() {
            (item.round, item.stored, item.covered) = (None, false, None);
        }
    }
}

impl Client {
    /// Puts a message into the outbox.
    pub(super) fn send(&mut self, id: Option<u64>, to: UserId, content: Content, now: Timestamp) {
        let Some(me) = self.device.user else { return };
        let conversation = ConversationId::one_to_one(me, to);
        let full = self.sends.0.len() + self.cache.refused() >= OUTBOX_MAX;
        let (Some(slot), false) = (self.talks.open(conversation, to), full) else {
            return self.refuse(id, Refusal::of(Code::OutboxFull));
        };
        let (counter, tag) = (self.draw_counter(), self.rng.bytes());
        let row = ItemRow { tag, to, content: content.clone() };
        self.cache.put_item(counter, rows::encode(&row));
        let item = Item {
            tag,
            slot,
            content,
            id,
            flow: self.draw_flow(),
            durable: false,
            round: None,
            stored: false,
            covered: None,
            unread: false,
        };
        self.sends.0.insert(counter, item);
        let talk = &mut self.talks[slot];
        talk.queue.push_back(counter);
        // What lies in the cache without a session may be sent by whoever gets a copy of it.
        talk.read_first |= self.stage != Stage::Ready;
        self.advance(slot, now);
    }

    /// Takes an item from the cache. Who asked for it is not known any more.
    pub(super) fn restore_item(&mut self, counter: u64, row: ItemRow) {
        let Some(me) = self.device.user else { return };
        let conversation = ConversationId::one_to_one(me, row.to);
        let Some(slot) = self.talks.open(conversation, row.to) else {
            return;
        };
        let flow = self.draw_flow();
        let item = Item {
            tag: row.tag,
            slot,
            content: row.content,
            id: None,
            flow,
            durable: true,
            round: None,
            stored: false,
            covered: None,
            unread: false,
        };
        self.sends.0.insert(counter, item);
        let talk = &mut self.talks[slot];
        talk.queue.push_back(counter);
        // It may stand in the log under an endpoint id that this device gave up.
        talk.read_first = true;
    }

    /// Rows of items are durable: they may go out.
    pub(super) fn on_items_written(&mut self, counters: &[u64], now: Timestamp) {
        for counter in counters {
            if let Some(slot) = self.sends.written(*counter) {
                self.advance(slot, now);
            }
        }
    }

    /// The cache does not hold them, and so they were never sent. A leg that waited for one is free for
    /// who waits for any.
    pub(super) fn on_items_unwritten(&mut self, counters: &[u64], now: Timestamp) {
        for counter in counters {
            if let Some(item) = self.forget_item(*counter) {
                self.refuse(item.id, Refusal::of(Code::StoreFailed));
                self.advance(item.slot, now);
            }
        }
    }

    /// Sends what may go out: in order, durable, within the window.
    pub(super) fn pump(&mut self, slot: u32, now: Timestamp) {
        let talk = &self.talks[slot];
        let Some(channel) = talk.live().filter(|_| self.stage == Stage::Ready) else {
            return;
        };
        let must_read = talk.read_first && talk.shown < talk.head;
        if must_read || self.timers.is_armed(&Timer::Talk(slot)) {
            return;
        }
        let (round, mut after, mut unacked) = (talk.round, talk.base.clone(), 0);
        // Out of the way of the borrow checker: at most a window and what is covered is walked.
        let queue = core::mem::take(&mut self.talks[slot].queue);
        for counter in &queue {
            let Some(item) = self.sends.0.get_mut(counter).filter(|item| !item.stored) else {
                continue;
            };
            let choked = self.link.as_mut().is_none_or(super::link::Link::is_choked);
            if !item.durable || unacked >= SENDS_UNACKED_MAX {
                break;
            }
            unacked += 1;
            let id = SendId { counter: *counter, tag: item.tag };
            if item.round != Some(round) {
                if choked {
                    break;
                }
                item.round = Some(round);
                let (content, own) = (item.content.clone(), item.flow);
                let joined = self.talks[slot].flow;
                let flow = if joined.id == own.id { joined } else { own };
                let (id, after) = (id.clone(), after.take());
                let content_type = CONTENT_TEXT;
                let send = ToMixer::Send(Send { id, after, content_type, content });
                self.ask(channel, &send, flow, Ask::Send(slot, *counter, round), now);
            }
            after = Some(id);
        }
        let talk = &mut self.talks[slot];
        talk.queue = queue;
        talk.touched = Some(now);
    }

    /// The mixer stored a send, and so every one before it.
    pub(super) fn on_stored(&mut self, slot: u32, stored: Stored, now: Timestamp) {
        let Stored { id, sequence, at } = stored;
        if self.is_foreign(slot, &id) {
            return self.become_another(now);
        }
        self.cover(slot, &id, Some((sequence, at)));
        if self.sends.get(id.counter).is_some_and(|item| item.slot == slot) {
            self.ack(id.counter, sequence, at);
        }
        self.settle_covered(slot);
        self.put_talk(slot);
        self.talks[slot].attempts = 0;
        self.advance(slot, now);
    }

    /// The chain is broken: it goes on after what is stored.
    pub(super) fn on_expected(
        &mut self,
        slot: u32,
        last: Option<SendId>,
        round: u32,
        now: Timestamp,
    ) {
        if last.as_ref().is_some_and(|last| self.is_foreign(slot, last)) {
            return self.become_another(now);
        }
        if let Some(last) = &last {
            self.cover(slot, last, None);
        }
        let talk = &mut self.talks[slot];
        // Everything that was pipelined behind the break is answered alike; one answer is enough.
        if talk.round == round {
            talk.round = talk.round.wrapping_add(1);
            talk.base = last;
            self.pump(slot, now);
        }
    }

    /// What `Joined` says was stored last; whether the leg goes on.
    pub(super) fn on_last(&mut self, slot: u32, last: Option<SendId>, now: Timestamp) -> bool {
        let Some(last) = last else { return true };
        if self.is_foreign(slot, &last) {
            self.become_another(now);
            return false;
        }
        let head = self.talks[slot].head;
        let at = self.wall.at(now);
        self.cover(slot, &last, Some((head, at)));
        true
    }

    /// Whether this client never sent that: somebody else has its endpoint id.
    fn is_foreign(&self, slot: u32, id: &SendId) -> bool {
        if id.counter >= self.device.next {
            return true;
        }
        if let Some(item) = self.sends.get(id.counter) {
            return item.slot != slot || item.tag != id.tag;
        }
        match &self.talks[slot].last {
            Some(last) if last.counter == id.counter => last.tag != id.tag,
            Some(last) => last.counter < id.counter,
            None => true,
        }
    }

    /// Everything up to a send is stored, at or before a place.
    fn cover(&mut self, slot: u32, id: &SendId, place: Option<(u64, Wall)>) {
        let talk = &mut self.talks[slot];
        talk.stored(id);
        for counter in talk.queue.iter().take_while(|counter| **counter <= id.counter) {
            if let Some(item) = self.sends.0.get_mut(counter) {
                item.stored = true;
                item.covered = item.covered.or(place);
            }
        }
    }

    /// An entry of this person was shown: if it is one of the outbox, that is its ack.
    pub(super) fn on_own_entry(&mut self, slot: u32, entry: &Entry) {
        let item = self.sends.get(entry.id.counter);
        let ours = item.is_some_and(|item| item.slot == slot && item.tag == entry.id.tag);
        if !ours {
            return;
        }
        if entry.endpoint == self.device.endpoint {
            self.cover(slot, &entry.id, Some((entry.sequence, entry.at)));
        }
        self.talks[slot].sent(&entry.id);
        self.ack(entry.id.counter, entry.sequence, entry.at);
    }

    /// What is covered, and was not found by its tag once everything up to there was shown. Where its
    /// entry may stand below what this device read, it is acked. Else the log does not hold it: a
    /// process that had this outbox before, or has a copy of it, gave it up and went on.
    pub(super) fn settle_covered(&mut self, slot: u32) {
        let talk = &self.talks[slot];
        let shown = talk.shown;
        let place = |counter: &u64| {
            let item = self.sends.get(*counter)?;
            let (sequence, at) = item.covered?;
            (sequence <= shown).then_some((*counter, sequence, at, item.unread))
        };
        let settled: Vec<_> = talk.queue.iter().map_while(place).collect();
        for (counter, sequence, at, unread) in settled {
            if unread {
                self.ack(counter, sequence, at);
            } else {
                self.fail(counter, Refusal::of(Code::StoreFailed));
            }
        }
    }

    fn ack(&mut self, counter: u64, seq: u64, at: Wall) {
        if let Some(item) = self.forget_item(counter) {
            self.event(Event::Acked { id: item.id, seq, at: at.0 });
        }
    }

    /// Gives an item up: it is refused for good. The app is told once no process of this device can
    /// send it any more.
    pub(super) fn fail(&mut self, counter: u64, refusal: Refusal) {
        if let Some(item) = self.forget_item(counter) {
            if item.round.is_some() {
                // It was on the wire: should the log hold it after all, it is still ours.
                self.talks[item.slot].sent(&SendId { counter, tag: item.tag });
                self.put_talk(item.slot);
            }
            self.cache.next().refused.push((item.id, refusal));
        }
    }

    fn forget_item(&mut self, counter: u64) -> Option<Item> {
        let item = self.sends.0.remove(&counter)?;
        let queue = &mut self.talks[item.slot].queue;
        if queue.front() == Some(&counter) {
            queue.pop_front();
        } else {
            queue.retain(|of| *of != counter);
        }
        self.cache.delete(Key::outbox(counter));
        Some(item)
    }

    /// A send was refused: for good, or until the conversation had a rest.
    pub(super) fn on_send_refused(
        &mut self,
        slot: u32,
        counter: u64,
        round: u32,
        refusal: Refusal,
        now: Timestamp,
    ) {
        if is_final(refusal) {
            // Those behind it named it: they are told `Expected`, and go out again without it.
            self.fail(counter, refusal);
            return self.advance(slot, now);
        }
        let talk = &mut self.talks[slot];
        if talk.round == round {
            talk.round = talk.round.wrapping_add(1);
            self.rest(slot, refusal, now);
        }
    }
}

/// Whether the same send could ever succeed.
fn is_final(refusal: Refusal) -> bool {
    let codes = [
        Code::Malformed,
        Code::Unsupported,
        Code::TooLarge,
        Code::LimitReached,
        Code::Invalid,
        Code::NotAContact,
        Code::StoreFailed,
        Code::Yourself,
    ];
    refusal.retry_after_ms == 0 && codes.contains(&refusal.code)
}
