//! R4: read your writes. What a person was told is stored is in whatever a device of theirs then reads:
//! in the newest history, and before the end of a `sync`. Of two who parted nobody reads on.

use std::collections::BTreeMap;

use presently_core::client::{Command, Event};

use crate::history::{Broken, History, Seen, What, broken};
use crate::reference::Reference;

const LAW: &str = "r4_own";

/// Holds a history against R4.
///
/// # Errors
/// What was read without a message that was acked before.
pub fn check(history: &History) -> Result<(), Broken> {
    let mut reads = Reads::new(history);
    history.seen.iter().try_for_each(|seen| reads.note(seen))
}

type Pair = (usize, usize);

/// A question and what its answer must have.
enum Question {
    Sent(Pair),
    History { pair: Pair, acked: u64 },
    Sync(Vec<(Pair, u64)>),
}

struct Reads<'a> {
    history: &'a History,
    reference: Reference,
    people: BTreeMap<&'a str, usize>,
    open: BTreeMap<u64, Question>,
    /// The last place each person was told of, per conversation.
    acked: BTreeMap<(usize, Pair), u64>,
    /// The last place shown per device and conversation.
    shown: BTreeMap<(usize, Pair), u64>,
}

impl<'a> Reads<'a> {
    fn new(history: &'a History) -> Self {
        Self {
            history,
            reference: Reference::new(history),
            people: history.people.iter().map(String::as_str).zip(0..).collect(),
            open: BTreeMap::new(),
            acked: BTreeMap::new(),
            shown: BTreeMap::new(),
        }
    }

    fn note(&mut self, seen: &Seen) -> Result<(), Broken> {
        self.reference.note(seen);
        match &seen.what {
            What::Act { device, id, command } => self.on_act(*device, *id, command),
            What::Event { device, event } => return self.on_event(*device, event),
            What::Born { device, .. } => {
                self.shown.retain(|(of, _), _| of != device);
            }
            _ => {}
        }
        Ok(())
    }

    fn on_act(&mut self, device: usize, id: u64, command: &Command) {
        let me = self.history.owner[device];
        let pair = |name: &str| Some(History::pair(me, *self.people.get(name)?));
        let question = match command {
            Command::Send { to, .. } => pair(to).map(Question::Sent),
            Command::History { with, before: None, .. } => pair(with).map(|pair| {
                let acked = self.acked.get(&(me, pair)).copied().unwrap_or(0);
                Question::History { pair, acked }
            }),
            Command::Sync => {
                // A conversation new to a device begins where the person's devices had been.
                let mine = self.acked.range((me, (0, 0))..(me + 1, (0, 0)));
                let known = mine.filter(|((_, pair), _)| {
                    self.shown.contains_key(&(device, *pair))
                        && self.reference.surely_friends(pair.0, pair.1)
                });
                Some(Question::Sync(known.map(|((_, pair), seq)| (*pair, *seq)).collect()))
            }
            _ => None,
        };
        if let Some(question) = question {
            self.open.insert(id, question);
        }
    }

    fn on_event(&mut self, device: usize, event: &Event) -> Result<(), Broken> {
        let me = self.history.owner[device];
        match event {
            Event::Message { with, seq, .. } => {
                if let Some(with) = self.people.get(with.as_str()) {
                    self.shown.insert((device, History::pair(me, *with)), *seq);
                }
            }
            Event::Acked { id: Some(id), seq, .. } => {
                if let Some(Question::Sent(pair)) = self.open.remove(id) {
                    let acked = self.acked.entry((me, pair)).or_default();
                    *acked = (*acked).max(*seq);
                }
            }
            Event::History { id: Some(id), list, .. } => {
                if let Some(Question::History { pair, acked }) = self.open.remove(id) {
                    let newest = list.last().map_or(0, |item| item.seq);
                    if newest < acked {
                        let what = format!(
                            "device {device} read {pair:?} to {newest}, acked before: {acked}"
                        );
                        return Err(broken(LAW, what));
                    }
                }
            }
            Event::Done { id: Some(id) } => {
                if let Some(Question::Sync(acked)) = self.open.remove(id) {
                    let shown = |pair| self.shown.get(&(device, pair)).copied().unwrap_or(0);
                    let missed = acked.into_iter().find(|(pair, seq)| {
                        self.reference.surely_friends(pair.0, pair.1) && shown(*pair) < *seq
                    });
                    if let Some((pair, seq)) = missed {
                        let what = format!("device {device} synced {pair:?} without {seq}");
                        return Err(broken(LAW, what));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use presently_core::client::event::HistoryItem;
    use presently_core::client::{Command, Event};

    use super::check;
    use crate::check::made;
    use crate::history::{History, What};

    fn read(history: &mut History, id: u64, through: u64) {
        let ask = Command::History { with: String::from("p1"), before: None, limit: None };
        made::add(history, What::Act { device: 0, id, command: ask });
        let item = |seq| HistoryItem { from: String::new(), seq, text: String::new(), at: 0 };
        let list = (1..=through).map(item).collect();
        let event = Event::History { id: Some(id), list, more: false };
        made::add(history, What::Event { device: 0, event });
    }

    #[test]
    fn who_was_told_reads_it() {
        let mut history = made::talk();
        read(&mut history, 500, 3);
        assert_eq!(check(&history), Ok(()));
        read(&mut history, 501, 2);
        assert!(check(&history).is_err());
    }

    #[test]
    fn it_objects_to_a_sync_that_ends_too_early() {
        let mut history = made::talk();
        made::forget(&mut history, |seen| made::is_message(seen, 0, 3));
        made::add(&mut history, What::Act { device: 0, id: 600, command: Command::Sync });
        made::add(&mut history, What::Event { device: 0, event: Event::Done { id: Some(600) } });
        assert!(check(&history).is_err());
    }
}
