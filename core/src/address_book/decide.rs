//! The rules of asking and parting: pure (PROTOCOL §6.3).
//!
//! A pact is a round. Each side says yes (`Invite`, `Accepted`) or no (`Parted`) in a round, a no is
//! the last word in it, and only a yes opens the next. Both homes decide from their own row alone;
//! what they tell each other arrives in order, perhaps late:
//!
//! - A word of an older round than one's own changes nothing: who said it will hear of the newer.
//! - An invitation that meets one's own is an acceptance: both become friends under the greater pact.
//! - A parting ends the round it names at both sides; the mixer closes that pact.
//!
//! So both sides end alike, however their words cross (`tests/rules.rs`).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::rows::BookRow;
use crate::edge::intent::{Act, Target};
use crate::error::{Code, Refusal};
use crate::id::{ConversationId, Shard, UserId};
use crate::limits::{CONTACTS_MAX, INVITE_BYTES_MAX, NAME_CHARS_MAX};
use crate::model::contact::{Contact, Relation};
use crate::wire::bounded::Text;

/// A change of one contact that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// The person asks somebody.
    Invite { peer: UserId, name: Text<NAME_CHARS_MAX>, text: Text<INVITE_BYTES_MAX> },
    /// The person says yes.
    Accept { peer: UserId },
    /// The person says no.
    Decline { peer: UserId },
    /// The person parts.
    Remove { peer: UserId },
    /// The operator makes friends.
    Befriend { peer: UserId, name: Text<NAME_CHARS_MAX> },
    /// The other home tells.
    Told(Act),
}

impl Wish {
    /// Whose row it is about; `None`: nothing an address book can do.
    pub(super) fn peer(&self) -> Option<UserId> {
        match self {
            Self::Invite { peer, .. }
            | Self::Accept { peer }
            | Self::Decline { peer }
            | Self::Remove { peer }
            | Self::Befriend { peer, .. } => Some(*peer),
            Self::Told(
                Act::Invite { from, .. } | Act::Accepted { from, .. } | Act::Parted { from, .. },
            ) => Some(*from),
            Self::Told(Act::Close { .. }) => None,
        }
    }
}

/// What follows from a wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    /// The contact from now on; its revision is set by who writes it.
    pub(super) contact: Contact,
    /// What must reach others.
    pub(super) acts: Vec<(Target, Act)>,
}

/// The person whose list it is, and the row the wish is about.
pub(super) struct Case<'a> {
    pub(super) user: UserId,
    /// The account's name as far as it is known here.
    pub(super) name: &'a str,
    pub(super) book: &'a BookRow,
    pub(super) own: Option<&'a Contact>,
}

/// Decides a wish. `Ok(None)`: nothing changes.
pub(super) fn decide(case: &Case<'_>, wish: &Wish) -> Result<Option<Decision>, Refusal> {
    match wish {
        Wish::Invite { peer, name, text } => case.invite(*peer, name, text).map(Some),
        Wish::Accept { .. } => case.accept(),
        Wish::Decline { .. } => case.decline().map(Some),
        Wish::Remove { peer } => case.remove(*peer).map(Some),
        Wish::Befriend { peer, name } => Ok(case.befriend(*peer, name)),
        Wish::Told(Act::Invite { from, from_name, text, pact, .. }) => {
            Ok(case.invited(*from, from_name, text, *pact))
        }
        Wish::Told(Act::Accepted { pact, .. }) => Ok(case.accepted(*pact)),
        Wish::Told(Act::Parted { pact, .. }) => Ok(case.parted(*pact)),
        Wish::Told(Act::Close { .. }) => Ok(None),
    }
}

