//! Golden bytes (PROTOCOL §3.5): one of every kind, ids and shards. `BLESS=1` rewrites them; a
//! released line never changes.

use std::fmt::Write as _;
use std::path::Path;

use bytes::Bytes;
use presently_core::error::{CloseReason, Code, Refusal};
use presently_core::id::{Channel, ConversationId, EndpointId, Flow, NodeId, Shard, UserId};
use presently_core::model::contact::{Contact, Relation};
use presently_core::model::conversation::InboxItem;
use presently_core::model::entry::{CONTENT_TEXT, Entry, EntryKind};
use presently_core::model::presence::{Presence, Status};
use presently_core::time::Wall;
use presently_core::wire::body::{account, book, cs, inbox, link, mixer};
use presently_core::wire::bounded::{Blob, List, Text};
use presently_core::wire::frame::Frame;
use presently_core::wire::hello::{HELLO, Hello, WELCOME, Welcome, feature};
use presently_core::wire::record::Record;
use presently_core::wire::tail::Tail;

const ALICE: UserId = UserId([0xa1; 16]);
const BOB: UserId = UserId([0xb0; 16]);
const DEVICE: EndpointId = EndpointId([0xde; 16]);

fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::new(text).expect("short")
}

fn blob<const MAX: usize>(bytes: &'static [u8]) -> Blob<MAX> {
    Blob::new(bytes).expect("short")
}

fn list<T, const MAX: usize>(items: Vec<T>) -> List<T, MAX> {
    List::new(items).expect("short")
}

fn talk() -> ConversationId {
    ConversationId::one_to_one(ALICE, BOB)
}

fn grant() -> account::Grant {
    account::Grant {
        service: link::Service::MIXER,
        node: Some(NodeId(1)),
        shard: Shard(4_095),
        ticket: blob(b"ticket"),
        expires: Wall(1_700_000_600_000),
    }
}

fn contact() -> Record<Contact> {
    Record::from(Contact {
        user: BOB,
        name: text("bob"),
        relation: Relation::FRIEND,
        text: text("hi"),
        pact: 1,
        revision: 7,
    })
}

fn presence() -> Record<Presence> {
    let (name, message) = (text("Bob"), text("out"));
    Record::from(Presence { status: Status::OutToLunch, name, message })
}

fn item() -> Record<InboxItem> {
    let at = Wall(1_700_000_000_000);
    Record::from(InboxItem { conversation: talk(), with: BOB, head: 300, at, revision: 9 })
}

const SEND: mixer::SendId = mixer::SendId { counter: 300, tag: *b"8 bytes!" };

fn entry() -> Record<Entry> {
    Record::from(Entry {
        sequence: 129,
        kind: EntryKind::MESSAGE,
        user: ALICE,
        endpoint: DEVICE,
        id: SEND,
        at: Wall(1_700_000_000_000),
        content_type: CONTENT_TEXT,
        content: blob("grüß dich".as_bytes()),
    })
}

/// Name, kind and body of one of each kind.
fn bodies() -> Vec<(&'static str, u16, Bytes)> {
    let none = Tail::default();
    let mut out = Vec::new();
    macro_rules! put {
        ($($via:path => $($body:expr),* $(,)?;)*) => { $($({
            let body = $via($body);
            out.push((stringify!($via), body.kind(), body.encode(&none)));
        })*)* };
    }
    let refusal = Refusal::later(Code::TooFast, 1_500);
    put! {
        link::ToGate::Attach => link::Attach {
            service: link::Service::CS, node: None, shard: Shard(0), ticket: blob(b"ticket") };
        link::ToGate::Detach => link::Detach {};
        link::ToGate::Ping => link::Ping {};
        link::FromGate::Attached => link::Attached {};
        link::FromGate::Pong => link::Pong {};
        link::FromGate::Refused => refusal;
        link::FromGate::Detached => link::Detached { refusal };
        link::FromGate::Closing => link::Closing {
            reason: CloseReason::Fault(Code::Malformed), retry_after_ms: 250 };
        account::ToAccount::SignIn => account::SignIn {
            name: text("alice"), password: text("secret"), endpoint: DEVICE };
        account::ToAccount::Resume => account::Resume { refresh: blob(b"refresh") };
        account::ToAccount::SignOut => account::SignOut { refresh: blob(b"refresh") };
        account::FromAccount::SignedIn => account::SignedIn {
            user: ALICE, name: text("alice"), endpoint: DEVICE, refresh: blob(b"refresh"),
            grants: list(vec![grant()]) };
        account::FromAccount::SignedOut => account::SignedOut {};
        book::ToBook::Fetch => book::FetchBook { revision: 300 };
        book::ToBook::Invite => book::Invite { name: text("bob"), text: text("hi") };
        book::ToBook::Accept => book::Accept { user: BOB };
        book::ToBook::Decline => book::Decline { user: BOB };
        book::ToBook::Remove => book::Remove { user: BOB };
        book::FromBook::Contacts => book::Contacts {
            revision: 7, full: true, contacts: list(vec![contact()]) };
        book::FromBook::Changed => book::BookChanged { revision: 8, contact: contact() };
        inbox::ToInbox::Fetch => inbox::FetchInbox { revision: 300 };
        inbox::FromInbox::Conversations => inbox::Conversations {
            revision: 9, items: list(vec![item()]) };
        inbox::FromInbox::Changed => inbox::InboxChanged { revision: 9, item: item() };
        cs::ToCs::Watch => cs::Watch { users: list(vec![ALICE, BOB]) };
        cs::ToCs::Unwatch => cs::Unwatch { users: list(vec![BOB]) };
        cs::ToCs::SetStatus => cs::SetStatus { status: Status::AppearOffline };
        cs::ToCs::SetProfile => cs::SetProfile { name: None, message: Some(text("out")) };
        cs::ToCs::Contact => cs::Contact { user: BOB };
        cs::ToCs::Leave => cs::Leave {};
        cs::FromCs::Done => cs::Done {};
        cs::FromCs::Presence => cs::PresenceOf { user: BOB, presence: presence() };
        cs::FromCs::Settling => cs::Settling { user: BOB };
        cs::FromCs::Mixer => cs::Mixer { conversation: talk(), grant: grant() };
        cs::FromCs::Ring => cs::Ring {
            conversation: talk(), from: ALICE, head: 129, grant: grant() };
        mixer::ToMixer::Join => mixer::Join {};
        mixer::ToMixer::Send => mixer::Send {
            id: SEND, after: Some(mixer::SendId { counter: 299, tag: [0; 8] }),
            content_type: CONTENT_TEXT, content: blob(b"hello") };
        mixer::ToMixer::Read => mixer::ReadEntries {
            from: 1, until: u64::MAX, limit: 200, newest: true };
        mixer::ToMixer::Typing => mixer::Typing {};
        mixer::ToMixer::Delivered => mixer::Delivered { through: 129 };
        mixer::FromMixer::Joined => mixer::Joined {
            head: 129, members: list(vec![ALICE, BOB]), delivered: 128, last: Some(SEND) };
        mixer::FromMixer::Stored => mixer::Stored {
            id: SEND, sequence: 129, at: Wall(1_700_000_000_000) };
        mixer::FromMixer::Expected => mixer::Expected { last: None };
        mixer::FromMixer::Page => mixer::Page { entries: list(vec![entry()]), more: true };
        mixer::FromMixer::Entry => mixer::NewEntry { entry: entry() };
        mixer::FromMixer::Typing => mixer::TypingOf { user: ALICE };
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").expect("a string takes all");
        out
    })
}

