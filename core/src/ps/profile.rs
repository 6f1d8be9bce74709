//! The profile row: read when a person is first needed, written before a change of it shows.

use super::person::{Person, Save, StoredProfile};
use super::{Due, Output, Pending, Ps, RETRY_MS};
use crate::error::{Code, Refusal};
use crate::id::{EndpointId, OpId, UserId};
use crate::limits::{CONFLICTS_MAX, PROFILE_CHARS_MAX, REREAD_MS, REWRITE_MS, SAVES_WAITING_MAX};
use crate::model::name;
use crate::model::presence::Profile;
use crate::store::{Check, Key, Reply, Request, Write};
use crate::time::Timestamp;
use crate::wire::record::Record;

impl Ps {
    /// The person, read from the store where they are not here yet.
    pub(super) fn load(&mut self, user: UserId) -> OpId {
        if let Some(key) = self.find(user) {
            return key;
        }
        let key = self.people.insert(Person::new(user));
        self.by_user.insert(user, key.slot);
        self.read_profile(key);
        key
    }

    /// Reads a person's profile, first or again.
    pub(super) fn read_profile(&mut self, key: OpId) {
        if let Some(person) = self.people.get(key) {
            let row = Key::profile(person.user);
            let op = self.pending.insert(Pending::Profile(key));
            self.out.push(Output::Store { op, request: Request::Read(row) });
        }
    }

    /// The profile row was read.
    pub(super) fn on_profile(&mut self, key: OpId, reply: &Reply, now: Timestamp) {
        let Some(person) = self.people.get_mut(key) else {
            return;
        };
        let read = if let Reply::Found { value, revision } = reply {
            StoredProfile::decode(value, *revision)
        } else if *reply == Reply::Absent {
            Some(StoredProfile::new(Profile::default().into(), None))
        } else {
            None
        };
        let Some(read) = read else {
            return self.timers.set(Due::Read(key), now + REREAD_MS, "read a profile again");
        };
        person.profile = Some(read);
        person.is_saving = false;
        let flow = person.flow;
        self.refresh(key, flow, now);
        self.answer_watches(key, flow);
        self.save_next(key);
        self.unveil(key);
    }

    /// A person changes their profile.
    pub(super) fn on_save(
        &mut self,
        user: UserId,
        (endpoint, sign_in): (EndpointId, u64),
        save: Save,
    ) {
        let fits = |text: &Option<_>| text.as_ref().is_none_or(is_line);
        if !fits(&save.name) || !fits(&save.message) {
            let post = save.answer(Err(Refusal::of(Code::Invalid)));
            return self.out.push(Output::Tell(post));
        }
        let key = self.load(user);
        let person = self.people.get_mut(key).expect("just loaded");
        if person.is_past(endpoint, sign_in) {
            // The device has asked again since, or asks for something else.
            let post = save.answer(Err(Refusal::later(Code::Retry, RETRY_MS)));
            return self.out.push(Output::Tell(post));
        }
        if person.saves.len() >= SAVES_WAITING_MAX {
            let post = save.answer(Err(Refusal::later(Code::Busy, RETRY_MS)));
            return self.out.push(Output::Tell(post));
        }
        person.saves.push_back(save);
        self.save_next(key);
    }

    /// What a person changed in hiding shows with them, once the row says so.
    pub(super) fn unveil(&mut self, key: OpId) {
        let node = self.setup.node;
        let Some(person) = self.people.get_mut(key).filter(|person| !person.hides()) else {
            return;
        };
        let veiled = person.profile.as_ref().is_some_and(StoredProfile::is_veiled);
        if veiled && person.saves.is_empty() {
            let (flow, op, said, name, message) = Default::default();
            person.saves.push_back(Save { flow, node, op, said, name, message, conflicts: 0 });
            self.save_next(key);
        }
    }

    /// Writes the change that waits first.
    fn save_next(&mut self, key: OpId) {
        let Some(person) = self.people.get_mut(key).filter(|person| !person.is_saving) else {
            return;
        };
        let Some(profile) = &person.profile else { return };
        // Said again after a cut: what another device has said since stands.
        while let Some(save) = person.saves.pop_front_if(|save| profile.has(save)) {
            self.out.push(Output::Tell(save.answer(Ok(()))));
        }
        let Some(save) = person.saves.front() else { return };
        let record = profile.changed(save, person.hides());
        person.is_saving = true;
        let row = Key::profile(person.user);
        let checked = Check { key: row.clone(), revision: profile.revision };
        let fence = self.setup.fenced(person.shard);
        let checks = fence.into_iter().chain([checked]).collect();
        let write = Write { checks, puts: alloc::vec![(row, record.encode())], ..Write::default() };
        let request = Request::Write(write.clone());
        let op = self.pending.insert(Pending::Save { person: key, record, write, doubt: false });
        self.out.push(Output::Store { op, request });
    }

    /// Whether a write stands is not known: the same is written again until it is.
    pub(super) fn rewrite(
        &mut self,
        op: OpId,
        (person, record, write): (OpId, Record<Profile>, Write),
        now: Timestamp,
    ) {
        let slot = self.pending.get_mut(op).expect("it stands while it is looked at");
        *slot = Pending::Save { person, record, write, doubt: true };
        self.timers.set(Due::Rewrite(op), now + REWRITE_MS, "write again");
    }

    /// The outcome of a write.
    pub(super) fn on_saved(
        &mut self,
        op: OpId,
        (key, record): (OpId, Record<Profile>),
        reply: &Reply,
        now: Timestamp,
    ) {
        self.pending.remove(op);
        let person = self.people.get_mut(key).expect("a change is dropped with its person");
        let save = person.saves.front_mut().expect("the first change is being written");
        let outcome = match reply {
            Reply::Written { revision } => {
                person.profile = Some(StoredProfile::new(record, Some(*revision)));
                Ok(())
            }
            Reply::Conflict if save.conflicts + 1 < CONFLICTS_MAX => {
                save.conflicts += 1;
                // Where it was this very change that got in, it is only written once more.
                return self.read_profile(key);
            }
            Reply::Conflict => Err(Refusal::later(Code::Retry, RETRY_MS)),
            Reply::Found { .. }
            | Reply::Absent
            | Reply::Page { .. }
            | Reply::Tail { .. }
            | Reply::Entries { .. }
            | Reply::Failed(_)
            | Reply::Unknown => Err(Refusal::of(Code::StoreFailed)),
        };
        person.is_saving = false;
        let save = person.saves.pop_front().expect("the first change is being written");
        if !save.is_unveiling() {
            self.out.push(Output::Tell(save.answer(outcome)));
        } else if outcome.is_err() {
            self.timers.set(Due::Unveil(key), now + REREAD_MS, "show what was held back");
        }
        self.refresh(key, save.flow, now);
        if outcome.is_ok() {
            self.unveil(key);
        }
        self.save_next(key);
        self.forget_idle(key, now);
    }
}

fn is_line(text: &crate::wire::bounded::Text<{ crate::limits::PROFILE_BYTES_MAX }>) -> bool {
    name::line::<{ crate::limits::PROFILE_BYTES_MAX }>(text.as_str(), PROFILE_CHARS_MAX).is_some()
}