impl Case<'_> {
    fn relation(&self) -> Relation {
        self.own.map_or(Relation::NONE, |own| own.relation)
    }

    fn pact(&self) -> u32 {
        self.own.map_or(0, |own| own.pact)
    }

    fn is_full(&self) -> bool {
        self.relation() == Relation::NONE && self.book.contacts as usize >= CONTACTS_MAX
    }

    fn invite(
        &self,
        peer: UserId,
        name: &Text<NAME_CHARS_MAX>,
        text: &Text<INVITE_BYTES_MAX>,
    ) -> Result<Decision, Refusal> {
        if peer == self.user {
            return Err(Refusal::of(Code::Yourself));
        }
        if let (Relation::PENDING, Some(own)) = (self.relation(), self.own) {
            return Ok(self.befriended(own.clone(), own.pact));
        }
        if self.relation() != Relation::NONE {
            return Err(Refusal::of(Code::AlreadyContact));
        }
        if self.is_full() {
            return Err(Refusal::of(Code::LimitReached));
        }
        let pact = self.pact() + 1;
        let contact = contact(peer, name, Relation::INVITED, text, pact);
        let act = Act::Invite {
            from: self.user,
            from_name: own_name(self.name),
            to: peer,
            text: text.clone(),
            pact,
        };
        Ok(Decision { contact, acts: alloc::vec![(book_of(peer), act)] })
    }

    fn accept(&self) -> Result<Option<Decision>, Refusal> {
        match (self.relation(), self.own) {
            (Relation::PENDING, Some(own)) => Ok(Some(self.befriended(own.clone(), own.pact))),
            // Said yes before and did not hear the answer.
            (Relation::FRIEND, _) => Ok(None),
            _ => Err(Refusal::of(Code::NoInvitation)),
        }
    }

    fn decline(&self) -> Result<Decision, Refusal> {
        match (self.relation(), self.own) {
            (Relation::PENDING, Some(own)) => Ok(ended(own, own.pact, Vec::new())),
            _ => Err(Refusal::of(Code::NoInvitation)),
        }
    }

    fn remove(&self, peer: UserId) -> Result<Decision, Refusal> {
        match (self.relation(), self.own) {
            (Relation::NONE, _) | (_, None) => Err(Refusal::of(Code::NotAContact)),
            // Who asks learns nothing of a no.
            (Relation::PENDING, Some(own)) => Ok(ended(own, own.pact, Vec::new())),
            (_, Some(own)) => Ok(ended(own, own.pact, self.parting(peer, own.pact))),
        }
    }

    fn befriend(&self, peer: UserId, name: &Text<NAME_CHARS_MAX>) -> Option<Decision> {
        if peer == self.user || self.relation() == Relation::FRIEND || self.is_full() {
            return None;
        }
        let ended = self.relation() == Relation::NONE;
        let pact = if ended { self.pact() + 1 } else { self.pact().max(1) };
        let contact = contact(peer, name, Relation::FRIEND, &Text::default(), pact);
        Some(Decision { contact, acts: Vec::new() })
    }

    fn invited(
        &self,
        from: UserId,
        name: &Text<NAME_CHARS_MAX>,
        text: &Text<INVITE_BYTES_MAX>,
        pact: u32,
    ) -> Option<Decision> {
        if from == self.user || pact < self.pact() {
            return None;
        }
        let is_newer = pact > self.pact();
        let silent = |contact| Some(Decision { contact, acts: Vec::new() });
        match (self.relation(), self.own) {
            // One's own word is still good in a newer round; the other hears so.
            (Relation::INVITED, Some(own)) if is_newer => Some(self.befriended(own.clone(), pact)),
            (Relation::INVITED, Some(own)) => {
                silent(Contact { relation: Relation::FRIEND, ..own.clone() })
            }
            _ if !is_newer => None,
            // The round is noted, so that both sides count alike.
            _ if self.is_full() => {
                silent(contact(from, name, Relation::NONE, &Text::default(), pact))
            }
            _ => silent(contact(from, name, Relation::PENDING, text, pact)),
        }
    }

    fn accepted(&self, pact: u32) -> Option<Decision> {
        let own = self.own?;
        let answers = own.relation == Relation::INVITED && own.pact == pact;
        let contact = Contact { relation: Relation::FRIEND, ..own.clone() };
        answers.then(|| Decision { contact, acts: Vec::new() })
    }

    fn parted(&self, pact: u32) -> Option<Decision> {
        let own = self.own?;
        let ends = own.relation != Relation::NONE && pact >= own.pact;
        ends.then(|| ended(own, pact, Vec::new()))
    }

    fn befriended(&self, own: Contact, pact: u32) -> Decision {
        let act =
            Act::Accepted { from: self.user, from_name: own_name(self.name), to: own.user, pact };
        let target = book_of(own.user);
        let contact = Contact { relation: Relation::FRIEND, pact, ..own };
        Decision { contact, acts: alloc::vec![(target, act)] }
    }

    fn parting(&self, peer: UserId, pact: u32) -> Vec<(Target, Act)> {
        let conversation = ConversationId::one_to_one(self.user, peer);
        let mixer = Target::Mixer(Shard::of_conversation(conversation));
        alloc::vec![
            (book_of(peer), Act::Parted { from: self.user, to: peer, pact }),
            (mixer, Act::Close { conversation, pact }),
        ]
    }
}

fn ended(own: &Contact, pact: u32, acts: Vec<(Target, Act)>) -> Decision {
    let contact = Contact { relation: Relation::NONE, text: Text::default(), pact, ..own.clone() };
    Decision { contact, acts }
}

fn contact(
    user: UserId,
    name: &Text<NAME_CHARS_MAX>,
    relation: Relation,
    text: &Text<INVITE_BYTES_MAX>,
    pact: u32,
) -> Contact {
    Contact { user, name: name.clone(), relation, text: text.clone(), pact, revision: 0 }
}

fn book_of(user: UserId) -> Target {
    Target::Book(Shard::of_user(user))
}

/// A session's name is an account's name, which keeps to the bound.
fn own_name(name: &str) -> Text<NAME_CHARS_MAX> {
    Text::new(Box::<str>::from(name)).unwrap_or_default()
}
