//! A client with a cache and a server in one's hand: it answers honestly, or says anything.

use std::collections::VecDeque;

use bytes::Bytes;
use presently_core::client::{Client, Command, Config, Event, Input, Output};
use presently_core::error::{Code, Refusal};
use presently_core::id::{ConversationId, EndpointId, LinkId, NodeId, OpId, Shard, UserId};
use presently_core::limits::{EVENTS_MAX, FRAME_BYTES_MAX, LINK_IN_FLIGHT_BYTES_MAX};
use presently_core::machine::Machine;
use presently_core::model::contact::{Contact, Relation};
use presently_core::model::conversation::InboxItem;
use presently_core::model::entry::{CONTENT_TEXT, Entry, EntryKind};
use presently_core::redact::Pii;
use presently_core::store::{Reply, Request};
use presently_core::time::{Timestamp, Wall};
use presently_core::wire::body::account::{FromAccount, Grant, SignedIn, SignedOut, ToAccount};
use presently_core::wire::body::book::{BookChanged, Contacts, FromBook, ToBook};
use presently_core::wire::body::cs::{Done, FromCs, Mixer, ToCs};
use presently_core::wire::body::inbox::{Conversations, FromInbox, ToInbox};
use presently_core::wire::body::link::{Attached, FromGate, Pong, Service, ToGate};
use presently_core::wire::body::mixer::{
    FromMixer, Joined, NewEntry, Page, SendId, Stored, ToMixer,
};
use presently_core::wire::bounded::{Blob, List, Text};
use presently_core::wire::frame::{Deframer, Frame};
use presently_core::wire::hello::{HELLO, WELCOME, Welcome};
use presently_core::wire::record::Record;
use presently_core::wire::tail::Tail;
use presently_core::world::MemoryRows;
use presently_tests::words::value::Pool;

use super::{OUTPUTS, TURNS};

/// The person of the device.
pub const ALICE: UserId = UserId([0xa1; 16]);
/// Their friend.
pub const BOB: UserId = UserId([0xb0; 16]);
/// The wall clock.
const WALL: Wall = Wall(1_700_000_000_000);
/// Entries that the conversation has when the stage begins.
const HEAD: u64 = 3;
/// Requests that the server has not answered.
const ASKED_MAX: usize = 256;

/// A client and what is around it.
#[derive(Debug)]
pub struct Stage {
    client: Client,
    now: Timestamp,
    /// The client's cache.
    pub cache: MemoryRows,
    stores: VecDeque<(OpId, Request)>,
    link: Option<LinkId>,
    dialled: Option<LinkId>,
    deframer: Deframer,
    /// Frames that the server has not answered.
    pub asked: VecDeque<Frame>,
    head: u64,
    last: Option<SendId>,
    /// What was said that can be said again.
    pub pool: Pool,
    /// Bytes fed to the client.
    pub fed: usize,
    /// What was fed, where somebody listens.
    pub tap: Option<Vec<u8>>,
    /// Whether it has signed in.
    pub signed_in: bool,
    /// Whether it has ended.
    pub ended: bool,
}

impl Stage {
    /// A client over a cache, before its first answer.
    #[must_use]
    pub fn new(cache: MemoryRows) -> Self {
        let now = Timestamp(1_000);
        let mut config = Config::new("alice");
        config.password = Some(Pii("alice".into()));
        let mut pool = Pool::default();
        let talk = ConversationId::one_to_one(ALICE, BOB);
        [ALICE.0, BOB.0, talk.0].into_iter().for_each(|id| pool.id(id));
        ["alice", "bob", "carol"].into_iter().for_each(|name| pool.text(name));
        let mut stage = Self {
            client: Client::new(config, [9; 32], now),
            now,
            cache,
            stores: VecDeque::new(),
            link: None,
            dialled: None,
            deframer: Deframer::default(),
            asked: VecDeque::new(),
            head: HEAD,
            last: None,
            pool,
            fed: 0,
            tap: None,
            signed_in: false,
            ended: false,
        };
        stage.input(Input::Wall(WALL));
        stage
    }

