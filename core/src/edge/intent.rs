//! Intents: a change that must reach another owner, written in the same batch as what caused it,
//! told until the target has applied it (PROTOCOL §6.2).

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use super::edge;
use crate::id::{ConversationId, Shard, UserId};
use crate::limits::{INVITE_BYTES_MAX, NAME_CHARS_MAX};
use crate::wire::bounded::Text;

/// Where an intent goes: a shard, at its home or at its mixer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Target {
    /// The address book of a user shard.
    Book(Shard),
    /// The mixer of a conversation shard.
    Mixer(Shard),
}

impl Target {
    /// As a key part.
    #[must_use]
    pub fn number(self) -> u64 {
        match self {
            Self::Book(shard) => u64::from(shard.0),
            Self::Mixer(shard) => 1 << 16 | u64::from(shard.0),
        }
    }

    /// From a key part.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        let shard = Shard(u16::try_from(number & 0xffff).ok()?);
        match number >> 16 {
            0 => Some(Self::Book(shard)),
            1 => Some(Self::Mixer(shard)),
            _ => None,
        }
    }

    /// The shard.
    #[must_use]
    pub fn shard(self) -> Shard {
        match self {
            Self::Book(shard) | Self::Mixer(shard) => shard,
        }
    }
}

/// What must happen at the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    /// `to` is asked by `from`.
    Invite {
        /// Who asks.
        from: UserId,
        /// Their account's name.
        from_name: Text<NAME_CHARS_MAX>,
        /// Who is asked.
        to: UserId,
        /// The text that goes with it.
        text: Text<INVITE_BYTES_MAX>,
        /// The pact proposed.
        pact: u32,
    },
    /// `from` said yes to `to`.
    Accepted {
        /// Who said yes.
        from: UserId,
        /// Their account's name.
        from_name: Text<NAME_CHARS_MAX>,
        /// Who had asked.
        to: UserId,
        /// The pact that stands now.
        pact: u32,
    },
    /// `from` ended the pact, or took back what it asked.
    Parted {
        /// Who ended it.
        from: UserId,
        /// The other.
        to: UserId,
        /// The pact that ended.
        pact: u32,
    },
    /// The pact behind a 1:1 has ended: nothing more is stored under it.
    Close {
        /// The conversation.
        conversation: ConversationId,
        /// The pact that ended.
        pact: u32,
    },
}

edge! {
    /// What a source tells a target.
    ToTarget {
        /// Apply this, if its number is the last applied + 1. Answered by `Applied` or `Expected`.
        Intent {
            /// The source's shard.
            source: Shard,
            /// Where it goes.
            target: Target,
            /// Dense per (source, target), from 1.
            number: u64,
            /// What must happen.
            act: Box<Act>,
        } "intent",
    }

    /// What a target answers.
    ToSource {
        /// Everything through this number is applied, durably.
        Applied {
            /// The source's shard.
            source: Shard,
            /// Who answers.
            target: Target,
            /// The last number applied.
            through: u64,
        } "applied",
        /// The number told is beyond the next: tell again from there.
        Expected {
            /// The source's shard.
            source: Shard,
            /// Who answers.
            target: Target,
            /// The last number applied.
            last: u64,
        } "expected",
    }
}
