//! The gate: the client links of a node (PROTOCOL §2, §4.1).
//!
//! Owns the links: their handshake, their channels, what waits on them and when they are given up.
//! Routes by frame header: it reads HELLO, `Attach`, `Detach` and `Ping`, and no other body. Every
//! service attached hears of a channel's end exactly once. After `LinkClose` nothing more is said
//! on a link; its state stands until the host's `LinkClosed`.
//!
//! - `lanes`: backpressure of one link.
//! - `link`, `channels`: its state.
//! - `incoming`: a client's frames.
//! - `services`: what services tell.

mod channels;
mod incoming;
mod lanes;
mod link;
mod services;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use self::channels::Attached;
use self::link::{Link, Stage};
use crate::edge::gate_service::{FromOrigin, Port, ToService, Who};
use crate::edge::{Envelope, Peer, Post, Role, Tell, ToAccount, ToBook, ToCs, ToGate, ToInbox};
use crate::edge::{ToMixer, gate_service};
use crate::error::{CloseReason, Code, Refusal};
use crate::id::{Channel, Flow, LinkId, NodeId, OpId};
use crate::index::{Index, Slab};
use crate::limits::{
    CLOSE_FLUSH_MS, DRAIN_FLUSH_MS, DRAIN_SPREAD_MS, FRAME_BYTES_MAX, LINK_HARD_BYTES_MAX,
    LINK_IN_FLIGHT_BYTES_MAX, LINK_PRE_AUTH_BYTES_MAX, LINK_PRE_AUTH_MS, LINKS_MAX,
    LINKS_PRE_AUTH_MAX, PAUSE_MS, SESSION_BYTES_MAX, STRANGER_BYTES_MAX,
};
use crate::machine::{Deadline, Machine};
use crate::measure::Queues;
use crate::origin::Origin;
use crate::outbox::Outbox;
use crate::rng::Rng;
use crate::setup::Setup;
use crate::time::{Timestamp, Wall, WallClock};
use crate::timer::TimerQueue;
use crate::wire::body::link::{Closing, Detached, FromGate};
use crate::wire::frame::Frame;
use crate::wire::tail::Tail;

/// Everything that comes into a gate.
#[derive(Debug)]
pub enum Input<'a> {
    /// A client connected. The number is new.
    LinkOpened {
        /// The link.
        link: LinkId,
        /// The peer's address, as text without a port.
        remote: &'a str,
    },
    /// Bytes from a client, cut anywhere.
    LinkBytes {
        /// The link.
        link: LinkId,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// The host has given bytes of a link to the operating system.
    LinkSent {
        /// The link.
        link: LinkId,
        /// How many since the last report.
        bytes: usize,
    },
    /// The socket is gone. Also the completion of a `LinkClose`.
    LinkClosed {
        /// The link.
        link: LinkId,
    },
    /// From a service.
    Tell(Envelope<ToGate>),
    /// Another node came or went.
    Peer(Peer),
    /// A reading of the wall clock.
    Wall(Wall),
    /// The node must go away.
    Drain,
}

/// Everything a gate may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// To a service.
    Tell(Post),
    /// Bytes for a client.
    LinkSend {
        /// The link.
        link: LinkId,
        /// The bytes.
        bytes: Bytes,
    },
    /// Flush for at most `flush_ms`, then drop the socket. `LinkClosed` completes it.
    LinkClose {
        /// The link.
        link: LinkId,
        /// Why, for the log.
        reason: CloseReason,
        /// Milliseconds.
        flush_ms: u32,
    },
    /// The client wants another node of this process. The link is forgotten here.
    Handover {
        /// The link.
        link: LinkId,
        /// The node it wants.
        node: NodeId,
        /// All bytes read so far.
        bytes: Bytes,
    },
    /// All links are gone after `Drain`.
    Drained,
}

/// The gate of one node.
#[derive(Debug)]
pub struct Gate {
    setup: Setup,
    rng: Rng,
    links: Slab<Link>,
    by_id: Index<LinkId>,
    /// One per link that is not closing; moved only when it fires.
    timers: TimerQueue<OpId>,
    /// Links that have not signed in.
    strangers: usize,
    /// Nodes that were lost and have not come back.
    lost: alloc::vec::Vec<NodeId>,
    draining: bool,
    drained: bool,
    out: Outbox<Output>,
}

