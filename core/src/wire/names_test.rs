//! Traces name every kind.

use alloc::collections::BTreeMap;

use super::kind_name;
use crate::wire::body::{account, book, cs, inbox, link, mixer};
use crate::wire::hello::{HELLO, WELCOME};

#[test]
fn every_kind_has_a_name_of_its_own() {
    let all = [
        &[HELLO, WELCOME],
        link::ToGate::KINDS,
        link::FromGate::KINDS,
        account::ToAccount::KINDS,
        account::FromAccount::KINDS,
        book::ToBook::KINDS,
        book::FromBook::KINDS,
        cs::ToCs::KINDS,
        cs::FromCs::KINDS,
        inbox::ToInbox::KINDS,
        inbox::FromInbox::KINDS,
        mixer::ToMixer::KINDS,
        mixer::FromMixer::KINDS,
    ];
    let mut names = BTreeMap::new();
    for kind in all.into_iter().flatten().copied() {
        let name = kind_name(kind);
        assert_ne!(name, "unknown", "{kind:#06x}");
        let other = names.insert(name, kind);
        // Whoever types says it, and is told of, by one name.
        assert!(other.is_none_or(|other| (other, kind) == (0x0504, 0x0516)), "{name}");
    }
    assert_eq!(kind_name(0x0fff), "unknown");
    assert_eq!((kind_name(HELLO), kind_name(0x0513)), ("hello", "expected"));
}
