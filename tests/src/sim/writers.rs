//! Who writes what of whom, as it comes to stand on the disk.
//!
//! What a row belongs to is worked out here from PROTOCOL §7.2 and §9.2, not asked of the machines.

use std::collections::BTreeMap;

use presently_core::id::{ConversationId, NodeId, Range, Shard, UserId};
use presently_core::store::{Key, Part, Row, Space, Write};
use presently_core::topology::{Place, Topology};

use super::world::World;
use crate::history::What;

/// Who wrote last of each range since it was given to somebody.
#[derive(Default)]
pub(super) struct Writers(BTreeMap<Range, By>);

/// A host, and its life.
type By = (usize, u32);

impl World {
    /// Before anything moves.
    pub(super) fn see_seats(&mut self) {
        let topology = Topology::even(self.swarm.nodes);
        for range in Range::all() {
            let NodeId(node) = topology.placement(range).owner;
            self.see(What::Owns { node: usize::from(node), range: usize::from(range.0) });
        }
    }

    /// Sees what came to stand.
    pub(super) fn see_stood(&mut self) {
        for ((host, life, _), write) in self.disk.take_stood() {
            let node = usize::from(self.nodes[host].number);
            for range in ranges(&write) {
                if self.writers.0.insert(range, (host, life)) != Some((host, life)) {
                    let range = usize::from(range.0);
                    self.see(What::Wrote { node, by: (host, life), range });
                }
            }
            for (key, value) in &write.puts {
                if key.space == Space::Incarnation {
                    self.see(What::Lives { node, by: (host, life) });
                } else if key.space == Space::Range {
                    let row = Row { key: key.clone(), value: value.clone(), revision: 0 };
                    let place = Place::decode(&row).expect("a node writes what it can read");
                    self.writers.0.remove(&place.range);
                    let node = usize::from(place.owner.0);
                    self.see(What::Owns { node, range: usize::from(place.range.0) });
                }
            }
        }
    }
}

/// The ranges that a write is of, each once in a row.
fn ranges(write: &Write) -> Vec<Range> {
    let keys = write.puts.iter().map(|(key, _)| key).chain(&write.deletes);
    let entries = write.entries.iter().map(|put| Shard::of_conversation(put.conversation));
    let mut out: Vec<Range> = keys.filter_map(shard).chain(entries).map(Shard::range).collect();
    out.dedup();
    out
}

/// The shard that a row is of; `None`: it is the fabric's, or a client's own.
fn shard(key: &Key) -> Option<Shard> {
    match (key.space, key.parts.first()?) {
        (Space::Account | Space::Endpoint, Part::Text(name)) => Some(Shard::of_name(name)),
        (
            Space::Profile | Space::Book | Space::Contact | Space::InboxState | Space::Inbox,
            Part::Id(id),
        ) => Some(Shard::of_user(UserId(*id))),
        (Space::Conversation | Space::HeadMark | Space::Mark, Part::Id(id)) => {
            Some(Shard::of_conversation(ConversationId(*id)))
        }
        (Space::Intent | Space::IntentNumber | Space::Applied, Part::Number(number)) => {
            // A target's number says above the shard which of its machines it is.
            u16::try_from(number & 0xffff).ok().map(Shard)
        }
        _ => None,
    }
}
