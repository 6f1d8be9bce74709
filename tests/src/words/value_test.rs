use std::collections::BTreeSet;

use presently_core::edge::Tell;
use presently_core::store::Reply;

use super::*;

/// Bytes without a pattern.
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    };
    (0..2_048).map(|_| next()).collect()
}

#[test]
fn every_tell_can_be_made() {
    let pool = Pool::default();
    let mut kinds = BTreeSet::new();
    for seed in 0..4_000 {
        let bytes = noise(seed);
        if let Some(tell) = any::<Tell>(&mut Unstructured::new(&bytes), &pool) {
            kinds.insert((tell.role(), tell.kind()));
        }
    }
    assert!(kinds.len() > 40, "{kinds:?}");
}

#[test]
fn what_was_said_is_said_again() {
    let mut pool = Pool::default();
    pool.id([7; 16]);
    let mut users = 0;
    for seed in 0..200 {
        let bytes = noise(seed);
        let contact: Option<Contact> = any(&mut Unstructured::new(&bytes), &pool);
        users += usize::from(contact.is_some_and(|contact| contact.user.0 == [7; 16]));
    }
    assert!(users > 10, "{users}");
}

#[test]
fn nothing_makes_nothing() {
    assert_eq!(any::<Reply>(&mut Unstructured::new(&[]), &Pool::default()), None);
}
