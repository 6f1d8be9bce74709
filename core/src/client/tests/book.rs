//! The contacts as a device knows them.

use super::peer::contact;
use crate::client::book::Book;
use crate::id::UserId;
use crate::limits::CONTACTS_MAX;
use crate::model::contact::Relation;

fn user(number: usize) -> UserId {
    let number = u128::try_from(number).expect("few");
    UserId(number.to_be_bytes())
}

#[test]
fn a_server_that_says_too_many_contacts_is_believed_up_to_twice_the_bound() {
    let mut book = Book::default();
    let name = |number: usize| alloc::format!("p{number}");
    let mut put = |number: usize, revision| {
        book.restore(contact(user(number), &name(number), Relation::FRIEND, revision));
        book.user(&name(number))
    };
    for number in 0..CONTACTS_MAX * 2 {
        assert_eq!(put(number, 1), Some(user(number)));
    }
    assert_eq!(put(CONTACTS_MAX * 2, 1), None, "one too many");
    assert_eq!(put(0, 2), Some(user(0)), "a change of one that is known");
}
