//! Which ranges move next, and what becomes of a move (PROTOCOL §9.5).

use alloc::vec::Vec;

use super::errand::{Errand, Stage as At, Why};
use super::{Due, Output, Placer, Stage};
use crate::edge::placement::ToPlacement as Fabric;
use crate::error::Code;
use crate::id::{NodeId, Range};
use crate::limits::{
    LEAVE_HEAR_MS, LEAVE_MS, MOVES_WAITING_MAX, PLACES_BATCH_MAX, RELOAD_FAILED_MS, RETURN_MS,
    REWRITE_MS, SEAT_UP_MS,
};
use crate::operator::AdminReply;
use crate::store::Reply;
use crate::time::Timestamp;
use crate::topology::{self, Place};

impl Placer {
    /// Begins what is next, where nothing is under way.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.watch(now);
        let busy =
            self.errand.is_some() || self.scanning.is_some() || self.timers.is_armed(&Due::Rest);
        match self.stage {
            Stage::Left => {}
            Stage::Hearing if self.reach.up().next().is_none() => self.left(),
            Stage::Leaving if !busy => self.leave_more(),
            Stage::Hearing | Stage::Leaving => {}
            Stage::Staying if !busy => {
                let _ = self.do_asked() || self.claim() || self.send_home(now);
            }
            Stage::Staying => {}
        }
    }

    pub(super) fn on_leave(&mut self, now: Timestamp) {
        if self.stage != Stage::Staying {
            return;
        }
        self.stage = Stage::Hearing;
        while let Some((op, ..)) = self.asked.pop_front() {
            self.answer(op, AdminReply::Refused(Code::Draining));
        }
        let up: Vec<NodeId> = self.reach.up().collect();
        for node in up {
            self.tell(node, Fabric::Leaving {});
        }
        self.timers.set(Due::Hear, now + LEAVE_HEAR_MS, "hear who else goes away");
        self.timers.set(Due::Leave, now + LEAVE_MS, "go away with what is left");
    }

    pub(super) fn left(&mut self) {
        self.stage = Stage::Left;
        self.timers.clear(&Due::Hear);
        self.timers.clear(&Due::Leave);
        self.out.push(Output::Left);
    }

    fn leave_more(&mut self) {
        let staying: Vec<NodeId> = self.reach.staying().collect();
        let heir = |range| {
            let seat = self.setup.topology.seat(range);
            topology::heir(range, seat, staying.iter().copied()).map(|heir| (range, heir))
        };
        let moves: Vec<_> = self.owned().filter_map(heir).take(PLACES_BATCH_MAX).collect();
        if moves.is_empty() {
            return self.left();
        }
        self.write(Why::Leave, &moves, None);
    }

    /// Takes what an operator wishes; what it is told where that cannot be.
    pub(super) fn ask(&mut self, op: u64, range: Range, to: NodeId) -> Result<(), AdminReply> {
        let owner = self.known(range).owner;
        if !self.reach.exists(to) {
            return Err(AdminReply::Refused(Code::Invalid));
        }
        if owner != self.own() {
            return Err(AdminReply::Elsewhere(owner));
        }
        if self.stage != Stage::Staying {
            return Err(AdminReply::Refused(Code::Draining));
        }
        if to != self.own() && self.reach.fit_since(to).is_none() {
            return Err(AdminReply::Refused(Code::Retry));
        }
        if self.asked.len() >= MOVES_WAITING_MAX {
            return Err(AdminReply::Refused(Code::Busy));
        }
        self.asked.push_back((op, range, to));
        Ok(())
    }

    fn do_asked(&mut self) -> bool {
        while let Some((op, range, to)) = self.asked.pop_front() {
            let owner = self.known(range).owner;
            if owner != self.own() {
                self.answer(op, AdminReply::Elsewhere(owner));
            } else if to == owner && self.kept[usize::from(range.0)] {
                self.answer(op, AdminReply::Done);
            } else {
                self.write(Why::Asked(op), &[(range, to)], None);
                return true;
            }
        }
        false
    }

    /// Takes over ranges of an owner that is lost, or that does not exist.
    fn claim(&mut self) -> bool {
        let is_gone = |range: &Range| !self.reach.exists(self.known(*range).owner);
        let moves = self.inherited(is_gone);
        if !moves.is_empty() {
            self.write(Why::Lost(None), &moves, None);
            return true;
        }
        let lost: Vec<_> = self.watches.lost().collect();
        for (owner, revision) in lost {
            let moves = self.inherited(|range| self.known(*range).owner == owner);
            if !moves.is_empty() {
                self.write(Why::Lost(Some(owner)), &moves, Some((owner, revision)));
                return true;
            }
        }
        false
    }

    /// Those ranges of which this node is the heir.
    fn inherited(&self, of: impl Fn(&Range) -> bool) -> Vec<(Range, NodeId)> {
        let own = self.own();
        let mine = |range: &Range| {
            let nodes = self.reach.staying().chain([own]);
            topology::heir(*range, self.setup.topology.seat(*range), nodes) == Some(own)
        };
        let ranges = Range::all().filter(of).filter(mine);
        ranges.map(|range| (range, own)).take(PLACES_BATCH_MAX).collect()
    }

    /// Sends the next range to its seat whose node has been up for long enough.
    fn send_home(&mut self, now: Timestamp) -> bool {
        let away = self.owned().filter_map(|range| {
            let seat = self.setup.topology.seat(range);
            let fit = self.reach.fit_since(seat).filter(|_| seat != self.own())?;
            (!self.kept[usize::from(range.0)]).then_some((fit + SEAT_UP_MS, range, seat))
        });
        let Some((ready, range, seat)) = away.min() else {
            self.timers.clear(&Due::Return);
            return false;
        };
        let at = self.returned.map_or(ready, |last| ready.max(last + RETURN_MS));
        if at > now {
            self.timers.set(Due::Return, at, "send a range to its seat");
            return false;
        }
        self.returned = Some(now);
        self.write(Why::Return, &[(range, seat)], None);
        true
    }

    /// What the store says of the move under way.
    pub(super) fn on_written(&mut self, reply: Reply, now: Timestamp) {
        let Some(errand) = self.errand.as_mut() else { return };
        match reply {
            Reply::Written { revision } => self.on_moved(revision),
            Reply::Conflict => {
                // Whatever of it had no clear outcome has landed, or cannot any more.
                errand.stage = At::Reading;
                self.scan(now);
            }
            Reply::Failed(_) if !errand.doubt => {
                let why = errand.why;
                self.errand = None;
                self.timers.set(Due::Rest, now + RELOAD_FAILED_MS, "move ranges again");
                if let Why::Asked(op) = why {
                    self.answer(op, AdminReply::Refused(Code::StoreFailed));
                }
            }
            // Those that answer no write tell as little as `Unknown`.
            Reply::Failed(_)
            | Reply::Unknown
            | Reply::Found { .. }
            | Reply::Absent
            | Reply::Page { .. }
            | Reply::Tail { .. }
            | Reply::Entries { .. } => {
                errand.doubt = true;
                self.timers.set(Due::Rewrite, now + REWRITE_MS, "write where ranges stand again");
            }
        }
    }

    fn on_moved(&mut self, revision: u64) {
        let Some(Errand { why, mut places, .. }) = self.errand.take() else { return };
        for place in &mut places {
            place.revision = Some(revision);
        }
        // Before any machine here tells anything to the new owners.
        let up: Vec<NodeId> = self.reach.up().collect();
        for node in up {
            self.tell(node, Fabric::Placed { places: places.clone() });
        }
        for place in &places {
            self.put(place);
        }
        if let Why::Asked(op) = why {
            self.answer(op, AdminReply::Done);
        }
    }

    /// Tells everybody in reach of a move that was found to stand; the new owners know.
    fn tell_landed(&mut self, places: &[Place]) {
        let stands = |place: &&Place| {
            let known = self.known(place.range);
            (known.term, known.owner) == (place.term, place.owner)
        };
        let landed: Vec<Place> =
            places.iter().filter(stands).map(|place| self.place(place.range)).collect();
        let up: Vec<NodeId> = self.reach.up().collect();
        for node in up {
            let places: Vec<Place> =
                landed.iter().filter(|place| place.owner != node).copied().collect();
            if !places.is_empty() {
                self.tell(node, Fabric::Placed { places });
            }
        }
    }

    /// The rows were read: a move that did not hold is over, and they say what is. One whose outcome was
    /// not known may have landed.
    pub(super) fn on_read_over(&mut self, now: Timestamp) {
        let Some(errand) = self.errand.take_if(|errand| errand.stage == At::Reading) else {
            return;
        };
        self.tell_landed(&errand.places);
        match errand.why {
            Why::Asked(op) => {
                let holds = |place: &Place| self.place(place.range).owner == place.owner;
                let reply = match errand.places.iter().all(holds) {
                    true => AdminReply::Done,
                    false => AdminReply::Refused(Code::Retry),
                };
                self.answer(op, reply);
            }
            Why::Lost(Some(owner)) => {
                self.watches.doubt(owner);
                self.read_alive(owner, now);
            }
            Why::Lost(None) | Why::Leave | Why::Return => {}
        }
    }

    fn answer(&mut self, op: u64, reply: AdminReply) {
        self.out.push(Output::Admin { op, reply });
    }
}
