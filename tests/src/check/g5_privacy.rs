//! G5: who is not allowed learns nothing. Every frame that a gate hands out for a device is read, not
//! only what its app is told.
//!
//! Each datum is tainted with its source and with the time it was made: texts are never said twice,
//! so a text names its act. It may reach whoever may have been a friend of its source at or after that
//! act; what was made before two people parted may still be on its way. Who removed the other may see
//! what is made later until the other home knows. Who asks to talk to somebody who is no friend is answered
//! the same, byte for byte, whoever that is: a stranger, one who removed them, one who hides, nobody.

use std::collections::BTreeMap;

use presently_core::client::{Command, Event};
use presently_core::model::contact::Relation;
use presently_core::model::presence::Status;
use presently_core::time::Timestamp;

use crate::history::{Broken, History, Seen, Told, What, broken};
use crate::reference::Reference;

const LAW: &str = "g5_privacy";
/// What was made before two people parted may be on its way this long: links, parted nodes, pauses.
const UNDER_WAY_MS: u64 = 120_000;
/// A home learns by intent that somebody was removed by the other: within this, where nothing is wrong.
const INTENT_MS: u64 = 10_000;
/// How long after a trouble its consequences may be seen, milliseconds.
const AFTER_TROUBLE_MS: u64 = 60_000;

/// Holds a history against G5.
///
/// # Errors
/// What somebody was told who may not know it.
pub fn check(history: &History) -> Result<(), Broken> {
    let mut knows = Knows::new(history);
    for seen in &history.seen {
        knows.note(seen);
        if let What::Told { device, told, .. } = &seen.what {
            knows.judge(*device, told, seen.at)?;
            knows.equal(*device, told)?;
        }
    }
    Ok(())
}

/// The end of a friendship: when, and who ended it.
#[derive(Clone, Copy)]
struct Parting {
    at: Timestamp,
    by: usize,
}

