//! What one ticket opens, and what one is told of those one may not know: all of it, by hand.

use presently_core::error::{Code, Refusal};
use presently_core::limits::{SEAT_MS, TICKET_MS, WALL_LEEWAY_MS};
use presently_core::wire::body::account::{Resume, SignOut};
use presently_core::wire::body::book::{FromBook, Invite, ToBook};
use presently_core::wire::body::link::FromGate;

use super::*;

/// Where a ticket can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    Attach(Service),
    Resume,
    SignOut,
}

const ENDPOINTS: [Endpoint; 6] = [
    Endpoint::Attach(Service::BOOK),
    Endpoint::Attach(Service::INBOX),
    Endpoint::Attach(Service::CS),
    Endpoint::Attach(Service::MIXER),
    Endpoint::Resume,
    Endpoint::SignOut,
];

/// Everything sealed that a person with a friend is given, and where it is good.
fn tickets(stage: &mut Stage) -> Vec<(Vec<Endpoint>, Shard, Blob<512>)> {
    let people = stage.people.clone();
    let (link, signed) = stage.sign_in(&people[0], 1);
    let status = ToCs::SetStatus(SetStatus { status: Status::Online });
    stage.ask(link, 4, status.kind(), status.encode(&Tail::default()));
    let grants = signed.grants.iter().cloned();
    let mut out: Vec<_> = grants
        .map(|grant| (vec![Endpoint::Attach(grant.service)], grant.shard, grant.ticket))
        .collect();
    let seat = seat(stage, link, people[1].user);
    out.push((vec![Endpoint::Attach(Service::MIXER)], seat.shard, seat.ticket));
    let shard = Shard::of_name(&people[0].name);
    out.push((vec![Endpoint::Resume, Endpoint::SignOut], shard, signed.refresh));
    out
}

fn seat(
    stage: &mut Stage,
    link: LinkId,
    with: UserId,
) -> presently_core::wire::body::account::Grant {
    let contact = ToCs::Contact(Contact { user: with });
    let answer = stage.ask(link, 4, contact.kind(), contact.encode(&Tail::default()));
    let answer = answer.expect("cs answers");
    let Ok(Some((FromCs::Mixer(mixer), _))) = FromCs::decode(answer.kind, &answer.body) else {
        panic!("friends may talk: {answer:?}");
    };
    mixer.grant
}

/// Whether a ticket opens an endpoint, shown on a link of its own.
fn opens(stage: &mut Stage, at: Endpoint, shard: Shard, ticket: &Blob<512>) -> bool {
    let link = stage.open();
    stage.greet(link);
    let (kind, body) = match at {
        Endpoint::Attach(service) => {
            let ticket = ticket.clone();
            let attach = ToGate::Attach(Attach { service, node: None, shard, ticket });
            (attach.kind(), attach.encode(&Tail::default()))
        }
        Endpoint::Resume | Endpoint::SignOut => {
            let service = Service::ACCOUNT;
            stage.attach(link, 1, Attach { service, node: None, shard, ticket: Blob::default() });
            let refresh = ticket.clone();
            let ask = match at {
                Endpoint::Resume => ToAccount::Resume(Resume { refresh }),
                Endpoint::SignOut | Endpoint::Attach(_) => ToAccount::SignOut(SignOut { refresh }),
            };
            (ask.kind(), ask.encode(&Tail::default()))
        }
    };
    let answer = stage.ask(link, 1, kind, body).expect("whoever asks is answered");
    stage.close(link);
    let refused = FromGate::decode(answer.kind, &answer.body);
    match refused {
        Ok(Some((FromGate::Refused(refusal), _))) => {
            let over = [Code::BadTicket, Code::SignInEnded];
            assert!(
                over.contains(&refusal.code),
                "{at:?} is refused for another reason: {refusal:?}"
            );
            false
        }
        Ok(_) | Err(_) => true,
    }
}

#[test]
fn only_the_diagonal_of_ticket_and_endpoint_opens() {
    for at in ENDPOINTS {
        let mut stage = Stage::new(1, &["alice", "bob"]);
        for (own, shard, ticket) in tickets(&mut stage) {
            assert_eq!(
                opens(&mut stage, at, shard, &ticket),
                own.contains(&at),
                "{own:?} at {at:?}"
            );
        }
    }
}