    /// Gives the client an input and carries out what it asks.
    pub fn input(&mut self, input: Input<'_>) {
        let bytes = if let Input::LinkBytes { bytes, .. } = &input { bytes } else { &[][..] };
        if let Some(tap) = &mut self.tap {
            tap.extend_from_slice(bytes);
        }
        let bytes = bytes.len();
        self.fed += bytes;
        self.client.handle_input(input, self.now);
        self.drain(bytes);
    }

    /// Lets time pass.
    pub fn pass(&mut self, ms: u64) {
        let until = self.now + ms;
        let mut turns = 0;
        while let Some(due) = self.client.poll_timeout().filter(|due| due.at <= until) {
            turns = if due.at > self.now { 0 } else { turns + 1 };
            assert!(turns < TURNS, "the client spins on {due:?}");
            self.now = self.now.max(due.at);
            self.client.handle_timeout(self.now);
            self.drain(0);
        }
        self.now = until;
    }

    fn drain(&mut self, bytes: usize) {
        let mut steps = 0;
        let mut sent = 0;
        while let Some(output) = self.client.poll_output() {
            steps += 1;
            match output {
                Output::Dial { link } => self.dialled = Some(link),
                Output::Send { link, bytes } if self.link == Some(link) => {
                    sent += bytes.len();
                    self.on_send(&bytes);
                }
                Output::Send { .. } => {}
                Output::Close { link, .. } => {
                    if self.link == Some(link) {
                        self.link = None;
                    }
                    self.dialled = self.dialled.filter(|dialled| *dialled != link);
                }
                Output::Store { op, request } => self.stores.push_back((op, request)),
                Output::Event(event) => self.on_event(&event),
                Output::Ended => self.ended = true,
            }
        }
        let most = OUTPUTS + EVENTS_MAX + bytes;
        assert!(steps <= most, "{bytes} bytes cost {steps} outputs");
        let most = LINK_IN_FLIGHT_BYTES_MAX + FRAME_BYTES_MAX + 3;
        assert!(sent <= most, "{sent} bytes are on their way");
        if let (true, Some(link)) = (sent > 0, self.link) {
            self.input(Input::LinkSent { link, bytes: sent });
        }
    }

    fn on_event(&mut self, event: &Event) {
        if let Event::SignedIn { .. } = event {
            self.signed_in = true;
        }
        if let Event::Message { .. } = event {
            self.client.handle_input(Input::Taken { messages: 1 }, self.now);
        }
    }

    fn on_send(&mut self, bytes: &[u8]) {
        self.deframer.push(bytes);
        while let Some(frame) = self.deframer.next_frame().expect("the client speaks frames") {
            if let Ok(Some((ToMixer::Send(send), _))) = ToMixer::decode(frame.kind, &frame.body) {
                self.pool.number(send.id.counter);
                self.pool.number(u64::from_le_bytes(send.id.tag));
            }
            self.asked.push_back(frame);
            assert!(self.asked.len() < 100_000, "the client asks for ever");
        }
        while self.asked.len() > ASKED_MAX {
            self.asked.pop_front();
        }
    }

    /// The link that the client dialled opens.
    pub fn connect(&mut self) {
        if let Some(link) = self.dialled.take() {
            self.link = Some(link);
            self.deframer = Deframer::default();
            self.asked.clear();
            self.input(Input::LinkOpened { link });
        }
    }

    /// The link is cut, or the dial fails.
    pub fn cut(&mut self) {
        if let Some(link) = self.link.take().or_else(|| self.dialled.take()) {
            self.input(Input::LinkClosed { link });
        }
    }