fn frames() -> String {
    let hello = Hello {
        version_min: 1,
        version_max: 2,
        features: feature::TRACE,
        frame_bytes_max: 65_536,
        keepalive_ms: 45_000,
        node: Some(NodeId(0)),
    };
    let welcome = Welcome {
        version: 1,
        features: feature::TRACE,
        frame_bytes_max: 65_536,
        keepalive_ms: 45_000,
        node: NodeId(1),
        wall: Wall(1_700_000_000_000),
    };
    let mut out = String::from("# kind name body, then frames and tails; see PROTOCOL \u{a7}3.5\n");
    let mut put = |name: &str, kind: u16, body: &[u8]| {
        writeln!(out, "{kind:04x} {name} {}", hex(body)).expect("a string takes all");
    };
    put("Hello", HELLO, &hello.encode());
    put("Welcome", WELCOME, &welcome.encode());
    for (name, kind, body) in bodies() {
        put(name, kind, &body);
    }
    let ping = Bytes::from_static(b"");
    put("frame event", 6, &Frame::event(6, Channel(0), ping.clone()).encode());
    put("frame request", 6, &Frame::request(6, Channel(300), 70_000, ping.clone()).encode());
    put("frame response", 7, &Frame::response(7, Channel(1), 1, true, ping).encode());
    let tail = Tail::of_flow(Flow { id: 0x0102_0304_0506_0708, hop: 9 });
    put("tail flow", 6, &link::ToGate::Ping(link::Ping {}).encode(&tail));
    out
}

fn ids() -> String {
    let mut out = String::from("# what follows from an id; see PROTOCOL \u{a7}9.2\n");
    let mut put = |name: &str, value: &str| {
        writeln!(out, "{name} {value}").expect("a string takes all");
    };
    put("one_to_one a1 b0", &talk().to_string());
    put("one_to_one b0 a1", &ConversationId::one_to_one(BOB, ALICE).to_string());
    put("shard of user a1", &Shard::of_user(ALICE).0.to_string());
    put("shard of user b0", &Shard::of_user(BOB).0.to_string());
    put("shard of name alice", &Shard::of_name("alice").0.to_string());
    put("shard of name bob", &Shard::of_name("bob").0.to_string());
    put("shard of conversation a1 b0", &Shard::of_conversation(talk()).0.to_string());
    out
}

fn golden(name: &str, now: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, now).expect("vectors can be written");
        return;
    }
    let then = std::fs::read_to_string(&path).expect("vectors are committed");
    for (then, now) in then.lines().zip(now.lines()) {
        assert_eq!(then, now, "a released body has changed: it needs a new kind");
    }
    assert_eq!(then.lines().count(), now.lines().count(), "a kind came or went: BLESS=1");
}

#[test]
fn bodies_have_their_bytes() {
    golden("frames.txt", &frames());
}

#[test]
fn ids_have_their_shards() {
    golden("ids.txt", &ids());
}

#[test]
fn every_kind_has_a_vector_and_reads_back() {
    let bodies = bodies();
    let kinds: Vec<u16> = bodies.iter().map(|(_, kind, _)| *kind).collect();
    macro_rules! all {
        ($($from:ty),*) => { $({
            for kind in <$from>::KINDS {
                let at = kinds.iter().position(|known| known == kind);
                let (name, _, body) = &bodies[at.expect("a vector of every kind")];
                let read = <$from>::decode(*kind, body).expect("it decodes");
                let (value, tail) = read.expect("a kind of this direction");
                assert_eq!(value.encode(&tail), *body, "{name} reads back");
            }
        })* };
    }
    all!(
        link::ToGate,
        link::FromGate,
        account::ToAccount,
        account::FromAccount,
        book::ToBook,
        book::FromBook,
        inbox::ToInbox,
        inbox::FromInbox,
        cs::ToCs,
        cs::FromCs,
        mixer::ToMixer,
        mixer::FromMixer
    );
}
