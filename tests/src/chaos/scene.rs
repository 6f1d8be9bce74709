//! A scene: a server, people with devices, their talk, and what was seen of it all.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use presently_core::client::Command;

use super::device::Device;
use super::load::Load;
use super::log;
use super::record::Recorder;
use crate::history::{History, What};
use crate::process::{Scratch, Server, ServerOptions};

/// Nobody needs longer to be back at work, whatever befell.
const STALLED: Duration = Duration::from_secs(90);
/// Nothing more comes after so long without an event.
const QUIET: Duration = Duration::from_millis(1_500);
/// How often something is looked at.
const LOOK: Duration = Duration::from_millis(4);

/// What a scene is made of.
#[derive(Clone, Debug)]
pub(super) struct Cast {
    /// Pairs that talk.
    pub(super) pairs: usize,
    /// Whether the first person has a second device.
    pub(super) second: bool,
    /// Time between two sends of a device, at most.
    pub(super) gap_ms: u64,
    pub(super) server: ServerOptions,
}

impl Cast {
    /// Pairs over a server with nodes.
    pub(super) fn of(pairs: usize, nodes: u16) -> Self {
        let server = ServerOptions { nodes, demo: false, ..ServerOptions::default() };
        Self { pairs, second: true, gap_ms: 60, server }
    }
}

/// Everything at once.
#[derive(Debug)]
pub(super) struct Scene {
    name: String,
    pub(super) server: Server,
    pub(super) devices: Vec<Arc<Device>>,
    pub(super) load: Load,
    pub(super) recorder: Arc<Recorder>,
    /// Devices that need not be at work before the next fault, until they signed in so often.
    pub(super) excused: Vec<Option<u64>>,
}

impl Scene {
    /// Starts the server, signs everybody in and lets them talk.
    pub(super) fn open(name: &str, cast: &Cast) -> Self {
        let mut options = cast.server.clone();
        let log = Scratch::folder().join(format!("chaos-{name}.log"));
        std::fs::remove_file(&log).ok();
        // Kept: where a law is broken, somebody will want to read it.
        options.log.get_or_insert(log);
        options.env.push(("RUST_BACKTRACE".into(), "0".into()));
        let server = Server::start(&format!("chaos-{name}"), options);
        let people: Vec<String> = (0..2 * cast.pairs).map(|n| format!("p{n}")).collect();
        let users = people.iter().map(|name| server.add_account(name)).collect();
        let mut befriended = BTreeSet::new();
        // Who talks, and a ring around them all: everybody is seen by two or three.
        for person in 0..people.len() {
            befriended.insert(History::pair(person, person ^ 1));
            befriended.insert(History::pair(person, (person + 1) % people.len()));
        }
        for (a, b) in &befriended {
            server.befriend(&people[*a], &people[*b]);
        }
        let mut owner: Vec<usize> = (0..people.len()).collect();
        if cast.second {
            owner.push(0);
        }
        let history = History {
            people: people.clone(),
            users,
            owner: owner.clone(),
            befriended: befriended.into_iter().collect(),
            ..History::default()
        };
        let recorder = Arc::new(Recorder::new(history));
        let nodes = cast.server.nodes;
        let device = |(number, person): (usize, &usize)| {
            let names = (people[*person].as_str(), people[*person ^ 1].as_str());
            let node = u16::try_from(number).expect("a few") % (nodes + 1);
            let node = (node < nodes).then_some(node);
            let device = Device::new(number, names, &server.ready().listen, node, &recorder);
            device.start(true);
            Arc::new(device)
        };
        let devices: Vec<_> = owner.iter().enumerate().map(device).collect();
        wait("everybody signs in", STALLED, || devices.iter().all(|d| d.state().on));
        let load = Load::start(&devices, cast.gap_ms);
        let excused = vec![None; devices.len()];
        Self { name: name.to_owned(), server, devices, load, recorder, excused }
    }

    /// Acks of each device.
    pub(super) fn acks(&self) -> Vec<u64> {
        self.devices.iter().map(|device| device.acks()).collect()
    }

    /// Sends under way.
    pub(super) fn in_flight(&self) -> usize {
        self.devices.iter().map(|device| device.open()).sum()
    }

    /// Waits until each device that is not excused had more acks than in `since`; how many all had.
    pub(super) fn at_work(&mut self, since: &[u64]) -> u64 {
        for (excused, device) in self.excused.iter_mut().zip(&self.devices) {
            *excused = excused.filter(|until| device.state().sign_ins < *until);
        }
        let excused = self.excused.clone();
        let what = format!("{}: everybody is at work", self.name);
        wait(&what, STALLED, || {
            let each = self.devices.iter().zip(since).zip(&excused);
            each.clone().all(|((device, acks), excuse)| excuse.is_some() || device.acks() > *acks)
        });
        self.acks().iter().zip(since).map(|(now, then)| now - then).sum()
    }

    /// Waits for more acks of everybody from now on.
    pub(super) fn goes_on(&mut self) -> u64 {
        let since = self.acks();
        self.at_work(&since)
    }

    /// Notes that something befell the server.
    pub(super) fn trouble(&self) {
        self.recorder.see(What::Trouble);
    }

    /// Notes that the server is well again.
    pub(super) fn is_well(&self) {
        self.recorder.see(What::Quiet);
    }

    /// Offline events that clients had of their own links.
    pub(super) fn cuts(&self) -> u64 {
        self.devices.iter().map(|device| device.state().cuts).sum()
    }

    /// Heals all, lets what was said arrive, asks everybody what they know, stops the server and reads
    /// its log.
    pub(super) fn close(mut self) -> History {
        self.excused.fill(None);
        for device in &self.devices {
            device.proxy.set(crate::process::Weather::default());
        }
        self.load.pause(false);
        self.goes_on();
        self.load.end();
        self.answered("everything said has its outcome");
        self.recorder.see(What::Healed);
        self.quiet();
        for device in &self.devices {
            device.give(Command::Sync);
        }
        self.answered("everybody has been shown all");
        self.quiet();
        for device in &self.devices {
            device.give(Command::Contacts);
            let (with, limit) = (device.to.clone(), Some(200));
            device.give(Command::History { with, before: None, limit });
        }
        self.answered("everybody answers");
        let mut history = self.recorder.close();
        history.alive = self.devices.iter().map(|device| device.number).collect();
        let (code, took) = self.server.stop();
        assert_eq!(code, Some(0), "{}: the server stops, after {took:?}", self.name);
        history.logs = log::read(&self.server.data(), &history);
        history
    }

    fn answered(&self, what: &str) {
        let what = format!("{}: {what}", self.name);
        wait(&what, STALLED, || self.in_flight() == 0 && self.devices.iter().all(|d| d.state().on));
    }

    /// Waits until no event has come for a while.
    fn quiet(&self) {
        let count = || self.devices.iter().map(|device| device.state().events).sum::<u64>();
        let (mut last, mut since) = (count(), Instant::now());
        while since.elapsed() < QUIET {
            std::thread::sleep(LOOK * 10);
            if count() != last {
                (last, since) = (count(), Instant::now());
            }
        }
    }
}

/// Waits until something holds.
///
/// # Panics
/// Where it does not within the time.
pub(super) fn wait(what: &str, within: Duration, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < within, "not within {within:?}: {what}");
        std::thread::sleep(LOOK);
    }
}
