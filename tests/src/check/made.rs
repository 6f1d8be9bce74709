//! A true history made by hand, and ways to bend it: what checkers are tested with.

use std::collections::BTreeMap;

use presently_core::client::event::{ContactItem, HistoryItem};
use presently_core::client::{Command, Event};
use presently_core::id::{EndpointId, UserId};
use presently_core::time::Timestamp;

use crate::effects::By;
use crate::history::{History, Logged, Seen, What};

fn logged(seq: u64, person: usize, text: &str) -> Logged {
    Logged {
        seq,
        person,
        endpoint: EndpointId([person as u8; 16]),
        counter: seq,
        tag: [seq as u8; 8],
        text: text.into(),
        at: 1_000 + seq,
    }
}

fn message(device: usize, entry: &Logged) -> What {
    let event = Event::Message {
        from: format!("p{}", entry.person),
        conversation: String::from("c"),
        with: format!("p{}", 1 - device),
        seq: entry.seq,
        text: entry.text.clone(),
        at: entry.at,
    };
    What::Event { device, event }
}

fn item(user: usize, status: &str) -> ContactItem {
    ContactItem {
        user: format!("p{user}"),
        state: String::from("friend"),
        text: String::new(),
        status: status.into(),
        name: format!("p{user}"),
        message: String::new(),
    }
}

/// Two friends with a device each: a says "one" and "three", b says "two"; a is busy.
pub(super) fn talk() -> History {
    let mut history = History {
        people: vec![String::from("p0"), String::from("p1")],
        users: vec![UserId([0; 16]), UserId([1; 16])],
        owner: vec![0, 1],
        befriended: vec![(0, 1)],
        alive: vec![0, 1],
        ..History::default()
    };
    let log = vec![logged(1, 0, "one"), logged(2, 1, "two"), logged(3, 0, "three")];
    for device in 0..2 {
        add(&mut history, What::Born { device, fresh: true });
        let event = Event::SignedIn { user: format!("p{device}"), endpoint: String::new() };
        add(&mut history, What::Event { device, event });
    }
    let command = Command::Status { status: String::from("busy") };
    add(&mut history, What::Act { device: 0, id: 90, command });
    add(&mut history, What::Event { device: 0, event: Event::Done { id: Some(90) } });
    for (entry, id) in log.iter().zip(1..) {
        let device = entry.person;
        let to = format!("p{}", 1 - device);
        let command = Command::Send { to, text: entry.text.clone() };
        add(&mut history, What::Act { device, id, command });
        let event = Event::Acked { id: Some(id), seq: entry.seq, at: entry.at };
        add(&mut history, What::Event { device, event });
        add(&mut history, message(0, entry));
        add(&mut history, message(1, entry));
    }
    add(&mut history, What::Healed);
    for device in 0..2 {
        let ask = Command::History { with: format!("p{}", 1 - device), before: None, limit: None };
        let id = 100 + device as u64;
        add(&mut history, What::Act { device, id, command: ask });
        let list = log.iter().map(|e| HistoryItem {
            from: format!("p{}", e.person),
            seq: e.seq,
            text: e.text.clone(),
            at: e.at,
        });
        let event = Event::History { id: Some(id), list: list.collect(), more: false };
        add(&mut history, What::Event { device, event });
        let list = vec![if device == 0 { item(1, "online") } else { item(0, "busy") }];
        let event = Event::Contacts { id: None, revision: 1, list };
        add(&mut history, What::Event { device, event });
    }
    history.logs = BTreeMap::from([((0, 1), log)]);
    history
}

pub(super) fn add(history: &mut History, what: What) {
    let at = history.seen.last().map_or(Timestamp(100_000), |last| last.at + 10);
    history.seen.push(Seen { at, what });
}

pub(super) fn wait(history: &mut History, ms: u64) {
    let at = history.seen.last().map_or(Timestamp(0), |last| last.at) + ms;
    history.seen.push(Seen { at, what: What::Gone { by: (By::Node(99), 1) } });
}

pub(super) fn forget(history: &mut History, which: impl Fn(&What) -> bool) {
    history.seen.retain(|seen| !which(&seen.what));
}

pub(super) fn repeat(history: &mut History, which: impl Fn(&What) -> bool) {
    let again = history.seen.iter().find(|seen| which(&seen.what)).expect("there is one").clone();
    add(history, again.what);
}

pub(super) fn swap(
    history: &mut History,
    one: impl Fn(&What) -> bool,
    other: impl Fn(&What) -> bool,
) {
    let one = history.seen.iter().position(|seen| one(&seen.what)).expect("there is one");
    let other = history.seen.iter().position(|seen| other(&seen.what)).expect("there is one");
    let what = history.seen[one].what.clone();
    history.seen[one].what = history.seen[other].what.clone();
    history.seen[other].what = what;
}

/// A device is shown one more entry.
pub(super) fn show(history: &mut History, device: usize, seq: u64) {
    let what = message(device, &logged(seq, 0, "more"));
    add(history, what);
}

pub(super) fn is_message(what: &What, of: usize, number: u64) -> bool {
    matches!(what, What::Event { device, event: Event::Message { seq, .. } }
        if *device == of && *seq == number)
}

pub(super) fn is_ack(what: &What) -> bool {
    matches!(what, What::Event { event: Event::Acked { .. }, .. })
}

/// A device is killed some time after everything so far, and begins again.
pub(super) fn restart(history: &mut History, device: usize, after_ms: u64) {
    let last = history.seen.iter().map(|seen| seen.at).max().expect("something was seen");
    for what in [What::Killed { device }, What::Born { device, fresh: false }] {
        history.seen.push(Seen { at: last + after_ms, what });
    }
}

/// Device 1 is killed some time after everything so far and shows its last message in its next life.
pub(super) fn restart_and_show_again(history: &mut History, after_ms: u64) {
    let shown = history.seen.iter().rfind(|seen| is_message(&seen.what, 1, 3));
    let shown = shown.expect("it was shown").what.clone();
    restart(history, 1, after_ms);
    add(history, shown);
}

pub(super) fn bend_history(history: &mut History) {
    for seen in &mut history.seen {
        if let What::Event { event: Event::History { list, .. }, .. } = &mut seen.what {
            list[1].text.push('!');
        }
    }
}

fn bend_contacts(history: &mut History, of: usize, bend: impl Fn(&mut ContactItem)) {
    for seen in &mut history.seen {
        if let What::Event { device, event: Event::Contacts { list, .. } } = &mut seen.what
            && *device == of
        {
            list.iter_mut().for_each(&bend);
        }
    }
}

pub(super) fn show_as(history: &mut History, device: usize, status: &str) {
    bend_contacts(history, device, |item| item.status = status.into());
}

pub(super) fn unfriend(history: &mut History, device: usize) {
    bend_contacts(history, device, |item| item.state = String::from("pending"));
}
