//! G7: reconnecting is cheap: a resume gives only what is missing, and never loses or doubles.
//!
//! Judged by the frames of a link, from its dial on: no entry that the app had been shown before, no
//! contact and no conversation where nothing changed, never the whole book to a client that has it. And
//! by what apps are shown: over cuts and lives, no entry is passed over.

use std::collections::BTreeMap;

use presently_core::client::{Command, Event};
use presently_core::time::Timestamp;

use crate::history::{Broken, History, Seen, Sleepers, Told, What, broken};

const LAW: &str = "g7_resume";
/// What a cache may not have synced when its process is killed, milliseconds.
const CACHE_LAG_MS: u64 = 3_000;
/// What changed this long before a client was last signed in may still not have reached it.
const UNDER_WAY_MS: u64 = 180_000;

/// Holds a history against G7.
///
/// # Errors
/// What came again.
pub fn check(history: &History) -> Result<(), Broken> {
    let mut links = Links::new(history);
    for seen in &history.seen {
        links.note(seen)?;
        if let What::Told { device, link, told } = &seen.what {
            links.judge(*device, *link, told)?;
        }
    }
    Ok(())
}

type Pair = (usize, usize);

/// What an app was shown, by conversation: the last place and when each was shown.
type Shown = BTreeMap<Pair, Vec<(Timestamp, u64)>>;

/// A client process and what it has.
#[derive(Default)]
struct Device {
    shown: Shown,
    /// The last place ever shown since it began without a cache.
    last: BTreeMap<Pair, u64>,
    /// Signed in at least once since it began without a cache, and not killed since.
    whole: bool,
    /// Told to sign out, and not signed in since: who is killed now may begin without a cache.
    leaves: bool,
    /// When it was last known to have everything; `None`: never in this life.
    current: Option<Timestamp>,
    /// Per link: the places shown at its dial, and whether nothing can have changed since.
    links: BTreeMap<u64, At>,
}

/// What a client had when it dialled.
struct At {
    shown: BTreeMap<Pair, u64>,
    whole: bool,
    /// Since when changes count; `None`: everything may be new.
    since: Option<Timestamp>,
}

struct Links<'a> {
    history: &'a History,
    people: BTreeMap<&'a str, usize>,
    devices: Vec<Device>,
    /// When each person last had to do with contacts, and with talk.
    contacts: Vec<Timestamp>,
    talks: Vec<Timestamp>,
    sleepers: Sleepers,
}

impl<'a> Links<'a> {
    fn new(history: &'a History) -> Self {
        let people = history.people.len();
        Self {
            history,
            people: history.people.iter().map(String::as_str).zip(0..).collect(),
            devices: history.owner.iter().map(|_| Device::default()).collect(),
            contacts: vec![Timestamp(0); people],
            talks: vec![Timestamp(0); people],
            sleepers: Sleepers::default(),
        }
    }

    fn note(&mut self, seen: &Seen) -> Result<(), Broken> {
        self.sleepers.note(seen);
        match &seen.what {
            What::Born { device, fresh } => {
                let device = &mut self.devices[*device];
                if *fresh || std::mem::take(&mut device.leaves) {
                    device.shown.clear();
                    device.last.clear();
                }
                (device.whole, device.current) = (false, None);
                device.links.clear();
            }
            // It has what another had, or what it had itself long ago.
            What::Cloned { device, .. } => self.devices[*device] = Device::default(),
            What::Killed { device } | What::Ended { device } => {
                let ran = self.sleepers.ran(*device, seen.at);
                let kept = |at: Timestamp| ran.since(at) > CACHE_LAG_MS;
                for places in self.devices[*device].shown.values_mut() {
                    places.retain(|(at, _)| kept(*at));
                }
            }
            What::Dials { device, link } => {
                let state = &mut self.devices[*device];
                let last = |places: &Vec<(Timestamp, u64)>| places.last().map(|(_, seq)| *seq);
                let shown =
                    state.shown.iter().filter_map(|(pair, at)| Some((*pair, last(at)?))).collect();
                let at = At { shown, whole: state.whole, since: state.current };
                state.links.insert(*link, at);
            }
            What::Event { device, event } => return self.on_event(*device, event, seen.at),
            What::Act { device, command, .. } => self.on_act(*device, command, seen.at),
            _ => {}
        }
        Ok(())
    }

