//! G1, in time: what is acked arrives. While nothing is broken, whoever is signed in was shown what was acked
//! some time ago: also in the middle of a run, where a message that was lost on the way would come with the
//! next of its conversation. And half of what is said to who is there, in a talk that goes on, and waits
//! for nothing before it, is shown at once. Of much at once the last comes late: who is being shown what
//! is old is given time.

use std::collections::{BTreeMap, BTreeSet};

use presently_core::client::{Command, Event};
use presently_core::time::Timestamp;

use super::lives::sends;
use super::stands::Devices;
use crate::history::{Broken, History, Seen, What, broken};
use crate::reference::Reference;

const LAW: &str = "g1_arrives";
/// Whoever is signed in for so long has all that is as old, lost frames told again, milliseconds.
const HEARD_MS: u64 = 15_000;
/// What was broken is made up for after this, milliseconds.
const CALM_MS: u64 = 15_000;
/// Two people who met or parted read what they may after this, milliseconds.
const MET_MS: u64 = 120_000;
/// What is shown so long after its ack is old, milliseconds.
const OLD_MS: u64 = 2_000;
/// Half of the lines said to who is there are shown within this after their ack, milliseconds.
const HALF_MS: u64 = 250;
/// A talk goes on for so long after a line of it was shown, milliseconds: what comes later may have to
/// ring first, and each step of that takes its way to and fro.
const TALK_MS: u64 = 30_000;
/// Fewer lines say nothing of how long it takes.
const LINES_MIN: usize = 30;

type Pair = (usize, usize);

/// Holds a history against it.
///
/// # Errors
/// Who was not shown what, for how long; how long half of all takes.
pub fn check(history: &History) -> Result<(), Broken> {
    let mut arrives = Arrives::new(history);
    history.seen.iter().try_for_each(|seen| arrives.note(seen))?;
    arrives.at_once()
}

/// What a person was not shown yet, by conversation and place.
type Missing = BTreeMap<(Pair, u64), Lacks>;

#[derive(Clone, Copy, Debug)]
struct Lacks {
    since: Timestamp,
    /// Whether all before it was shown, in a talk that goes on.
    is_next: bool,
}

struct Arrives<'a> {
    history: &'a History,
    reference: Reference,
    sends: BTreeMap<u64, (usize, usize, &'a str)>,
    devices: Devices,
    /// Devices that are asked to sign out.
    leaving: BTreeSet<usize>,
    /// By person: their devices.
    owned: Vec<Vec<usize>>,
    /// By person.
    missing: Vec<Missing>,
    /// By person: when they were last shown what was old. Of much at once the last comes late.
    catches_up: Vec<Timestamp>,
    /// By person, pair and place: whether it was shown in a talk that went on before it.
    shown: BTreeMap<(usize, Pair, u64), bool>,
    /// By person and pair: when a line of theirs was last shown.
    talks: BTreeMap<(usize, Pair), Timestamp>,
    /// By pair: when one of them did something about the other.
    met: BTreeMap<Pair, Timestamp>,
    is_troubled: bool,
    calm_since: Timestamp,
    /// Milliseconds from ack to display, of lines to who was there.
    waits: Vec<u64>,
}

impl<'a> Arrives<'a> {
    fn new(history: &'a History) -> Self {
        let people = history.people.len();
        let mut owned = vec![Vec::new(); people];
        history.owner.iter().enumerate().for_each(|(device, of)| owned[*of].push(device));
        Self {
            history,
            reference: Reference::new(history),
            sends: sends(history),
            devices: Devices::new(history),
            leaving: BTreeSet::new(),
            owned,
            missing: vec![Missing::new(); people],
            catches_up: vec![Timestamp(0); people],
            shown: BTreeMap::new(),
            talks: BTreeMap::new(),
            met: BTreeMap::new(),
            is_troubled: false,
            calm_since: Timestamp(0),
            waits: Vec::new(),
        }
    }

    fn note(&mut self, seen: &'a Seen) -> Result<(), Broken> {
        let at = seen.at;
        match &seen.what {
            What::Trouble if !self.is_troubled => {
                self.judge_all(at)?;
                self.is_troubled = true;
            }
            What::Quiet => {
                (self.is_troubled, self.calm_since) = (false, self.calm_since.max(at));
            }
            What::Resync => self.calm_since = self.calm_since.max(at),
            What::Halts { until, .. } => {
                self.judge_all(at)?;
                self.calm_since = self.calm_since.max(*until);
            }
            What::Unlinked { device } | What::Killed { device } | What::Ended { device } => {
                self.judge(self.history.owner[*device], at)?;
            }
            What::Born { device, .. } => {
                self.leaving.remove(device);
            }
            What::Act { device, command, .. } => self.on_act(*device, command, at)?,
            What::Event { device, event } => self.on_event(*device, event, at)?,
            _ => {}
        }
        self.devices.note(seen);
        self.reference.note(seen);
        Ok(())
    }

