//! G4: after quiet, every friend sees the true presence; one real change makes at most one event;
//! who is back within the linger makes none.

use std::collections::{BTreeMap, BTreeSet};

use presently_core::client::event::ContactItem;
use presently_core::client::{Command, Event};
use presently_core::limits::LINGER_MS;
use presently_core::model::presence::Status;
use presently_core::time::Timestamp;

use super::lives::{Life, lives};
use crate::history::{Broken, History, Seen, Told, What, broken};
use crate::reference::Reference;

const LAW: &str = "g4_presence";
/// Links, fabric and coalescing may take this long, milliseconds.
const SLACK_MS: u64 = 6_000;
/// What somebody did may take this long to be told, milliseconds.
const UNDER_WAY_MS: u64 = 3_000;
/// How long after a trouble of the fabric its consequences may be seen, milliseconds.
const AFTER_TROUBLE_MS: u64 = 60_000;

/// Holds a history against G4.
///
/// # Errors
/// Who sees what is not so, or was told too often.
pub fn check(history: &History) -> Result<(), Broken> {
    let mut lives = lives(history);
    lives.retain(|life| !history.liars.contains(&life.person));
    at_the_end(history, &lives)?;
    let changes = changes(history);
    for life in &lives {
        changes_only(history, life, &changes)?;
    }
    not_again(history, &lives)?;
    told_once(history)?;
    lingers(history, &lives)
}

/// On one link nobody is told the same of a friend twice in a row, also where no app would see it;
/// unless the friend did something in between, of which word may have been lost, or the home may have
/// started anew, also on another node that its range moved to, or the two parted or met.
fn told_once(history: &History) -> Result<(), Broken> {
    let mut once = Once { moved: vec![Timestamp(0); history.people.len()], ..Once::default() };
    for seen in &history.seen {
        once.note(history, seen);
        if let What::Told { device, link, told: Told::Presence { of, status, name, message } } =
            &seen.what
            && history.owner[*device] != *of
            && !history.lies(*device)
            && !history.liars.contains(of)
        {
            let now = (*status, name.as_str(), message.as_str());
            once.told(history, (*device, *link, *of), now, seen.at)?;
        }
    }
    Ok(())
}

/// A status, a name and a message as a frame told them.
type Frame<'a> = (Status, &'a str, &'a str);

/// What was told last, and since when nothing could make it be told again.
#[derive(Default)]
struct Once<'a> {
    last: BTreeMap<(usize, u64, usize), (Timestamp, Frame<'a>)>,
    met: BTreeMap<(usize, usize), Timestamp>,
    /// When each person last did something that others may see.
    moved: Vec<Timestamp>,
    troubled: bool,
    calm_since: Timestamp,
}

impl<'a> Once<'a> {
    fn note(&mut self, history: &History, seen: &Seen) {
        match &seen.what {
            What::Trouble => self.troubled = true,
            What::Quiet => (self.troubled, self.calm_since) = (false, seen.at),
            What::Resync => self.calm_since = seen.at,
            What::Act {
                device,
                command:
                    Command::Add { user, .. }
                    | Command::Accept { user }
                    | Command::Decline { user }
                    | Command::Remove { user },
                ..
            } => {
                if let Some(other) = history.person(user) {
                    self.met.insert(History::pair(history.owner[*device], other), seen.at);
                }
            }
            What::Act {
                device,
                command:
                    Command::Status { .. }
                    | Command::Message { .. }
                    | Command::Name { .. }
                    | Command::SignOut,
                ..
            }
            | What::Event { device, event: Event::SignedIn { .. } | Event::Done { .. } }
            | What::Killed { device }
            | What::Ended { device }
            | What::Unlinked { device } => self.moved[history.owner[*device]] = seen.at,
            What::Born { device, .. } => {
                // A new process numbers its links anew.
                self.last.retain(|(of, ..), _| of != device);
            }
            _ => {}
        }
    }

    fn told(
        &mut self,
        history: &History,
        key: (usize, u64, usize),
        now: Frame<'a>,
        at: Timestamp,
    ) -> Result<(), Broken> {
        let before = self.last.insert(key, (at, now));
        let Some((before, _)) = before.filter(|(_, told)| *told == now) else {
            return Ok(());
        };
        let (device, link, of) = key;
        let calm = !self.troubled && at.since(self.calm_since) > AFTER_TROUBLE_MS;
        let met = self.met.get(&History::pair(history.owner[device], of));
        let apart = met.is_none_or(|met| at.since(*met) > 2 * AFTER_TROUBLE_MS);
        let moved = self.moved[of] + UNDER_WAY_MS >= before;
        if calm && apart && !moved {
            let what = format!(
                "device {device} was told twice in a row on link {link}, at {}, of {of}: {now:?}",
                at.0
            );
            return Err(broken(LAW, what));
        }
        Ok(())
    }
}

