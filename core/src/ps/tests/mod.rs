//! A PS of one node with its book and CSs played.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for what it names")]

mod endpoints;
mod moves;
mod profile;
mod watching;

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::{Input, Output, Ps};
use crate::attached::attached_test::{envelope, person, setup};
use crate::edge::cs_ps::{ToCs, ToPs as FromCs};
use crate::edge::mixer_ps;
use crate::edge::{Peer, Role, Tell, To, ToBook, ToCs as CsTell, ToMixer, ToPs, book_ps};
use crate::id::{EndpointId, NodeId, OpId, UserId};
use crate::limits::{LINGER_MS, PRESENCE_COALESCE_MS};
use crate::machine::Machine;
use crate::model::presence::Status;
use crate::store::{Reply, Request};
use crate::time::Timestamp;
use crate::world::MemoryStore;

/// What a CS was told, by its node.
type Told = Vec<(u16, ToCs)>;

struct World {
    store: MemoryStore,
    ps: Ps,
    now: Timestamp,
    /// Who may see alice, as the book answers; `None`: it cannot be read.
    friends: Option<Vec<UserId>>,
    /// The book does not answer.
    mute: bool,
    faults: Vec<Reply>,
    told: Told,
    routes: Vec<Vec<(EndpointId, NodeId)>>,
    shows: Vec<bool>,
    /// What was asked of store and book, in order.
    asked: Vec<&'static str>,
}

fn alice() -> UserId {
    person(0, 1, 0)
}

fn bob() -> UserId {
    person(0, 1, 1)
}

fn carol() -> UserId {
    person(0, 1, 2)
}

fn device(n: u8) -> EndpointId {
    EndpointId([n; 16])
}

fn session(n: u8) -> OpId {
    OpId { slot: u32::from(n), generation: 0 }
}

impl World {
    /// A home that has settled.
    fn new() -> Self {
        let mut world = Self::young();
        world.later(LINGER_MS);
        world
    }

    fn young() -> Self {
        let mut store = MemoryStore::default();
        let ps = Ps::new(setup(&mut store, 0, 1, 1), Timestamp::default());
        let mut friends = vec![bob(), carol()];
        friends.sort_unstable();
        Self {
            store,
            ps,
            now: Timestamp::default(),
            friends: Some(friends),
            mute: false,
            faults: Vec::new(),
            told: Told::new(),
            routes: Vec::new(),
            shows: Vec::new(),
            asked: Vec::new(),
        }
    }

    fn tell(&mut self, role: Role, node: u16, tell: ToPs) {
        let op = Some(OpId::default());
        self.ps.handle_input(Input::Tell(envelope(role, node, op, tell)), self.now);
        self.settle();
    }

    fn cs(&mut self, node: u16, tell: FromCs) {
        self.tell(Role::Cs, node, ToPs::Cs(tell));
    }

    fn arrive(&mut self, node: u16, n: u8) {
        self.arrive_as(node, device(n), (n, u64::from(n)));
    }

    /// A device arrives with a session, in one of its sign-ins.
    fn arrive_as(&mut self, node: u16, endpoint: EndpointId, (n, sign_in): (u8, u64)) {
        let (user, session) = (alice(), session(n));
        self.cs(node, FromCs::Arrive { user, endpoint, session, sign_in });
    }

    fn publish(&mut self, node: u16, n: u8, status: Status) {
        self.publish_as(node, device(n), (n, status), None);
    }

    /// A choice on a session of a device, made just now or told again.
    fn publish_as(
        &mut self,
        node: u16,
        endpoint: EndpointId,
        (n, status): (u8, Status),
        ago_ms: Option<u64>,
    ) {
        let (user, session) = (alice(), session(n));
        self.cs(node, FromCs::Publish { user, endpoint, session, status, ago_ms });
    }

    /// What the person's own devices were told last.
    fn own_last(&self) -> Option<Status> {
        self.told.iter().rev().find_map(|(_, tell)| match tell {
            ToCs::Own { presence, .. } => Some(presence.value.status),
            _ => None,
        })
    }

    fn lose(&mut self, node: u16, n: u8) {
        let (endpoint, session) = (device(n), session(n));
        self.cs(node, FromCs::Lost { user: alice(), endpoint, session });
    }

    fn leave(&mut self, node: u16, n: u8) {
        let (endpoint, session) = (device(n), session(n));
        self.cs(node, FromCs::Leave { user: alice(), endpoint, session });
    }

