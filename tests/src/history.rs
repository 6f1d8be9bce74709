//! What was seen of a run from outside: acts, events, faults, and the state at the end.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::OnceLock;

use presently_core::client::{Command, Event};
use presently_core::id::{EndpointId, UserId};
use presently_core::model::presence::Status;
use presently_core::time::Timestamp;

use crate::effects::{By, Effects};

/// One thing seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When, on the world's clock.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What can be seen. Devices, people and nodes are numbered from 0.
#[derive(Clone, Debug)]
pub enum What {
    /// An app gave its client a command.
    Act {
        /// The device.
        device: usize,
        /// The app's number; never used twice in a run.
        id: u64,
        /// The command.
        command: Command,
    },
    /// A client told its app.
    Event {
        /// The device.
        device: usize,
        /// What.
        event: Event,
    },
    /// A client process starts.
    Born {
        /// The device.
        device: usize,
        /// Without a cache: it is a new endpoint.
        fresh: bool,
    },
    /// A device gets a copy of the cache of another one of its person: its next process starts from it.
    Cloned {
        /// The device.
        device: usize,
        /// Whose cache it was.
        of: usize,
    },
    /// A client process is killed.
    Killed {
        /// The device.
        device: usize,
    },
    /// A client says that nothing more will come.
    Ended {
        /// The device.
        device: usize,
    },
    /// A device stands still, like a phone in a pocket: its process does nothing.
    Sleeps {
        /// The device.
        device: usize,
    },
    /// It goes on.
    Wakes {
        /// The device.
        device: usize,
    },
    /// The link of a device was cut, stalled, refused or closed: it has none.
    Unlinked {
        /// The device.
        device: usize,
    },
    /// Something that may part homes from sessions begins: a node is down, parted or paused.
    Trouble,
    /// All of that is over.
    Quiet,
    /// Two nodes begin anew with each other, or ranges move: who owns them tells again what it should.
    Resync,
    /// A client asks for a link.
    Dials {
        /// The device.
        device: usize,
        /// The link's number in its process.
        link: u64,
    },
    /// The asker's life is over.
    Gone {
        /// Who.
        by: (By, u32),
    },
    /// A process began a life of a node: it is durable that it did.
    Lives {
        /// Which node.
        node: usize,
        /// Which host, and its life.
        by: (usize, u32),
    },
    /// A range of shards is a node's from here on: that is durable.
    Owns {
        /// Which node.
        node: usize,
        /// Its number.
        range: usize,
    },
    /// Something of a range came to stand, by another than before, or for the first time since somebody
    /// came to own it.
    Wrote {
        /// As which node.
        node: usize,
        /// Which host, and its life.
        by: (usize, u32),
        /// The range's number.
        range: usize,
    },
    /// A machine of a node was told by its store that what it asked under checks is refused.
    Refused {
        /// Which node.
        node: usize,
        /// Which host, and its life.
        by: (usize, u32),
    },
    /// A host, or the disk, stands still or fails all that is asked, at most until then.
    Halts {
        /// Which host; `None`: the disk.
        host: Option<usize>,
        /// Until when.
        until: Timestamp,
    },
    /// From here on nothing goes wrong any more.
    Healed,
    /// A gate gave its host a frame for a device, on that link of it.
    Told {
        /// The device.
        device: usize,
        /// Its number for the link.
        link: u64,
        /// What the frame says.
        told: Told,
    },
    /// A node was told to go away.
    Draining {
        /// Which.
        node: usize,
    },
    /// It says that it has.
    Drained {
        /// Which.
        node: usize,
        /// Links it still had.
        links: usize,
    },
    /// A gate closes a link of a device, for a fault of what was said on it.
    Faulted {
        /// The device.
        device: usize,
        /// Its number for the link.
        link: u64,
    },
    /// A queue grew longer than it ever was.
    Measured {
        /// Whose.
        by: By,
        /// Which.
        queue: &'static str,
        /// How long it is.
        length: usize,
        /// How long it may be.
        bound: usize,
    },
}

/// What a frame says of people, read from the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// How somebody is.
    Presence {
        /// Who.
        of: usize,
        /// As others see it.
        status: Status,
        /// The display name.
        name: String,
        /// The personal message.
        message: String,
    },
    /// Somebody's home has just started.
    Settling {
        /// Who.
        of: usize,
    },
    /// Somebody writes.
    Typing {
        /// Who.
        by: usize,
    },
    /// Somebody said something in a conversation that the device has not joined.
    Ring {
        /// Who.
        by: usize,
    },
    /// An entry of a conversation.
    Entry {
        /// The conversation, smaller person first.
        pair: (usize, usize),
        /// Whose it is.
        by: usize,
        /// Its place.
        seq: u64,
        /// What was said.
        text: String,
        /// Asked for as history.
        history: bool,
    },
    /// A contact as the book has it.
    Contact {
        /// Who.
        of: usize,
        /// How they stand; see [`Relation`](presently_core::model::contact::Relation).
        relation: u8,
        /// Part of an answer to a fetch, not pushed.
        fetched: bool,
    },
    /// The book was fetched, and all of it came.
    WholeBook,
    /// A conversation of the inbox.
    Conversation {
        /// With whom.
        with: usize,
        /// Part of an answer to a fetch, not pushed.
        fetched: bool,
    },
    /// A ticket.
    Granted {
        /// For which service.
        service: u8,
        /// A digest of it.
        ticket: u64,
    },
    /// A service is open to who showed a ticket.
    Attached {
        /// Which.
        service: u8,
        /// The ticket's digest.
        ticket: u64,
        /// When it was shown.
        asked: Timestamp,
    },
    /// Somebody signed in.
    SignedIn {
        /// What they showed.
        with: Shown,
        /// Who.
        person: usize,
        /// On which device, as they call it.
        endpoint: EndpointId,
        /// The next token.
        token: u64,
        /// When they asked.
        asked: Timestamp,
    },
    /// A sign-in is over: its end was asked for, or somebody showed a token that is older than one used.
    SignInOver {
        /// The token shown.
        token: u64,
        /// When.
        asked: Timestamp,
    },
    /// A sign-in by password has to wait: too many failed.
    SlowedDown,
    /// Somebody may be talked to.
    Seat {
        /// Who.
        of: usize,
    },
    /// Somebody may not be talked to.
    NoContact {
        /// Who; `None`: there is no such person.
        of: Option<usize>,
        /// The answer, without its number.
        answer: Vec<u8>,
    },
    /// The gate goes away.
    Closing {
        /// Milliseconds after which the client shall come back.
        after_ms: u32,
    },
}

