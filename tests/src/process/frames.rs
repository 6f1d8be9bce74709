//! A client's first words, to be said by hand, in their order.

use bytes::Bytes;
use presently_core::id::{Channel, EndpointId, Shard};
use presently_core::limits::FRAME_BYTES_MAX;
use presently_core::wire::body::account::{SignIn, ToAccount};
use presently_core::wire::body::link::{Attach, Service, ToGate};
use presently_core::wire::bounded::{Blob, Text};
use presently_core::wire::frame::Frame;
use presently_core::wire::hello::{HELLO, Hello};
use presently_core::wire::tail::Tail;

/// The channel of the account service.
const ACCOUNT: Channel = Channel(1);

/// HELLO, to any node.
///
/// # Panics
/// Never: a bound fits its own type.
#[must_use]
pub fn hello() -> Bytes {
    let hello = Hello {
        version_min: 1,
        version_max: 1,
        features: 0,
        frame_bytes_max: u32::try_from(FRAME_BYTES_MAX).expect("64 KiB"),
        keepalive_ms: 0,
        node: None,
    };
    Frame::event(HELLO, Channel(0), hello.encode()).encode()
}

/// Request 1: the account service of a name.
#[must_use]
pub fn attach_account(name: &str) -> Frame {
    let (shard, ticket) = (Shard::of_name(name), Blob::default());
    let attach = ToGate::Attach(Attach { service: Service::ACCOUNT, node: None, shard, ticket });
    Frame::request(attach.kind(), ACCOUNT, 1, attach.encode(&Tail::default()))
}

/// Request 2: signs in there.
///
/// # Panics
/// Where name or password are longer than they may be.
#[must_use]
pub fn sign_in(name: &str, password: &str) -> Frame {
    let name = Text::new(name).expect("short");
    let password = Text::new(password).expect("short");
    let endpoint = EndpointId([7; 16]);
    let sign_in = ToAccount::SignIn(SignIn { name, password, endpoint });
    Frame::request(sign_in.kind(), ACCOUNT, 2, sign_in.encode(&Tail::default()))
}
