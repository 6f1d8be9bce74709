//! What machines tell each other: a file per edge, both directions and its contract in it.
//!
//! Machines never call each other. A tell travels in an [`Envelope`]; inside a node the hub hands it
//! over, between nodes a trunk carries it (PROTOCOL §9).

use serde::{Deserialize, Serialize};

use crate::id::{ConversationId, Flow, NodeId, OpId, Range, Shard, UserId};
use crate::topology::Moved;

pub mod book_account;
pub mod book_ps;
pub mod cs_book;
pub mod cs_mixer;
pub mod cs_ps;
pub mod gate_service;
pub mod intent;
pub mod mixer_inbox;
pub mod mixer_ps;
pub mod placement;

/// What a machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Links of clients.
    Gate,
    /// Names and tickets.
    Account,
    /// Sessions.
    Cs,
    /// Presence.
    Ps,
    /// Contacts.
    AddressBook,
    /// Conversations of a person.
    Inbox,
    /// Conversations.
    Mixer,
    /// Who owns which range of shards.
    Placement,
}

impl Role {
    /// The name in traces and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Account => "account",
            Self::Cs => "cs",
            Self::Ps => "ps",
            Self::AddressBook => "address_book",
            Self::Inbox => "inbox",
            Self::Mixer => "mixer",
            Self::Placement => "placement",
        }
    }
}

/// A machine: its role and its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address {
    /// What it is.
    pub role: Role,
    /// Where it is.
    pub node: NodeId,
}

/// Where a tell goes. The role follows from the tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum To {
    /// The machine of that node.
    Node(NodeId),
    /// The machine that owns the shard.
    Shard(Shard),
}

/// A tell on its way out of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// The act it follows from.
    pub flow: Flow,
    /// Where it goes.
    pub to: To,
    /// A request's continuation at the asker, or in an answer the asker's own, echoed.
    pub op: Option<OpId>,
    /// What is told.
    pub tell: Tell,
}

impl Post {
    /// To the machine of a node.
    #[must_use]
    pub fn node(flow: Flow, node: NodeId, tell: impl Into<Tell>) -> Self {
        Self { flow, to: To::Node(node), op: None, tell: tell.into() }
    }

    /// To the home of a person.
    #[must_use]
    pub fn home(flow: Flow, user: UserId, tell: impl Into<Tell>) -> Self {
        Self { flow, to: To::Shard(Shard::of_user(user)), op: None, tell: tell.into() }
    }

    /// To the mixer of a conversation.
    #[must_use]
    pub fn mixer(flow: Flow, conversation: ConversationId, tell: impl Into<Tell>) -> Self {
        let to = To::Shard(Shard::of_conversation(conversation));
        Self { flow, to, op: None, tell: tell.into() }
    }

    /// As a request with its continuation, or as the answer to one.
    #[must_use]
    pub fn with_op(mut self, op: Option<OpId>) -> Self {
        self.op = op;
        self
    }
}

/// A tell as its receiver gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope<T> {
    /// The act it follows from; its hop is this delivery's own.
    pub flow: Flow,
    /// Who tells.
    pub from: Address,
    /// Set where `from` asks or answers.
    pub op: Option<OpId>,
    /// What is told.
    pub tell: T,
}

impl<T> Envelope<T> {
    /// The answer to this envelope.
    #[must_use]
    pub fn answer(&self, tell: impl Into<Tell>) -> Post {
        Post { flow: self.flow, to: To::Node(self.from.node), op: self.op, tell: tell.into() }
    }
}

/// A tell on its way to a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addressed {
    /// Set where it goes to the owner of a shard: the range of that shard. Who does not own it drops
    /// it and tells the teller where it stands (PROTOCOL §9.5).
    pub range: Option<Range>,
    /// As its receiver gets it.
    pub envelope: Envelope<Tell>,
}

/// How another node does, as the trunk to it knows (PROTOCOL §9.4). A node's own is always up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A new understanding with the node: it holds nothing of what was told before. Register again
    /// what it should know. Comes at the first contact too.
    Up(NodeId),
    /// The node is silent or has restarted. Every request to it is lost: its effect is unknown.
    Lost(NodeId),
    /// A range of shards has another owner, or a later term (PROTOCOL §9.5). Requests to its past owner
    /// are lost; who lost it forgets what it kept of it, who gained it begins anew.
    Moved(Moved),
}

/// How a trunk carries a tell (PROTOCOL §9.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// In order, resent until acked.
    Reliable,
    /// Newest of its key wins; compared by digest.
    State(UserId),
    /// May be lost.
    Ephemeral,
}

