//! mixer ↔ ps: where a person's devices are, for rings. Hidden ones too, and nothing shows back.

use alloc::vec::Vec;

use super::edge;
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
    }

    /// The answer.
    ToMixer {
        /// The endpoints that have a live session (those that linger are left out).
        Route {
            /// Whose.
            user: UserId,
            /// Device and its CS's node.
            #[serde(deserialize_with = "items::<_, _, ENDPOINTS_MAX>")]
            endpoints: Vec<(EndpointId, NodeId)>,
        } "routed",
    }
}
