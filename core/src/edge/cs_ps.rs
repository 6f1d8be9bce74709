//! cs ↔ ps: endpoints of a person at its home, and watches on friends' homes (PROTOCOL §5.2).
//!
//! PS decides everything: a CS passes on what was admitted. A CS registers again (`Arrive`,
//! `Publish`, `Watch`) what it holds whenever the home's node comes [`Up`](super::Peer::Up). A PS
//! lets the endpoints of a lost node linger, and forgets its watches.

use alloc::boxed::Box;

use super::{Class, edge};
use crate::error::Refusal;
use crate::id::{Act, EndpointId, Epoch, OpId, UserId};
use crate::limits::PROFILE_BYTES_MAX;
use crate::model::presence::{Presence, Status};
use crate::wire::bounded::Text;
use crate::wire::record::Record;

edge! {
    /// What a CS tells a home.
    ToPs {
        /// An endpoint is here. Replaces the endpoint's registration at any CS, which is told `Boot`
        /// where it was another session; unless that is of a later sign-in, then this one is. Ends a
        /// linger of that endpoint. Shows nothing by itself.
        Arrive {
            /// The person.
            user: UserId,
            /// The device.
            endpoint: EndpointId,
            /// The CS's session.
            session: OpId,
            /// Which sign-in of the device this is; a later one is greater.
            sign_in: u64,
        } "arrive",
        /// The person's status, as chosen on an endpoint that arrived before.
        Publish {
            /// The person.
            user: UserId,
            /// The device.
            endpoint: EndpointId,
            /// The CS's session.
            session: OpId,
            /// Chosen.
            status: Status,
            /// How long ago, in milliseconds, where it is told again to a home that may have forgotten it,
            /// or waited for the trunk or on it: what another device published since stands. `None`: just
            /// now.
            ago_ms: Option<u64>,
        } "status",
        /// The link of a session is lost: the endpoint lingers.
        Lost {
            /// The person.
            user: UserId,
            /// The device.
            endpoint: EndpointId,
            /// The CS's session; another's registration is left alone.
            session: OpId,
        } "lost",
        /// The session was signed out: the endpoint is gone at once.
        Leave {
            /// The person.
            user: UserId,
            /// The device.
            endpoint: EndpointId,
            /// The CS's session; another's registration is left alone.
            session: OpId,
        } "leave",
        /// Changes the profile. A request: answered by `Saved`.
        Save {
            /// The person.
            user: UserId,
            /// The device that asks.
            endpoint: EndpointId,
            /// In which sign-in of it.
            sign_in: u64,
            /// Which act it is, where the device says so: one that is in the profile is not done twice.
            act: Option<Act>,
            /// The display name, if it changes.
            name: Option<Text<PROFILE_BYTES_MAX>>,
            /// The personal message, if it changes.
            message: Option<Text<PROFILE_BYTES_MAX>>,
        } "profile",
        /// One of this CS's people watches a friend. Answered by `Admit`, `Deny` or `Settling` with the
        /// same number.
        Watch {
            /// Whose home this is.
            friend: UserId,
            /// Who watches.
            watcher: UserId,
            /// Of this pair at this CS, greater each time.
            number: u32,
        } "watch",
        /// Nobody at this CS watches for that pair any more.
        Unwatch {
            /// Whose home this is.
            friend: UserId,
            /// Who watched.
            watcher: UserId,
        } "unwatch",
    }

    /// What a home tells a CS.
    ToCs {
        /// The answer to `Save`.
        Saved {
            /// Whether it is durable.
            outcome: Result<(), Refusal>,
        } "profile_saved",
        /// The watcher may see. `presence` is its first value and floor.
        Admit {
            /// Whose.
            friend: UserId,
            /// Who may see.
            watcher: UserId,
            /// The watch answered.
            number: u32,
            /// The home's term.
            epoch: Epoch,
            /// Of the presence.
            version: u64,
            /// Of this friend's admissions at this CS; presence waits until its own is reached.
            acl: u64,
            /// What is seen.
            presence: Box<Record<Presence>>,
        } "admit",
        /// The watcher sees Offline, now and until a later `Admit`.
        Deny {
            /// Whose.
            friend: UserId,
            /// Who may not see.
            watcher: UserId,
            /// The watch answered.
            number: u32,
            /// The home's term.
            epoch: Epoch,
            /// Of this friend's admissions at this CS.
            acl: u64,
        } "deny",
        /// The home is younger than the linger and knows no endpoint of the friend yet: the client keeps
        /// what it showed. An `Admit` follows once the home is settled.
        Settling {
            /// Whose.
            friend: UserId,
            /// Who watches.
            watcher: UserId,
            /// The watch answered.
            number: u32,
            /// The home's term.
            epoch: Epoch,
            /// Of this friend's admissions at this CS.
            acl: u64,
        } "settling",
        /// An admitted watcher may not see any longer: shows Offline at once.
        Revoke {
            /// Whose.
            friend: UserId,
            /// Who may not see.
            watcher: UserId,
            /// The home's term.
            epoch: Epoch,
            /// Of this friend's admissions at this CS.
            acl: u64,
        } "revoke",
        /// What everyone admitted at this CS sees of a friend now: one for the whole CS.
        Presence {
            /// Whose.
            friend: UserId,
            /// The home's term.
            epoch: Epoch,
            /// Greater with each change.
            version: u64,
            /// Applies once this admission number is reached.
            acl: u64,
            /// What is seen.
            presence: Box<Record<Presence>>,
        } "presence" as |tell: &ToCs| match tell {
            ToCs::Presence { friend, .. } => Class::State(*friend),
            Self::Saved { .. }
            | Self::Admit { .. }
            | Self::Deny { .. }
            | Self::Settling { .. }
            | Self::Revoke { .. }
            | Self::Own { .. }
            | Self::Boot { .. } => Class::Reliable,
        },
        /// The person's own presence as chosen (Appear Offline shows as such): for all of its own
        /// endpoints at this CS.
        Own {
            /// The person.
            user: UserId,
            /// As chosen.
            presence: Box<Record<Presence>>,
        } "own_presence",
        /// The endpoint signed in elsewhere: close the session.
        Boot {
            /// The person.
            user: UserId,
            /// The device.
            endpoint: EndpointId,
            /// The session that is over.
            session: OpId,
        } "boot",
    }
}
