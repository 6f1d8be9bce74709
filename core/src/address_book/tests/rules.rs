//! The rules of asking and parting, over random acts of two people whose homes hear of each other in
//! order and late.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::super::decide::{Case, Wish, decide};
use super::super::rows::BookRow;
use crate::attached::attached_test::person;
use crate::edge::intent::Act;
use crate::id::UserId;
use crate::model::contact::{Contact, Relation};
use crate::rng::Rng;
use crate::wire::bounded::Text;

#[derive(Default)]
struct Side {
    user: UserId,
    own: Option<Contact>,
    /// What the other home has told and this one has not taken in.
    inbound: VecDeque<Act>,
    /// The greatest pact this side was a friend under.
    stood: u32,
}

impl Side {
    fn relation(&self) -> Relation {
        self.own.as_ref().map_or(Relation::NONE, |own| own.relation)
    }
}

/// One side takes a wish; what follows goes to the other and to the mixer.
fn step(sides: &mut [Side; 2], closed: &mut u32, at: usize, wish: &Wish) {
    let [a, b] = sides;
    let (side, other) = if at == 0 { (a, b) } else { (b, a) };
    let book = BookRow::default();
    let case = Case { user: side.user, name: "me", book: &book, own: side.own.as_ref() };
    let Ok(Some(decision)) = decide(&case, wish) else {
        return;
    };
    if decision.contact.relation == Relation::FRIEND {
        side.stood = side.stood.max(decision.contact.pact);
    }
    side.own = Some(decision.contact);
    for (_, act) in decision.acts {
        match act {
            Act::Close { pact, .. } => *closed = (*closed).max(pact),
            act => other.inbound.push_back(act),
        }
    }
}

fn random_wish(rng: &mut Rng, peer: UserId) -> Wish {
    match rng.below(5) {
        0 | 1 => Wish::Invite { peer, name: Text::default(), text: Text::default() },
        2 => Wish::Accept { peer },
        3 => Wish::Decline { peer },
        _ => Wish::Remove { peer },
    }
}

#[test]
fn both_sides_and_the_mixer_agree_once_everything_is_heard() {
    let (mut friends, mut apart) = (0, 0);
    for seed in 0..4_000u64 {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_be_bytes());
        let mut rng = Rng::new(key);
        let users = [person(0, 2, 0), person(1, 2, 0)];
        let mut sides = users.map(|user| Side { user, ..Side::default() });
        let mut closed = 0;
        for _ in 0..rng.below(24) {
            let at = usize::from(rng.below(2) == 1);
            let heard = if rng.below(2) == 0 { sides[at].inbound.pop_front() } else { None };
            let wish = heard.map_or_else(|| random_wish(&mut rng, users[1 - at]), Wish::Told);
            step(&mut sides, &mut closed, at, &wish);
        }
        while let Some(at) = (0..2).find(|at| !sides[*at].inbound.is_empty()) {
            let act = sides[at].inbound.pop_front().expect("looked at");
            step(&mut sides, &mut closed, at, &Wish::Told(act));
        }
        let relations: Vec<Relation> = sides.iter().map(Side::relation).collect();
        let is_friend = relations.contains(&Relation::FRIEND);
        let stood = sides[0].stood.max(sides[1].stood);
        if is_friend {
            assert_eq!(relations, [Relation::FRIEND; 2], "seed {seed}");
            let pacts: Vec<u32> =
                sides.iter().filter_map(|side| side.own.as_ref()).map(|own| own.pact).collect();
            assert_eq!(pacts[0], pacts[1], "seed {seed}");
            assert!(pacts[0] > closed, "seed {seed}: the mixer closed a pact that stands");
            friends += 1;
        } else {
            assert!(closed >= stood, "seed {seed}: the mixer holds open a pact that ended");
            apart += 1;
        }
        for (at, relation) in relations.iter().enumerate() {
            let other = relations[1 - at];
            assert!(
                *relation != Relation::PENDING || other == Relation::INVITED,
                "seed {seed}: who is asked is asked by somebody"
            );
        }
    }
    assert!(friends > 500 && apart > 500, "{friends} friends, {apart} apart");
}
