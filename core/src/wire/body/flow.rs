//! The flow of a frame whose body nobody here has read (PROTOCOL §8).

use bytes::Bytes;

use super::{account, book, cs, inbox, link, mixer};
use crate::id::Flow;
use crate::wire::tail::{Tail, tag};

/// The flow named in the tail of a body; the empty one where none is, or where it does not decode.
#[must_use]
pub fn flow_of(kind: u16, body: &[u8]) -> Flow {
    macro_rules! tail {
        ($($decode:path),*) => { [$($decode(kind, body).ok().flatten().map(|(_, tail)| tail)),*] };
    }
    let found = match kind >> 8 {
        0 => tail![link::ToGate::decode, link::FromGate::decode],
        1 => tail![account::ToAccount::decode, account::FromAccount::decode],
        2 => tail![book::ToBook::decode, book::FromBook::decode],
        3 => tail![inbox::ToInbox::decode, inbox::FromInbox::decode],
        4 => tail![cs::ToCs::decode, cs::FromCs::decode],
        5 => tail![mixer::ToMixer::decode, mixer::FromMixer::decode],
        _ => [None, None],
    };
    found.into_iter().flatten().next().map(|tail| tail.flow()).unwrap_or_default()
}

/// A server's frame body with its flow replaced; unchanged where the kind is not a server's, or its
/// tail has no room.
#[must_use]
pub fn with_flow(kind: u16, body: &Bytes, flow: Flow) -> Bytes {
    let named = Tail::of_flow(flow);
    let flow = named.value(tag::FLOW).unwrap_or_default();
    macro_rules! again {
        ($($direction:path),*) => { $(
            if let Ok(Some((value, mut tail))) = <$direction>::decode(kind, body) {
                if !tail.has_room(&[tag::FLOW]) {
                    return body.clone();
                }
                tail.set(tag::FLOW, flow);
                return value.encode(&tail);
            }
        )* };
    }
    again!(
        link::FromGate,
        account::FromAccount,
        book::FromBook,
        inbox::FromInbox,
        cs::FromCs,
        mixer::FromMixer
    );
    body.clone()
}

#[cfg(test)]
#[path = "flow_test.rs"]
mod tests;
