//! The trunk to one other node: lives, sessions, and the reliable stream (PROTOCOL §9.3, §9.4).

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::delay::Delay;
use super::state::{Heard, Sent};
use super::{Output, Parcel, ParcelBody};
use crate::edge::{Addressed, Peer};
use crate::id::{Incarnation, NodeId, UserId};
use crate::limits::{
    TRUNK_DIGEST_MS, TRUNK_HEARTBEAT_MS, TRUNK_RESEND_MS, TRUNK_STATE_MAX, TRUNK_WINDOW_MAX,
};
use crate::outbox::Outbox;
use crate::time::Timestamp;

/// Tells of one parcel.
pub(super) const PARCEL_TELLS_MAX: usize = 256;

/// State values that are said again with a digest; of more only what differs is found out first.
const AGAIN_MAX: usize = 256;

/// Milliseconds until what was said so often without an answer is said again: 200, doubling to 1,000.
fn pace_ms(times: u32) -> u64 {
    (TRUNK_RESEND_MS << times.min(3)).min(TRUNK_HEARTBEAT_MS)
}

/// A tell of the reliable stream, and since when it is on its way.
#[derive(Debug)]
struct Waiting {
    tell: Addressed,
    since: Timestamp,
}

impl Waiting {
    /// As it is sent now.
    fn told(&self, now: Timestamp) -> Addressed {
        let mut told = self.tell.clone();
        told.envelope.tell.wait(now.since(self.since));
        told
    }
}

/// What one node knows of another.
///
/// An understanding is (own life, its life, session). Whoever loses it raises the session; the other
/// follows. Both directions start at 0 in a new one, so neither side ever mixes two.
#[derive(Debug)]
pub struct Link {
    node: NodeId,
    own: Incarnation,
    peer: Option<Incarnation>,
    session: u32,
    /// Of what the peer's life sends.
    delay: Delay,
    up: bool,
    /// Tells from `base` on that the peer has not acked; the first `sent` of them are on their way.
    window: VecDeque<Waiting>,
    base: u64,
    sent: usize,
    resends: u32,
    /// The next sequence expected from the peer.
    expected: u64,
    owes_ack: bool,
    state_sent: Sent,
    state_heard: Heard,
    /// How often the peer was asked to agree since it last did; `None` where all is agreed that it was
    /// asked about.
    asked: Option<u32>,
}

impl Link {
    pub(super) fn new(node: NodeId, own: Incarnation) -> Self {
        Self {
            node,
            own,
            peer: None,
            session: 0,
            delay: Delay::default(),
            up: false,
            window: VecDeque::new(),
            base: 0,
            sent: 0,
            resends: 0,
            expected: 0,
            owes_ack: false,
            state_sent: Sent::default(),
            state_heard: Heard::default(),
            asked: None,
        }
    }

    pub(super) fn node(&self) -> NodeId {
        self.node
    }

    pub(super) fn is_up(&self) -> bool {
        self.up
    }

    pub(super) fn window_len(&self) -> usize {
        self.window.len()
    }

    pub(super) fn state_len(&self) -> usize {
        self.state_sent.len()
    }

    pub(super) fn has_unacked(&self) -> bool {
        self.sent > 0
    }

    pub(super) fn owes_ack(&self) -> bool {
        self.owes_ack
    }

    /// Milliseconds until what is unacked is sent again.
    pub(super) fn resend_ms(&self) -> u64 {
        pace_ms(self.resends)
    }

    /// Milliseconds until the peer is asked again to agree; `None` where it did.
    pub(super) fn again_ms(&self) -> Option<u64> {
        self.asked.map(pace_ms)
    }

    /// Milliseconds between digests; a node not heard yet is greeted faster.
    pub(super) fn digest_ms(&self) -> u64 {
        if self.up { TRUNK_DIGEST_MS } else { TRUNK_RESEND_MS }
    }

