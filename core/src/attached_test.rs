//! What tests of the home's machines share, and the tests of attaching.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for what it names")]

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Asker, Attached, moved_refusal};
use crate::edge::gate_service::{Port, ToGate, Who};
use crate::edge::{Address, Envelope, Post, Role, Tell, ToGate as ToGateTell};
use crate::error::{Code, Refusal};
use crate::id::{Channel, EndpointId, Flow, Incarnation, LinkId, NodeId, OpId, Shard, UserId};
use crate::limits::{HOME_PORTS_MAX, TICKET_BYTES_MAX, TICKET_MS, WALL_LEEWAY_MS, WALL_SKEW_MS};
use crate::rng::Rng;
use crate::setup::Setup;
use crate::store::{Key, Reply, Request, Write};
use crate::ticket::{Keys, Purpose, SessionClaims};
use crate::time::{Timestamp, Wall, WallClock};
use crate::topology::{Moved, Placement, Topology};
use crate::wire::bounded::Blob;
use crate::world::MemoryStore;

/// A life of a node whose incarnation row stands in the store.
pub(crate) fn setup(store: &mut MemoryStore, node: u16, nodes: u16, life: u32) -> Setup {
    let key = Key::incarnation(NodeId(node));
    let write = Write { puts: vec![(key, Bytes::from_static(b"life"))], ..Write::default() };
    let Reply::Written { revision } = store.handle(&Request::Write(write)) else {
        panic!("a memory store writes");
    };
    Setup {
        node: NodeId(node),
        incarnation: Incarnation(life),
        fence: revision,
        topology: Topology::even(nodes),
        keys: Arc::new(Keys::new(vec![(1, [7; 32])])),
        seed: [u8::try_from(node).expect("few nodes"); 32],
        wall: WallClock::new(Wall(1_000_000), Timestamp(0)),
        versions: crate::wire::hello::Versions::default(),
        trace: true,
    }
}

/// Writes the row of a shard's range and says that it moved.
pub(crate) fn moved(store: &mut MemoryStore, shard: Shard, from: u16, owner: u16) -> Moved {
    let range = shard.range();
    let key = Key::range(range);
    let before = match store.handle(&Request::Read(key.clone())) {
        Reply::Found { value, .. } => value.len(),
        _ => 0,
    };
    let value = Bytes::from(vec![0; before + 1]);
    let write = Write { puts: vec![(key, value)], ..Write::default() };
    let Reply::Written { revision } = store.handle(&Request::Write(write)) else {
        panic!("a memory store writes");
    };
    let term = u32::try_from(before + 1).expect("few moves");
    let placement = Placement { owner: NodeId(owner), term, revision: Some(revision) };
    Moved { range, from: NodeId(from), placement }
}

/// The `n`th person whose home is on a node.
pub(crate) fn person(node: u16, nodes: u16, n: usize) -> UserId {
    let topology = Topology::even(nodes);
    (0u32..)
        .map(|id| {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&id.to_be_bytes());
            bytes[4..6].copy_from_slice(&node.to_be_bytes());
            UserId(bytes)
        })
        .filter(|user| topology.owns(NodeId(node), Shard::of_user(*user)))
        .nth(n)
        .expect("there are endless ids")
}

pub(crate) fn port(node: u16, link: u64) -> Port {
    Port { node: NodeId(node), link: LinkId(link), channel: Channel(1) }
}

pub(crate) fn ticket(
    setup: &Setup,
    purpose: Purpose,
    user: UserId,
    name: &str,
) -> Blob<TICKET_BYTES_MAX> {
    let claims = SessionClaims {
        user,
        endpoint: EndpointId::default(),
        who: Who { name: name.into(), number: 1 },
        sign_in: 1,
        expires: Wall(1_000_000 + TICKET_MS),
    };
    setup.keys.seal(purpose, &claims, &mut Rng::new([9; 32]))
}

pub(crate) fn envelope<T>(role: Role, node: u16, op: Option<OpId>, tell: T) -> Envelope<T> {
    let from = Address { role, node: NodeId(node) };
    Envelope { flow: Flow::default(), from, op, tell }
}

/// The gate tell in a post.
pub(crate) fn to_gate(post: &Post) -> Option<&ToGate> {
    match &post.tell {
        Tell::Gate(ToGateTell::Service(tell)) => Some(tell),
        _ => None,
    }
}

fn opened(attached: &mut Attached, setup: &Setup, at: Port, ticket: &[u8], wall: u64) -> Vec<Post> {
    let asker = Asker { port: at, request: 1, flow: Flow::default() };
    attached.handle_opened(setup, Purpose::Book, &asker, ticket, Wall(wall))
}

