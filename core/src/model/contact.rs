//! A contact as its owner has it.

use serde::{Deserialize, Serialize};

use crate::id::UserId;
use crate::limits::{INVITE_BYTES_MAX, NAME_CHARS_MAX};
use crate::wire::bounded::Text;

/// How two people stand, seen from one of them: an integer on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Relation(pub u8);

impl Relation {
    /// Nothing (any more): a tombstone, so that a delta can say so.
    pub const NONE: Self = Self(0);
    /// I asked.
    pub const INVITED: Self = Self(1);
    /// I am asked.
    pub const PENDING: Self = Self(2);
    /// Both said yes: each sees the other.
    pub const FRIEND: Self = Self(3);

    /// The name an app sees.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::INVITED => "invited",
            Self::PENDING => "pending",
            Self::FRIEND => "friend",
            _ => "removed",
        }
    }
}

/// The body of the Contact record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Who.
    pub user: UserId,
    /// Their account's name.
    pub name: Text<NAME_CHARS_MAX>,
    /// How we stand.
    pub relation: Relation,
    /// The text that came, or went, with the invitation.
    pub text: Text<INVITE_BYTES_MAX>,
    /// Which round of asking and parting this is; both sides and their mixer agree on it
    /// (PROTOCOL §6.3).
    pub pact: u32,
    /// The list's revision when this last changed.
    pub revision: u64,
}
