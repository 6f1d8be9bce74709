//! Status and what others see of a person.

use serde::{Deserialize, Serialize};

use crate::limits::PROFILE_BYTES_MAX;
use crate::wire::bounded::Text;

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $number:literal $text:literal;)*) => {
        /// A status: an integer on the wire, so that a later one is not misread. At first, offline.
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct Status(pub u8);

        #[allow(non_upper_case_globals, reason = "statuses read as names")]
        impl Status {
            $($(#[$doc])* pub const $name: Self = Self($number);)*

            /// The name an app uses; an unknown status reads as `online`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* _ => "online" }
            }

            /// The status of a name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$name),)* _ => None }
            }
        }
    };
}

statuses! {
    /// Only ever seen, never chosen.
    Offline = 0 "offline";
    /// Here.
    Online = 1 "online";
    /// Do not disturb.
    Busy = 2 "busy";
    /// Not at the keyboard.
    Idle = 3 "idle";
    /// Back in a minute.
    BeRightBack = 4 "be_right_back";
    /// Not here.
    Away = 5 "away";
    /// Talking.
    OnThePhone = 6 "on_the_phone";
    /// Eating.
    OutToLunch = 7 "out_to_lunch";
    /// Here, and seen as offline: only ever chosen, never seen by others.
    AppearOffline = 8 "appear_offline";
}

impl Status {
    /// Whether a person may choose it.
    #[must_use]
    pub fn is_choosable(self) -> bool {
        (1..=8).contains(&self.0)
    }

    /// What others see.
    #[must_use]
    pub fn seen(self) -> Self {
        if self == Self::AppearOffline { Self::Offline } else { self }
    }
}

/// What is shown of a person: the body of the Presence record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Status.
    pub status: Status,
    /// Display name; empty: the account's name stands in.
    pub name: Text<PROFILE_BYTES_MAX>,
    /// Personal message.
    pub message: Text<PROFILE_BYTES_MAX>,
}

/// What a person's home keeps durably: the body of the Profile record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Display name; empty: never chosen.
    pub name: Text<PROFILE_BYTES_MAX>,
    /// Personal message.
    pub message: Text<PROFILE_BYTES_MAX>,
}