impl Gate {
    /// The gate of a node that starts.
    #[must_use]
    pub fn new(setup: Setup, _now: Timestamp) -> Self {
        let mut rng = setup.rng("gate");
        let by_id = Index::new(rng.next_u64());
        Self {
            setup,
            rng,
            links: Slab::default(),
            by_id,
            timers: TimerQueue::default(),
            strangers: 0,
            lost: alloc::vec::Vec::new(),
            draining: false,
            drained: false,
            out: Outbox::default(),
        }
    }

    /// Who is behind a link, once a service said so.
    #[must_use]
    pub fn who(&self, link: LinkId) -> Option<&Who> {
        self.links.get(self.key(link)?)?.who.as_deref()
    }

    /// How many links there are.
    #[must_use]
    pub fn link_count(&self) -> usize {
        self.links.len()
    }

    /// Its queues. A link that is not closing has one timer.
    pub fn queues(&self, queues: &mut Queues) {
        let links = || self.links.iter().map(|(_, link)| link);
        queues.add("gate links", self.links.len(), LINKS_MAX);
        queues.add("gate strangers", self.strangers, LINKS_PRE_AUTH_MAX);
        queues.add("gate timers", self.timers.len(), self.links.len());
        let waiting = links().map(|link| link.outgoing.waiting_bytes());
        queues.longest("link waiting bytes", waiting, LINK_HARD_BYTES_MAX);
        // A frame goes alone where it is longer than what may go.
        let frame = FRAME_BYTES_MAX + LENGTH_BYTES;
        let in_flight = links().map(|link| link.outgoing.in_flight());
        queues.longest("link bytes with the host", in_flight, LINK_IN_FLIGHT_BYTES_MAX.max(frame));
        let kept = |link: &Link| {
            link.deframer.held() + link.outgoing.waiting_bytes() + link.outgoing.in_flight()
        };
        let (strangers, others) =
            (|link: &&Link| link.is_stranger(), |link: &&Link| !link.is_stranger());
        queues.longest("stranger bytes", links().filter(strangers).map(kept), STRANGER_BYTES_MAX);
        queues.longest("session bytes", links().filter(others).map(kept), SESSION_BYTES_MAX);
        queues.longest("link frame bytes", links().map(|link| link.deframer.held()), frame);
    }

    fn key(&self, link: LinkId) -> Option<OpId> {
        self.links.key_at(self.by_id.get(&link)?)
    }

    fn on_opened(&mut self, link: LinkId, origin: Origin, now: Timestamp) {
        if self.by_id.get(&link).is_some() {
            return;
        }
        if self.links.len() >= LINKS_MAX {
            // No room to keep even its closing: the host's `LinkClosed` finds nothing.
            let reason = CloseReason::Unavailable;
            return self.out.push(Output::LinkClose { link, reason, flush_ms: 0 });
        }
        let key = self.links.insert(Link::new(link, origin, now));
        self.by_id.insert(link, key.slot);
        self.strangers += 1;
        if self.draining {
            return self.close(key, CloseReason::Draining);
        }
        if self.strangers > LINKS_PRE_AUTH_MAX {
            return self.close(key, CloseReason::Unavailable);
        }
        self.timers.set(key, now + LINK_PRE_AUTH_MS, "pre-auth");
    }

    fn on_bytes(&mut self, link: LinkId, bytes: &[u8], now: Timestamp) {
        let Some(key) = self.key(link) else { return };
        let Some(entry) = self.links.get_mut(key) else { return };
        if entry.stage == Stage::Closing {
            return;
        }
        entry.heard = now;
        entry.deframer.push(bytes);
        if entry.is_stranger() {
            entry.early_bytes += bytes.len();
            // A frame over its bound says more of what went wrong.
            let over = entry.early_bytes > LINK_PRE_AUTH_BYTES_MAX;
            if over && !entry.deframer.is_too_large() {
                return self.close(key, CloseReason::PreAuth);
            }
        }
        // Handed over or closed, a link's further bytes are not read.
        while let Some(entry) = self.links.get_mut(key).filter(|link| link.stage != Stage::Closing)
        {
            if entry.deframer.is_too_large() {
                return self.close(key, CloseReason::Fault(Code::TooLarge));
            }
            match entry.deframer.next_frame() {
                Ok(Some(frame)) => self.on_frame(key, frame, now),
                Ok(None) => return,
                Err(_) => return self.close(key, CloseReason::Fault(Code::Malformed)),
            }
        }
    }

