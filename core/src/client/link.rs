//! One link of a client: channels, requests and their answers, credit (PROTOCOL §2).

use crate::sorted::SortedMap;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::Bytes;

use super::Command;
use super::io::Output;
use super::talk::HistoryAsk;
use super::waiting::Held;
use crate::id::{Act, Channel, Flow, LinkId};
use crate::limits::{KEEPALIVE_MS, LINK_IN_FLIGHT_BYTES_MAX, LINK_SOFT_BYTES_MAX};
use crate::outbox::Outbox;
use crate::time::Timestamp;
use crate::wire::body::link::Service;
use crate::wire::body::{account, book, cs, inbox, link as gate, mixer};
use crate::wire::frame::{Deframer, Flags, Frame, Malformed};
use crate::wire::tail::Tail;

/// What a client can say on a channel.
pub(super) trait Said {
    /// The frame's kind.
    fn kind(&self) -> u16;
    /// Body and tail.
    fn encode(&self, tail: &Tail) -> Bytes;
}

macro_rules! said {
    ($($ty:ty),*) => { $(
        impl Said for $ty {
            fn kind(&self) -> u16 {
                self.kind()
            }
            fn encode(&self, tail: &Tail) -> Bytes {
                self.encode(tail)
            }
        }
    )* };
}

said!(gate::ToGate, account::ToAccount, book::ToBook, inbox::ToInbox, cs::ToCs, mixer::ToMixer);

/// What a channel is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Signing in or out.
    Account,
    /// Contacts.
    Book,
    /// Conversations.
    Inbox,
    /// The session.
    Cs,
    /// A conversation, by its slot.
    Talk(u32),
}

impl Purpose {
    /// The service behind it.
    pub(super) fn service(self) -> Service {
        match self {
            Self::Account => Service::ACCOUNT,
            Self::Book => Service::BOOK,
            Self::Inbox => Service::INBOX,
            Self::Cs => Service::CS,
            Self::Talk(_) => Service::MIXER,
        }
    }
}

/// A request whose answer is awaited.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    /// A channel.
    Attach(Purpose),
    /// With the password.
    SignIn,
    /// With the refresh token.
    Resume,
    /// The sign-in's end.
    SignOut,
    /// The presence's end.
    Leave,
    /// The list or its delta.
    FetchBook,
    /// The conversations or their delta.
    FetchInbox,
    /// A status, and the commands that chose it.
    Status(Vec<Option<u64>>),
    /// A command that one answer completes.
    Command(Held),
    /// A conversation's mixer.
    Contact(u32),
    /// A conversation's end.
    Join(u32),
    /// A send: slot, counter, round.
    Send(u32, u64, u32),
    /// What was missed.
    Read(u32),
    /// What was said.
    History(u32, HistoryAsk),
    /// Whether the server lives.
    Ping,
}

impl Ask {
    /// The act that the server must know again, should it be asked twice: the last change of a
    /// profile stands, and another device may have made one in between.
    fn act(&self) -> Option<Act> {
        let Self::Command(held) = self else { return None };
        let is_profile = matches!(held.command, Command::Name { .. } | Command::Message { .. });
        is_profile.then_some(held.act)
    }
}

#[derive(Debug)]
struct Asked {
    ask: Ask,
    channel: Channel,
    since: Timestamp,
}

/// One link, from its dial on.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: LinkId,
    /// Agreed at WELCOME.
    pub(super) keepalive_ms: u64,
    /// Whether flows travel.
    pub(super) trace: bool,
    /// Something waited for room; what has more to say is asked again.
    pub(super) choked: bool,
    deframer: Deframer,
    /// Dialed or greeted, and not yet welcomed, since then.
    greeting: Option<Timestamp>,
    /// When anything was asked last. What is only told shows nothing of a link that is dead.
    inquired: Timestamp,
    queue: VecDeque<Bytes>,
    queued: usize,
    in_flight: usize,
    channels: SortedMap<Channel, Purpose>,
    channel: u32,
    asked: SortedMap<u32, Asked>,
    request: u32,
}

impl Link {
    /// A link that is being dialed.
    pub(super) fn new(id: LinkId, now: Timestamp) -> Self {
        Self {
            id,
            keepalive_ms: KEEPALIVE_MS,
            trace: false,
            choked: false,
            deframer: Deframer::default(),
            greeting: Some(now),
            inquired: now,
            queue: VecDeque::new(),
            queued: 0,
            in_flight: 0,
            channels: SortedMap::new(),
            channel: 0,
            asked: SortedMap::new(),
            request: 0,
        }
    }

