//! The operator's door, and who has a name.

use super::*;
use crate::edge::{To, book_account};
use crate::id::Shard;

#[test]
fn names_are_checked_and_taken_once() {
    let mut bench = Bench::with_alice();
    for bad in ["", "with space", "é", &"x".repeat(65)] {
        assert_eq!(bench.add(bad), AdminReply::Refused(Code::Invalid), "{bad:?}");
    }
    assert_eq!(bench.add("ALICE"), AdminReply::Refused(Code::NameTaken));
    let phc = Pii(name("$phc$other"));
    let secret = AdminSecret::Phc(phc);
    user(&bench.admin(AdminRequest::AddUser { name: name("carol"), secret }));
    bench.sign_in("carol", "other", PHONE).signed_in();
}

#[test]
fn an_account_whose_write_was_unknown_is_added_once() {
    let mut bench = Bench::new();
    let secret = AdminSecret::Phc(Pii(name("$phc$x")));
    let request = AdminRequest::AddUser { name: name("dora"), secret };
    bench.account.handle_input(Input::Admin { op: 5, request }, T0);
    let Some(Output::Store { op, request: Request::Write(write) }) = bench.account.poll_output()
    else {
        panic!("no write")
    };
    // It came through, and nobody knows.
    bench.write(write);
    bench.account.handle_input(Input::Stored { op, reply: Reply::Unknown }, T0);
    bench.account.handle_timeout(T0 + 100);
    bench.run();
    assert!(matches!(bench.out[..], [Output::Admin { op: 5, reply: AdminReply::Added(_) }]));
}

#[test]
fn two_are_befriended_at_both_homes() {
    let mut bench = Bench::new();
    let (a, b) = (user(&bench.add("a")), user(&bench.add("b")));
    assert_eq!(
        bench.admin(AdminRequest::Befriend { a: name("a"), b: name("B") }),
        AdminReply::Done
    );
    let posts: Vec<(To, Tell)> = bench
        .out
        .drain(..)
        .filter_map(|output| match output {
            Output::Tell(post) => Some((post.to, post.tell)),
            _ => None,
        })
        .collect();
    let befriend = |user, peer, name: &str| {
        let peer_name = Text::new(name).unwrap();
        let tell = book_account::ToBook::Befriend { user, peer, peer_name };
        (To::Shard(Shard::of_user(user)), Tell::from(tell))
    };
    assert_eq!(posts, [befriend(a, b, "b"), befriend(b, a, "a")]);
    let none = bench.admin(AdminRequest::Befriend { a: name("a"), b: name("nobody") });
    assert_eq!(none, AdminReply::Refused(Code::Invalid));
    let same = bench.admin(AdminRequest::Befriend { a: name("a"), b: name("A") });
    assert_eq!(same, AdminReply::Refused(Code::Yourself));
}

#[test]
fn a_minted_sign_in_resumes() {
    let mut bench = Bench::with_alice();
    let mint = AdminRequest::MintSignIn { name: name("alice"), endpoint: PHONE };
    let AdminReply::SignIn(token) = bench.admin(mint) else { panic!("no token") };
    let resume = body::ToAccount::Resume(body::Resume { refresh: blob(&token) });
    bench.ask(&resume).signed_in();
    assert!(bench.hashed.is_empty());
    let nobody = AdminRequest::MintSignIn { name: name("nobody"), endpoint: PHONE };
    assert_eq!(bench.admin(nobody), AdminReply::Refused(Code::NotSignedIn));
}

#[test]
fn counts_are_the_hubs() {
    let mut bench = Bench::new();
    assert_eq!(bench.admin(AdminRequest::Counts), AdminReply::Refused(Code::Unsupported));
}

#[test]
fn a_name_nobody_has_answers_with_an_id_nobody_has() {
    let mut bench = Bench::new();
    let alice = user(&bench.add("alice"));
    let mut find = |name: &str| {
        let from = Address { role: Role::AddressBook, node: NodeId(1) };
        let op = Some(OpId { slot: 4, generation: 2 });
        let tell =
            ToAccount::Book(book_account::ToAccount::Find { name: Text::new(name).unwrap() });
        let envelope = Envelope { flow: Flow::default(), from, op, tell };
        bench.account.handle_input(Input::Tell(envelope), T0);
        bench.run();
        let Some(Output::Tell(post)) = bench.out.pop() else { panic!("no answer") };
        assert_eq!((post.to, post.op), (To::Node(NodeId(1)), op));
        let Tell::AddressBook(crate::edge::ToBook::Account(found)) = post.tell else {
            panic!("{post:?}")
        };
        match found {
            book_account::ToBook::Found { user } => user,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(find("Alice"), alice);
    let ghost = find("ghost");
    assert_ne!(ghost, alice);
    assert_eq!(find("ghost"), ghost);
    assert_ne!(find("ghost2"), ghost);
    // A key added later does not change it.
    assert_eq!(Keys::new(vec![(1, [3; 32])]).phantom("ghost"), ghost);
}

#[test]
fn a_password_may_be_as_long_as_one_that_is_signed_in_with() {
    use crate::limits::PASSWORD_BYTES_MAX;
    let mut bench = Bench::new();
    let add = |bytes: usize| AdminRequest::AddUser {
        name: name("long"),
        secret: AdminSecret::Password(Pii("x".repeat(bytes))),
    };
    for bad in [0, PASSWORD_BYTES_MAX + 1] {
        assert_eq!(bench.admin(add(bad)), AdminReply::Refused(Code::Invalid), "{bad}");
    }
    user(&bench.admin(add(PASSWORD_BYTES_MAX)));
    bench.sign_in("long", &"x".repeat(PASSWORD_BYTES_MAX), PHONE).signed_in();
}