/// What was made by whom, and who could know of it.
struct Knows<'a> {
    history: &'a History,
    reference: Reference,
    people: BTreeMap<&'a str, usize>,
    /// Acts on a pair that wait for their outcome: pair and actor.
    acts: BTreeMap<u64, ((usize, usize), usize)>,
    parted: BTreeMap<(usize, usize), Parting>,
    /// Liars, and when somebody parted with them.
    left: BTreeMap<(usize, usize), Parting>,
    /// Pairs of which one ever did something to the other.
    acquainted: BTreeMap<(usize, usize), ()>,
    /// When each person first chose a text or a status.
    texts: BTreeMap<(usize, &'a str), Timestamp>,
    statuses: BTreeMap<(usize, &'a str), Timestamp>,
    /// Who said a text to whom, and when.
    said: BTreeMap<&'a str, (usize, usize, Timestamp)>,
    spoke: BTreeMap<(usize, usize), ()>,
    /// When somebody who did not hide last typed for somebody.
    typed: BTreeMap<(usize, usize), Timestamp>,
    /// What everybody was answered who asked for somebody they may not talk to.
    no_contact: Option<&'a [u8]>,
    troubled: bool,
    calm_since: Timestamp,
}

impl<'a> Knows<'a> {
    fn new(history: &'a History) -> Self {
        let acquainted = history.befriended.iter().map(|pair| (*pair, ())).collect();
        Self {
            history,
            reference: Reference::new(history),
            people: history.people.iter().map(String::as_str).zip(0..).collect(),
            acts: BTreeMap::new(),
            parted: BTreeMap::new(),
            left: BTreeMap::new(),
            acquainted,
            texts: BTreeMap::new(),
            statuses: BTreeMap::new(),
            said: BTreeMap::new(),
            spoke: BTreeMap::new(),
            typed: BTreeMap::new(),
            no_contact: None,
            troubled: false,
            calm_since: Timestamp(0),
        }
    }

    fn note(&mut self, seen: &'a Seen) {
        let act = match &seen.what {
            What::Act { device, id, command } => {
                self.on_act(*device, *id, command, seen.at);
                self.acts.get(id).copied()
            }
            What::Event { event: Event::Done { id: Some(id) }, .. }
            | What::Event { event: Event::Error { id: Some(id), .. }, .. } => self.acts.remove(id),
            What::Born { device, .. } => {
                let person = self.history.owner[*device];
                self.statuses.entry((person, "online")).or_insert(seen.at);
                None
            }
            What::Trouble => {
                self.troubled = true;
                None
            }
            What::Quiet => {
                (self.troubled, self.calm_since) = (false, seen.at);
                None
            }
            _ => None,
        };
        // To a liar honest people do nothing but part.
        if let (Some((pair, by)), What::Event { event: Event::Done { .. }, .. }) = (act, &seen.what)
            && self.history.has_liar(pair)
        {
            self.left.entry(pair).or_insert(Parting { at: seen.at, by });
        }
        let before = act.map(|((a, b), _)| self.reference.may_be_friends(a, b));
        self.reference.note(seen);
        if let (Some(((a, b), by)), Some(true)) = (act, before)
            && !self.reference.may_be_friends(a, b)
        {
            self.parted.insert((a, b), Parting { at: seen.at, by });
        }
    }

    fn on_act(&mut self, device: usize, id: u64, command: &'a Command, at: Timestamp) {
        let me = self.history.owner[device];
        match command {
            Command::Status { status } => {
                self.statuses.entry((me, status)).or_insert(at);
            }
            Command::Message { text } | Command::Name { text } => {
                self.texts.entry((me, text)).or_insert(at);
            }
            Command::Send { to, text } => {
                if let Some(to) = self.people.get(to.as_str()) {
                    self.said.insert(text, (me, *to, at));
                    self.spoke.insert(History::pair(me, *to), ());
                }
            }
            Command::Typing { to } => {
                if let Some(to) = self.people.get(to.as_str())
                    && !self.reference.hides(device)
                {
                    self.typed.insert((me, *to), at);
                }
            }
            Command::Add { user, .. }
            | Command::Accept { user }
            | Command::Decline { user }
            | Command::Remove { user } => {
                if let Some(other) = self.people.get(user.as_str()).filter(|other| **other != me) {
                    let pair = History::pair(me, *other);
                    self.acts.insert(id, (pair, me));
                    self.acquainted.insert(pair, ());
                }
            }
            Command::Contacts | Command::History { .. } | Command::Sync | Command::SignOut => {}
        }
    }

    fn judge(&self, device: usize, told: &Told, now: Timestamp) -> Result<(), Broken> {
        let me = self.history.owner[device];
        let may = match told {
            _ if self.is_of_liar(told, me) => !self.is_over(told, me, now),
            Told::Presence { of, .. }
            | Told::Settling { of }
            | Told::Typing { by: of }
            | Told::Ring { by: of }
            | Told::Contact { of, .. }
            | Told::Conversation { with: of, .. }
                if *of == me =>
            {
                true
            }
            Told::Presence { of, status, name, message } => {
                let shown = [name, message].into_iter().all(|text| {
                    let made = self.texts.get(&(*of, text.as_str())).copied();
                    text.is_empty() || made.is_some_and(|made| self.may_know(*of, me, made, now))
                });
                let made = self.statuses.get(&(*of, status.name())).copied();
                let seen = *status == Status::Offline
                    || made.is_some_and(|made| self.may_know(*of, me, made, now));
                shown && seen
            }
            Told::Seat { of } => {
                self.may_know(*of, me, Timestamp(0), now) || self.talks_with_liar(me, *of)
            }
            Told::Settling { of } => self.may_know(*of, me, Timestamp(0), now),
            Told::Typing { by } => {
                let made = self.typed.get(&(*by, me)).copied();
                made.is_some_and(|made| self.may_know(*by, me, made, now))
            }
            Told::Ring { by } => {
                let spoke = self.spoke.contains_key(&History::pair(*by, me));
                spoke && self.may_read(*by, me, Timestamp(0), now) || self.talks_with_liar(me, *by)
            }
            Told::Entry { pair, by, text, .. } => {
                let mine = pair.0 == me || pair.1 == me;
                let said = self.said.get(text.as_str());
                let sent = said.is_some_and(|(from, to, made)| {
                    let may = *by == me || self.may_read(*by, me, *made, now);
                    from == by && History::pair(*from, *to) == *pair && may
                });
                mine && sent
            }
            Told::Contact { of, .. } => self.acquainted.contains_key(&History::pair(*of, me)),
            Told::Conversation { with, .. } => {
                self.spoke.contains_key(&History::pair(*with, me))
                    || self.talks_with_liar(me, *with)
            }
            _ => true,
        };
        if may {
            return Ok(());
        }
        Err(broken(LAW, format!("device {device} of {me} was told {told:?} at {}", now.0)))
    }

    /// Whom one may not talk to is nobody's to know: all of them are refused alike.
    fn equal(&mut self, device: usize, told: &'a Told) -> Result<(), Broken> {
        let Told::NoContact { of, answer } = told else {
            return Ok(());
        };
        let usual = *self.no_contact.get_or_insert(answer);
        if usual == answer {
            return Ok(());
        }
        let what = format!("device {device} was answered {answer:?} of {of:?}, others {usual:?}");
        Err(broken(LAW, what))
    }

    /// Whether it is what a liar did: what that is only they know. But nobody honest becomes a friend of
    /// theirs, and a stranger is shown nothing.
    fn is_of_liar(&self, told: &Told, me: usize) -> bool {
        let source = match told {
            Told::Presence { of, .. }
            | Told::Typing { by: of }
            | Told::Ring { by: of }
            | Told::Conversation { with: of, .. } => *of,
            Told::Contact { of, relation, .. } => {
                let asks = *relation != Relation::FRIEND.0 || self.befriended(me, *of);
                return asks && self.history.has_liar((me, *of));
            }
            Told::Entry { pair, by, .. } => {
                let mine = pair.0 == me || pair.1 == me;
                return mine && self.history.liars.contains(by) && self.befriended(pair.0, pair.1);
            }
            _ => return false,
        };
        // What an honest person says to a liar is known, and judged as ever.
        self.history.liars.contains(&source) && self.befriended(me, source)
    }

    /// Whether it comes of a liar with whom one has parted long ago. They may ask again.
    fn is_over(&self, told: &Told, me: usize, now: Timestamp) -> bool {
        let (Told::Presence { of: other, .. }
        | Told::Typing { by: other }
        | Told::Ring { by: other }
        | Told::Entry { by: other, .. }) = told
        else {
            return false;
        };
        let shows = !matches!(told, Told::Presence { status, .. } if *status == Status::Offline);
        let parting = self.left.get(&History::pair(me, *other));
        let is_over = |parting: &Parting| {
            now.since(parting.at) > UNDER_WAY_MS && !self.is_unheard(parting, now)
        };
        other != &me && shows && parting.is_some_and(is_over)
    }

    /// Whether a liar may have said something there.
    fn talks_with_liar(&self, a: usize, b: usize) -> bool {
        self.history.has_liar((a, b)) && self.befriended(a, b)
    }

    fn befriended(&self, a: usize, b: usize) -> bool {
        a == b || self.history.befriended.contains(&History::pair(a, b))
    }

    /// Whether `viewer` may be told at `now` what `source` made at `made`.
    fn may_know(&self, source: usize, viewer: usize, made: Timestamp, now: Timestamp) -> bool {
        let pair = History::pair(source, viewer);
        let left = self.left.get(&pair);
        if left.is_none() && self.reference.may_be_friends(source, viewer) {
            return true;
        }
        let Some(parting) = left.or_else(|| self.parted.get(&pair)) else {
            return false;
        };
        let under_way = made <= parting.at && now.since(parting.at) <= UNDER_WAY_MS;
        // The source's home hears of its being removed by intent.
        under_way || parting.by == viewer && self.is_unheard(parting, now)
    }

    /// Whether `viewer` may be told at `now` what `source` said to them at `made`: as anything else of
    /// them; but the mixer, too, hears that they parted by intent, whoever of the two did.
    fn may_read(&self, source: usize, viewer: usize, made: Timestamp, now: Timestamp) -> bool {
        let parting = self.parted.get(&History::pair(source, viewer));
        self.may_know(source, viewer, made, now)
            || parting.is_some_and(|parting| self.is_unheard(parting, now))
    }

    /// Whether others may not have heard yet that two people parted.
    fn is_unheard(&self, parting: &Parting, now: Timestamp) -> bool {
        let calm_at = parting.at.max(self.calm_since + AFTER_TROUBLE_MS);
        self.troubled || now.since(calm_at) <= INTENT_MS
    }
}

#[cfg(test)]
mod tests {
    use presently_core::client::{Command, Event};
    use presently_core::model::presence::Status;

    use super::check;
    use crate::check::made;
    use crate::history::{History, Told, What};

    fn presence(of: usize, status: Status, message: &str) -> Told {
        let (name, message) = (String::new(), String::from(message));
        Told::Presence { of, status, name, message }
    }

    fn tell(history: &mut History, device: usize, told: Told) {
        made::add(history, What::Told { device, link: 1, told });
    }

    fn act(history: &mut History, device: usize, id: u64, command: Command) {
        made::add(history, What::Act { device, id, command });
        made::add(history, What::Event { device, event: Event::Done { id: Some(id) } });
    }

    fn mood(history: &mut History, id: u64, text: &str) {
        act(history, 0, id, Command::Message { text: text.into() });
    }

    /// Person 0 removes person 1.
    fn part(history: &mut History) {
        act(history, 0, 70, Command::Remove { user: String::from("p1") });
    }

    #[test]
    fn friends_may_know_and_strangers_see_nobody() {
        let mut history = made::talk();
        mood(&mut history, 60, "glad");
        tell(&mut history, 1, presence(0, Status::Busy, "glad"));
        assert_eq!(check(&history), Ok(()));
        history.befriended.clear();
        assert!(check(&history).is_err());
        let mut history = made::talk();
        history.befriended.clear();
        tell(&mut history, 1, presence(0, Status::Offline, ""));
        assert_eq!(check(&history), Ok(()), "what everybody sees of a stranger");
    }

    #[test]
    fn what_was_under_way_may_arrive_and_what_came_later_may_not() {
        let mut history = made::talk();
        mood(&mut history, 60, "glad");
        part(&mut history);
        tell(&mut history, 1, presence(0, Status::Busy, "glad"));
        assert_eq!(check(&history), Ok(()));
        mood(&mut history, 61, "free");
        tell(&mut history, 1, presence(0, Status::Offline, "free"));
        assert!(check(&history).is_err());
    }

    #[test]
    fn who_removed_sees_until_the_other_home_heard() {
        let mut history = made::talk();
        part(&mut history);
        act(&mut history, 1, 62, Command::Message { text: String::from("sad") });
        tell(&mut history, 0, presence(1, Status::Online, "sad"));
        assert_eq!(check(&history), Ok(()));
        made::wait(&mut history, 100_000);
        tell(&mut history, 0, presence(1, Status::Online, "sad"));
        assert!(check(&history).is_err());
    }

    #[test]
    fn it_objects_to_typing_for_somebody_else_and_of_who_hides() {
        let mut history = made::talk();
        tell(&mut history, 1, Told::Typing { by: 0 });
        assert!(check(&history).is_err());
        let types = || Command::Typing { to: String::from("p1") };
        let mut history = made::talk();
        act(&mut history, 0, 63, types());
        tell(&mut history, 1, Told::Typing { by: 0 });
        assert_eq!(check(&history), Ok(()));
        let mut history = made::talk();
        act(&mut history, 0, 64, Command::Status { status: String::from("appear_offline") });
        act(&mut history, 0, 65, types());
        tell(&mut history, 1, Told::Typing { by: 0 });
        assert!(check(&history).is_err());
    }

    #[test]
    fn it_objects_to_a_seat_with_a_stranger_and_to_another_answer_than_others_get() {
        let mut history = made::talk();
        tell(&mut history, 1, Told::Seat { of: 0 });
        assert_eq!(check(&history), Ok(()));
        history.befriended.clear();
        assert!(check(&history).is_err());
        let mut history = made::talk();
        for of in [Some(0), None, Some(0)] {
            tell(&mut history, 1, Told::NoContact { of, answer: vec![9, 0] });
        }
        assert_eq!(check(&history), Ok(()));
        tell(&mut history, 0, Told::NoContact { of: None, answer: vec![9, 1] });
        assert!(check(&history).is_err());
    }

    #[test]
    fn a_liar_is_told_of_friends_only_and_what_they_do_is_theirs() {
        for (befriended, holds) in [(true, true), (false, false)] {
            let mut history = made::talk();
            history.liars.insert(1);
            if !befriended {
                history.befriended.clear();
            }
            mood(&mut history, 60, "glad");
            tell(&mut history, 1, presence(0, Status::Busy, "glad"));
            assert_eq!(check(&history).is_ok(), holds);
            history.seen.pop();
            tell(&mut history, 0, presence(1, Status::Busy, "whatever"));
            assert_eq!(check(&history).is_ok(), holds);
        }
    }

    #[test]
    fn it_objects_to_what_was_said_to_another() {
        let mut history = made::talk();
        let entry = |by, text: &str| {
            let (pair, text) = ((0, 1), String::from(text));
            Told::Entry { pair, by, seq: 1, text, history: false }
        };
        tell(&mut history, 1, entry(0, "one"));
        assert_eq!(check(&history), Ok(()));
        tell(&mut history, 1, entry(1, "one"));
        assert!(check(&history).is_err());
    }

    #[test]
    fn it_objects_to_names_of_strangers() {
        for told in [
            Told::Contact { of: 0, relation: 3, fetched: true },
            Told::Settling { of: 0 },
            Told::Ring { by: 0 },
            Told::Conversation { with: 0, fetched: true },
        ] {
            let mut history = made::talk();
            tell(&mut history, 1, told.clone());
            assert_eq!(check(&history), Ok(()));
            history.befriended.clear();
            made::forget(&mut history, |seen| matches!(seen, What::Act { .. }));
            assert!(check(&history).is_err(), "{told:?}");
        }
    }
}