    fn on_act(&mut self, device: usize, command: &Command, at: Timestamp) -> Result<(), Broken> {
        match command {
            Command::SignOut => {
                self.judge(self.history.owner[device], at)?;
                self.leaving.insert(device);
            }
            Command::Add { user, .. }
            | Command::Accept { user }
            | Command::Decline { user }
            | Command::Remove { user } => {
                if let Some(other) = self.history.person(user) {
                    self.met.insert(History::pair(self.history.owner[device], other), at);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn on_event(&mut self, device: usize, event: &Event, at: Timestamp) -> Result<(), Broken> {
        let me = self.history.owner[device];
        match event {
            Event::SignedIn { .. } => {
                self.leaving.remove(&device);
            }
            Event::Offline { .. } => self.judge(me, at)?,
            Event::Acked { id: Some(id), seq, .. } if !self.history.lies(device) => {
                if let Some((_, to, _)) = self.sends.get(id) {
                    self.on_acked(me, *to, *seq, at);
                }
            }
            Event::Message { with, seq, .. } => {
                if let Some(with) = self.history.person(with) {
                    let pair = History::pair(me, with);
                    let goes_on = self.talks_on(me, pair, at);
                    self.shown.entry((me, pair, *seq)).or_insert(goes_on);
                    self.judge(me, at)?;
                    if let Some(lacks) = self.missing[me].remove(&(pair, *seq)) {
                        self.on_shown(me, lacks, at);
                    }
                    self.talks.insert((me, pair), at);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A person was shown what they had lacked.
    fn on_shown(&mut self, person: usize, Lacks { since, is_next }: Lacks, at: Timestamp) {
        let wait = at.since(since);
        if wait > OLD_MS {
            self.catches_up[person] = at;
        }
        if is_next && self.hears(person, since) {
            self.waits.push(wait);
        }
    }

    /// A line from one person to another is stored.
    fn on_acked(&mut self, from: usize, to: usize, seq: u64, at: Timestamp) {
        let pair = History::pair(from, to);
        for member in [from, to] {
            match self.shown.get(&(member, pair, seq)) {
                None => {
                    let goes_on = self.talks_on(member, pair, at);
                    let is_next = goes_on && self.missing[member].is_empty();
                    self.missing[member].insert((pair, seq), Lacks { since: at, is_next });
                }
                Some(true) if member == to && self.hears(to, at) => self.waits.push(0),
                Some(_) => {}
            }
        }
    }

    /// Whether a person was shown a line of a pair lately.
    fn talks_on(&self, person: usize, pair: Pair, at: Timestamp) -> bool {
        self.talks.get(&(person, pair)).is_some_and(|shown| at.since(*shown) < TALK_MS)
    }

    /// Whether a person has a device that hears all that was said until `at`.
    fn hears(&self, person: usize, at: Timestamp) -> bool {
        let long = |since: Timestamp, ms| at.0 >= since.0 + ms;
        let is_there = |device: &usize| {
            self.devices.stands(*device).is_in_for(HEARD_MS, at) && !self.leaving.contains(device)
        };
        !self.is_troubled
            && long(self.calm_since, CALM_MS)
            && self.owned[person].iter().any(is_there)
    }

    fn judge_all(&self, at: Timestamp) -> Result<(), Broken> {
        (0..self.owned.len()).try_for_each(|person| self.judge(person, at))
    }

    /// What a person must have been shown by now.
    fn judge(&self, person: usize, at: Timestamp) -> Result<(), Broken> {
        if self.history.liars.contains(&person) || !self.hears(person, at) {
            return Ok(());
        }
        let long = |since: Timestamp, ms| at.0 >= since.0 + ms;
        let caught_up = self.catches_up[person];
        let late = self.missing[person].iter().find(|((pair, _), lacks)| {
            long(lacks.since.max(caught_up), HEARD_MS)
                && self.met.get(pair).is_none_or(|met| long(*met, MET_MS))
                && self.reference.surely_friends(pair.0, pair.1)
        });
        match late {
            None => Ok(()),
            Some(((pair, seq), Lacks { since, .. })) => {
                let what = format!(
                    "at {}, with nothing broken: {person} was not shown {seq} of {pair:?}, acked at {}",
                    at.0, since.0
                );
                Err(broken(LAW, what))
            }
        }
    }

    /// How long it took where it could be seen.
    fn at_once(mut self) -> Result<(), Broken> {
        let lines = self.waits.len();
        let (_, half, _) = match self.waits.get_mut(..) {
            Some(waits) if lines >= LINES_MIN => waits.select_nth_unstable(lines / 2),
            _ => return Ok(()),
        };
        if *half <= HALF_MS {
            return Ok(());
        }
        let what = format!("half of {lines} lines were shown {half} ms and more after their acks");
        Err(broken(LAW, what))
    }
}

#[cfg(test)]
mod tests {
    use presently_core::client::{Command, Event};

    use super::{HEARD_MS, TALK_MS, check};
    use crate::check::made;
    use crate::history::{History, What};

    fn there_for_long() -> History {
        let mut history = made::talk();
        made::wait(&mut history, 120_000);
        history
    }

    /// The first of two friends, there for long, says so many lines; each is shown after so long.
    fn said(lines: u64, after_ms: Option<u64>) -> History {
        let mut history = there_for_long();
        for seq in 4..4 + lines {
            say(&mut history, seq);
            if let Some(ms) = after_ms {
                made::wait(&mut history, ms);
                show(&mut history, 1, seq);
            }
        }
        history
    }

    /// The first of two friends says a line, and is shown it.
    fn say(history: &mut History, seq: u64) {
        let command = Command::Send { to: String::from("p1"), text: format!("line {seq}") };
        made::add(history, What::Act { device: 0, id: 1_000 + seq, command });
        let event = Event::Acked { id: Some(1_000 + seq), seq, at: seq };
        made::add(history, What::Event { device: 0, event });
        show(history, 0, seq);
    }

    fn show(history: &mut History, device: usize, seq: u64) {
        let event = Event::Message {
            from: String::from("p0"),
            conversation: String::from("c"),
            with: format!("p{}", 1 - device),
            seq,
            text: format!("line {seq}"),
            at: seq,
        };
        made::add(history, What::Event { device, event });
    }

    fn ends(history: &mut History, device: usize) {
        made::wait(history, HEARD_MS);
        made::add(history, What::Killed { device });
    }

    /// So many lines are said at once and shown one by one, but for one of them.
    fn flood(lines: u64, lost: Option<u64>) -> History {
        let mut history = there_for_long();
        (4..4 + lines).for_each(|seq| say(&mut history, seq));
        for seq in (4..4 + lines).filter(|seq| Some(*seq) != lost) {
            made::wait(&mut history, 400);
            show(&mut history, 1, seq);
        }
        ends(&mut history, 1);
        history
    }

    #[test]
    fn it_objects_where_who_was_there_was_never_shown() {
        let mut history = said(1, None);
        ends(&mut history, 1);
        assert!(check(&history).is_err());
        let mut history = said(1, Some(1));
        ends(&mut history, 1);
        assert_eq!(check(&history), Ok(()));
    }

    #[test]
    fn it_objects_where_much_is_shown_late() {
        assert_eq!(check(&said(60, Some(200))), Ok(()));
        assert!(check(&said(60, Some(300))).is_err());
        assert_eq!(check(&said(10, Some(4_000))), Ok(()), "of few lines nothing is known");
        assert!(check(&said(10, Some(HEARD_MS))).is_err(), "but of each that it is not lost");
    }

    #[test]
    fn a_line_that_must_ring_first_may_take_longer() {
        let mut history = there_for_long();
        for seq in 4..64 {
            made::wait(&mut history, TALK_MS);
            say(&mut history, seq);
            made::wait(&mut history, 1_000);
            show(&mut history, 1, seq);
        }
        assert_eq!(check(&history), Ok(()));
    }

    #[test]
    fn of_a_flood_the_last_comes_late_and_none_is_lost() {
        assert_eq!(check(&flood(100, None)), Ok(()));
        assert!(check(&flood(100, Some(50))).is_err());
    }

    #[test]
    fn who_signs_in_on_a_broken_link_need_not_hear() {
        for dials in [false, true] {
            let mut history = there_for_long();
            made::add(&mut history, What::Unlinked { device: 1 });
            if dials {
                made::add(&mut history, What::Dials { device: 1, link: 2 });
            }
            let event = Event::SignedIn { user: String::from("p1"), endpoint: String::new() };
            made::add(&mut history, What::Event { device: 1, event });
            made::wait(&mut history, HEARD_MS);
            say(&mut history, 4);
            ends(&mut history, 1);
            assert_eq!(check(&history).is_err(), dials);
        }
    }

    #[test]
    fn what_is_broken_excuses() {
        let signs_out = What::Act { device: 1, id: 99, command: Command::SignOut };
        let (unlinked, sleeps) = (What::Unlinked { device: 1 }, What::Sleeps { device: 1 });
        for excuse in [What::Trouble, unlinked, sleeps, signs_out] {
            let mut history = said(1, None);
            made::add(&mut history, excuse.clone());
            ends(&mut history, 1);
            assert_eq!(check(&history), Ok(()), "{excuse:?}");
        }
    }
}
