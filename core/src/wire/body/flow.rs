//! The flow of a frame whose body nobody else looks into (PROTOCOL §8).

use bytes::Bytes;

use super::{account, book, cs, inbox, link, mixer};
use crate::id::Flow;
use crate::wire::tail::{Tail, tag};

macro_rules! reflow {
    ($kind:expr, $body:expr, $tail:ident => $set:expr; $($direction:path),*) => { $(
        if let Ok(Some((value, mut $tail))) = <$direction>::decode($kind, $body) {
            $set;
            return value.encode(&$tail);
        }
    )* };
}

/// A server's frame body with its flow replaced; unchanged where the kind is not a server's.
#[must_use]
pub fn with_flow(kind: u16, body: &Bytes, flow: Flow) -> Bytes {
    let named = Tail::of_flow(flow);
    let value = named.value(tag::FLOW).cloned().unwrap_or_default();
    reflow!(kind, body, tail => tail.set(tag::FLOW, value.clone());
        link::FromGate, account::FromAccount, book::FromBook, inbox::FromInbox, cs::FromCs,
        mixer::FromMixer);
    body.clone()
}