fn at_the_end(history: &History, lives: &[Life<'_>]) -> Result<(), Broken> {
    let reference = Reference::of(history);
    let mut first: BTreeMap<usize, (usize, &ContactItem)> = BTreeMap::new();
    for life in lives.iter().filter(|life| history.alive.contains(&life.device)) {
        let list = life.events.iter().rev().find_map(|(_, event)| match event {
            Event::Contacts { list, .. } if life.until.is_none() => Some(list),
            _ => None,
        });
        for item in list.into_iter().flatten().filter(|item| item.state == "friend") {
            let Some(friend) = history.person(&item.user) else {
                return Err(broken(LAW, format!("device {} has a stranger", life.device)));
            };
            if history.liars.contains(&friend) {
                continue;
            }
            let face = [&item.status, &item.name, &item.message].map(String::as_str);
            true_now(history, &reference, life.device, friend, Some(face))?;
            let face = |of: &ContactItem| [&of.status, &of.name, &of.message].map(String::clone);
            if item.status != "offline" {
                let (other, seen) = *first.entry(friend).or_insert((life.device, item));
                if face(seen) != face(item) {
                    let (one, two) = (face(seen), face(item));
                    let what = format!(
                        "device {other} sees {friend} as {one:?}, device {} as {two:?}",
                        life.device
                    );
                    return Err(broken(LAW, what));
                }
            }
        }
    }
    Ok(())
}

/// What somebody is seen as: status, name and message.
pub(super) type Face<'a> = [&'a str; 3];

/// Whether what a device sees of a friend may be so; `None`: it was never told, and sees them offline.
pub(super) fn true_now(
    history: &History,
    reference: &Reference,
    device: usize,
    friend: usize,
    face: Option<Face<'_>>,
) -> Result<(), Broken> {
    let shown = reference.shown(friend);
    let mut may = shown.status.values().flatten().map(|status| seen_as(status));
    let [status, name, message] = face.unwrap_or(["offline", "", ""]);
    let offline = status == "offline";
    let is_so = may.any(|may| may == status) || offline && shown.status.is_empty();
    let name = if name == history.people[friend] { "" } else { name };
    let named = shown.name.contains(name) || offline && shown.offline_name.contains(name);
    let said =
        shown.message.contains(message) || offline && shown.offline_message.contains(message);
    if !is_so || face.is_some() && (!named || !said) {
        let what = format!(
            "device {device} sees {friend} as {status} ({name:?}, {message:?}); true is {:?} ({:?}, {:?})",
            shown.status, shown.name, shown.message
        );
        return Err(broken(LAW, what));
    }
    Ok(())
}

fn seen_as(status: &str) -> &str {
    if status == "appear_offline" { "offline" } else { status }
}

/// Two presence events of one friend in a row differ, and there are no more than real changes.
fn changes_only(history: &History, life: &Life<'_>, changes: &[u64]) -> Result<(), Broken> {
    let mut last: BTreeMap<&str, (&str, &str, &str)> = BTreeMap::new();
    let mut told: BTreeMap<usize, u64> = BTreeMap::new();
    for (_, event) in &life.events {
        match event {
            Event::Presence { user, status, name, message } => {
                let now = (status.as_str(), name.as_str(), message.as_str());
                // A liar calls themselves by the name that is shown for none: a change that does not show.
                let lies = history.person(user).is_some_and(|of| history.liars.contains(&of));
                if last.insert(user, now) == Some(now) && !lies {
                    let what =
                        format!("device {} was told twice that {user} is {status}", life.device);
                    return Err(broken(LAW, what));
                }
                if let Some(person) = history.person(user) {
                    *told.entry(person).or_default() += 1;
                }
            }
            Event::Contact { user, .. } => {
                last.remove(user.as_str());
            }
            _ => {}
        }
    }
    for (person, count) in told {
        if history.liars.contains(&person) {
            continue;
        }
        let most = real_changes(history, life, person, changes);
        if count > most {
            let what = format!(
                "device {} was told {count} times of {person}, who changed {most} times",
                life.device
            );
            return Err(broken(LAW, what));
        }
    }
    Ok(())
}

