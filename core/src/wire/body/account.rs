//! Service 1: account (PROTOCOL §4.2).

use super::link::Service;
use super::{bodies, kinds};
use crate::id::{EndpointId, NodeId, Shard, UserId};
use crate::limits::{NAME_CHARS_MAX, PASSWORD_BYTES_MAX, TICKET_BYTES_MAX};
use crate::time::Wall;
use crate::wire::bounded::{Blob, List, Text};

bodies! {
    /// Signs in with a password. Answer: [`SignedIn`].
    SignIn {
        /// The account's name.
        name: Text<NAME_CHARS_MAX>,
        /// Its password.
        password: Text<PASSWORD_BYTES_MAX>,
        /// The device.
        endpoint: EndpointId,
    }
    /// Signs in with the last refresh token, without the password. Answer: [`SignedIn`].
    Resume {
        /// Sealed.
        refresh: Blob<TICKET_BYTES_MAX>,
    }
    /// Ends this device's sign-in: its refresh tokens no longer work. Answer: [`SignedOut`].
    SignOut {
        /// Sealed.
        refresh: Blob<TICKET_BYTES_MAX>,
    }
    /// A ticket and where it works.
    Grant {
        /// The service.
        service: Service,
        /// The node; `None`: the owner of the shard.
        node: Option<NodeId>,
        /// The shard.
        shard: Shard,
        /// Sealed.
        ticket: Blob<TICKET_BYTES_MAX>,
        /// It ends then (the server's wall clock).
        expires: Wall,
    }
    /// Who signed in, and the tickets: one per service.
    SignedIn {
        /// The person.
        user: UserId,
        /// The account's name.
        name: Text<NAME_CHARS_MAX>,
        /// The device.
        endpoint: EndpointId,
        /// For [`Resume`]. The one before stays good until this one is first used.
        refresh: Blob<TICKET_BYTES_MAX>,
        /// For book, inbox and cs.
        grants: List<Grant, 8>,
    }
    /// The sign-in has ended.
    SignedOut {}
}

kinds! {
    /// What a client says to account.
    ToAccount {
        /// With a password.
        0x0101 SignIn(SignIn),
        /// With a refresh token.
        0x0102 Resume(Resume),
        /// End the sign-in.
        0x0103 SignOut(SignOut),
    }
}

kinds! {
    /// What account says.
    FromAccount {
        /// Signed in.
        0x0111 SignedIn(SignedIn),
        /// Signed out.
        0x0112 SignedOut(SignedOut),
    }
}