    /// Appends to the reliable stream; `false` where the window is full.
    #[must_use]
    pub(super) fn queue(&mut self, tell: Addressed, now: Timestamp) -> bool {
        let room = self.window.len() < TRUNK_WINDOW_MAX;
        if room {
            self.window.push_back(Waiting { tell, since: now });
        }
        room
    }

    /// Sends a state value, and remembers it until a digest agreed on it.
    pub(super) fn state(
        &mut self,
        key: UserId,
        tell: Addressed,
        out: &mut Outbox<Output>,
        now: Timestamp,
    ) {
        if self.state_sent.len() >= TRUNK_STATE_MAX {
            return self.lose(out);
        }
        let number = self.state_sent.put(key, tell.clone());
        self.send(ParcelBody::State { number, tell }, out, now);
    }

    /// Sends one parcel in the present understanding.
    pub(super) fn send(&self, body: ParcelBody, out: &mut Outbox<Output>, now: Timestamp) {
        let (from, to, session) = (self.own, self.peer, self.session);
        let parcel = Parcel { from, to, session, sent: now, body };
        out.push(Output::Send { to: self.node, parcel });
    }

    /// Sends what was queued and never sent. Whether anything was.
    pub(super) fn flush(&mut self, out: &mut Outbox<Output>, now: Timestamp) -> bool {
        if !self.up || self.sent == self.window.len() {
            return false;
        }
        while self.sent < self.window.len() {
            let count = (self.window.len() - self.sent).min(PARCEL_TELLS_MAX);
            self.send_tells(self.sent, count, out, now);
            self.sent += count;
        }
        true
    }

    fn send_tells(&mut self, from: usize, count: usize, out: &mut Outbox<Output>, now: Timestamp) {
        let waiting = self.window.range(from..from + count);
        let tells: Vec<_> = waiting.map(|waiting| Box::new(waiting.told(now))).collect();
        let first = self.base + from as u64;
        self.owes_ack = false;
        self.send(ParcelBody::Reliable { first, ack: self.expected, tells }, out, now);
    }

    /// Sends the oldest unacked tells again. Whether there were any.
    pub(super) fn resend(&mut self, out: &mut Outbox<Output>, now: Timestamp) -> bool {
        if !self.up || self.sent == 0 {
            return false;
        }
        self.resends = self.resends.saturating_add(1);
        self.send_tells(0, self.sent.min(PARCEL_TELLS_MAX), out, now);
        true
    }

    /// Acks what came, where nothing else carried the ack.
    pub(super) fn ack(&mut self, out: &mut Outbox<Output>, now: Timestamp) {
        if self.owes_ack {
            self.send_tells(self.sent, 0, out, now);
        }
    }

    /// Greets a node not heard yet; else says what of the state class it should hold.
    pub(super) fn digest(&mut self, out: &mut Outbox<Output>, now: Timestamp) {
        if !self.up {
            return self.send(ParcelBody::Hello, out, now);
        }
        if self.state_sent.len() > 0 {
            self.asked = self.asked.or(Some(0));
        }
        let (after, through, hash) = self.state_sent.digest();
        self.send(ParcelBody::Digest { after, through, hash }, out, now);
    }

    /// Says again what the peer was asked about and did not agree to, where it is little, with the digest:
    /// what was lost, or the answer, need not be found out first.
    pub(super) fn digest_again(&mut self, out: &mut Outbox<Output>, now: Timestamp) {
        let Some(times) = self.asked.as_mut() else { return };
        *times = times.saturating_add(1);
        if self.state_sent.len() <= AGAIN_MAX {
            self.send_state(out, now);
        }
        self.digest(out, now);
    }

    fn send_state(&self, out: &mut Outbox<Output>, now: Timestamp) {
        for (number, tell) in self.state_sent.all() {
            self.send(ParcelBody::State { number, tell }, out, now);
        }
    }

    /// Gives the understanding up: what was on its way is lost, the next one is greeted for.
    pub(super) fn lose(&mut self, out: &mut Outbox<Output>) {
        let session = self.session.wrapping_add(1);
        self.begin(session, out);
    }

