//! A server made by hand: it decodes what the client says and answers what a test tells it to.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::client::{Client, Command, Config, Event, Input, Output};
use crate::error::{CloseReason, Refusal};
use crate::id::{Channel, ConversationId, EndpointId, LinkId, NodeId, OpId, Shard, UserId};
use crate::machine::Machine as _;
use crate::model::contact::{Contact, Relation};
use crate::model::conversation::InboxItem;
use crate::model::entry::{CONTENT_TEXT, Entry, EntryKind};
use crate::model::presence::{Presence, Status};
use crate::redact::Pii;
use crate::store::{Reply, Request};
use crate::time::{Timestamp, Wall};
use crate::wire::body::account::{FromAccount, Grant, SignedIn, ToAccount};
use crate::wire::body::book::{BookChanged, Contacts, FromBook, ToBook};
use crate::wire::body::cs::{Done, FromCs, Mixer, PresenceOf, Ring, ToCs};
use crate::wire::body::inbox::{Conversations, FromInbox, InboxChanged, ToInbox};
use crate::wire::body::link::{Attach, Attached, Closing, FromGate, Service, ToGate};
use crate::wire::body::mixer::{
    Content, FromMixer, Join, Joined, NewEntry, Page, Send, SendId, Stored, ToMixer,
};
use crate::wire::bounded::{Blob, List, Text};
use crate::wire::frame::{Deframer, Frame};
use crate::wire::hello::{HELLO, Hello, VERSION, WELCOME, Welcome};
use crate::wire::tail::Tail;
use crate::world::MemoryStore;

pub(super) const ALICE: UserId = UserId([0xa1; 16]);
pub(super) const BOB: UserId = UserId([0xb0; 16]);
pub(super) const CAROL: UserId = UserId([0xca; 16]);

pub(super) fn talk() -> ConversationId {
    ConversationId::one_to_one(ALICE, BOB)
}

/// A client under test and the server it talks to.
pub(super) struct Peer {
    pub(super) client: Client,
    pub(super) store: MemoryStore,
    pub(super) now: Timestamp,
    pub(super) link: LinkId,
    pub(super) dials: usize,
    pub(super) closes: usize,
    pub(super) ended: bool,
    pub(super) events: VecDeque<Event>,
    frames: VecDeque<Frame>,
    deframer: Deframer,
    /// Answers of the cache are given by hand.
    pub(super) by_hand: bool,
    /// The app takes no messages.
    pub(super) app_stands_still: bool,
    pub(super) held: VecDeque<(OpId, Request)>,
    /// The host does not report sent bytes.
    pub(super) stuck: bool,
    /// The device's id, as it signed in last with the password.
    pub(super) endpoint: EndpointId,
    refreshes: u8,
    /// The channel of the inbox.
    pub(super) inbox: Channel,
    /// The book's and the inbox's lists, each time they are asked for.
    pub(super) contacts: Vec<Contact>,
    pub(super) items: Vec<InboxItem>,
}

pub(super) fn config(password: Option<&str>) -> Config {
    Config {
        user: Pii("alice".to_string()),
        password: password.map(|password| Pii(password.to_string())),
        keepalive_ms: 0,
        trace: false,
        versions: crate::wire::hello::Versions::default(),
        node: None,
    }
}

pub(super) fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::new(text).expect("test texts are short")
}

pub(super) fn contact(user: UserId, name: &str, relation: Relation, revision: u64) -> Contact {
    Contact { user, name: text(name), relation, text: text("hi"), pact: 1, revision }
}

pub(super) fn entry(sequence: u64, user: UserId, endpoint: EndpointId, id: SendId) -> Entry {
    Entry {
        sequence,
        kind: EntryKind::MESSAGE,
        user,
        endpoint,
        id,
        at: Wall(1_000 + sequence),
        content_type: CONTENT_TEXT,
        content: Content::new(Bytes::from(alloc::format!("text {sequence}"))).expect("short"),
    }
}

/// An entry of bob's.
/// The talk with Bob as the inbox has it.
pub(super) fn item(head: u64) -> InboxItem {
    InboxItem { conversation: talk(), with: BOB, head, at: Wall(0), revision: 1 }
}