    fn on_event(&mut self, device: usize, event: &Event, at: Timestamp) -> Result<(), Broken> {
        let me = self.history.owner[device];
        let state = &mut self.devices[device];
        match event {
            // When it ceased to hear is not known: a link may be dead long before anybody notices.
            Event::SignedIn { .. } => {
                (state.leaves, state.whole, state.current) = (false, true, Some(at));
            }
            Event::Message { with, seq, .. } => {
                if let Some(with) = self.people.get(with.as_str()) {
                    let pair = History::pair(me, *with);
                    let last = state.last.entry(pair).or_insert(*seq);
                    if *seq > *last && !self.history.follows(pair, *last, *seq) {
                        let what =
                            format!("device {device} was shown {seq} of {pair:?} after {last}");
                        return Err(broken(LAW, what));
                    }
                    *last = (*last).max(*seq);
                    let places = state.shown.entry(pair).or_default();
                    // Only the last few can be lost with a cache.
                    let old = places.len().saturating_sub(1);
                    let lag = |(shown, _): &(Timestamp, u64)| at.since(*shown) > CACHE_LAG_MS;
                    let old = places.iter().take(old).filter(|place| lag(place)).count();
                    places.drain(..old.saturating_sub(1));
                    places.push((at, *seq));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn on_act(&mut self, device: usize, command: &Command, at: Timestamp) {
        let me = self.history.owner[device];
        let (table, other) = match command {
            Command::Add { user, .. }
            | Command::Accept { user }
            | Command::Decline { user }
            | Command::Remove { user } => (&mut self.contacts, user),
            Command::Send { to, .. } => (&mut self.talks, to),
            Command::SignOut => {
                self.devices[device].leaves = true;
                return;
            }
            _ => return,
        };
        table[me] = at;
        if let Some(other) = self.people.get(other.as_str()) {
            table[*other] = at;
        }
    }

    fn judge(&self, device: usize, link: u64, told: &Told) -> Result<(), Broken> {
        let me = self.history.owner[device];
        let Some(at) = self.devices[device].links.get(&link) else { return Ok(()) };
        if self.history.lies(device) {
            return Ok(());
        }
        let unknown = |other: usize| self.history.liars.contains(&other);
        let quiet = |changed: Timestamp| {
            at.since.is_some_and(|since| changed + UNDER_WAY_MS < since && changed < since)
        };
        let again = match told {
            Told::Entry { pair, seq, history: false, .. } => {
                at.shown.get(pair).is_some_and(|shown| seq <= shown)
            }
            Told::WholeBook => at.whole,
            Told::Contact { of, fetched: true, .. } => !unknown(*of) && quiet(self.contacts[me]),
            Told::Conversation { with, fetched: true } => !unknown(*with) && quiet(self.talks[me]),
            _ => false,
        };
        if again {
            let what = format!("device {device} was given again on its link {link}: {told:?}");
            return Err(broken(LAW, what));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use presently_core::client::{Command, Event};

    use super::check;
    use crate::check::made;
    use crate::history::{History, Told, What};

    fn dial(history: &mut History, link: u64) {
        made::add(history, What::Dials { device: 1, link });
    }

    fn tell(history: &mut History, link: u64, told: Told) {
        made::add(history, What::Told { device: 1, link, told });
    }

    /// A talk long ago, then a cut.
    fn cut() -> History {
        let mut history = made::talk();
        made::wait(&mut history, 400_000);
        let event = Event::SignedIn { user: String::from("p1"), endpoint: String::new() };
        made::add(&mut history, What::Event { device: 1, event });
        let event = Event::Offline { reason: String::from("cut"), retry_ms: 1 };
        made::add(&mut history, What::Event { device: 1, event });
        dial(&mut history, 2);
        history
    }

    fn entry(seq: u64, history: bool) -> Told {
        Told::Entry { pair: (0, 1), by: 0, seq, text: String::new(), history }
    }

    #[test]
    fn what_is_new_may_come_and_history_too() {
        let mut history = cut();
        tell(&mut history, 2, entry(4, false));
        tell(&mut history, 2, entry(1, true));
        assert_eq!(check(&history), Ok(()));
    }

    #[test]
    fn it_objects_to_an_entry_that_was_shown() {
        let mut history = cut();
        tell(&mut history, 2, entry(3, false));
        assert!(check(&history).is_err());
    }

    #[test]
    fn it_objects_to_what_is_skipped_over_a_cut() {
        let mut history = cut();
        made::show(&mut history, 1, 4);
        assert_eq!(check(&history), Ok(()));
        made::show(&mut history, 1, 6);
        assert!(check(&history).is_err());
    }

    #[test]
    fn who_was_killed_while_signing_out_may_begin_without_a_cache() {
        for leaves in [true, false] {
            let mut history = cut();
            made::show(&mut history, 1, 4);
            if leaves {
                made::add(&mut history, What::Act { device: 1, id: 9, command: Command::SignOut });
            }
            made::add(&mut history, What::Killed { device: 1 });
            made::add(&mut history, What::Born { device: 1, fresh: false });
            made::show(&mut history, 1, 6);
            assert_eq!(check(&history).is_ok(), leaves);
        }
    }

    #[test]
    fn it_objects_to_contacts_and_conversations_that_did_not_change() {
        for told in [
            Told::Contact { of: 0, relation: 3, fetched: true },
            Told::Conversation { with: 0, fetched: true },
            Told::WholeBook,
        ] {
            let mut history = cut();
            tell(&mut history, 2, told.clone());
            assert!(check(&history).is_err(), "{told:?}");
            let mut history = made::talk();
            dial(&mut history, 1);
            made::forget(&mut history, |seen| {
                matches!(seen, What::Event { event: Event::SignedIn { .. }, .. })
            });
            tell(&mut history, 1, told.clone());
            assert_eq!(check(&history), Ok(()), "the first time everything is new: {told:?}");
        }
    }
}