    /// How many requests wait for the cache.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.stores.len()
    }

    /// The cache answers its oldest request, changed by `answer`.
    pub fn answer(&mut self, answer: impl FnOnce(&Request, &mut MemoryRows) -> Reply) {
        let Some((op, request)) = self.stores.pop_front() else { return };
        let reply = answer(&request, &mut self.cache);
        self.input(Input::Stored { op, reply });
    }

    /// The server says bytes.
    pub fn say(&mut self, bytes: &[u8]) {
        if let Some(link) = self.link {
            self.input(Input::LinkBytes { link, bytes });
        }
    }

    /// The app asks.
    pub fn command(&mut self, command: Command) {
        self.input(Input::Command { id: Some(1), command });
    }

    /// Cache and server answer honestly until nobody asks.
    pub fn honest(&mut self) {
        for turn in 0..20_000 {
            if self.dialled.is_some() {
                self.connect();
            } else if self.waiting() > 0 {
                self.answer(|request, cache| cache.handle(request));
            } else if self.asked.is_empty() {
                return;
            } else {
                self.answer_honestly();
            }
            assert!(turn < 19_999, "the client asks for ever");
        }
    }

    /// The server answers the oldest request honestly.
    pub fn answer_honestly(&mut self) {
        let Some(frame) = self.asked.pop_front() else { return };
        for answer in self.honest_answers(&frame) {
            self.say(&answer.encode());
        }
    }

    fn honest_answers(&mut self, frame: &Frame) -> Vec<Frame> {
        let (kind, body) = (frame.kind, &frame.body);
        let said = match kind >> 8 {
            0 => of_link(kind, body),
            1 => self.of_account(kind, body),
            2 => of_book(kind, body),
            3 => self.of_inbox(kind, body),
            4 => of_cs(kind, body),
            _ => self.of_mixer(kind, body),
        };
        let answer = |(kind, body): (u16, Bytes)| {
            Frame::response(kind, frame.channel, frame.request, false, body)
        };
        let mut frames: Vec<Frame> = said.into_iter().map(answer).collect();
        if let Ok(Some((ToMixer::Join(_), _))) = ToMixer::decode(kind, body) {
            // A live entry follows.
            self.head += 1;
            let entry = FromMixer::Entry(NewEntry { entry: entry(self.head).into() });
            let body = entry.encode(&Tail::default());
            frames.push(Frame::event(entry.kind(), frame.channel, body));
        }
        frames
    }

    fn of_account(&mut self, kind: u16, body: &[u8]) -> Option<(u16, Bytes)> {
        let answer = match ToAccount::decode(kind, body).ok()??.0 {
            ToAccount::SignIn(_) | ToAccount::Resume(_) => {
                let grants = [Service::BOOK, Service::INBOX, Service::CS].map(grant).to_vec();
                FromAccount::SignedIn(SignedIn {
                    user: ALICE,
                    name: Text::new("alice").ok()?,
                    endpoint: EndpointId([1; 16]),
                    refresh: Blob::new(&b"refresh"[..]).ok()?,
                    grants: List::new(grants).ok()?,
                })
            }
            ToAccount::SignOut(_) => FromAccount::SignedOut(SignedOut {}),
        };
        Some((answer.kind(), answer.encode(&Tail::default())))
    }

    fn of_inbox(&self, kind: u16, body: &[u8]) -> Option<(u16, Bytes)> {
        let ToInbox::Fetch(_) = ToInbox::decode(kind, body).ok()??.0;
        let conversation = ConversationId::one_to_one(ALICE, BOB);
        let item = InboxItem { conversation, with: BOB, head: self.head, at: WALL, revision: 2 };
        let items = List::new(vec![item.into()]).ok()?;
        let answer = FromInbox::Conversations(Conversations { revision: 2, items });
        Some((answer.kind(), answer.encode(&Tail::default())))
    }

    fn of_mixer(&mut self, kind: u16, body: &[u8]) -> Option<(u16, Bytes)> {
        let answer = match ToMixer::decode(kind, body).ok()??.0 {
            ToMixer::Join(_) => FromMixer::Joined(Joined {
                head: self.head,
                members: List::new(vec![ALICE, BOB]).ok()?,
                delivered: 1,
                last: self.last.clone(),
            }),
            ToMixer::Send(send) => {
                self.head += 1;
                self.last = Some(send.id.clone());
                FromMixer::Stored(Stored { id: send.id, sequence: self.head, at: WALL })
            }
            ToMixer::Read(read) => {
                let until = read.until.min(self.head + 1);
                let count = u64::from(read.limit.min(16));
                let from = if read.newest { until.saturating_sub(count) } else { read.from };
                let range = from.max(read.from).max(1)..until.min(from.saturating_add(count));
                let entries: Vec<Record<Entry>> = range.map(|n| entry(n).into()).collect();
                FromMixer::Page(Page { entries: List::new(entries).ok()?, more: false })
            }
            ToMixer::Typing(_) | ToMixer::Delivered(_) => return None,
        };
        Some((answer.kind(), answer.encode(&Tail::default())))
    }
}

