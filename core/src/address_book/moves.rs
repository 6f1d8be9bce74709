//! Ranges that move: who loses one drops it whole, who gains one reads what it must tell (PROTOCOL
//! §9.5).

use alloc::vec::Vec;

use super::find::Find;
use super::{AddressBook, Due, Pending};
use crate::attached::moved_refusal;
use crate::id::{OpId, Shard};
use crate::time::Timestamp;
use crate::topology::Moved;

impl AddressBook {
    pub(super) fn on_moved(&mut self, moved: &Moved, now: Timestamp) {
        self.setup.topology.apply(moved);
        // Its answer, if it comes at all, is one of the past.
        self.lose_finds(|find| moved.has(find.shard));
        if moved.is_loss(self.setup.node) {
            self.drop_range(moved);
        }
        self.source.handle_moved(moved, now);
    }

    /// Completes searches whose answer does not come any more.
    pub(super) fn lose_finds(&mut self, is_lost: impl Fn(&Find) -> bool) {
        let is_one = |pending: &Pending| matches!(pending, Pending::Find(find) if is_lost(find));
        let lost = self.pending.iter().filter(|(_, pending)| is_one(pending));
        let lost: Vec<OpId> = lost.map(|(op, _)| op).collect();
        lost.into_iter().for_each(|op| self.on_find_lost(op));
    }

    /// Clients come back by themselves: what they asked ends with their channels, and they ask it
    /// again, whether it took effect or not. A change that is being written lands before the range
    /// moved, and then the new owner finds it; or it fails by its check.
    fn drop_range(&mut self, moved: &Moved) {
        for post in self.attached.handle_moved(moved) {
            self.tell(post);
        }
        let (users, tasks) = self.homes.handle_moved(moved);
        users.into_iter().for_each(|user| self.timers.clear(&Due::Rest(user)));
        for task in tasks {
            self.refuse_task(&task, moved_refusal());
        }
        let is_gone = |pending: &Pending| match pending {
            Pending::Run(run) => moved.has(Shard::of_user(run.task.user)),
            Pending::Find(find) => moved.has(Shard::of_user(find.user)),
            Pending::Delete(source, _) => moved.has(*source),
            Pending::Taken | Pending::Lane(_) | Pending::Intents => false,
        };
        let gone = self.pending.iter().filter(|(_, pending)| is_gone(pending));
        for op in gone.map(|(op, _)| op).collect::<Vec<_>>() {
            self.timers.clear(&Due::Find(op));
            self.timers.clear(&Due::Rewrite(op));
            if let Some(Pending::Run(run)) = self.pending.remove(op) {
                self.refuse_task(&run.task, moved_refusal());
            }
        }
        self.log.handle_moved(moved);
    }
}
