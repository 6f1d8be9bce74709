//! What can go wrong, whose fault it is, and its code (PROTOCOL §11).

use core::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal, $says:literal;)*) => {
        /// The outcome of a refused request, the same number on every link and in every client.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct Code(pub u16);

        #[allow(non_upper_case_globals, reason = "codes read as names of outcomes")]
        impl Code {
            $($(#[$doc])* pub const $name: Self = Self($number);)*

            /// The name an app sees.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                    _ => "unknown",
                }
            }

            /// One clear line for a person.
            #[must_use]
            pub fn says(self) -> &'static str {
                match self {
                    $(Self::$name => $says,)*
                    _ => "the server refused with a code this client does not know",
                }
            }
        }
    };
}

codes! {
    /// The frame's header or body does not decode.
    Malformed = 1, "malformed", "the request could not be understood";
    /// A kind this side does not know.
    Unsupported = 2, "unsupported", "the other side does not support this";
    /// Below the minimum version.
    UpgradeRequired = 3, "upgrade_required", "this version is too old, please upgrade";
    /// A frame out of its order.
    OutOfOrder = 4, "out_of_order", "the request came at the wrong time";
    /// Over a size.
    TooLarge = 5, "too_large", "that is too long";
    /// A rate; `retry_after_ms` says when.
    TooFast = 6, "too_fast", "too many requests, please slow down";
    /// The server has no room now; `retry_after_ms` says when.
    Busy = 7, "busy", "the server is busy, try again soon";
    /// Not answered in time or lost on the way; nothing is known of its effect.
    Retry = 8, "retry", "no answer yet, trying again";
    /// A list is full.
    LimitReached = 9, "limit_reached", "a limit is reached";
    /// Bad characters, an empty value.
    Invalid = 10, "invalid", "that value is not allowed";
    /// Wrong name or password, alike.
    NotSignedIn = 20, "wrong_credentials", "wrong name or password";
    /// A ticket that is not for this service, person, endpoint or time.
    BadTicket = 21, "bad_ticket", "the ticket is not valid here";
    /// A refresh token that was used before, ended or ran out.
    SignInEnded = 22, "sign_in_ended", "please sign in again";
    /// The same endpoint signed in elsewhere.
    Superseded = 23, "superseded", "this device signed in somewhere else";
    /// The name is taken.
    NameTaken = 24, "name_taken", "that name is taken";
    /// Before the first status.
    NotReady = 25, "not_ready", "choose a status first";
    /// Not a contact, or blocked, or unknown: alike.
    NotAContact = 30, "not_a_contact", "that person is not one of your contacts";
    /// No such invitation.
    NoInvitation = 31, "no_invitation", "there is no invitation from that person";
    /// The caller is the subject.
    Yourself = 32, "yourself", "that is you";
    /// Already a contact or already invited.
    AlreadyContact = 33, "already_contact", "that person is already in your list";
    /// The store refused a write for good.
    StoreFailed = 40, "store_failed", "the server could not store this";
    /// The node is going away.
    Draining = 41, "draining", "the server is restarting";
    /// The client's own: no link.
    Offline = 50, "offline", "there is no connection";
    /// The client's own: a command it does not know or cannot read.
    BadCommand = 51, "bad_command", "this command is not known or not complete";
    /// The client's own: the outbox is full.
    OutboxFull = 52, "outbox_full", "too many messages wait to be sent";
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name(), self.0)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A refusal as it travels: the code and, where time heals it, when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What was refused.
    pub code: Code,
    /// Milliseconds after which the same request may succeed; 0: never as it is.
    pub retry_after_ms: u32,
}

impl Refusal {
    /// A refusal that waiting does not heal.
    #[must_use]
    pub const fn of(code: Code) -> Self {
        Self { code, retry_after_ms: 0 }
    }

    /// A refusal that heals.
    #[must_use]
    pub const fn later(code: Code, retry_after_ms: u32) -> Self {
        Self { code, retry_after_ms }
    }
}

/// Why a link is closed. The number travels in the last frame where there is time for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CloseReason {
    /// The other side closed, or the host lost the socket.
    Gone,
    /// The peer broke the protocol.
    Fault(Code),
    /// Nothing heard for keepalive and grace.
    Silent,
    /// Did not sign in within its time or bytes.
    PreAuth,
    /// Did not read what it asked for.
    SlowConsumer,
    /// The same endpoint signed in again.
    Superseded,
    /// The person signed out.
    SignedOut,
    /// The node is going away.
    Draining,
    /// The node starts, is full, or its store failed.
    Unavailable,
}

#[cfg(test)]
#[path = "error_test.rs"]
mod error_test;
