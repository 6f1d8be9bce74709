//! Marks: what each member's devices have been shown, written at most every five seconds each.

use alloc::vec::Vec;

use crate::id::{OpId, UserId};
use crate::limits::MARK_MS;
use crate::model::conversation::Mark;
use crate::store::{Key, Reply, Request, Write};
use crate::time::Timestamp;

use super::desk::{Pending, Room, Timer};
use super::rows;

#[derive(Debug)]
struct Kept {
    user: UserId,
    mark: Mark,
    dirty: bool,
    writing: bool,
    /// No sooner is it written again.
    after: Timestamp,
}

/// The marks of a conversation's members.
#[derive(Debug, Default)]
pub(super) struct Marks {
    of: Vec<Kept>,
    armed: bool,
}

impl Marks {
    /// Takes a mark as read.
    pub(super) fn load(&mut self, user: UserId, mark: Mark) {
        let kept = self.kept(user);
        kept.mark.delivered = kept.mark.delivered.max(mark.delivered);
    }

    /// A member's mark.
    pub(super) fn of(&self, user: UserId) -> Mark {
        self.of.iter().find(|kept| kept.user == user).map(|kept| kept.mark).unwrap_or_default()
    }

    /// Whether all is written.
    pub(super) fn is_clean(&self) -> bool {
        self.of.iter().all(|kept| !kept.dirty && !kept.writing)
    }

    fn kept(&mut self, user: UserId) -> &mut Kept {
        let at = match self.of.iter().position(|kept| kept.user == user) {
            Some(at) => at,
            None => {
                let (mark, after) = (Mark::default(), Timestamp::default());
                self.of.push(Kept { user, mark, dirty: false, writing: false, after });
                self.of.len() - 1
            }
        };
        &mut self.of[at]
    }
}

impl Room<'_> {
    /// A device has shown everything through a sequence.
    pub(super) fn on_delivered(&mut self, leg: OpId, through: u64) {
        let Some(user) = self.legs.get(leg).map(|leg| leg.user) else { return };
        let through = through.min(self.conv.log.head);
        let kept = self.conv.marks.kept(user);
        if through > kept.mark.delivered {
            kept.mark.delivered = through;
            kept.dirty = true;
            self.write_marks();
        }
    }

    /// Marks that waited may be written now.
    pub(super) fn on_marks_due(&mut self) {
        self.conv.marks.armed = false;
        self.write_marks();
    }

    /// The store answered.
    pub(super) fn on_mark_reply(&mut self, user: UserId, reply: &Reply) {
        let kept = self.conv.marks.kept(user);
        kept.writing = false;
        // A mark that was not written is written again with the next: it only ever grows.
        kept.dirty |= !matches!(reply, Reply::Written { .. });
        self.write_marks();
        self.settle();
    }

    fn write_marks(&mut self) {
        let now = self.now;
        let id = self.conv.id;
        let mut soonest: Option<Timestamp> = None;
        for kept in self.conv.marks.of.iter_mut().filter(|kept| kept.dirty && !kept.writing) {
            if kept.after > now {
                soonest = Some(soonest.map_or(kept.after, |at| at.min(kept.after)));
                continue;
            }
            (kept.dirty, kept.writing, kept.after) = (false, true, now + MARK_MS);
            let write = Write {
                checks: self.desk.fenced(id).into(),
                puts: alloc::vec![(Key::mark(id, kept.user), rows::encode(&kept.mark))],
                ..Write::default()
            };
            let pending = Pending::Mark { conversation: self.conv.key, user: kept.user };
            self.desk.store(pending, Request::Write(write));
        }
        if let Some(at) = soonest.filter(|_| !self.conv.marks.armed) {
            self.conv.marks.armed = true;
            self.desk.timers.set(Timer::Marks(self.conv.key), at, "write marks");
        }
    }
}
