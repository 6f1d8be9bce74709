//! What others and the person's own devices are told, and when.
//!
//! Invariant: every admitted watcher was told `told` under `version`, or is about to be. So a watcher
//! that is admitted gets `told`, not what is new since, and the next telling brings it along.
//!
//! When a telling goes out does not depend on who watches: somebody who hides and watches would show
//! in it (PROTOCOL §5.5).

use alloc::boxed::Box;

use super::watches::{Answered, Watch};
use super::{Due, Output, Ps};
use crate::edge::Post;
use crate::edge::cs_ps::ToCs;
use crate::id::{Flow, NodeId, OpId, Shard};
use crate::limits::PRESENCE_COALESCE_MS;
use crate::model::presence::Status;
use crate::time::Timestamp;
use crate::wire::record::Record;

impl Ps {
    /// Something about a person may have changed: tells those it concerns, now or when the last
    /// telling is long enough ago.
    pub(super) fn refresh(&mut self, key: OpId, flow: Flow, now: Timestamp) {
        let Some(person) = self.people.get_mut(key) else {
            return;
        };
        let Some(seen) = person.seen() else {
            return;
        };
        if person.told.as_ref() == Some(&seen) {
            self.timers.clear(&Due::Tell(key));
        } else if person.told.is_none() {
            // The first that is known: nobody was told anything else. Who was known already, since
            // somebody watched, would have been told of now: the next change goes out no earlier here.
            self.versions += 1;
            person.version = self.versions;
            if seen.status != Status::Offline {
                person.quiet_until = now + PRESENCE_COALESCE_MS;
            }
            person.told = Some(seen);
        } else if now < person.quiet_until {
            person.flow = flow;
            self.timers.set_if_idle(Due::Tell(key), person.quiet_until, "presence goes out");
        } else {
            person.flow = flow;
            self.tell_presence(key, now);
        }
        self.admit_settled(key, flow);
        self.tell_own(key, flow, None);
    }

    /// Tells everyone admitted what is seen now, unless it is what they were told last.
    pub(super) fn tell_presence(&mut self, key: OpId, now: Timestamp) {
        let Some(person) = self.people.get_mut(key) else {
            return;
        };
        let Some(seen) = person.seen().filter(|seen| person.told.as_ref() != Some(seen)) else {
            return;
        };
        self.versions += 1;
        person.version = self.versions;
        person.told = Some(seen.clone());
        person.quiet_until = now + PRESENCE_COALESCE_MS;
        let presence = Box::new(Record::from(seen));
        let epoch = self.setup.epoch(person.shard);
        for (node, acl) in person.watches.audience() {
            let (friend, version, presence) = (person.user, person.version, presence.clone());
            let tell = ToCs::Presence { friend, epoch, version, acl, presence };
            self.out.push(Output::Tell(Post::node(person.flow, node, tell)));
        }
    }

    /// Tells the person's own devices what was chosen: where it changed, and to `arrived` in any case.
    pub(super) fn tell_own(&mut self, key: OpId, flow: Flow, arrived: Option<NodeId>) {
        let Some(person) = self.people.get_mut(key) else {
            return;
        };
        let Some(chosen) = person.chosen() else {
            return;
        };
        if person.own_told.is_none() && !person.is_published() {
            // An arrival alone shows nothing; what was chosen follows.
            return;
        }
        let is_told = person.own_told.as_ref() == Some(&chosen);
        let presence = Box::new(Record::from(chosen.clone()));
        person.own_told = Some(chosen);
        for node in person.own_nodes() {
            if !is_told || arrived == Some(node) {
                let tell = ToCs::Own { user: person.user, presence: presence.clone() };
                self.out.push(Output::Tell(Post::node(flow, node, tell)));
            }
        }
    }

    /// Answers the watches that could not be answered before.
    pub(super) fn answer_watches(&mut self, key: OpId, flow: Flow) {
        let Some(person) = self.people.get(key) else {
            return;
        };
        for watch in person.watches.answered(Answered::Nothing) {
            self.answer_watch(key, &watch, flow);
        }
    }

    /// Answers one watch by what is known now.
    pub(super) fn answer_watch(&mut self, key: OpId, watch: &Watch, flow: Flow) {
        let Some(person) = self.people.get(key).filter(|person| !person.is_cold) else {
            return;
        };
        let Some(told) = &person.told else {
            return;
        };
        match person.visible.includes(watch.watcher) {
            None => {}
            Some(false) => self.deny(key, watch, flow),
            Some(true) if self.is_settling(person.shard, told.status) => {
                self.settling(key, watch, flow);
            }
            Some(true) => self.admit(key, watch, flow),
        }
    }

    /// Admits who waited for the home to settle, once it has, or once the person shows.
    pub(super) fn admit_settled(&mut self, key: OpId, flow: Flow) {
        let Some(person) = self.people.get(key) else {
            return;
        };
        let Some(told) = &person.told else {
            return;
        };
        if self.is_settling(person.shard, told.status) {
            return;
        }
        for watch in person.watches.answered(Answered::Settling) {
            self.admit(key, &watch, flow);
        }
    }

    /// Whether a person who shows `status` may still be about to come back after the home's start, or
    /// its move. One who hides looks like one who is not back.
    fn is_settling(&self, shard: Shard, status: Status) -> bool {
        status == Status::Offline && self.settling.has(shard)
    }

    fn admit(&mut self, key: OpId, watch: &Watch, flow: Flow) {
        let acl = self.next_acl();
        let Some(person) = self.people.get_mut(key) else {
            return;
        };
        let Some(told) = person.told.clone() else {
            return;
        };
        person.watches.answer(watch, Answered::Admitted, acl);
        let Watch { node, watcher, number, .. } = *watch;
        let (friend, version, presence) =
            (person.user, person.version, Box::new(Record::from(told)));
        let epoch = self.setup.epoch(person.shard);
        let tell = ToCs::Admit { friend, watcher, number, epoch, version, acl, presence };
        self.out.push(Output::Tell(Post::node(flow, node, tell)));
    }

    /// A watcher may not see: one who saw is revoked.
    pub(super) fn deny(&mut self, key: OpId, watch: &Watch, flow: Flow) {
        let acl = self.next_acl();
        let Some(person) = self.people.get_mut(key) else {
            return;
        };
        person.watches.answer(watch, Answered::Denied, acl);
        let (friend, Watch { node, watcher, number, .. }) = (person.user, *watch);
        let epoch = self.setup.epoch(person.shard);
        let tell = match watch.answered {
            Answered::Admitted => ToCs::Revoke { friend, watcher, epoch, acl },
            Answered::Nothing | Answered::Denied | Answered::Settling => {
                ToCs::Deny { friend, watcher, number, epoch, acl }
            }
        };
        self.out.push(Output::Tell(Post::node(flow, node, tell)));
    }

    fn settling(&mut self, key: OpId, watch: &Watch, flow: Flow) {
        let acl = self.next_acl();
        let Some(person) = self.people.get_mut(key) else {
            return;
        };
        person.watches.answer(watch, Answered::Settling, acl);
        let (friend, Watch { node, watcher, number, .. }) = (person.user, *watch);
        let epoch = self.setup.epoch(person.shard);
        let tell = ToCs::Settling { friend, watcher, number, epoch, acl };
        self.out.push(Output::Tell(Post::node(flow, node, tell)));
    }

    /// One count for all persons and CSs: it grows for each pair of them, also when a person was
    /// forgotten in between.
    fn next_acl(&mut self) -> u64 {
        self.acls += 1;
        self.acls
    }
}