    fn on_sent(&mut self, link: LinkId, bytes: usize) {
        let Some(key) = self.key(link) else { return };
        let Some(entry) = self.links.get_mut(key) else { return };
        entry.outgoing.on_sent(bytes);
        if entry.stage != Stage::Closing {
            entry.pump(&mut self.out);
        }
    }

    fn on_closed(&mut self, link: LinkId) {
        let Some(key) = self.key(link) else { return };
        self.end(key);
        self.forget(key, link);
    }

    /// Drops a link's state: the host knows it no more.
    fn forget(&mut self, key: OpId, link: LinkId) {
        self.by_id.remove(&link);
        self.links.remove(key);
        self.finish_drain();
    }

    fn finish_drain(&mut self) {
        if self.draining && !self.drained && self.links.is_empty() {
            self.drained = true;
            self.out.push(Output::Drained);
        }
    }

    fn on_drain(&mut self) {
        self.draining = true;
        let open: alloc::vec::Vec<OpId> = self.links.iter().map(|(key, _)| key).collect();
        for key in open {
            self.close(key, CloseReason::Draining);
        }
        self.finish_drain();
    }

    fn on_peer(&mut self, peer: Peer) {
        match peer {
            Peer::Moved(moved) => self.setup.topology.apply(&moved),
            Peer::Up(node) => self.lost.retain(|lost| *lost != node),
            Peer::Lost(node) => {
                if !self.lost.contains(&node) {
                    self.lost.push(node);
                }
                let keys: alloc::vec::Vec<OpId> = self.links.iter().map(|(key, _)| key).collect();
                for key in keys {
                    self.detach_all(key, node);
                }
            }
        }
    }

    /// Tells a client that its channels to a lost node are gone.
    fn detach_all(&mut self, key: OpId, node: NodeId) {
        let Some(link) = self.links.get_mut(key) else { return };
        for gone in link.channels.remove_of(node) {
            let refusal = Refusal::later(Code::Retry, RETRY_MS);
            let word = match gone.request {
                0 => FromGate::Detached(Detached { refusal }),
                _ => FromGate::Refused(refusal),
            };
            self.say(key, gone.channel, gone.request, &word);
        }
    }

    /// A word of the link itself: an answer where `request` is a number, else an event.
    fn say(&mut self, key: OpId, channel: Channel, request: u32, word: &FromGate) {
        let body = word.encode(&Tail::default());
        let frame = if request == 0 {
            Frame::event(word.kind(), channel, body)
        } else {
            Frame::response(word.kind(), channel, request, false, body)
        };
        self.send(key, gate_service::Lane::Control, &frame);
    }

    fn send(&mut self, key: OpId, lane: gate_service::Lane, frame: &Frame) {
        let Some(link) = self.links.get_mut(key) else { return };
        if link.send(lane, frame, &mut self.out).is_err() {
            self.close(key, CloseReason::SlowConsumer);
        }
    }

    /// Ends what a link is attached to, and its deadline; `false`: it was ended before.
    fn end(&mut self, key: OpId) -> bool {
        let Some(link) = self.links.get_mut(key) else { return false };
        if link.stage == Stage::Closing {
            return false;
        }
        if link.is_stranger() {
            self.strangers -= 1;
        }
        link.stage = Stage::Closing;
        link.outgoing.clear();
        link.deframer = crate::wire::frame::Deframer::default();
        let (id, channels) = (link.id, link.channels.take());
        self.timers.clear(&key);
        for attached in channels {
            self.tell_closed(id, attached, false);
        }
        true
    }

    /// Says why where there is time for it, then asks the host to close.
    fn close(&mut self, key: OpId, reason: CloseReason) {
        if !self.end(key) {
            return;
        }
        let Some(link) = self.links.get(key) else { return };
        let link = link.id;
        let flush_ms = match reason {
            CloseReason::Gone | CloseReason::Silent | CloseReason::SlowConsumer => 0,
            CloseReason::Draining => u32::try_from(DRAIN_FLUSH_MS).expect("two seconds"),
            CloseReason::Fault(_)
            | CloseReason::PreAuth
            | CloseReason::Superseded
            | CloseReason::SignedOut
            | CloseReason::Unavailable => CLOSE_FLUSH_MS,
        };
        if flush_ms > 0 && reason != CloseReason::Fault(Code::UpgradeRequired) {
            let retry_after_ms = self.retry_after_ms(reason);
            let word = FromGate::Closing(Closing { reason, retry_after_ms });
            let body = word.encode(&Tail::default());
            let bytes = Frame::event(word.kind(), Channel(0), body).encode();
            self.out.push(Output::LinkSend { link, bytes });
        }
        self.out.push(Output::LinkClose { link, reason, flush_ms });
    }