    fn begin(&mut self, session: u32, out: &mut Outbox<Output>) {
        if self.up {
            out.push(Output::Peer(Peer::Lost(self.node)));
            // What waits was meant for the understanding that ended. Before the first one, it waits on.
            self.window.clear();
        }
        self.up = false;
        self.session = session;
        self.base = 0;
        self.sent = 0;
        self.resends = 0;
        self.expected = 0;
        self.owes_ack = false;
        self.state_sent = Sent::default();
        self.state_heard = Heard::default();
        self.asked = None;
    }

    /// Takes a parcel. Whether it belongs to the present understanding.
    pub(super) fn receive(
        &mut self,
        mut parcel: Parcel,
        out: &mut Outbox<Output>,
        now: Timestamp,
    ) -> bool {
        if !self.is_newest_life(parcel.from, out) {
            return false;
        }
        let late_ms = self.delay.variation_ms(parcel.sent, now);
        if parcel.to != Some(self.own) || parcel.session < self.session {
            // It does not know this life yet, or not that the understanding ended.
            self.send(ParcelBody::Hello, out, now);
            return false;
        }
        if parcel.session > self.session {
            self.begin(parcel.session, out);
        }
        if !self.up {
            self.up = true;
            out.push(Output::Peer(Peer::Up(self.node)));
            self.digest(out, now);
        }
        parcel.body.wait(late_ms);
        self.on_body(parcel.body, out, now);
        true
    }

    /// Whether that is the newest life known of the peer; a newer one begins at nothing.
    fn is_newest_life(&mut self, from: Incarnation, out: &mut Outbox<Output>) -> bool {
        if self.peer < Some(from) {
            self.begin(0, out);
            (self.peer, self.delay) = (Some(from), Delay::default());
        }
        self.peer == Some(from)
    }

    fn on_body(&mut self, body: ParcelBody, out: &mut Outbox<Output>, now: Timestamp) {
        match body {
            ParcelBody::Hello => out.push(Output::Deaf(self.node)),
            ParcelBody::Reliable { first, ack, tells } => {
                self.on_ack(ack);
                self.on_tells(first, tells, out);
            }
            ParcelBody::State { number, tell } => {
                if let crate::edge::Class::State(key) = tell.envelope.tell.class()
                    && self.state_heard.is_news(key, number)
                {
                    out.push(Output::Deliver(tell));
                }
            }
            ParcelBody::Digest { after, through, hash } => {
                let agreed = self.state_heard.agrees(after, through, hash);
                self.send(ParcelBody::DigestAnswer { through, agreed }, out, now);
            }
            ParcelBody::DigestAnswer { through, agreed: true } => {
                if self.state_sent.agreed(through) {
                    self.asked = None;
                }
            }
            ParcelBody::DigestAnswer { agreed: false, .. } => self.send_state(out, now),
            ParcelBody::Ephemeral(tell) => out.push(Output::Deliver(tell)),
        }
    }

    fn on_ack(&mut self, ack: u64) {
        let acked = ack.saturating_sub(self.base).min(self.sent as u64);
        let count = usize::try_from(acked).unwrap_or(0);
        if count > 0 {
            self.window.drain(..count);
            self.sent -= count;
            self.base += acked;
            self.resends = 0;
        }
    }

    #[expect(clippy::vec_box, reason = "as the parcel holds them")]
    fn on_tells(&mut self, first: u64, tells: Vec<Box<Addressed>>, out: &mut Outbox<Output>) {
        if tells.is_empty() {
            return;
        }
        self.owes_ack = true;
        // A gap: what is missing comes again, and this with it.
        for (at, tell) in (0u64..).zip(tells) {
            // A node that lies may begin anywhere, at the very end too.
            if first.checked_add(at) == Some(self.expected) {
                self.expected += 1;
                out.push(Output::Deliver(*tell));
            }
        }
    }
}
