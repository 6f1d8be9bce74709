use std::collections::BTreeSet;

use presently_core::store::Space;

use super::*;

#[test]
fn a_good_cache_has_a_row_of_each_kind() {
    let (mut cache, _) = good_cache();
    let rows = every_row(&mut cache);
    let spaces: BTreeSet<Space> = rows.iter().map(|(key, _)| key.space).collect();
    let all = [Space::Device, Space::Outbox, Space::CachedContact, Space::CachedConversation];
    assert_eq!(spaces, all.into_iter().collect());
    assert_eq!(rows.iter().filter(|(key, _)| key.space == Space::Device).count(), 3);
    after(cache);
}

/// Every row by itself, with every value that a choice can make of it.
#[test]
fn no_spoilt_row_keeps_a_person_out() {
    let (cache, pool) = good_cache();
    for (key, value) in every_row(&mut cache.clone()) {
        for number in &pool.numbers {
            let row = postcard::to_allocvec(&(number, number, number)).expect("it serializes");
            let mut spoilt = cache.clone();
            put(&mut spoilt, key.clone(), Bytes::from(row));
            after(spoilt);
        }
        for cut in 0..value.len() {
            let mut spoilt = cache.clone();
            put(&mut spoilt, key.clone(), value.slice(..cut));
            after(spoilt);
            let mut bytes = value.to_vec();
            bytes[cut] = 0xff;
            let mut spoilt = cache.clone();
            put(&mut spoilt, key.clone(), Bytes::from(bytes));
            after(spoilt);
        }
    }
}