/// A name or message that was chosen once, and that another one followed, is not seen again: whoever
/// chose it may say it again after a cut, and another device may have chosen since.
fn not_again(history: &History, lives: &[Life<'_>]) -> Result<(), Broken> {
    let chosen = chosen_once(history);
    let troubled = troubles(history);
    for life in lives {
        let mut seen: BTreeMap<(&str, bool), Vec<&str>> = BTreeMap::new();
        for (at, event) in &life.events {
            let Event::Presence { user, name, message, .. } = event else { continue };
            let Some(of) = history.person(user) else { continue };
            for (text, is_name) in [(name.as_str(), true), (message.as_str(), false)] {
                let faces = seen.entry((user, is_name)).or_default();
                // Nothing chosen, or nothing that this one may see.
                let is_blank = text.is_empty() || is_name && text == user;
                if is_blank || faces.last() == Some(&text) {
                    continue;
                }
                // A home that was thought gone may still answer with what it knows.
                let calm = !troubled.iter().any(|(from, to)| from <= at && at <= to);
                if calm && faces.contains(&text) && chosen.contains(&(of, is_name, text)) {
                    let what = format!(
                        "device {} sees {text:?} of {of} again, at {}, after {:?}: it was chosen once",
                        life.device,
                        at.0,
                        faces.last()
                    );
                    return Err(broken(LAW, what));
                }
                faces.push(text);
            }
        }
    }
    Ok(())
}

/// The names (`true`) and messages that honest people chose exactly once.
fn chosen_once(history: &History) -> BTreeSet<(usize, bool, &str)> {
    let mut count: BTreeMap<(usize, bool, &str), u32> = BTreeMap::new();
    for seen in &history.seen {
        let (device, text, is_name) = match &seen.what {
            What::Act { device, command: Command::Name { text }, .. } => (device, text, true),
            What::Act { device, command: Command::Message { text }, .. } => (device, text, false),
            _ => continue,
        };
        let of = history.owner[*device];
        if !history.liars.contains(&of) {
            *count.entry((of, is_name, text)).or_default() += 1;
        }
    }
    count.into_iter().filter(|(_, count)| *count == 1).map(|(what, _)| what).collect()
}

/// The most changes of a person that there can have been, plus the first sight in each standing.
fn real_changes(history: &History, life: &Life<'_>, person: usize, changes: &[u64]) -> u64 {
    let contacts = life.events.iter().filter(|(_, event)| {
        matches!(event, Event::Contact { user, .. } if history.person(user) == Some(person))
    });
    1 + contacts.count() as u64 + changes[person]
}

/// The most changes that there can have been of each person.
fn changes(history: &History) -> Vec<u64> {
    let mut of = vec![0; history.people.len()];
    let mut of_all = 0;
    for seen in &history.seen {
        match &seen.what {
            What::Act {
                device,
                command: Command::Status { .. } | Command::Message { .. } | Command::Name { .. },
                ..
            } => of[history.owner[*device]] += 1,
            What::Unlinked { device }
            | What::Killed { device }
            | What::Ended { device }
            | What::Born { device, .. } => of[history.owner[*device]] += 2,
            What::Trouble => of_all += 2,
            _ => {}
        }
    }
    of.into_iter().map(|own| own + of_all).collect()
}

/// Who was back within the linger was never seen offline.
fn lingers(history: &History, lives: &[Life<'_>]) -> Result<(), Broken> {
    let absent = absences(history);
    let troubled = troubles(history);
    let (hidden, removed) = (hidden(history), removals(history));
    for life in lives {
        for (at, event) in &life.events {
            let Event::Presence { user, status, .. } = event else {
                continue;
            };
            let Some(friend) = history.person(user).filter(|friend| *friend != life.person) else {
                continue;
            };
            let unknown = history.liars.contains(&friend);
            if unknown
                || status != "offline"
                || troubled.iter().any(|(from, to)| from <= at && at <= to)
            {
                continue;
            }
            let reason = hidden[friend].is_some_and(|chosen| chosen <= *at)
                || parted(&removed, (life.person, friend), *at)
                || absent[friend].iter().any(|(from, to, left)| {
                    let lingered = *left || at.since(*from) + SLACK_MS >= LINGER_MS;
                    let long = *left || to.since(*from) + SLACK_MS >= LINGER_MS;
                    *from <= *at && *at <= *to + SLACK_MS && lingered && long
                });
            if !reason {
                let what = format!(
                    "device {} saw {friend} offline at {}, who was back in time",
                    life.device, at.0
                );
                return Err(broken(LAW, what));
            }
        }
    }
    Ok(())
}

/// Somebody removes a contact: without a link that waits, and comes whenever there is one.
struct Removal {
    pair: (usize, usize),
    asked: Timestamp,
    /// When it had its outcome, or its process ended.
    done: Option<Timestamp>,
}

/// Whether one of the two removes the other, or did shortly before: who may not see, sees offline.
fn parted(removed: &[Removal], (one, other): (usize, usize), at: Timestamp) -> bool {
    let pair = History::pair(one, other);
    removed.iter().take_while(|removal| removal.asked <= at).any(|removal| {
        let is_recent = removal.done.is_none_or(|done| at.0 < done.0 + AFTER_TROUBLE_MS);
        removal.pair == pair && is_recent
    })
}

/// Who removed whom, in the order they asked to.
fn removals(history: &History) -> Vec<Removal> {
    let mut removals: Vec<Removal> = Vec::new();
    let mut open = BTreeMap::new();
    for seen in &history.seen {
        match &seen.what {
            What::Act { device, id, command: Command::Remove { user } } => {
                let Some(whom) = history.person(user) else { continue };
                let pair = History::pair(history.owner[*device], whom);
                open.insert(*id, (*device, removals.len()));
                removals.push(Removal { pair, asked: seen.at, done: None });
            }
            What::Event {
                event: Event::Done { id: Some(id) } | Event::Error { id: Some(id), .. },
                ..
            } => {
                if let Some((_, at)) = open.remove(id) {
                    removals[at].done = Some(seen.at);
                }
            }
            What::Killed { device } | What::Ended { device } => {
                open.retain(|_, (of, at)| {
                    if of == device {
                        removals[*at].done = Some(seen.at);
                    }
                    of != device
                });
            }
            _ => {}
        }
    }
    removals
}

/// When each person first chose to appear offline.
fn hidden(history: &History) -> Vec<Option<Timestamp>> {
    let mut out = vec![None; history.people.len()];
    for seen in &history.seen {
        if let What::Act { device, command: Command::Status { status }, .. } = &seen.what
            && status == "appear_offline"
        {
            out[history.owner[*device]].get_or_insert(seen.at);
        }
    }
    out
}

/// Per person: stretches in which no device was signed in, and whether one ended by a sign-out.
fn absences(history: &History) -> Vec<Vec<(Timestamp, Timestamp, bool)>> {
    let people = history.people.len();
    let mut out = vec![Vec::new(); people];
    let mut present: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); people];
    let mut since: Vec<(Timestamp, bool)> = vec![(Timestamp(0), false); people];
    for seen in &history.seen {
        match &seen.what {
            What::Event { device, event: Event::SignedIn { .. } } => {
                let person = history.owner[*device];
                if present[person].is_empty() {
                    out[person].push((since[person].0, seen.at, since[person].1));
                }
                present[person].insert(*device);
            }
            What::Unlinked { device }
            | What::Killed { device }
            | What::Ended { device }
            | What::Act { device, command: Command::SignOut, .. } => {
                let person = history.owner[*device];
                let left = matches!(seen.what, What::Ended { .. } | What::Act { .. });
                if present[person].remove(device) && present[person].is_empty() {
                    since[person] = (seen.at, left);
                } else if present[person].is_empty() && left {
                    since[person].1 = true;
                }
            }
            _ => {}
        }
    }
    for person in 0..people {
        if present[person].is_empty() {
            out[person].push((since[person].0, Timestamp(u64::MAX), since[person].1));
        }
    }
    out
}

