//! The flow of a frame whose body nobody here has read (PROTOCOL §8).

use super::{account, book, cs, inbox, link, mixer};
use crate::id::Flow;

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