macro_rules! tells {
    ($($(#[$doc:meta])* $name:ident = $role:ident { $($(#[$vdoc:meta])* $variant:ident($ty:path),)* })*) => {
        /// Every tell, by who takes it.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Tell { $(
            $(#[$doc])*
            $role($name),
        )* }

        impl Tell {
            /// Who takes it.
            #[must_use]
            pub fn role(&self) -> Role {
                match self { $(Self::$role(_) => Role::$role,)* }
            }

            /// How a trunk carries it.
            #[must_use]
            pub fn class(&self) -> Class {
                match self { $(Self::$role(tell) => match tell { $($name::$variant(t) => t.class(),)* },)* }
            }

            /// The names of all tells, by who takes them.
            pub const KINDS: &'static [(Role, &'static [&'static str])] =
                &[$($((Role::$role, <$ty>::KINDS),)*)*];

            /// Its name in traces.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$role(tell) => match tell { $($name::$variant(t) => t.kind(),)* },)* }
            }
        }

        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
            pub enum $name { $($(#[$vdoc])* $variant($ty),)* }

            impl From<$name> for Tell {
                fn from(tell: $name) -> Self { Self::$role(tell) }
            }
            $(impl From<$ty> for $name {
                fn from(tell: $ty) -> Self { Self::$variant(tell) }
            })*
        )*
    };
}

/// Declares one direction of an edge. A variant is `Reliable` unless it names another class.
macro_rules! edge {
    ($($(#[$doc:meta])* $name:ident {
        $($(#[$vdoc:meta])* $variant:ident { $($(#[$fdoc:meta])* $field:ident: $ty:ty,)* } $kind:literal $(as $class:expr)?,)*
    })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* $variant { $($(#[$fdoc])* $field: $ty,)* },)* }

        impl $name {
            /// The names of all of them.
            pub const KINDS: &'static [&'static str] = &[$($kind,)*];

            /// How a trunk carries it.
            #[must_use]
            pub fn class(&self) -> crate::edge::Class {
                match self { $(
                    #[allow(unused_variables, reason = "only a state class looks at its fields")]
                    Self::$variant { $($field,)* } => crate::edge::edge!(@class self, $($class)?, $($field)*),
                )* }
            }

            /// Its name in traces.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $kind,)* }
            }
        }
    )* };
    (@class $self:ident, , $($field:ident)*) => { crate::edge::Class::Reliable };
    (@class $self:ident, $class:expr, $($field:ident)*) => { ($class)($self) };
}
use edge;

tells! {
    /// To a gate.
    ToGate = Gate {
        /// From the services behind it.
        Service(gate_service::ToGate),
    }
    /// To account.
    ToAccount = Account {
        /// A client's frames.
        Client(gate_service::FromOrigin),
        /// From address books.
        Book(book_account::ToAccount),
    }
    /// To a Connection Server.
    ToCs = Cs {
        /// A client's frames.
        Client(gate_service::ToService),
        /// From homes.
        Ps(cs_ps::ToCs),
        /// From address books.
        Book(cs_book::ToCs),
        /// From mixers.
        Mixer(cs_mixer::ToCs),
    }
    /// To a Presence Server.
    ToPs = Ps {
        /// From Connection Servers.
        Cs(cs_ps::ToPs),
        /// From the address book of the same home.
        Book(book_ps::ToPs),
        /// From mixers.
        Mixer(mixer_ps::ToPs),
    }
    /// To an Address Book.
    ToBook = AddressBook {
        /// A client's frames.
        Client(gate_service::ToService),
        /// From Connection Servers.
        Cs(cs_book::ToBook),
        /// From account.
        Account(book_account::ToBook),
        /// From the PS of the same home.
        Ps(book_ps::ToBook),
        /// From other homes.
        Intent(intent::ToTarget),
        /// From targets of own intents.
        Applied(intent::ToSource),
    }
    /// To an inbox.
    ToInbox = Inbox {
        /// A client's frames.
        Client(gate_service::ToService),
        /// From mixers.
        Mixer(mixer_inbox::ToInbox),
    }
    /// To a Mixer.
    ToMixer = Mixer {
        /// A client's frames.
        Client(gate_service::ToService),
        /// From Connection Servers.
        Cs(cs_mixer::ToMixer),
        /// From homes.
        Ps(mixer_ps::ToMixer),
        /// From inboxes.
        Inbox(mixer_inbox::ToMixer),
        /// From homes.
        Intent(intent::ToTarget),
    }
    /// To what knows who owns which range.
    ToPlacement = Placement {
        /// From that of another node.
        Fabric(placement::ToPlacement),
    }
}

impl Tell {
    /// What a gate tells a service of a client.
    #[must_use]
    pub fn from_client(&self) -> Option<&gate_service::ToService> {
        match self {
            Self::Account(ToAccount::Client(from)) => Some(&from.tell),
            Self::Cs(ToCs::Client(tell))
            | Self::AddressBook(ToBook::Client(tell))
            | Self::Inbox(ToInbox::Client(tell))
            | Self::Mixer(ToMixer::Client(tell)) => Some(tell),
            Self::Gate(_)
            | Self::Account(_)
            | Self::Cs(_)
            | Self::Ps(_)
            | Self::AddressBook(_)
            | Self::Inbox(_)
            | Self::Mixer(_)
            | Self::Placement(_) => None,
        }
    }
}

macro_rules! into_tell {
    ($($ty:path => $via:ident;)*) => { $(
        impl From<$ty> for Tell {
            fn from(tell: $ty) -> Self { $via::from(tell).into() }
        }
    )* };
}

into_tell! {
    gate_service::ToGate => ToGate;
    book_account::ToAccount => ToAccount;
    book_account::ToBook => ToBook;
    cs_ps::ToCs => ToCs;
    cs_ps::ToPs => ToPs;
    cs_book::ToCs => ToCs;
    cs_book::ToBook => ToBook;
    cs_mixer::ToCs => ToCs;
    cs_mixer::ToMixer => ToMixer;
    book_ps::ToPs => ToPs;
    book_ps::ToBook => ToBook;
    mixer_ps::ToPs => ToPs;
    mixer_ps::ToMixer => ToMixer;
    mixer_inbox::ToInbox => ToInbox;
    mixer_inbox::ToMixer => ToMixer;
    intent::ToSource => ToBook;
    placement::ToPlacement => ToPlacement;
}

impl Tell {
    /// It has waited for its way, or on it: what it says was so long ago was longer ago.
    pub fn wait(&mut self, ms: u64) {
        if let Self::Ps(ToPs::Cs(cs_ps::ToPs::Publish { ago_ms, .. })) = self
            && ms > 0
        {
            *ago_ms = Some(ago_ms.unwrap_or(0).saturating_add(ms));
        }
    }
}