    /// Takes bytes in.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.deframer.push(bytes);
    }

    /// The next whole frame.
    pub(super) fn next_frame(&mut self) -> Result<Option<Frame>, Malformed> {
        self.deframer.next_frame()
    }

    /// The server welcomed the client.
    pub(super) fn welcomed(&mut self) {
        self.greeting = None;
    }

    /// Says something whose answer is awaited.
    pub(super) fn ask(
        &mut self,
        channel: Channel,
        said: &impl Said,
        flow: Flow,
        ask: Ask,
        out: &mut Outbox<Output>,
        now: Timestamp,
    ) {
        self.inquired = now;
        self.request = self.request.wrapping_add(1).max(1);
        let act = ask.act();
        self.asked.insert(self.request, Asked { ask, channel, since: now });
        let body = said.encode(&self.tail(flow).with_act(act));
        self.say(&Frame::request(said.kind(), channel, self.request, body), out);
    }

    /// Says something that has no answer.
    pub(super) fn tell(
        &mut self,
        channel: Channel,
        said: &impl Said,
        flow: Flow,
        out: &mut Outbox<Output>,
    ) {
        let body = said.encode(&self.tail(flow));
        self.say(&Frame::event(said.kind(), channel, body), out);
    }

    /// Sends a frame, or queues it until the host has sent what it has.
    pub(super) fn say(&mut self, frame: &Frame, out: &mut Outbox<Output>) {
        let bytes = frame.encode();
        self.queued += bytes.len();
        self.queue.push_back(bytes);
        self.release(out);
    }

    /// The host has sent bytes.
    pub(super) fn on_sent(&mut self, bytes: usize, out: &mut Outbox<Output>) {
        self.in_flight = self.in_flight.saturating_sub(bytes);
        self.release(out);
    }

    fn release(&mut self, out: &mut Outbox<Output>) {
        while self.in_flight < LINK_IN_FLIGHT_BYTES_MAX
            && let Some(bytes) = self.queue.pop_front()
        {
            self.queued -= bytes.len();
            self.in_flight += bytes.len();
            out.push(Output::Send { link: self.id, bytes });
        }
    }

    /// Whether chat should wait; who waits is asked again once there is room.
    pub(super) fn is_choked(&mut self) -> bool {
        self.choked |= self.queued > LINK_SOFT_BYTES_MAX;
        self.queued > LINK_SOFT_BYTES_MAX
    }

    fn tail(&self, flow: Flow) -> Tail {
        Tail::of_flow(if self.trace { flow } else { Flow::default() })
    }

    /// A new channel for a purpose.
    pub(super) fn open(&mut self, purpose: Purpose) -> Channel {
        self.channel += 1;
        self.channels.insert(Channel(self.channel), purpose);
        Channel(self.channel)
    }

    /// What a channel is for.
    pub(super) fn purpose(&self, channel: Channel) -> Option<Purpose> {
        self.channels.get(&channel).copied()
    }

    /// The channel of a purpose.
    pub(super) fn channel_of(&self, purpose: Purpose) -> Option<Channel> {
        self.channels.iter().find(|(_, of)| **of == purpose).map(|(channel, _)| *channel)
    }

    /// Forgets a channel; what was asked there gets no answer any more.
    pub(super) fn close(&mut self, channel: Channel) -> Vec<Ask> {
        self.channels.remove(&channel);
        self.asked.take_if(|_, asked| asked.channel == channel).into_iter().map(|a| a.ask).collect()
    }

    /// What a frame answers; a last part ends the wait.
    pub(super) fn answered(&mut self, frame: &Frame, now: Timestamp) -> Option<Ask> {
        if !frame.flags.has(Flags::RESPONSE) {
            return None;
        }
        if frame.flags.has(Flags::MORE) {
            let asked = self.asked.get_mut(&frame.request)?;
            asked.since = now;
            return Some(asked.ask.clone());
        }
        self.asked.remove(&frame.request).map(|asked| asked.ask)
    }

    /// Everything that was asked and not answered.
    pub(super) fn into_asks(self) -> Vec<Ask> {
        self.asked.into_values().map(|asked| asked.ask).collect()
    }

    /// How many answers are awaited.
    pub(super) fn asks(&self) -> usize {
        self.asked.len()
    }

    /// Since when the longest awaited answer is awaited.
    pub(super) fn waits_since(&self) -> Option<Timestamp> {
        let asked = self.asked.values().next().map(|asked| asked.since);
        match (self.greeting, asked) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// A pause of ours is not the server's silence (PROTOCOL §1.2).
    pub(super) fn forgive(&mut self, ms: u64) {
        self.greeting = self.greeting.map(|since| since + ms);
        for asked in self.asked.values_mut() {
            asked.since = asked.since + ms;
        }
    }

    /// When something must be asked next.
    pub(super) fn inquires_at(&self) -> Timestamp {
        self.inquired + self.keepalive_ms
    }
}
