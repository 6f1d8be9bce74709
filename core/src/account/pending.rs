//! What account waits for: who asked, and which step comes next.

use alloc::string::String;

use super::rows::AccountRow;
use crate::edge::Address;
use crate::edge::gate_service::Port;
use crate::id::{EndpointId, Flow, OpId, UserId};
use crate::limits::NAME_CHARS_MAX;
use crate::origin::Origin;
use crate::redact::Pii;
use crate::store::Write;
use crate::ticket::RefreshClaims;
use crate::wire::bounded::Text;

/// An account's name in its one spelling.
pub(super) type Name = Text<NAME_CHARS_MAX>;

/// Who is answered.
#[derive(Clone, Debug)]
pub(super) enum Asker {
    /// A client's request.
    Client { port: Port, request: u32 },
    /// The operator's.
    Operator(u64),
    /// An address book's.
    Book { from: Address, op: Option<OpId> },
}

/// What work follows from.
#[derive(Clone, Debug)]
pub(super) struct Cause {
    pub(super) asker: Asker,
    pub(super) flow: Flow,
    /// Where a client's link comes from.
    pub(super) origin: Origin,
    /// Times a check of its write did not hold.
    pub(super) conflicts: u32,
}

impl Cause {
    /// A request as it comes in.
    pub(super) fn new(asker: Asker, flow: Flow) -> Self {
        Self { asker, flow, origin: Origin::default(), conflicts: 0 }
    }

    /// The work's next stage.
    pub(super) fn with(self, stage: Stage) -> Work {
        Work { cause: self, stage }
    }
}

/// Work that waits for the store or for a hash.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) cause: Cause,
    pub(super) stage: Stage,
}

/// A sign-in that stands once its row is written.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    pub(super) name: Name,
    pub(super) user: UserId,
    pub(super) endpoint: EndpointId,
    pub(super) number: u32,
    /// Of the refresh token handed out.
    pub(super) generation: u64,
}

/// What a deleted sign-in is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The device asked for it.
    SignedOut,
    /// A token older than the one last used came: somebody else may hold it.
    Stale,
}

/// What work waits for.
#[derive(Debug)]
pub(super) enum Stage {
    /// Sign-in: the account's row.
    Credentials { name: Name, password: Pii<String>, endpoint: EndpointId },
    /// Sign-in: the hash of the password. `account` is `None` for a name nobody has.
    Verifying { name: Name, endpoint: EndpointId, account: Option<(AccountRow, u64)> },
    /// Sign-in without a password, or after a conflict: the account's row.
    Account { name: Name, endpoint: EndpointId },
    /// Sign-in: the rows of the name's devices.
    Devices { name: Name, endpoint: EndpointId, account: AccountRow, revision: u64 },
    /// Sign-in: its row is being written.
    SigningIn { signed: Signed, write: Write },
    /// Resume: the device's row.
    Resuming { claims: RefreshClaims },
    /// Resume: the first use of a token is being written.
    Using { claims: RefreshClaims, signed: Signed, write: Write },
    /// Sign-out: the device's row.
    SigningOut { claims: RefreshClaims },
    /// The device's row is being deleted.
    Ending { claims: RefreshClaims, end: End, write: Write },
    /// New account: the hash of its password.
    Hashing { name: Name },
    /// New account: its row is being written.
    Adding { name: Name, user: UserId, write: Write },
    /// New account: why its row could not be written.
    Taken { user: UserId },
    /// Befriend: the row of the one, then (with the first's id) of the other.
    Befriending { a: Name, b: Name, first: Option<UserId> },
    /// Who has a name.
    Finding { name: Name },
}

impl Stage {
    /// The name whose rows are read and written; `None`: they are only read.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Credentials { name, .. }
            | Self::Verifying { name, .. }
            | Self::Account { name, .. }
            | Self::Devices { name, .. }
            | Self::Hashing { name }
            | Self::Adding { name, .. } => Some(name.as_str()),
            Self::SigningIn { signed, .. } => Some(signed.name.as_str()),
            Self::Resuming { claims }
            | Self::Using { claims, .. }
            | Self::SigningOut { claims }
            | Self::Ending { claims, .. } => Some(&claims.name),
            Self::Taken { .. } | Self::Befriending { .. } | Self::Finding { .. } => None,
        }
    }

    /// Whether room was taken for a hash that it has not had.
    pub(super) fn needs_hash(&self) -> bool {
        matches!(self, Self::Credentials { .. } | Self::Verifying { .. } | Self::Hashing { .. })
    }

    /// The batch in flight.
    pub(super) fn write(&self) -> Option<&Write> {
        match self {
            Self::SigningIn { write, .. }
            | Self::Using { write, .. }
            | Self::Ending { write, .. }
            | Self::Adding { write, .. } => Some(write),
            Self::Credentials { .. }
            | Self::Verifying { .. }
            | Self::Account { .. }
            | Self::Devices { .. }
            | Self::Resuming { .. }
            | Self::SigningOut { .. }
            | Self::Hashing { .. }
            | Self::Taken { .. }
            | Self::Befriending { .. }
            | Self::Finding { .. } => None,
        }
    }
}
