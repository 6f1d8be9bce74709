use super::*;

#[test]
fn a_conversation_is_that_of_its_two_people_and_of_no_others() {
    let user = |byte: u8| UserId([byte; 16]);
    let id = ConversationId::one_to_one(user(1), user(2));
    assert_eq!(id, ConversationId::one_to_one(user(2), user(1)));
    assert_ne!(id, ConversationId::one_to_one(user(1), user(3)));
    assert_ne!(id, ConversationId::one_to_one(user(3), user(2)));
    // Clients and servers of any build say the same.
    assert_eq!(alloc::format!("{id}"), "b3e89da5f5d1ed715022d8b7e0ab5877");
}

#[test]
fn ranges_are_all_shards_in_order_and_each_once() {
    let mut next = 0;
    for range in Range::all() {
        let (first, last) = range.bounds();
        assert_eq!((first.0, last.0), (next, next + Range::SHARDS - 1));
        assert!(range.shards().eq((first.0..=last.0).map(Shard)));
        assert!(range.shards().all(|shard| shard.range() == range));
        next += Range::SHARDS;
    }
    assert_eq!(usize::from(next), Range::COUNT * usize::from(Range::SHARDS));
}