pub(super) fn bobs(sequence: u64) -> Entry {
    entry(sequence, BOB, EndpointId([9; 16]), SendId { counter: sequence, tag: [9; 8] })
}

pub(super) fn grant(service: Service) -> Grant {
    let ticket = Blob::new(Bytes::from_static(b"ticket")).expect("short");
    // By the server's clock it is over, which is none of the client's business (PROTOCOL §5.1).
    Grant { service, node: None, shard: Shard(0), ticket, expires: Wall(1) }
}

impl Peer {
    pub(super) fn new(config: Config) -> Self {
        Self::with_store(config, MemoryStore::default(), 1)
    }

    pub(super) fn with_store(config: Config, store: MemoryStore, seed: u8) -> Self {
        let mut peer = Self::made(config, store, seed);
        peer.drain();
        peer
    }

    pub(super) fn with_cache_by_hand(config: Config) -> Self {
        let mut peer = Self::made(config, MemoryStore::default(), 1);
        peer.by_hand = true;
        peer.drain();
        peer
    }

    fn made(config: Config, store: MemoryStore, seed: u8) -> Self {
        let now = Timestamp(1_000);
        Self {
            client: Client::new(config, [seed; 32], now),
            store,
            now,
            link: LinkId(0),
            dials: 0,
            closes: 0,
            ended: false,
            events: VecDeque::new(),
            frames: VecDeque::new(),
            deframer: Deframer::default(),
            by_hand: false,
            app_stands_still: false,
            held: VecDeque::new(),
            stuck: false,
            endpoint: EndpointId::default(),
            refreshes: 0,
            inbox: Channel(0),
            contacts: vec![contact(BOB, "bob", Relation::FRIEND, 1)],
            items: Vec::new(),
        }
    }

    pub(super) fn input(&mut self, input: Input<'_>) {
        self.client.handle_input(input, self.now);
        self.drain();
    }

    pub(super) fn command(&mut self, id: u64, command: Command) {
        self.input(Input::Command { id: Some(id), command });
    }

    pub(super) fn send(&mut self, id: u64, text: &str) {
        self.command(id, Command::Send { to: "bob".to_string(), text: text.to_string() });
    }

    /// When the client wants to be asked next.
    pub(super) fn client_due(&self) -> Timestamp {
        self.client.poll_timeout().expect("it waits for something").at
    }