    fn watch(&mut self, node: u16, watcher: UserId, number: u32) {
        self.cs(node, FromCs::Watch { friend: alice(), watcher, number });
    }

    fn changed(&mut self, friend: UserId, allowed: bool) {
        let tell = book_ps::ToPs::Changed { user: alice(), friend, allowed };
        self.tell(Role::AddressBook, 0, ToPs::Book(tell));
    }

    fn route(&mut self) -> Vec<(EndpointId, NodeId)> {
        let tell = mixer_ps::ToPs::Route { user: alice() };
        self.tell(Role::Mixer, 0, ToPs::Mixer(tell));
        self.routes.pop().expect("each route is answered")
    }

    /// Whether a mixer may tell others that alice is at it.
    fn shows(&mut self) -> bool {
        let tell = mixer_ps::ToPs::Shows { user: alice() };
        self.tell(Role::Mixer, 0, ToPs::Mixer(tell));
        self.shows.pop().expect("each question is answered")
    }

    fn peer(&mut self, peer: Peer) {
        self.ps.handle_input(Input::Peer(peer), self.now);
        self.settle();
    }

    /// Time goes by, each deadline on its way met.
    fn later(&mut self, ms: u64) {
        let until = self.now + ms;
        while let Some(deadline) = self.ps.poll_timeout().filter(|due| due.at <= until) {
            self.now = self.now.max(deadline.at);
            self.ps.handle_timeout(self.now);
            self.settle();
        }
        self.now = until;
    }

    fn settle(&mut self) {
        while let Some(output) = self.ps.poll_output() {
            let input = match output {
                Output::Store { op, request } => {
                    let is_write = matches!(request, Request::Write(_));
                    self.asked.push(if is_write { "write" } else { "profile" });
                    let reply = if is_write && !self.faults.is_empty() {
                        self.faults.remove(0)
                    } else {
                        self.store.handle(&request)
                    };
                    Input::Stored { op, reply }
                }
                Output::Tell(post) => match post.tell {
                    Tell::AddressBook(ToBook::Ps(book_ps::ToBook::Visible { user })) => {
                        self.asked.push("book");
                        if self.mute {
                            continue;
                        }
                        let is_alice = user == alice();
                        let friends =
                            if is_alice { self.friends.clone() } else { Some(Vec::new()) };
                        let tell = ToPs::Book(book_ps::ToPs::Visible { user, friends });
                        Input::Tell(envelope(Role::AddressBook, 0, post.op, tell))
                    }
                    Tell::Cs(CsTell::Ps(tell)) => {
                        let To::Node(node) = post.to else {
                            panic!("a CS is told by its node");
                        };
                        self.told.push((node.0, tell));
                        continue;
                    }
                    Tell::Mixer(ToMixer::Ps(mixer_ps::ToMixer::Route { endpoints, .. })) => {
                        assert!(post.op.is_some(), "an answer");
                        self.routes.push(endpoints);
                        continue;
                    }
                    Tell::Mixer(ToMixer::Ps(mixer_ps::ToMixer::Shows { shows })) => {
                        assert!(post.op.is_some(), "an answer");
                        self.shows.push(shows);
                        continue;
                    }
                    other => panic!("{other:?}"),
                },
            };
            self.ps.handle_input(input, self.now);
        }
    }

    /// What CSs were told since last asked, `Own` left out.
    fn heard(&mut self) -> Told {
        let told = core::mem::take(&mut self.told);
        told.into_iter().filter(|(_, tell)| !matches!(tell, ToCs::Own { .. })).collect()
    }

    /// The statuses told to each CS since last asked.
    fn statuses(&mut self) -> Vec<(u16, Status)> {
        let status = |(node, tell): (u16, ToCs)| match tell {
            ToCs::Presence { presence, .. } => (node, presence.value.status),
            other => panic!("{other:?}"),
        };
        self.heard().into_iter().map(status).collect()
    }

    /// Alice online on device 1 at CS 1, bob watching from CS 2 and admitted.
    fn online() -> Self {
        let mut world = Self::new();
        world.arrive(1, 1);
        world.publish(1, 1, Status::Online);
        world.later(PRESENCE_COALESCE_MS);
        world.watch(2, bob(), 1);
        assert!(matches!(world.heard().as_slice(), [(2, ToCs::Admit { .. })]));
        world
    }
}
