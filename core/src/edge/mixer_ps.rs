//! mixer ↔ ps: where a person's devices are, for rings (hidden ones too, and nothing shows back); and
//! whether a person shows, for what would tell others that they are there (PROTOCOL §5.4, §5.5).

use alloc::vec::Vec;

use super::{Class, edge};
use crate::id::{EndpointId, NodeId, UserId};
use crate::limits::ENDPOINTS_MAX;
use crate::wire::bounded::items;

edge! {
    /// What a mixer asks a home.
    ToPs {
        /// A request: answered by `Route`.
        Route {
            /// Whose.
            user: UserId,
        } "route",
        /// A request: answered by `Shows`. Without an answer nothing is passed on.
        Shows {
            /// Who.
            user: UserId,
        } "shows" as |_: &ToPs| Class::Ephemeral,
    }

    /// The answers.
    ToMixer {
        /// The endpoints that have a live session (those that linger are left out).
        Route {
            /// Whose.
            user: UserId,
            /// Device and its CS's node.
            #[serde(deserialize_with = "items::<_, _, ENDPOINTS_MAX>")]
            endpoints: Vec<(EndpointId, NodeId)>,
        } "routed",
        /// Whether others see the person as here.
        Shows {
            /// Whether it is so.
            shows: bool,
        } "shown" as |_: &ToMixer| Class::Ephemeral,
    }
}
