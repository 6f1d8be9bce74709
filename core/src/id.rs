//! Names of things: newtypes, never bare numbers.

use core::fmt;
use core::num::NonZeroU64;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

macro_rules! id16 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    };
}

id16! {
    /// A person: 16 random bytes from `account`.
    UserId
}
id16! {
    /// One signed-in device of a person. Chosen by the device, kept in its cache.
    EndpointId
}
id16! {
    /// A conversation. A 1:1's id follows from its two people ([`ConversationId::one_to_one`]).
    ConversationId
}

impl ConversationId {
    /// The 1:1 conversation of two people: the first 16 bytes of SHA-256("presently 1:1", smaller
    /// id, larger id).
    #[must_use]
    pub fn one_to_one(a: UserId, b: UserId) -> Self {
        let (low, high) = if a <= b { (a, b) } else { (b, a) };
        let mut hash = Sha256::new();
        hash.update(b"presently 1:1");
        hash.update(low.0);
        hash.update(high.0);
        Self(first16(&hash.finalize()))
    }
}

fn first16(digest: &[u8]) -> [u8; 16] {
    let mut out = [0; 16];
    out.iter_mut().zip(digest).for_each(|(to, from)| *to = *from);
    out
}

/// A node: one hub on one thread. Counts from 0.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct NodeId(pub u16);

/// Which life of a node: raised in the store each time its hub starts (PROTOCOL §9.1).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Incarnation(pub u32);

/// One owner's time with a shard: what comes from an owner carries it, lower is dropped (PROTOCOL
/// §9.5). Ordered by term first, which rises with each move, then by the owner's life.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Epoch {
    /// How often the shard's range has moved.
    pub term: u32,
    /// Which life of its owner.
    pub life: Incarnation,
}

impl Epoch {
    /// An epoch.
    #[must_use]
    pub const fn new(term: u32, life: u32) -> Self {
        Self { term, life: Incarnation(life) }
    }
}

/// One of 4,096 slices of users, names or conversations.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Shard(pub u16);

impl Shard {
    /// How many there are, for ever.
    pub const COUNT: u16 = 4096;

    fn of(tag: &str, id: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(tag.as_bytes());
        hash.update(id);
        let digest = hash.finalize();
        Self((u16::from(digest[0]) << 8 | u16::from(digest[1])) >> 4)
    }

    /// The range it moves with.
    #[must_use]
    pub fn range(self) -> Range {
        Range(
            u8::try_from(self.0 % Self::COUNT / Range::SHARDS)
                .expect("4,096 shards are 256 ranges"),
        )
    }

    /// The shard of a person's home.
    #[must_use]
    pub fn of_user(user: UserId) -> Self {
        Self::of("presently user", &user.0)
    }

    /// The shard of an account name.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        Self::of("presently name", name.as_bytes())
    }

    /// The shard of a conversation.
    #[must_use]
    pub fn of_conversation(conversation: ConversationId) -> Self {
        Self::of("presently conversation", &conversation.0)
    }
}

/// 16 neighbouring shards: what has one owner, and moves as one (PROTOCOL §9.2).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Range(pub u8);

impl Range {
    /// Shards of each.
    pub const SHARDS: u16 = 16;
    /// How many there are.
    pub const COUNT: usize = 256;

    /// Every range, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).map(Self)
    }

    /// The first and the last of its shards.
    #[must_use]
    pub fn bounds(self) -> (Shard, Shard) {
        let first = u16::from(self.0) * Self::SHARDS;
        (Shard(first), Shard(first + Self::SHARDS - 1))
    }

    /// Its shards, in order.
    pub fn shards(self) -> impl Iterator<Item = Shard> {
        let first = u16::from(self.0) * Self::SHARDS;
        (first..first + Self::SHARDS).map(Shard)
    }
}

/// A client's link to a gate. The host numbers links from 1, never reusing one within a hub's life.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct LinkId(pub u64);

/// One attachment of a link to a service. Chosen by the client; 0 is the link itself.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Channel(pub u32);

/// A continuation of a machine: a slot of its [`Pending`](crate::index::Slab) and a generation.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct OpId {
    /// Index in the slab.
    pub slot: u32,
    /// Which use of that index.
    pub generation: u32,
}

/// What follows one act of a person through the system (PROTOCOL §8).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Flow {
    /// Drawn by the client; 0 where nobody asked for a trace.
    pub id: u64,
    /// The hop this one follows from; 0 at the client.
    pub hop: u64,
}

/// Which act of a client's process something is: said again, it is the same (PROTOCOL §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// Drawn by the process when it began.
    pub process: u64,
    /// Counts its acts.
    pub number: NonZeroU64,
}

#[cfg(test)]
#[path = "id_test.rs"]
mod id_test;