fn troubles(history: &History) -> Vec<(Timestamp, Timestamp)> {
    let mut out = Vec::new();
    let mut since = None;
    for seen in &history.seen {
        match seen.what {
            What::Trouble => {
                since.get_or_insert(seen.at);
            }
            What::Quiet => {
                if let Some(from) = since.take() {
                    out.push((from, seen.at + AFTER_TROUBLE_MS));
                }
            }
            _ => {}
        }
    }
    out.extend(since.map(|from| (from, Timestamp(u64::MAX))));
    out
}

#[cfg(test)]
mod tests {
    use presently_core::client::{Command, Event};
    use presently_core::model::presence::Status;

    use super::{AFTER_TROUBLE_MS, check, lingers};
    use crate::check::lives::lives;
    use crate::check::made;
    use crate::history::{Broken, History, Told, What};

    #[test]
    fn it_objects_to_a_frame_told_twice_in_a_row() {
        let mut history = made::talk();
        made::wait(&mut history, 70_000);
        let tell = |status, link| {
            let (name, message) = (String::new(), String::new());
            What::Told { device: 1, link, told: Told::Presence { of: 0, status, name, message } }
        };
        made::wait(&mut history, 70_000);
        for (status, link) in [(Status::Busy, 1), (Status::Offline, 1), (Status::Offline, 2)] {
            made::add(&mut history, tell(status, link));
        }
        assert_eq!(check(&history), Ok(()));
        made::add(&mut history, tell(Status::Offline, 2));
        assert!(check(&history).is_err());
    }