    /// Time passes, deadline by deadline.
    pub(super) fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(deadline) = self.client.poll_timeout().filter(|next| next.at <= end) {
            self.now = self.now.max(deadline.at);
            self.client.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    fn drain(&mut self) {
        while let Some(output) = self.client.poll_output() {
            assert!(!self.ended, "nothing comes after the end");
            match output {
                Output::Dial { link } => {
                    (self.link, self.dials) = (link, self.dials + 1);
                    (self.deframer, self.frames) = (Deframer::default(), VecDeque::new());
                }
                Output::Send { link, bytes } => {
                    assert_eq!(link, self.link);
                    self.deframer.push(&bytes);
                    if !self.stuck {
                        let bytes = bytes.len();
                        self.client.handle_input(Input::LinkSent { link, bytes }, self.now);
                    }
                    while let Some(frame) = self.deframer.next_frame().expect("whole frames") {
                        self.frames.push_back(frame);
                    }
                }
                Output::Close { .. } => self.closes += 1,
                Output::Store { op, request } => {
                    if self.by_hand {
                        self.held.push_back((op, request));
                    } else {
                        let reply = self.store.handle(&request);
                        self.client.handle_input(Input::Stored { op, reply }, self.now);
                    }
                }
                Output::Event(event) => {
                    let messages = u64::from(matches!(event, Event::Message { .. }));
                    self.events.push_back(event);
                    if messages > 0 && !self.app_stands_still {
                        self.client.handle_input(Input::Taken { messages }, self.now);
                    }
                }
                Output::Ended => self.ended = true,
            }
        }
    }

    /// The cache does what it was asked first.
    pub(super) fn store_one(&mut self) {
        let (op, request) = self.held.pop_front().expect("something was asked of the cache");
        let reply = self.store.handle(&request);
        self.input(Input::Stored { op, reply });
    }

    /// The cache answers what it was asked first, and does nothing.
    pub(super) fn store_says(&mut self, reply: Reply) {
        let (op, _) = self.held.pop_front().expect("something was asked of the cache");
        self.input(Input::Stored { op, reply });
    }

    pub(super) fn frame(&mut self) -> Frame {
        self.frames.pop_front().expect("the client said something")
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.frames.is_empty()
    }

    pub(super) fn event(&mut self) -> Event {
        self.events.pop_front().expect("there is an event")
    }

    pub(super) fn say(&mut self, frame: &Frame) {
        let link = self.link;
        self.input(Input::LinkBytes { link, bytes: &frame.encode() });
    }

    pub(super) fn answer_gate(&mut self, to: &Frame, said: &FromGate) {
        let body = said.encode(&Tail::default());
        self.say(&Frame::response(said.kind(), to.channel, to.request, false, body));
    }

    pub(super) fn refuse(&mut self, to: &Frame, refusal: Refusal) {
        self.answer_gate(to, &FromGate::Refused(refusal));
    }

    pub(super) fn answer_mixer(&mut self, to: &Frame, said: &FromMixer) {
        let body = said.encode(&Tail::default());
        self.say(&Frame::response(said.kind(), to.channel, to.request, false, body));
    }

    pub(super) fn answer_book(&mut self, to: &Frame, said: &FromBook) {
        let body = said.encode(&Tail::default());
        self.say(&Frame::response(said.kind(), to.channel, to.request, false, body));
    }

    pub(super) fn push_book(&mut self, channel: Channel, revision: u64, contact: Contact) {
        let said = FromBook::Changed(BookChanged { revision, contact: contact.into() });
        self.say(&Frame::event(said.kind(), channel, said.encode(&Tail::default())));
    }

    pub(super) fn push_inbox(&mut self, revision: u64, item: InboxItem) {
        let said = FromInbox::Changed(InboxChanged { revision, item: item.into() });
        self.say(&Frame::event(said.kind(), self.inbox, said.encode(&Tail::default())));
    }

    pub(super) fn answer_cs(&mut self, to: &Frame, said: &FromCs) {
        let body = said.encode(&Tail::default());
        self.say(&Frame::response(said.kind(), to.channel, to.request, false, body));
    }

    pub(super) fn push_cs(&mut self, channel: Channel, said: &FromCs) {
        self.say(&Frame::event(said.kind(), channel, said.encode(&Tail::default())));
    }

    pub(super) fn presence(&mut self, channel: Channel, user: UserId, status: Status, line: &str) {
        let presence = Presence { status, name: text(""), message: text(line) };
        let said = FromCs::Presence(PresenceOf { user, presence: presence.into() });
        self.push_cs(channel, &said);
    }

    pub(super) fn push_mixer(&mut self, channel: Channel, said: &FromMixer) {
        self.say(&Frame::event(said.kind(), channel, said.encode(&Tail::default())));
    }

    pub(super) fn live(&mut self, channel: Channel, entry: Entry) {
        self.push_mixer(channel, &FromMixer::Entry(NewEntry { entry: entry.into() }));
    }

    /// HELLO, WELCOME and the attach to account.
    pub(super) fn welcome(&mut self) -> Frame {
        self.welcome_with(45_000)
    }

    pub(super) fn welcome_with(&mut self, keepalive_ms: u32) -> Frame {
        let link = self.link;
        self.input(Input::LinkOpened { link });
        let hello = self.frame();
        assert_eq!(hello.kind, HELLO);
        let hello = Hello::decode(&hello.body).expect("a HELLO");
        let welcome = Welcome {
            version: VERSION,
            features: hello.features,
            frame_bytes_max: 65_536,
            keepalive_ms,
            node: NodeId(0),
            wall: Wall(5_000_000),
        };
        self.say(&Frame::event(WELCOME, Channel(0), welcome.encode()));
        let attach = self.frame();
        assert_eq!(self.attached(&attach), Service::ACCOUNT);
        self.frame()
    }

    /// Lets an attach in.
    pub(super) fn attached(&mut self, frame: &Frame) -> Service {
        let attach = attach_of(frame).expect("an attach");
        self.answer_gate(frame, &FromGate::Attached(Attached {}));
        attach.service
    }

    /// Answers a sign-in or resume.
    pub(super) fn signed_in(&mut self, to: &Frame, endpoint: EndpointId) {
        self.refreshes = self.refreshes.wrapping_add(1);
        let said = FromAccount::SignedIn(SignedIn {
            user: ALICE,
            name: text("alice"),
            endpoint,
            refresh: Blob::new(Bytes::from(vec![self.refreshes; 4])).expect("short"),
            grants: List::new(vec![
                grant(Service::BOOK),
                grant(Service::INBOX),
                grant(Service::CS),
            ])
            .expect("three"),
        });
        let body = said.encode(&Tail::default());
        self.say(&Frame::response(said.kind(), to.channel, to.request, false, body));
        let detach = self.frame();
        assert!(matches!(gate_of(&detach), Some(ToGate::Detach(_))));
    }

    /// Everything from the dial to `signed_in`; the channels of book, inbox and cs.
    pub(super) fn come_online(&mut self) -> Online {
        let ask = self.welcome();
        let said = ToAccount::decode(ask.kind, &ask.body).expect("decodes").expect("account").0;
        let endpoint = match said {
            ToAccount::SignIn(sign_in) => sign_in.endpoint,
            ToAccount::Resume(_) => self.endpoint,
            ToAccount::SignOut(_) => panic!("a sign-in comes first"),
        };
        self.endpoint = endpoint;
        self.signed_in(&ask, endpoint);
        let online = self.attach_services();
        self.watch_and_publish();
        online
    }

    pub(super) fn attach_services(&mut self) -> Online {
        let (book, inbox, cs) = (self.frame(), self.frame(), self.frame());
        assert_eq!(self.attached(&cs), Service::CS);
        assert_eq!(self.attached(&book), Service::BOOK);
        self.fetch_book();
        let (watch, status) = (self.frame(), self.frame());
        assert_eq!(self.attached(&inbox), Service::INBOX);
        self.fetch_inbox();
        self.frames.push_front(status);
        self.frames.push_front(watch);
        self.inbox = inbox.channel;
        Online { book: book.channel, cs: cs.channel }
    }

    pub(super) fn fetch_book(&mut self) {
        let fetch = self.frame();
        let Ok(Some((ToBook::Fetch(ask), _))) = ToBook::decode(fetch.kind, &fetch.body) else {
            panic!("the book is asked for")
        };
        let newest = self.contacts.iter().map(|contact| contact.revision).max().unwrap_or(0);
        let full = ask.revision == 0;
        let changed = self.contacts.iter().filter(|c| full || c.revision > ask.revision);
        let contacts = changed.cloned().map(Into::into).collect();
        let contacts = List::new(contacts).expect("few");
        self.answer_book(
            &fetch,
            &FromBook::Contacts(Contacts { revision: newest, full, contacts }),
        );
    }

    pub(super) fn fetch_inbox(&mut self) {
        let fetch = self.frame();
        assert!(matches!(ToInbox::decode(fetch.kind, &fetch.body), Ok(Some(_))));
        let items = self.items.iter().cloned().map(Into::into).collect();
        let said = FromInbox::Conversations(Conversations {
            revision: 1,
            items: List::new(items).expect("few"),
        });
        let body = said.encode(&Tail::default());
        self.say(&Frame::response(said.kind(), fetch.channel, fetch.request, false, body));
    }

    pub(super) fn watch_and_publish(&mut self) {
        let (watch, status) = (self.frame(), self.frame());
        assert!(matches!(cs_of(&watch), Some(ToCs::Watch(_))));
        assert!(matches!(cs_of(&status), Some(ToCs::SetStatus(_))));
        self.answer_cs(&status, &FromCs::Done(Done {}));
        let at = self.events.iter().position(|event| matches!(event, Event::SignedIn { .. }));
        assert!(at.is_some(), "signed in");
    }

    /// From the question at the CS to the leg's `Join`.
    pub(super) fn let_in(&mut self) -> Frame {
        let contact = self.frame();
        assert!(matches!(cs_of(&contact), Some(ToCs::Contact(_))), "{contact:?}");
        let said = FromCs::Mixer(Mixer { conversation: talk(), grant: grant(Service::MIXER) });
        self.answer_cs(&contact, &said);
        self.join_frame()
    }

    pub(super) fn join_frame(&mut self) -> Frame {
        let attach = self.frame();
        assert_eq!(self.attached(&attach), Service::MIXER);
        let join = self.frame();
        assert!(matches!(mixer_of(&join), ToMixer::Join(Join {})));
        join
    }

    pub(super) fn joined(&mut self, to: &Frame, head: u64, delivered: u64, last: Option<SendId>) {
        let members = List::new(vec![ALICE, BOB]).expect("two");
        self.answer_mixer(to, &FromMixer::Joined(Joined { head, members, delivered, last }));
    }

    /// Is let in to the talk and joins; how the join is known to the mixer.
    pub(super) fn enter(&mut self, head: u64, delivered: u64, last: Option<SendId>) -> Frame {
        let join = self.let_in();
        self.joined(&join, head, delivered, last);
        join
    }

    pub(super) fn ring(&mut self, cs: Channel, head: u64) {
        let ring = Ring { conversation: talk(), from: BOB, head, grant: grant(Service::MIXER) };
        self.push_cs(cs, &FromCs::Ring(ring));
    }

    /// The next frame, which must be a send.
    pub(super) fn sent(&mut self) -> (Frame, Send) {
        let frame = self.frame();
        let ToMixer::Send(send) = mixer_of(&frame) else { panic!("a send, not {frame:?}") };
        (frame, send)
    }

    pub(super) fn stored(&mut self, to: &Frame, id: &SendId, sequence: u64) {
        let stored = Stored { id: id.clone(), sequence, at: Wall(1_000 + sequence) };
        self.answer_mixer(to, &FromMixer::Stored(stored));
    }

    pub(super) fn page(&mut self, to: &Frame, entries: Vec<Entry>, more: bool) {
        let entries = entries.into_iter().map(Into::into).collect();
        let page = Page { entries: List::new(entries).expect("few"), more };
        self.answer_mixer(to, &FromMixer::Page(page));
    }

    pub(super) fn closing(&mut self, reason: CloseReason, retry_after_ms: u32) {
        let said = FromGate::Closing(Closing { reason, retry_after_ms });
        self.say(&Frame::event(said.kind(), Channel(0), said.encode(&Tail::default())));
    }

    /// The network drops the link, and the client dials again.
    pub(super) fn cut(&mut self) {
        let (link, dials) = (self.link, self.dials);
        self.input(Input::LinkClosed { link });
        self.pass(5_000);
        assert_eq!(self.dials, dials + 1, "dials again by itself");
    }

    pub(super) fn is_offline(&mut self) -> String {
        let Event::Offline { reason, .. } = self.event() else { panic!("offline") };
        reason
    }

    pub(super) fn error(&mut self) -> (Option<u64>, String) {
        let Event::Error { id, code, .. } = self.event() else { panic!("an error") };
        (id, code)
    }

    /// Every event so far, in a word each.
    pub(super) fn words(&mut self) -> Vec<String> {
        self.events.drain(..).map(|event| alloc::format!("{event:?}")).collect()
    }
}

/// The channels of a session.
#[derive(Clone, Copy)]
pub(super) struct Online {
    pub(super) book: Channel,
    pub(super) cs: Channel,
}

pub(super) fn attach_of(frame: &Frame) -> Option<Attach> {
    match gate_of(frame)? {
        ToGate::Attach(attach) => Some(attach),
        ToGate::Detach(_) | ToGate::Ping(_) => None,
    }
}

pub(super) fn gate_of(frame: &Frame) -> Option<ToGate> {
    ToGate::decode(frame.kind, &frame.body).expect("decodes").map(|(said, _)| said)
}

pub(super) fn cs_of(frame: &Frame) -> Option<ToCs> {
    ToCs::decode(frame.kind, &frame.body).expect("decodes").map(|(said, _)| said)
}

pub(super) fn book_of(frame: &Frame) -> Option<ToBook> {
    ToBook::decode(frame.kind, &frame.body).expect("decodes").map(|(said, _)| said)
}

pub(super) fn mixer_of(frame: &Frame) -> ToMixer {
    ToMixer::decode(frame.kind, &frame.body).expect("decodes").expect("of a mixer").0
}
