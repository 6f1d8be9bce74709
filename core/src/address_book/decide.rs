//! The rules of asking and parting: pure (PROTOCOL §6.3).
//!
//! Both homes decide from their own row alone; intents between them arrive in order, so:
//!
//! - An invitation that meets one's own is an acceptance: both become friends under the greater pact.
//! - Who has parted by the time an acceptance comes says so again, under the pact accepted.
//! - A parting ends the pact it names or an older one, never a newer.

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
        Wish::Accept { peer } => case.accept(*peer),
        Wish::Decline { peer } => case.decline(*peer).map(Some),
        Wish::Remove { peer } => case.remove(*peer).map(Some),
        Wish::Befriend { peer, name } => Ok(case.befriend(*peer, name)),
        Wish::Told(Act::Invite { from, from_name, text, pact, .. }) => {
            Ok(case.invited(*from, from_name, text, *pact))
        }
        Wish::Told(Act::Accepted { from, from_name, pact, .. }) => {
            Ok(case.accepted(*from, from_name, *pact))
        }
        Wish::Told(Act::Parted { from, pact, .. }) => Ok(case.parted(*from, *pact)),
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

    fn accept(&self, _peer: UserId) -> Result<Option<Decision>, Refusal> {
        match (self.relation(), self.own) {
            (Relation::PENDING, Some(own)) => Ok(Some(self.befriended(own.clone(), own.pact))),
            // Said yes before and did not hear the answer.
            (Relation::FRIEND, _) => Ok(None),
            _ => Err(Refusal::of(Code::NoInvitation)),
        }
    }

    fn decline(&self, _peer: UserId) -> Result<Decision, Refusal> {
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
        match (self.relation(), self.own) {
            (Relation::INVITED, Some(own)) => {
                Some(self.befriended(own.clone(), own.pact.max(pact)))
            }
            // They lost or left the pact and ask for a newer one; an older one was answered.
            (Relation::FRIEND, Some(own)) if pact <= own.pact => None,
            _ if self.is_full() || from == self.user => None,
            (Relation::FRIEND, _) => {
                let contact = contact(from, name, Relation::PENDING, text, pact);
                Some(Decision { contact, acts: Vec::new() })
            }
            _ => {
                // A pact that ended here never stands again.
                let pact = pact.max(self.pact() + 1);
                let contact = contact(from, name, Relation::PENDING, text, pact);
                Some(Decision { contact, acts: Vec::new() })
            }
        }
    }

    fn accepted(&self, from: UserId, name: &Text<NAME_CHARS_MAX>, pact: u32) -> Option<Decision> {
        let own = self.own?;
        let stands = |own: &Contact| {
            let mut contact = Contact { relation: Relation::FRIEND, pact, ..own.clone() };
            if contact.name.as_str().is_empty() {
                contact.name = name.clone();
            }
            Decision { contact, acts: Vec::new() }
        };
        match own.relation {
            Relation::INVITED if pact >= own.pact => Some(stands(own)),
            Relation::FRIEND if pact > own.pact => Some(stands(own)),
            // They said yes to what was taken back: they must hear that it is over.
            Relation::NONE if pact > own.pact => Some(ended(own, pact, self.parting(from, pact))),
            _ => None,
        }
    }

    fn parted(&self, _from: UserId, pact: u32) -> Option<Decision> {
        let own = self.own?;
        match own.relation {
            Relation::FRIEND if own.pact <= pact => Some(ended(own, pact, Vec::new())),
            // Whatever pact was proposed here: they took their asking back.
            Relation::PENDING => Some(ended(own, own.pact.max(pact), Vec::new())),
            _ => None,
        }
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