    fn presence(status: &str) -> What {
        let event = Event::Presence {
            user: String::from("p0"),
            status: String::from(status),
            name: String::from("p0"),
            message: String::new(),
        };
        What::Event { device: 1, event }
    }

    #[test]
    fn a_true_history_holds() {
        assert_eq!(check(&made::talk()), Ok(()));
    }

    #[test]
    fn it_objects_where_a_friend_sees_what_is_not_so() {
        let mut history = made::talk();
        made::show_as(&mut history, 1, "away");
        assert!(check(&history).is_err());
    }

    #[test]
    fn it_objects_to_the_same_told_twice() {
        let mut history = made::talk();
        made::add(&mut history, presence("busy"));
        made::add(&mut history, presence("busy"));
        assert!(check(&history).is_err());
    }

    #[test]
    fn it_objects_to_a_name_that_comes_back() {
        let mut history = made::talk();
        let named = |name: &str| {
            let (user, status) = (String::from("p0"), String::from("busy"));
            let (name, message) = (String::from(name), String::new());
            What::Event { device: 1, event: Event::Presence { user, status, name, message } }
        };
        for (id, name) in [(91, "one"), (92, "two")] {
            let command = Command::Name { text: String::from(name) };
            made::add(&mut history, What::Act { device: 0, id, command });
            made::add(&mut history, named(name));
        }
        let told = |check: Result<(), _>| match check {
            Err(Broken { what, .. }) => what,
            Ok(()) => String::new(),
        };
        assert!(!told(check(&history)).contains("again"), "each was seen once");
        made::add(&mut history, named("one"));
        assert!(told(check(&history)).contains("chosen once"));
    }

    #[test]
    fn it_objects_to_more_events_than_changes() {
        let mut history = made::talk();
        for _ in 0..10 {
            made::add(&mut history, presence("away"));
            made::add(&mut history, presence("busy"));
        }
        assert!(check(&history).is_err());
    }

    #[test]
    fn it_objects_where_a_friend_was_seen_offline_within_the_linger() {
        let mut history = made::talk();
        made::wait(&mut history, 60_000);
        made::add(&mut history, What::Unlinked { device: 0 });
        made::add(&mut history, presence("offline"));
        assert!(check(&history).is_err());
    }

    #[test]
    fn who_is_being_removed_may_see_offline_until_that_is_long_done() {
        let mut history = made::talk();
        made::wait(&mut history, 60_000);
        let command = Command::Remove { user: String::from("p1") };
        made::add(&mut history, What::Act { device: 0, id: 91, command });
        made::wait(&mut history, 2 * AFTER_TROUBLE_MS);
        let is_early = |history: &History| {
            let mut history = history.clone();
            made::add(&mut history, presence("offline"));
            let broken = lingers(&history, &lives(&history));
            broken.is_err()
        };
        assert!(!is_early(&history), "it waits for a link");
        let mut killed = history.clone();
        made::add(&mut killed, What::Killed { device: 0 });
        made::add(&mut killed, What::Born { device: 0, fresh: false });
        let event = Event::SignedIn { user: String::from("p0"), endpoint: String::new() };
        made::add(&mut killed, What::Event { device: 0, event });
        assert!(!is_early(&killed));
        made::wait(&mut killed, AFTER_TROUBLE_MS);
        assert!(is_early(&killed), "it waits in no process any more");
        made::add(&mut history, What::Event { device: 0, event: Event::Done { id: Some(91) } });
        assert!(!is_early(&history));
        made::wait(&mut history, AFTER_TROUBLE_MS);
        assert!(is_early(&history));
    }
}
