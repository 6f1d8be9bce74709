//! Ranges that move: sign-ins under way are for the new owner (PROTOCOL §9.5).

use alloc::vec::Vec;

use super::Account;
use super::pending::{Asker, Work};
use crate::attached::moved_refusal;
use crate::id::{OpId, Shard};
use crate::topology::Moved;

impl Account {
    /// Clients are told to ask again; a write of theirs that is under way lands before the range moved,
    /// or fails by its check. The operator's work is any node's: it goes on under the new term.
    pub(super) fn on_moved(&mut self, moved: &Moved) {
        self.setup.topology.apply(moved);
        if !moved.is_loss(self.setup.node) {
            return;
        }
        let is_gone = |work: &Work| {
            let is_client = matches!(work.cause.asker, Asker::Client { .. });
            let name = work.stage.name().filter(|_| is_client);
            name.is_some_and(|name| moved.has(Shard::of_name(name)))
        };
        let gone = self.pending.iter().filter(|(_, work)| is_gone(work));
        for op in gone.map(|(op, _)| op).collect::<Vec<OpId>>() {
            let Some(work) = self.pending.remove(op) else { continue };
            self.again.clear(&op);
            if work.stage.needs_hash() {
                self.hashes -= 1;
                if let Some(name) = work.stage.name() {
                    self.guard.forgive(name, work.cause.origin);
                }
            }
            self.refuse(&work.cause, moved_refusal());
        }
    }
}
