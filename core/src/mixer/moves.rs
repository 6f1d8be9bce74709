//! Ranges that move: who loses one drops its conversations whole, who gains one looks for heads that
//! were not told (PROTOCOL §9.5).

use alloc::vec::Vec;

use crate::attached::moved_refusal;
use crate::id::{Flow, OpId, Shard, UserId};
use crate::time::Timestamp;
use crate::topology::Moved;

use super::Mixer;
use super::conversation::{Change, Conversation, Work};
use super::desk::{Pending, Timer};

impl Mixer {
    pub(super) fn on_moved(&mut self, moved: &Moved, now: Timestamp) {
        self.desk.setup.topology.apply(moved);
        if moved.is_loss(self.desk.setup.node) {
            self.recovery.on_loss(moved.range);
            let gone = self.conversations.iter().filter(|(_, conv)| moved.has(conv.shard));
            for key in gone.map(|(key, _)| key).collect::<Vec<_>>() {
                self.drop_conversation(key);
            }
            self.drop_pending(moved);
            self.target.handle_moved(moved);
            self.scan_when_ready();
        }
        if moved.is_gain(self.desk.setup.node) {
            self.scan_range(moved.range);
        }
        self.ask_moved_homes(moved, now);
    }

    /// What was asked of homes that have moved is lost, and asked again where they are now.
    fn ask_moved_homes(&mut self, moved: &Moved, now: Timestamp) {
        let is_moved = |user: UserId| moved.has(Shard::of_user(user));
        let keys: Vec<OpId> = self.conversations.iter().map(|(key, _)| key).collect();
        for key in keys {
            if let Some(mut room) = self.room(key, now) {
                room.call_again(is_moved);
                room.tell_heads_again(is_moved);
            }
        }
    }

    /// Sends that wait are answered by the end of their legs: their clients join again, and send again
    /// what the log does not hold. A batch in flight lands before the range moved, or fails.
    fn drop_conversation(&mut self, key: OpId) {
        let Some(conv) = self.conversations.remove(key) else { return };
        let Conversation { id, work, changes, legs, seats, found, .. } = conv;
        self.by_id.remove(&id);
        for leg in legs.into_iter().filter_map(|leg| self.legs.close(leg)) {
            self.desk.close(leg.port, 0, moved_refusal(), Flow::default());
        }
        for seat in seats {
            self.seats.take(seat);
        }
        let under_way = match work {
            Work::Roster { change, .. } => Some(change),
            Work::Idle | Work::Append(_) | Work::Unmark | Work::CatchUp(_) => None,
        };
        for change in under_way.into_iter().chain(changes) {
            // Closes are told again by their source.
            if let Change::Seat(ask) = change {
                self.desk.seated(&ask, Err(moved_refusal()));
            }
        }
        for timer in [
            Timer::Load(key),
            Timer::Work(key),
            Timer::Reload(key),
            Timer::Heads(key),
            Timer::Marks(key),
            Timer::Unload(key),
        ] {
            self.desk.timers.clear(&timer);
        }
        self.recovery.on_dropped(found.is_some());
    }

    /// What the store still answers for a conversation that is gone is nobody's.
    fn drop_pending(&mut self, moved: &Moved) {
        let is_gone = |pending: &Pending| match pending {
            Pending::Load { conversation, .. }
            | Pending::Work { conversation }
            | Pending::CatchUp { conversation, .. }
            | Pending::Mark { conversation, .. } => self.conversations.get(*conversation).is_none(),
            Pending::Page { leg, .. } => self.legs.get(*leg).is_none(),
            Pending::Applied(ask) => moved.has(ask.target.shard()),
            Pending::Scan => false,
        };
        let gone = self.desk.pending.iter().filter(|(_, pending)| is_gone(pending));
        for op in gone.map(|(op, _)| op).collect::<Vec<_>>() {
            self.desk.pending.remove(op);
        }
    }
}