/// What somebody showed who signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A password.
    Password,
    /// A refresh token.
    Token(u64),
    /// They asked for two things under one number: which was answered is not known.
    Unknown,
}

/// An entry of the durable log, read from the disk at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Its place.
    pub seq: u64,
    /// Whose it is.
    pub person: usize,
    /// On which endpoint.
    pub endpoint: EndpointId,
    /// The device's counter.
    pub counter: u64,
    /// The device's tag.
    pub tag: [u8; 8],
    /// What was said.
    pub text: String,
    /// The stamp.
    pub at: u64,
}

/// Everything about one run.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Names.
    pub people: Vec<String>,
    /// Their ids.
    pub users: Vec<UserId>,
    /// Whose each device is.
    pub owner: Vec<usize>,
    /// Pairs made friends by the operator before all else.
    pub befriended: Vec<(usize, usize)>,
    /// What was seen, in order.
    pub seen: Vec<Seen>,
    /// What machines asked for beside that.
    pub effects: Effects,
    /// The durable logs by pair, smaller person first.
    pub logs: BTreeMap<(usize, usize), Vec<Logged>>,
    /// People of whom a device lies: of what they do nothing is known.
    pub liars: BTreeSet<usize>,
    /// Devices that live at the end.
    pub alive: Vec<usize>,
    /// Numbers of the names: filled by the first who asks.
    pub numbers: OnceLock<HashMap<String, usize>>,
}

impl History {
    /// The number of a name.
    #[must_use]
    pub fn person(&self, name: &str) -> Option<usize> {
        let names = || self.people.iter().cloned().zip(0..).collect();
        self.numbers.get_or_init(names).get(name).copied()
    }

    /// The entry at a place of a pair's log.
    #[must_use]
    pub fn entry(&self, pair: (usize, usize), seq: u64) -> Option<&Logged> {
        let log = self.logs.get(&pair)?;
        // A true log has no gaps: the search is for those that do.
        let at = usize::try_from(seq).ok()?.checked_sub(1)?;
        log.get(at).filter(|entry| entry.seq == seq).or_else(|| log.iter().find(|e| e.seq == seq))
    }

    /// Whether a device is one of a person who may lie.
    #[must_use]
    pub fn lies(&self, device: usize) -> bool {
        self.liars.contains(&self.owner[device])
    }

    /// Whether one of two people may lie.
    #[must_use]
    pub fn has_liar(&self, pair: (usize, usize)) -> bool {
        self.liars.contains(&pair.0) || self.liars.contains(&pair.1)
    }

    /// Whether what stands at `seq` is the next to be read after what stands at `last`: of what a liar
    /// says some is nothing to read.
    #[must_use]
    pub fn follows(&self, pair: (usize, usize), last: u64, seq: u64) -> bool {
        let lie = |seq| self.entry(pair, seq).is_some_and(|e| self.liars.contains(&e.person));
        last < seq && (last + 1..seq).all(lie)
    }

    /// A pair in its one order.
    #[must_use]
    pub fn pair(a: usize, b: usize) -> (usize, usize) {
        if a < b { (a, b) } else { (b, a) }
    }
}

/// Devices that stand still: who is killed then has done nothing since.
#[derive(Clone, Debug, Default)]
pub struct Sleepers(BTreeMap<usize, Timestamp>);

impl Sleepers {
    /// Takes one thing seen.
    pub fn note(&mut self, seen: &Seen) {
        if let What::Sleeps { device } = seen.what {
            self.0.entry(device).or_insert(seen.at);
        }
        if let What::Wakes { device } | What::Born { device, .. } = seen.what {
            self.0.remove(&device);
        }
    }

    /// When a device last did something, seen from an instant.
    #[must_use]
    pub fn ran(&self, device: usize, at: Timestamp) -> Timestamp {
        self.0.get(&device).copied().unwrap_or(at)
    }
}

/// A law that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its name.
    pub law: &'static str,
    /// What was seen, for a person.
    pub what: String,
}

/// Makes a [`Broken`].
#[must_use]
pub fn broken(law: &'static str, what: impl Into<String>) -> Broken {
    Broken { law, what: what.into() }
}
