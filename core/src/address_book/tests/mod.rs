//! Address books of two nodes over one store, with account, gates, PS and mixers played.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for what it names")]

mod asking;
mod faults;
mod list;
mod moves;
mod rules;

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::{AddressBook, Input, Output};
use crate::attached::attached_test::{envelope, person, port, setup, ticket, to_gate};
use crate::edge::gate_service::{Port, ToGate, ToService};
use crate::edge::{
    Peer, Post, Role, Tell, To, ToAccount, ToBook, ToCs, ToPs, book_account, book_ps, cs_book,
};
use crate::error::{Code, Refusal};
use crate::id::{NodeId, OpId, Shard, UserId};
use crate::machine::Machine;
use crate::model::contact::{Contact, Relation};
use crate::store::{Reply, Request};
use crate::ticket::Purpose;
use crate::time::Timestamp;
use crate::topology::Topology;
use crate::wire::body::book::{
    Accept, BookChanged, Contacts, Decline, FetchBook, FromBook, Invite, Remove, ToBook as Frame,
};
use crate::wire::body::link::FromGate;
use crate::wire::bounded::Text;
use crate::wire::tail::Tail;
use crate::world::MemoryStore;

/// What a store does with a write instead of what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Failed,
    /// Written, and not known to be.
    UnknownWritten,
    /// Not written, and not known not to be.
    UnknownLost,
}

/// Two homes: alice's on node 0, bob's and all others' on node 1.
struct World {
    store: MemoryStore,
    books: [AddressBook; 2],
    now: Timestamp,
    /// Where shards are, as tells go.
    topology: Topology,
    /// Tells to everyone else, in order.
    told: Vec<Post>,
    /// Faults of the next writes, by whoever.
    faults: VecDeque<Fault>,
    /// Tells between the books get lost.
    cut: bool,
    /// Account does not answer.
    mute: bool,
    request: u32,
}

fn alice() -> UserId {
    person(0, 2, 0)
}

fn bob() -> UserId {
    person(1, 2, 0)
}

const ALICE: u64 = 1;
const BOB: u64 = 2;

impl World {
    fn new() -> Self {
        let mut store = MemoryStore::default();
        let books = [0, 1]
            .map(|node| AddressBook::new(setup(&mut store, node, 2, 1), Timestamp::default()));
        let mut world = Self {
            store,
            books,
            now: Timestamp(10),
            topology: Topology::even(2),
            told: Vec::new(),
            faults: VecDeque::new(),
            cut: false,
            mute: false,
            request: 1,
        };
        world.settle();
        world.attach(ALICE, alice(), "alice");
        world.attach(BOB, bob(), "bob");
        world.told.clear();
        world
    }

    fn port(link: u64, user: UserId) -> Port {
        port(Topology::even(2).owner(Shard::of_user(user)).0, link)
    }

    fn attach(&mut self, link: u64, user: UserId, name: &str) {
        let home = self.topology.owner(Shard::of_user(user)).0;
        let setup = self.books[usize::from(home)].setup.clone();
        let ticket = ticket(&setup, Purpose::Book, user, name);
        let port = Self::port(link, user);
        let opened = ToService::Opened { port, request: 1, ticket };
        self.tell(home, ToBook::Client(opened));
    }

    fn tell(&mut self, node: u16, tell: ToBook) {
        let input = Input::Tell(envelope(Role::Gate, node, Some(OpId::default()), tell));
        self.books[usize::from(node)].handle_input(input, self.now);
        self.settle();
    }

    /// A request of a client.
    fn ask(&mut self, link: u64, user: UserId, frame: &Frame) {
        self.request += 1;
        let (kind, body) = (frame.kind(), frame.encode(&Tail::default()));
        let port = Self::port(link, user);
        let tell = ToService::Frame { port, kind, request: self.request, body };
        let home = self.topology.owner(Shard::of_user(user)).0;
        self.tell(home, ToBook::Client(tell));
    }

