//! The one write of rows of ranges that is under way (PROTOCOL §9.5).

use alloc::vec::Vec;

use super::Placer;
use crate::id::{NodeId, Range};
use crate::store::{Check, Key, Request, Write};
use crate::topology::Place;

/// Why ranges move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// This node goes away.
    Leave,
    /// An operator wishes it.
    Asked(u64),
    /// Their owner is lost; `None`: there is no such node at all.
    Lost(Option<NodeId>),
    /// To its seat.
    Return,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The store is asked, or is asked again soon.
    Writing,
    /// It did not hold: the rows are read, and say what is.
    Reading,
}

/// Ranges that move by one write.
#[derive(Debug)]
pub(super) struct Errand {
    pub(super) why: Why,
    pub(super) stage: Stage,
    /// Where each goes, as it stands once written. Their revision is the store's to give.
    pub(super) places: Vec<Place>,
    pub(super) write: Write,
    /// An attempt had no clear outcome: it may still land, so that the same is written until one of
    /// them lands or none can.
    pub(super) doubt: bool,
}

impl Placer {
    /// Writes ranges over to others. `alive` is what the lost owner's row must still be.
    pub(super) fn write(
        &mut self,
        why: Why,
        moves: &[(Range, NodeId)],
        alive: Option<(NodeId, Option<u64>)>,
    ) {
        let kept = matches!(why, Why::Asked(_));
        let mut checks = Vec::with_capacity(moves.len() + 2);
        checks.push(self.setup.life());
        if let Some((owner, revision)) = alive {
            checks.push(Check { key: Key::alive(owner), revision });
        }
        let places: Vec<Place> = moves
            .iter()
            .map(|(range, to)| {
                let known = self.setup.topology.placement(*range);
                checks.push(Check { key: Key::range(*range), revision: known.revision });
                let term = known.term.saturating_add(1);
                Place { range: *range, owner: *to, term, kept, revision: None }
            })
            .collect();
        let puts = places.iter().map(|place| (Key::range(place.range), place.encode())).collect();
        let write = Write { checks, puts, ..Write::default() };
        self.errand = Some(Errand { why, stage: Stage::Writing, places, write, doubt: false });
        self.attempt();
    }

    /// Asks the store for what is under way.
    pub(super) fn attempt(&mut self) {
        if let Some(errand) = self.errand.as_ref() {
            let request = Request::Write(errand.write.clone());
            self.store(super::Pending::Move, request);
        }
    }
}
