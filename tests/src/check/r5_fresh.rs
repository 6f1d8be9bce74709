//! R5: presence converges. While nothing is broken, what a friend is told of somebody who has done nothing
//! for ten seconds is so: also in the middle of a run, where a change that was lost would be overtaken by
//! the next.

use std::collections::{BTreeMap, BTreeSet};

use presently_core::client::{Command, Event};
use presently_core::limits::{KEEPALIVE_GRACE_MS, KEEPALIVE_MS, LINGER_MS};
use presently_core::time::Timestamp;

use super::g4_presence::{Face, true_now};
use super::stands::{Devices, Stands};
use crate::history::{Broken, History, Seen, What, broken};
use crate::reference::Reference;

const LAW: &str = "r5_fresh";
/// Whatever was told is heard within this, lost frames between nodes told again, milliseconds.
const HEARD_MS: u64 = 10_000;
/// Who left is offline after this, milliseconds, also where their link only fell silent.
const LEFT_MS: u64 = KEEPALIVE_MS + KEEPALIVE_GRACE_MS + LINGER_MS + HEARD_MS;
/// A home that began anew knows after this who is there, milliseconds.
const SETTLED_MS: u64 = LINGER_MS + HEARD_MS;
/// Two people who met or parted see what they may after this, milliseconds.
const MET_MS: u64 = 120_000;

/// Holds a history against R5.
///
/// # Errors
/// Who sees what has not been so for long.
pub fn check(history: &History) -> Result<(), Broken> {
    let mut fresh = Fresh::new(history);
    history.seen.iter().try_for_each(|seen| fresh.note(seen))
}

struct Fresh<'a> {
    history: &'a History,
    reference: Reference,
    devices: Devices,
    /// By person: their devices.
    owned: Vec<Vec<usize>>,
    /// By person: whoever may have been their friend at any time.
    near: Vec<BTreeSet<usize>>,
    /// By pair: when one of them did something about the other.
    met: BTreeMap<(usize, usize), Timestamp>,
    /// By person: when they last did anything, or something befell a device of theirs.
    moved: Vec<Timestamp>,
    /// By person: when a device of theirs was last lost.
    left: Vec<Timestamp>,
    /// By device: what its present process was told of others; `None`: not known.
    faces: Vec<BTreeMap<usize, Option<Face<'a>>>>,
    is_troubled: bool,
    calm_since: Timestamp,
}

impl<'a> Fresh<'a> {
    fn new(history: &'a History) -> Self {
        let people = history.people.len();
        let mut owned = vec![Vec::new(); people];
        history.owner.iter().enumerate().for_each(|(device, of)| owned[*of].push(device));
        let mut near = vec![BTreeSet::new(); people];
        for (a, b) in &history.befriended {
            near[*a].insert(*b);
            near[*b].insert(*a);
        }
        Self {
            history,
            reference: Reference::new(history),
            devices: Devices::new(history),
            owned,
            near,
            met: BTreeMap::new(),
            moved: vec![Timestamp(0); people],
            left: vec![Timestamp(0); people],
            faces: vec![BTreeMap::new(); history.owner.len()],
            is_troubled: false,
            calm_since: Timestamp(0),
        }
    }

    fn note(&mut self, seen: &'a Seen) -> Result<(), Broken> {
        if let Some((device, leaves)) = moves(&seen.what) {
            let person = self.history.owner[device];
            self.judge(person, seen.at)?;
            self.moved[person] = seen.at;
            if leaves {
                self.left[person] = seen.at;
            }
        }
        match &seen.what {
            What::Trouble => {
                if !self.is_troubled {
                    (0..self.owned.len()).try_for_each(|person| self.judge(person, seen.at))?;
                }
                self.is_troubled = true;
            }
            What::Quiet => (self.is_troubled, self.calm_since) = (false, seen.at),
            What::Resync => self.calm_since = seen.at,
            What::Born { device, .. } => self.faces[*device].clear(),
            What::Act { device, command, .. } => self.on_act(*device, command, seen.at),
            What::Event { device, event } => self.on_event(*device, event),
            _ => {}
        }
        self.devices.note(seen);
        self.reference.note(seen);
        Ok(())
    }

    fn on_act(&mut self, device: usize, command: &Command, at: Timestamp) {
        let (Command::Add { user, .. }
        | Command::Accept { user }
        | Command::Decline { user }
        | Command::Remove { user }) = command
        else {
            return;
        };
        if let Some(other) = self.history.person(user) {
            let me = self.history.owner[device];
            self.met.insert(History::pair(me, other), at);
            self.near[me].insert(other);
            self.near[other].insert(me);
        }
    }

    fn on_event(&mut self, device: usize, event: &'a Event) {
        match event {
            Event::Presence { user, status, name, message } => {
                if let Some(of) = self.history.person(user) {
                    self.faces[device].insert(of, Some([status, name, message]));
                }
            }
            Event::Contacts { list, .. } => {
                for item in list {
                    if let Some(of) = self.history.person(&item.user) {
                        let face = [&item.status, &item.name, &item.message].map(String::as_str);
                        self.faces[device].insert(of, Some(face));
                    }
                }
            }
            Event::Contact { user, .. } => {
                if let Some(of) = self.history.person(user) {
                    self.faces[device].insert(of, None);
                }
            }
            _ => {}
        }
    }