    /// Spread where all come back at once.
    fn retry_after_ms(&mut self, reason: CloseReason) -> u32 {
        if !matches!(reason, CloseReason::Draining | CloseReason::Unavailable) {
            return 0;
        }
        u32::try_from(self.rng.below(DRAIN_SPREAD_MS)).expect("five seconds")
    }

    fn tell_closed(&mut self, link: LinkId, attached: Attached, detached: bool) {
        let port = self.port(link, attached.channel);
        let closed = ToService::Closed { port, detached };
        self.tell(Flow::default(), attached, closed);
    }

    fn port(&self, link: LinkId, channel: Channel) -> Port {
        Port { node: self.setup.node, link, channel }
    }

    fn tell(&mut self, flow: Flow, attached: Attached, tell: ToService) {
        let tell = match attached.role {
            Role::Account => {
                let link = self.key(tell.port().link).and_then(|key| self.links.get(key));
                let origin = link.map_or_else(Origin::default, |link| link.origin);
                Tell::Account(ToAccount::Client(FromOrigin { origin, tell }))
            }
            Role::AddressBook => Tell::AddressBook(ToBook::Client(tell)),
            Role::Inbox => Tell::Inbox(ToInbox::Client(tell)),
            Role::Cs => Tell::Cs(ToCs::Client(tell)),
            Role::Mixer => Tell::Mixer(ToMixer::Client(tell)),
            Role::Gate | Role::Ps | Role::Placement => {
                unreachable!("clients attach to five services only")
            }
        };
        self.out.push(Output::Tell(Post::node(flow, attached.node, tell)));
    }

    /// A pause of ours is nobody's silence: every link's deadline moves by it (PROTOCOL §1.2).
    fn forgive_pause(&mut self, now: Timestamp) {
        let Some(next) = self.timers.next() else { return };
        let excess = now.since(next.at);
        if excess <= PAUSE_MS {
            return;
        }
        for (_, link) in self.links.iter_mut() {
            link.heard = (link.heard + excess).min(now);
        }
        let mut timers = TimerQueue::default();
        while let Some((key, due)) = self.timers.pop() {
            timers.set(key, due.at + excess, due.why);
        }
        self.timers = timers;
    }

    fn on_due(&mut self, key: OpId, now: Timestamp) {
        let Some(link) = self.links.get(key) else { return };
        match link.stage {
            Stage::Opened | Stage::Welcomed => self.close(key, CloseReason::PreAuth),
            Stage::SignedIn if link.silent_at() <= now => self.close(key, CloseReason::Silent),
            Stage::SignedIn => self.timers.set(key, link.silent_at(), "keepalive"),
            Stage::Closing => {}
        }
    }
}

/// Of a frame's length, which the frame's own bound does not count.
const LENGTH_BYTES: usize = 3;

/// A channel whose node was lost may be attached again after this: by then the node is back, or the
/// answer is the same.
const RETRY_MS: u32 = 200;

impl Machine for Gate {
    type Input<'a> = Input<'a>;
    type Output = Output;

    fn handle_input(&mut self, input: Input<'_>, now: Timestamp) {
        self.forgive_pause(now);
        match input {
            Input::LinkOpened { link, remote } => self.on_opened(link, Origin::of(remote), now),
            Input::LinkBytes { link, bytes } => self.on_bytes(link, bytes, now),
            Input::LinkSent { link, bytes } => self.on_sent(link, bytes),
            Input::LinkClosed { link } => self.on_closed(link),
            Input::Tell(envelope) => {
                let ToGate::Service(tell) = envelope.tell;
                self.on_service(envelope.from, tell, now);
            }
            Input::Peer(peer) => self.on_peer(peer),
            Input::Wall(wall) => self.setup.wall = WallClock::new(wall, now),
            Input::Drain => self.on_drain(),
        }
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.forgive_pause(now);
        while let Some(key) = self.timers.pop_due(now) {
            self.on_due(key, now);
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.out.pop()
    }

    fn poll_timeout(&self) -> Option<Deadline> {
        self.timers.next()
    }
}