    /// A request and its answer.
    fn answer(&mut self, link: u64, user: UserId, frame: &Frame) -> Result<Contact, Refusal> {
        self.ask(link, user, frame);
        let request = self.request;
        let answers = self.frames(|at, of| at == Self::port(link, user) && of == request);
        match answers.as_slice() {
            [Ok(FromBook::Changed(BookChanged { contact, .. }))] => Ok(contact.value.clone()),
            [Err(refusal)] => Err(*refusal),
            other => panic!("one answer: {other:?}"),
        }
    }

    fn alice(&mut self, frame: &Frame) -> Result<Contact, Refusal> {
        self.answer(ALICE, alice(), frame)
    }

    fn bob(&mut self, frame: &Frame) -> Result<Contact, Refusal> {
        self.answer(BOB, bob(), frame)
    }

    /// The frames told to ports, with the request they answer.
    fn frames(&self, wanted: impl Fn(Port, u32) -> bool) -> Vec<Result<FromBook, Refusal>> {
        let frames = self.told.iter().filter_map(to_gate).filter_map(|tell| match tell {
            ToGate::Frame { port, kind, request, body, .. } if wanted(*port, *request) => {
                Some((*kind, body))
            }
            _ => None,
        });
        frames
            .map(|(kind, body)| match FromBook::decode(kind, body).expect("well formed") {
                Some((frame, _)) => Ok(frame),
                None => match FromGate::decode(kind, body).expect("well formed") {
                    Some((FromGate::Refused(refusal), _)) => Err(refusal),
                    other => panic!("{other:?}"),
                },
            })
            .collect()
    }

    /// What was pushed to a person without asking.
    fn pushed(&self, link: u64, user: UserId) -> Vec<(Relation, u64)> {
        let frames = self.frames(|at, request| at == Self::port(link, user) && request == 0);
        frames
            .into_iter()
            .map(|frame| match frame {
                Ok(FromBook::Changed(changed)) => {
                    (changed.contact.value.relation, changed.revision)
                }
                other => panic!("{other:?}"),
            })
            .collect()
    }

    fn fetch(&mut self, link: u64, user: UserId, revision: u64) -> Contacts {
        self.ask(link, user, &Frame::Fetch(FetchBook { revision }));
        let request = self.request;
        let mut parts = self.frames(|at, of| at == Self::port(link, user) && of == request);
        let mut whole: Option<Contacts> = None;
        for part in parts.drain(..) {
            let Ok(FromBook::Contacts(part)) = part else {
                panic!("a part of a list: {part:?}");
            };
            let mut contacts = whole.map_or_else(Vec::new, |whole| whole.contacts.into_vec());
            contacts.extend(part.contacts.iter().cloned());
            let contacts = crate::wire::bounded::List::new(contacts).expect("tests keep it small");
            whole = Some(Contacts { contacts, ..part });
        }
        whole.expect("at least one part")
    }

    fn may_contact(&mut self, user: UserId, peer: UserId) -> Result<u32, Refusal> {
        let node = self.topology.owner(Shard::of_user(user)).0;
        self.tell(node, ToBook::Cs(cs_book::ToBook::MayContact { user, peer }));
        match self.told.last().map(|post| &post.tell) {
            Some(Tell::Cs(ToCs::Book(cs_book::ToCs::MayContact { outcome }))) => *outcome,
            other => panic!("{other:?}"),
        }
    }