#[test]
fn a_fresh_ticket_attaches_whatever_the_clocks_of_its_two_nodes_show() {
    let setup = setup(&mut MemoryStore::default(), 0, 2, 1);
    let mut attached = Attached::new(1);
    let good = ticket(&setup, Purpose::Book, person(0, 2, 0), "alice");
    let sealed_at = 1_000_000;
    // Who sealed it was late by the skew, who opens it is early by it, and the ticket is old.
    let wall = sealed_at + 2 * WALL_SKEW_MS + TICKET_MS;
    let posts = opened(&mut attached, &setup, port(0, 1), &good, wall);
    assert!(matches!(to_gate(&posts[0]), Some(ToGate::Accept { .. })));
    let posts = opened(&mut attached, &setup, port(0, 2), &good, 0);
    assert!(matches!(to_gate(&posts[0]), Some(ToGate::Accept { .. })));
}

#[test]
fn only_a_ticket_of_this_service_this_home_and_this_time_attaches() {
    let setup = setup(&mut MemoryStore::default(), 0, 2, 1);
    let mut attached = Attached::new(1);
    let good = ticket(&setup, Purpose::Book, person(0, 2, 0), "alice");
    let other_service = ticket(&setup, Purpose::Inbox, person(0, 2, 0), "alice");
    let other_home = ticket(&setup, Purpose::Book, person(1, 2, 0), "bob");
    let (now, late) = (1_000_000, 1_000_000 + TICKET_MS + WALL_LEEWAY_MS + 1);
    let bad = Refusal::of(Code::BadTicket);
    let attempts =
        [(&other_service, now, bad), (&other_home, now, moved_refusal()), (&good, late, bad)];
    for (sealed, wall, expected) in attempts {
        let posts = opened(&mut attached, &setup, port(0, 1), sealed, wall);
        let refused = to_gate(&posts[0]);
        assert!(matches!(refused, Some(ToGate::Refuse { refusal, request: 1, .. })
                if *refusal == expected));
    }
    assert!(moved_refusal().retry_after_ms > 0, "a client that is told so tries again");
    let posts = opened(&mut attached, &setup, port(0, 1), &good, 1_000_000);
    assert!(matches!(to_gate(&posts[0]), Some(ToGate::Accept { who: Some(_), .. })));
    assert_eq!(attached.ports(person(0, 2, 0)).count(), 1);
}

#[test]
fn the_oldest_port_of_a_person_gives_way() {
    let setup = setup(&mut MemoryStore::default(), 0, 1, 1);
    let mut attached = Attached::new(1);
    let user = person(0, 1, 0);
    let sealed = ticket(&setup, Purpose::Book, user, "alice");
    for link in 0..HOME_PORTS_MAX as u64 {
        assert_eq!(opened(&mut attached, &setup, port(0, link), &sealed, 0).len(), 1);
    }
    let posts = opened(&mut attached, &setup, port(0, 1_000), &sealed, 0);
    assert!(matches!(to_gate(&posts[0]), Some(ToGate::Refuse { port: at, request: 0, .. })
        if *at == port(0, 0)));
    assert_eq!(attached.ports(user).count(), HOME_PORTS_MAX);
    assert_eq!(attached.ports(user).next(), Some(port(0, 1)));
}

#[test]
fn a_lost_node_takes_its_ports_along() {
    let setup = setup(&mut MemoryStore::default(), 0, 1, 1);
    let mut attached = Attached::new(1);
    let user = person(0, 1, 0);
    let sealed = ticket(&setup, Purpose::Book, user, "alice");
    opened(&mut attached, &setup, port(1, 1), &sealed, 0);
    opened(&mut attached, &setup, port(2, 1), &sealed, 0);
    attached.handle_lost(NodeId(1));
    assert_eq!(attached.ports(user).collect::<Vec<_>>(), [port(2, 1)]);
    attached.handle_closed(port(2, 1));
    attached.handle_closed(port(2, 1));
    assert!(attached.is_empty() && attached.session(port(2, 1)).is_none());
}

#[test]
fn a_range_that_goes_closes_the_ports_of_its_people_only() {
    let mut store = MemoryStore::default();
    let setup = setup(&mut store, 0, 1, 1);
    let mut attached = Attached::new(1);
    let users = [person(0, 1, 0), person(0, 1, 1)];
    for (link, user) in (0..).zip(users) {
        let sealed = ticket(&setup, Purpose::Book, user, "alice");
        opened(&mut attached, &setup, port(0, link), &sealed, 0);
    }
    let moved = moved(&mut store, Shard::of_user(users[0]), 0, 1);
    assert!(!moved.has(Shard::of_user(users[1])), "another range");
    let posts = attached.handle_moved(&moved);
    assert!(matches!(posts.iter().map(to_gate).collect::<Vec<_>>().as_slice(),
        [Some(ToGate::Refuse { port: at, request: 0, refusal })]
            if *at == port(0, 0) && *refusal == moved_refusal()));
    assert_eq!((attached.ports(users[0]).count(), attached.ports(users[1]).count()), (0, 1));
}