#[test]
fn a_ticket_with_one_bit_changed_opens_nothing() {
    let mut stage = Stage::new(1, &["alice", "bob"]);
    for (own, shard, ticket) in tickets(&mut stage) {
        for at in 0..ticket.len() {
            let mut bytes = ticket.to_vec();
            bytes[at] ^= 1 << (at % 8);
            let changed = Blob::new(bytes).expect("as long as it was");
            assert!(!opens(&mut stage, own[0], shard, &changed), "{own:?} with another byte {at}");
        }
        assert!(opens(&mut stage, own[0], shard, &ticket));
    }
}

#[test]
fn tickets_are_over_in_their_time() {
    for (after, good) in
        [(TICKET_MS + WALL_LEEWAY_MS - 1, true), (TICKET_MS + WALL_LEEWAY_MS + 9, false)]
    {
        let mut stage = Stage::new(1, &["alice", "bob"]);
        let given = tickets(&mut stage);
        stage.wall(WALL.0 + after);
        for (own, shard, ticket) in given.into_iter().take(3) {
            assert_eq!(opens(&mut stage, own[0], shard, &ticket), good, "{own:?}");
        }
    }
    for (after, good) in [(SEAT_MS - 1, true), (SEAT_MS + 1, false)] {
        let mut stage = Stage::new(1, &["alice", "bob"]);
        let given = tickets(&mut stage);
        let (own, shard, ticket) = &given[3];
        stage.pass(after);
        assert_eq!(opens(&mut stage, own[0], *shard, ticket), good, "a seat");
        assert!(!opens(&mut stage, own[0], *shard, ticket), "a seat is taken once");
    }
}

/// A person who asks for another is answered alike whoever that is.
#[test]
fn who_asks_cannot_tell_a_stranger_from_nobody() {
    let mut stage = Stage::new(1, &["alice", "bob", "carol", "dave"]);
    let people = stage.people.clone();
    let none = Tail::default();
    // Carol hides; Dave is away.
    let (carol, _) = stage.sign_in(&people[2], 3);
    let hide = ToCs::SetStatus(SetStatus { status: Status::AppearOffline });
    stage.ask(carol, 4, hide.kind(), hide.encode(&none));
    let (link, _) = stage.sign_in(&people[0], 1);
    let nobody = UserId([0x5a; 16]);
    let users = vec![people[2].user, people[3].user, nobody];
    let status = ToCs::SetStatus(SetStatus { status: Status::Online });
    stage.ask(link, 4, status.kind(), status.encode(&none));

    let refused = FromGate::Refused(Refusal::of(Code::NotAContact)).encode(&none);
    for user in users.clone() {
        let contact = ToCs::Contact(Contact { user });
        let answer = stage.ask(link, 4, contact.kind(), contact.encode(&none));
        assert_eq!(answer.expect("cs answers").body, refused);
    }

    // Whoever is watched in vain is seen as offline, by no name, and all of them alike.
    let watch = ToCs::Watch(Watch { users: List::new(users.clone()).expect("three") });
    stage.say(link, &Frame::event(watch.kind(), Channel(4), watch.encode(&none)).encode());
    stage.answer_all();
    stage.pass(30_000);
    let frames = stage.links[&link.0].frames.iter();
    let seen = frames.filter_map(|frame| match FromCs::decode(frame.kind, &frame.body) {
        Ok(Some((FromCs::Presence(seen), tail))) => Some((seen.user, (seen.presence, tail))),
        Ok(_) | Err(_) => None,
    });
    let seen: BTreeMap<UserId, _> = seen.collect();
    for user in &users {
        assert_eq!(seen.get(user), seen.get(&nobody), "{user:?}");
    }
    assert!(seen.contains_key(&nobody));

    // Nor does an invitation say whether there is anybody: the contact that comes of it differs in its
    // name, its id and its place in the book alone.
    let mut answers = Vec::new();
    for name in ["carol", "davey"] {
        let invite = ToBook::Invite(Invite {
            name: Text::new(name).expect("names are short"),
            text: Text::new("hello").expect("it is short"),
        });
        let answer = stage.ask(link, 2, invite.kind(), invite.encode(&none)).expect("book answers");
        let Ok(Some((FromBook::Changed(changed), tail))) =
            FromBook::decode(answer.kind, &answer.body)
        else {
            panic!("an invitation is answered: {answer:?}");
        };
        let mut contact = changed.contact.value;
        assert_ne!(contact.user, UserId::default());
        (contact.user, contact.revision) = (UserId::default(), 0);
        contact.name = Text::new("somebody").expect("names are short");
        answers.push((answer.kind, contact, tail));
    }
    assert_eq!(answers[0], answers[1]);
}
