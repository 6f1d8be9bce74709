//! placement ↔ placement of another node: where ranges stand, and who goes away (PROTOCOL §9.5).
//!
//! Who writes a range's row tells all. Who learns of it tells the new owner before it tells it
//! anything else, so that what it addresses to it is not dropped.

use alloc::vec::Vec;

use super::edge;
use crate::id::Range;
use crate::topology::Place;
use crate::wire::bounded::items;

edge! {
    /// What a node tells another of ranges.
    ToPlacement {
        /// Where ranges stand, as far as the teller knows: those in a later term are news.
        Placed {
            /// The ranges, each at most once.
            #[serde(deserialize_with = "items::<_, _, { Range::COUNT }>")]
            places: Vec<Place>,
        } "placed",
        /// A tell for the range came to a node that does not own it, and was dropped.
        Elsewhere {
            /// Where it stands, as far as the teller knows.
            place: Place,
        } "elsewhere",
        /// The teller goes away: no range moves there any more.
        Leaving { } "leaving",
    }
}