fn of_link(kind: u16, body: &[u8]) -> Option<(u16, Bytes)> {
    if kind == HELLO {
        let welcome = Welcome {
            version: 1,
            features: 0,
            frame_bytes_max: 65_536,
            keepalive_ms: 45_000,
            node: NodeId(0),
            wall: WALL,
        };
        return Some((WELCOME, welcome.encode()));
    }
    let answer = match ToGate::decode(kind, body).ok()??.0 {
        ToGate::Attach(_) => FromGate::Attached(Attached {}),
        ToGate::Ping(_) => FromGate::Pong(Pong {}),
        ToGate::Detach(_) => return None,
    };
    Some((answer.kind(), answer.encode(&Tail::default())))
}

fn of_book(kind: u16, body: &[u8]) -> Option<(u16, Bytes)> {
    let friend = || {
        Record::from(Contact {
            user: BOB,
            name: Text::new("bob").unwrap_or_default(),
            relation: Relation::FRIEND,
            text: Text::default(),
            pact: 1,
            revision: 1,
        })
    };
    let answer = match ToBook::decode(kind, body).ok()??.0 {
        ToBook::Fetch(_) => {
            let contacts = List::new(vec![friend()]).ok()?;
            FromBook::Contacts(Contacts { revision: 1, full: true, contacts })
        }
        ToBook::Invite(_) | ToBook::Accept(_) | ToBook::Decline(_) | ToBook::Remove(_) => {
            FromBook::Changed(BookChanged { revision: 2, contact: friend() })
        }
    };
    Some((answer.kind(), answer.encode(&Tail::default())))
}

fn of_cs(kind: u16, body: &[u8]) -> Option<(u16, Bytes)> {
    let answer = match ToCs::decode(kind, body).ok()??.0 {
        ToCs::Watch(_) | ToCs::Unwatch(_) => return None,
        ToCs::SetStatus(_) | ToCs::SetProfile(_) | ToCs::Leave(_) => FromCs::Done(Done {}),
        ToCs::Contact(contact) if contact.user == BOB => {
            let conversation = ConversationId::one_to_one(ALICE, BOB);
            FromCs::Mixer(Mixer { conversation, grant: grant(Service::MIXER) })
        }
        ToCs::Contact(_) => {
            let refused = FromGate::Refused(Refusal::of(Code::NotAContact));
            return Some((refused.kind(), refused.encode(&Tail::default())));
        }
    };
    Some((answer.kind(), answer.encode(&Tail::default())))
}

fn grant(service: Service) -> Grant {
    let ticket = Blob::new(&b"ticket"[..]).unwrap_or_default();
    Grant { service, node: None, shard: Shard(0), ticket, expires: Wall(WALL.0 + 600_000) }
}

fn entry(sequence: u64) -> Entry {
    Entry {
        sequence,
        kind: EntryKind::MESSAGE,
        user: BOB,
        endpoint: EndpointId([2; 16]),
        id: SendId { counter: sequence, tag: sequence.to_le_bytes() },
        at: WALL,
        content_type: CONTENT_TEXT,
        content: Blob::new(&b"hello"[..]).unwrap_or_default(),
    }
}
