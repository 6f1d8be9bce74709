//! Clients of bytes against a gate; the services are played by the tests.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test names only what it looks for")]

mod handshake;
mod life;
mod routing;

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Gate, Input, Output};
use crate::edge::gate_service::{Port, ToGate, ToService, Who};
use crate::edge::{Address, Envelope, Post, Role, Tell, To, ToAccount, ToBook, ToCs, ToInbox};
use crate::edge::{ToGate as GateTell, ToMixer};
use crate::error::{CloseReason, Refusal};
use crate::id::{Channel, Flow, Incarnation, LinkId, NodeId, Shard};
use crate::machine::Machine;
use crate::setup::Setup;
use crate::ticket::Keys;
use crate::time::{Timestamp, Wall, WallClock};
use crate::topology::Topology;
use crate::wire::body::link::{Attach, FromGate, Service, ToGate as Word};
use crate::wire::bounded::Blob;
use crate::wire::frame::{Deframer, Frame};
use crate::wire::hello::{HELLO, Hello, Welcome};
use crate::wire::tail::Tail;

pub(super) const T0: Timestamp = Timestamp(1_000_000);
pub(super) const LINK: LinkId = LinkId(7);

pub(super) fn setup(node: u16, nodes: u16) -> Setup {
    Setup {
        node: NodeId(node),
        incarnation: Incarnation(1),
        fence: 1,
        topology: Topology::even(nodes),
        keys: Arc::new(Keys::new(vec![(1, [3; 32])])),
        seed: [9; 32],
        wall: WallClock::new(Wall(1_700_000_000_000), T0),
        versions: crate::wire::hello::Versions::default(),
        trace: true,
    }
}

pub(super) fn gate() -> Gate {
    let mut gate = Gate::new(setup(0, 4), T0);
    gate.handle_input(Input::LinkOpened { link: LINK, remote: "127.0.0.1" }, T0);
    gate
}

pub(super) fn hello() -> Hello {
    Hello {
        version_min: 1,
        version_max: 1,
        features: 0,
        frame_bytes_max: 65_536,
        keepalive_ms: 0,
        node: None,
    }
}

pub(super) fn hello_frame(hello: Hello) -> Bytes {
    Frame::request(HELLO, Channel(0), 1, hello.encode()).encode()
}

pub(super) fn attach(service: Service, node: Option<NodeId>, shard: u16, channel: u32) -> Bytes {
    let ticket = Blob::new(Bytes::from_static(b"sealed")).unwrap();
    let word = Word::Attach(Attach { service, node, shard: Shard(shard), ticket });
    Frame::request(word.kind(), Channel(channel), 100 + channel, word.encode(&Tail::default()))
        .encode()
}

pub(super) fn say(gate: &mut Gate, bytes: &[u8], now: Timestamp) -> Vec<Output> {
    gate.handle_input(Input::LinkBytes { link: LINK, bytes }, now);
    outputs(gate)
}

pub(super) fn outputs(gate: &mut Gate) -> Vec<Output> {
    core::iter::from_fn(|| gate.poll_output()).collect()
}

/// The frames of all sends, read as the client reads them.
pub(super) fn frames(outputs: &[Output]) -> Vec<Frame> {
    let mut deframer = Deframer::default();
    for output in outputs {
        if let Output::LinkSend { bytes, .. } = output {
            deframer.push(bytes);
        }
    }
    core::iter::from_fn(|| deframer.next_frame().unwrap()).collect()
}

/// The words of the link itself among them.
pub(super) fn words(outputs: &[Output]) -> Vec<(u32, FromGate)> {
    frames(outputs)
        .into_iter()
        .filter_map(|f| Some((f.request, FromGate::decode(f.kind, &f.body).unwrap()?.0)))
        .collect()
}

/// What services were told: role, node, flow and tell.
pub(super) fn told(outputs: Vec<Output>) -> Vec<(Role, NodeId, Flow, ToService)> {
    let client = |tell| match tell {
        Tell::Account(ToAccount::Client(from)) => Some(from.tell),
        Tell::Cs(ToCs::Client(tell)) => Some(tell),
        Tell::AddressBook(ToBook::Client(tell)) => Some(tell),
        Tell::Inbox(ToInbox::Client(tell)) => Some(tell),
        Tell::Mixer(ToMixer::Client(tell)) => Some(tell),
        _ => None,
    };
    outputs
        .into_iter()
        .filter_map(|output| match output {
            Output::Tell(Post { flow, to: To::Node(node), tell, .. }) => {
                Some((tell.role(), node, flow, client(tell)?))
            }
            _ => None,
        })
        .collect()
}

pub(super) fn closes(outputs: &[Output]) -> Vec<CloseReason> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::LinkClose { reason, .. } => Some(*reason),
            _ => None,
        })
        .collect()
}

pub(super) fn port(channel: u32) -> Port {
    Port { node: NodeId(0), link: LINK, channel: Channel(channel) }
}

pub(super) fn who() -> Who {
    Who { name: "alice".into(), number: 1 }
}

pub(super) fn tell(
    gate: &mut Gate,
    role: Role,
    node: u16,
    tell: ToGate,
    now: Timestamp,
) -> Vec<Output> {
    let from = Address { role, node: NodeId(node) };
    let tell = GateTell::Service(tell);
    let envelope = Envelope { flow: Flow::default(), from, op: None, tell };
    gate.handle_input(Input::Tell(envelope), now);
    outputs(gate)
}

/// A link that said HELLO.
pub(super) fn welcomed() -> Gate {
    let mut gate = gate();
    say(&mut gate, &hello_frame(hello()), T0);
    gate
}

/// A link with channel 1 at cs/0, signed in.
pub(super) fn signed_in() -> Gate {
    let mut gate = welcomed();
    say(&mut gate, &attach(Service::CS, None, 0, 1), T0);
    let accept = ToGate::Accept { port: port(1), request: 101, who: Some(who()) };
    tell(&mut gate, Role::Cs, 0, accept, T0);
    gate
}

pub(super) fn refused(words: &[(u32, FromGate)]) -> Vec<(u32, Refusal)> {
    words
        .iter()
        .filter_map(|(request, word)| match word {
            FromGate::Refused(refusal) => Some((*request, *refusal)),
            _ => None,
        })
        .collect()
}

pub(super) fn welcome(outputs: &[Output]) -> Welcome {
    Welcome::decode(&frames(outputs)[0].body).unwrap()
}