    fn visible(&mut self, user: UserId) -> Option<Vec<UserId>> {
        let node = self.topology.owner(Shard::of_user(user)).0;
        self.tell(node, ToBook::Ps(book_ps::ToBook::Visible { user }));
        match self.told.last().map(|post| &post.tell) {
            Some(Tell::Ps(ToPs::Book(book_ps::ToPs::Visible { friends, .. }))) => friends.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// What the PSs were told of changes: whose, who, whether.
    fn visibility(&self) -> Vec<(UserId, UserId, bool)> {
        let changed = |post: &Post| match &post.tell {
            Tell::Ps(ToPs::Book(book_ps::ToPs::Changed { user, friend, allowed })) => {
                Some((*user, *friend, *allowed))
            }
            _ => None,
        };
        self.told.iter().filter_map(changed).collect()
    }

    fn later(&mut self, ms: u64) {
        let end = self.now + ms;
        let due = |books: &[AddressBook; 2]| {
            books.iter().filter_map(|book| book.poll_timeout()).map(|due| due.at).min()
        };
        while let Some(at) = due(&self.books).filter(|at| *at <= end) {
            self.now = self.now.max(at);
            for node in 0..2 {
                self.books[node].handle_timeout(self.now);
            }
            self.settle();
        }
        self.now = end;
    }

    /// A node starts again over the same store. Its clients are gone.
    fn restart(&mut self, node: u16) {
        let setup = setup(&mut self.store, node, 2, 2);
        self.books[usize::from(node)] = AddressBook::new(setup, self.now);
        self.settle();
    }

    fn settle(&mut self) {
        while let Some((node, output)) = (0..2).find_map(|node: u16| {
            self.books[usize::from(node)].poll_output().map(|output| (node, output))
        }) {
            let input = match output {
                Output::Store { op, request } => {
                    Some((node, Input::Stored { op, reply: self.stored(&request) }))
                }
                Output::Tell(post) => self.carry(node, post),
            };
            if let Some((node, input)) = input {
                self.books[usize::from(node)].handle_input(input, self.now);
            }
        }
    }

    fn stored(&mut self, request: &Request) -> Reply {
        let fault = matches!(request, Request::Write(_)).then(|| self.faults.pop_front()).flatten();
        match fault {
            Some(Fault::Failed) => Reply::Failed(String::from("disk")),
            Some(Fault::UnknownLost) => Reply::Unknown,
            Some(Fault::UnknownWritten) => {
                self.store.handle(request);
                Reply::Unknown
            }
            None => self.store.handle(request),
        }
    }

    /// Tells between books and to account; all else is kept.
    fn carry(&mut self, from: u16, post: Post) -> Option<(u16, Input)> {
        let node = match post.to {
            To::Node(node) => node.0,
            To::Shard(shard) => self.topology.owner(shard).0,
        };
        match post.tell {
            Tell::AddressBook(tell) => {
                let lost = self.cut && node != from;
                let tell = envelope(Role::AddressBook, from, post.op, tell);
                (!lost).then_some((node, Input::Tell(tell)))
            }
            Tell::Account(ToAccount::Book(book_account::ToAccount::Find { name })) => {
                let user = match name.as_str() {
                    "alice" => alice(),
                    "bob" => bob(),
                    "carol" => person(1, 2, 1),
                    // The id that a name nobody has gets.
                    _ => person(1, 2, 1_000),
                };
                let tell = ToBook::Account(book_account::ToBook::Found { user });
                let tell = envelope(Role::Account, node, post.op, tell);
                (!self.mute).then_some((from, Input::Tell(tell)))
            }
            _ => {
                self.told.push(post);
                None
            }
        }
    }
}

fn invite(name: &str) -> Frame {
    let (name, text) = (Text::new(name), Text::new("hello"));
    Frame::Invite(Invite { name: name.expect("short"), text: text.expect("short") })
}

fn accept(user: UserId) -> Frame {
    Frame::Accept(Accept { user })
}

fn decline(user: UserId) -> Frame {
    Frame::Decline(Decline { user })
}

fn remove(user: UserId) -> Frame {
    Frame::Remove(Remove { user })
}

fn lost(node: u16) -> Input {
    Input::Peer(Peer::Lost(NodeId(node)))
}

fn refused(code: Code) -> Result<Contact, Refusal> {
    Err(Refusal::of(code))
}

/// What one row of each side says.
fn relations(world: &mut World) -> Vec<Option<(Relation, u32)>> {
    let of = |contacts: Contacts, peer: UserId| {
        let own = contacts.contacts.iter().find(|contact| contact.value.user == peer);
        own.map(|contact| (contact.value.relation, contact.value.pact))
    };
    let a = world.fetch(ALICE, alice(), 0);
    let b = world.fetch(BOB, bob(), 0);
    vec![of(a, bob()), of(b, alice())]
}