    /// What all friends see of a person, where it must be so by now.
    fn judge(&self, of: usize, at: Timestamp) -> Result<(), Broken> {
        let long = |since: Timestamp, ms| at.since(since) >= ms;
        let is_calm = !self.is_troubled && long(self.calm_since, SETTLED_MS);
        let devices = || self.owned[of].iter().map(|device| self.devices.stands(*device));
        // A gate that stood still gives each link its time again.
        let lost = self.left[of].max(self.calm_since);
        let is_known = devices().all(|stands| matches!(stands, Stands::In(_)))
            || !devices().any(Stands::is_in_doubt) && long(lost, LEFT_MS);
        let is_liar = self.history.liars.contains(&of);
        if !is_calm || !long(self.moved[of], HEARD_MS) || !is_known || is_liar {
            return Ok(());
        }
        for friend in &self.near[of] {
            let met = self.met.get(&History::pair(of, *friend));
            let apart = met.is_none_or(|met| long(*met, MET_MS));
            if !apart || !self.reference.surely_friends(of, *friend) {
                continue;
            }
            for device in &self.owned[*friend] {
                let stands = self.devices.stands(*device);
                if stands.is_in_for(HEARD_MS, at) && !self.history.lies(*device) {
                    self.sees(*device, of, at)?;
                }
            }
        }
        Ok(())
    }

    fn sees(&self, device: usize, of: usize, at: Timestamp) -> Result<(), Broken> {
        let face = match self.faces[device].get(&of) {
            Some(Some(face)) => Some(*face),
            Some(None) => return Ok(()),
            // Never told: as good as offline.
            None => None,
        };
        true_now(self.history, &self.reference, device, of, face).map_err(|told| {
            let what = format!("at {}, with nothing broken: {}", at.0, told.what);
            broken(LAW, what)
        })
    }
}

/// The device that something befalls of which others may have to be told, and whether it may leave by it.
fn moves(what: &What) -> Option<(usize, bool)> {
    match what {
        What::Killed { device }
        | What::Ended { device }
        | What::Unlinked { device }
        | What::Event { device, event: Event::Offline { .. } }
        | What::Act { device, command: Command::SignOut, .. } => Some((*device, true)),
        What::Born { device, .. }
        | What::Event {
            device,
            event: Event::SignedIn { .. } | Event::Done { .. } | Event::Error { .. },
        }
        | What::Act {
            device,
            command: Command::Status { .. } | Command::Message { .. } | Command::Name { .. },
            ..
        } => Some((*device, false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use presently_core::client::{Command, Event};

    use super::check;
    use crate::check::made;
    use crate::history::{History, What};

    /// The first of two friends chooses a status, and long after that another one.
    fn chosen_twice(between: impl Fn(&mut History)) -> History {
        let mut history = made::talk();
        made::wait(&mut history, 120_000);
        for (id, status) in [(91, "away"), (92, "idle")] {
            let command = Command::Status { status: String::from(status) };
            made::add(&mut history, What::Act { device: 0, id, command });
            made::add(&mut history, What::Event { device: 0, event: Event::Done { id: Some(id) } });
            between(&mut history);
            made::wait(&mut history, 120_000);
        }
        history
    }

    fn sees(history: &mut History, status: &str) {
        let event = Event::Presence {
            user: String::from("p0"),
            status: String::from(status),
            name: String::from("p0"),
            message: String::new(),
        };
        made::add(history, What::Event { device: 1, event });
    }

    #[test]
    fn it_objects_where_a_change_that_was_overtaken_was_not_told() {
        assert!(check(&chosen_twice(|_| {})).is_err());
        assert!(check(&chosen_twice(|history| sees(history, "busy"))).is_err());
        assert_eq!(check(&chosen_twice(|history| sees(history, "away"))), Ok(()));
    }

    #[test]
    fn it_objects_where_who_is_there_was_never_told() {
        let history = chosen_twice(|history| {
            made::forget(history, |what| {
                matches!(what, What::Event { device: 1, event: Event::Contacts { .. } })
            });
        });
        assert!(check(&history).is_err());
    }

    #[test]
    fn it_objects_where_who_was_killed_long_ago_is_seen() {
        let gone = chosen_twice(|history| made::add(history, What::Killed { device: 1 }));
        assert!(check(&gone).is_err());
    }

    #[test]
    fn what_was_given_up_is_gone_whatever_it_tells() {
        let mut history = made::talk();
        made::wait(&mut history, 120_000);
        made::add(&mut history, What::Killed { device: 0 });
        let signed_in = Event::SignedIn { user: String::from("p0"), endpoint: String::from("e") };
        made::add(&mut history, What::Event { device: 0, event: signed_in });
        made::wait(&mut history, 30_000);
        made::add(&mut history, What::Unlinked { device: 0 });
        assert_eq!(check(&history), Ok(()));
    }

    #[test]
    fn what_is_broken_excuses() {
        for broken in [What::Trouble, What::Unlinked { device: 1 }, What::Unlinked { device: 0 }] {
            let history = chosen_twice(|history| made::add(history, broken.clone()));
            assert_eq!(check(&history), Ok(()), "{broken:?}");
        }
        let mut history = chosen_twice(|_| {});
        history.liars.insert(0);
        assert_eq!(check(&history), Ok(()), "of a liar nothing is known");
    }
}
