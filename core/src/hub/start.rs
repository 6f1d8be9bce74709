//! How a node starts: its life in the store, then who owns what, and the keys of tickets (PROTOCOL
//! §9.1).

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{AdminRequest, Config, Input, Output, StoreOp};
use crate::id::{Incarnation, LinkId, OpId};
use crate::limits::{LINK_PRE_AUTH_BYTES_MAX, LINKS_PRE_AUTH_MAX, SCAN_ROWS_MAX};
use crate::machine::Deadline;
use crate::outbox::Outbox;
use crate::rng::Rng;
use crate::setup::Setup;
use crate::store::{Check, Key, Reply, Request, Space, Write};
use crate::ticket::Keys;
use crate::time::{Timestamp, Wall, WallClock};
use crate::topology::{Place, Topology};

/// Operator's requests that wait for the start.
const ADMIN_WAITING_MAX: usize = 64;
/// Wait before a store that failed is asked again.
const RETRY_MS: u64 = 1_000;

/// What could not be kept.
pub(super) enum Full {
    Link(LinkId),
    Admin(u64),
}

/// An input kept until the node serves.
#[derive(Debug)]
pub(super) enum Early {
    Opened { link: LinkId, remote: String },
    Bytes { link: LinkId, bytes: Vec<u8> },
    Closed { link: LinkId },
    Admin { op: u64, request: AdminRequest },
}

impl Early {
    pub(super) fn borrowed(&self) -> Input<'_> {
        match self {
            Self::Opened { link, remote } => Input::LinkOpened { link: *link, remote },
            Self::Bytes { link, bytes } => Input::LinkBytes { link: *link, bytes },
            Self::Closed { link } => Input::LinkClosed { link: *link },
            Self::Admin { op, request } => Input::Admin { op: *op, request: request.clone() },
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    ReadLife,
    WriteLife { life: u32, revision: Option<u64> },
    ReadPlaces,
    ReadKeys,
    WriteKey { key: [u8; 32] },
}

/// A node that is starting.
#[derive(Debug)]
pub(super) struct Start {
    config: Config,
    life: u64,
    seed: [u8; 32],
    rng: Rng,
    wall: WallClock,
    step: Step,
    /// Numbers the requests, so that a late answer to an earlier one is not taken for this one's.
    asked: u32,
    retry: Option<Timestamp>,
    incarnation: Incarnation,
    fence: u64,
    places: Vec<Place>,
    waiting: Vec<Early>,
    waiting_bytes: usize,
}

impl Start {
    pub(super) fn new(
        config: Config,
        life: u64,
        seed: [u8; 32],
        wall: Wall,
        now: Timestamp,
        out: &mut Outbox<Output>,
    ) -> Self {
        let mut start = Self {
            config,
            life,
            seed,
            rng: Rng::new(Rng::child_seed(seed, "start")),
            wall: WallClock::new(wall, now),
            step: Step::ReadLife,
            asked: 0,
            retry: None,
            incarnation: Incarnation(0),
            fence: 0,
            places: Vec::new(),
            waiting: Vec::new(),
            waiting_bytes: 0,
        };
        start.ask(out);
        start
    }

    pub(super) fn on_wall(&mut self, wall: Wall, now: Timestamp) {
        self.wall = WallClock::new(wall, now);
    }

    /// Keeps an input for later.
    pub(super) fn wait(&mut self, input: Input<'_>) -> Result<(), Full> {
        let early = match input {
            Input::LinkOpened { link, remote } => {
                let links = self.waiting.iter().filter(|e| matches!(e, Early::Opened { .. }));
                if links.count() >= LINKS_PRE_AUTH_MAX {
                    return Err(Full::Link(link));
                }
                Early::Opened { link, remote: remote.into() }
            }
            Input::LinkBytes { link, bytes } => {
                self.waiting_bytes += bytes.len();
                if self.waiting_bytes > LINK_PRE_AUTH_BYTES_MAX * 64 {
                    return Err(Full::Link(link));
                }
                Early::Bytes { link, bytes: bytes.into() }
            }
            Input::LinkClosed { link } => Early::Closed { link },
            Input::Admin { op, request } => {
                let admin = self.waiting.iter().filter(|e| matches!(e, Early::Admin { .. }));
                if admin.count() >= ADMIN_WAITING_MAX {
                    return Err(Full::Admin(op));
                }
                Early::Admin { op, request }
            }
            Input::LinkSent { .. }
            | Input::Stored { .. }
            | Input::Hashed { .. }
            | Input::Parcel { .. }
            | Input::Wall(_)
            | Input::Drain => return Ok(()),
        };
        self.waiting.push(early);
        Ok(())
    }

    pub(super) fn take_waiting(&mut self) -> Vec<Early> {
        core::mem::take(&mut self.waiting)
    }

    fn ask(&mut self, out: &mut Outbox<Output>) {
        self.asked += 1;
        let life = Key::incarnation(self.config.node);
        let request = match self.step {
            Step::ReadLife => Request::Read(life),
            Step::WriteLife { life: number, revision } => Request::Write(Write {
                checks: vec![Check { key: life.clone(), revision }],
                puts: vec![(life, Bytes::copy_from_slice(&number.to_be_bytes()))],
                ..Write::default()
            }),
            Step::ReadPlaces => all_of(Space::Range),
            Step::ReadKeys => all_of(Space::TicketKey),
            Step::WriteKey { key } => Request::Write(Write {
                checks: vec![Check { key: Key::ticket_key(1), revision: None }],
                puts: vec![(Key::ticket_key(1), Bytes::copy_from_slice(&key))],
                ..Write::default()
            }),
        };
        let op =
            StoreOp { life: self.life, role: None, op: OpId { slot: self.asked, generation: 0 } };
        out.push(Output::Store { op, request });
    }

    /// Goes on with an answer; the setup once everything is known.
    pub(super) fn on_stored(
        &mut self,
        op: StoreOp,
        reply: Reply,
        now: Timestamp,
        out: &mut Outbox<Output>,
    ) -> Option<(Setup, Vec<Place>)> {
        if op.role.is_some() || op.op.slot != self.asked {
            return None;
        }
        match (self.step, reply) {
            (Step::ReadLife, Reply::Absent) => {
                self.step = Step::WriteLife { life: 1, revision: None };
            }
            (Step::ReadLife, Reply::Found { value, revision }) => {
                let last = value.first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes));
                let life = last.checked_add(1).expect("a node does not start 2^32 times");
                self.step = Step::WriteLife { life, revision: Some(revision) };
            }
            (Step::WriteLife { life, .. }, Reply::Written { revision }) => {
                self.incarnation = Incarnation(life);
                self.fence = revision;
                self.step = Step::ReadPlaces;
            }
            (Step::ReadPlaces, Reply::Page { rows, .. }) => {
                self.places = rows.iter().filter_map(Place::decode).collect();
                self.step = Step::ReadKeys;
            }
            (Step::ReadKeys, Reply::Page { rows, .. }) => {
                if let Some(keys) = keys_of(&rows) {
                    return Some((self.setup(keys), core::mem::take(&mut self.places)));
                }
                self.step = Step::WriteKey { key: self.rng.bytes() };
            }
            (Step::WriteKey { .. }, Reply::Written { .. } | Reply::Conflict) => {
                self.step = Step::ReadKeys;
            }
            (Step::WriteLife { .. }, Reply::Conflict) => self.step = Step::ReadLife,
            // Failed, unknown, or nothing that answers the question: the whole step again, later.
            _ => {
                self.retry = Some(now + RETRY_MS);
                return None;
            }
        }
        self.ask(out);
        None
    }

    fn setup(&self, keys: Keys) -> Setup {
        let mut topology = Topology::even(self.config.nodes);
        for place in &self.places {
            topology.place(place.range, place.placement());
        }
        Setup {
            node: self.config.node,
            incarnation: self.incarnation,
            fence: self.fence,
            topology,
            keys: Arc::new(keys),
            seed: self.seed,
            wall: self.wall,
            versions: self.config.versions,
            trace: self.config.trace,
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Timestamp, out: &mut Outbox<Output>) {
        if self.retry.is_some_and(|at| at <= now) {
            self.retry = None;
            if let Step::WriteLife { .. } = self.step {
                // It may have landed after all; what stands there decides.
                self.step = Step::ReadLife;
            }
            self.ask(out);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Deadline> {
        self.retry.map(|at| Deadline { at, why: "ask the store again" })
    }
}

/// One page: both spaces that are read this way hold fewer rows.
fn all_of(space: Space) -> Request {
    let limit = u32::try_from(SCAN_ROWS_MAX).unwrap_or(u32::MAX);
    Request::Scan { space, prefix: vec![], after: None, limit }
}

fn keys_of(rows: &[crate::store::Row]) -> Option<Keys> {
    let keys: Vec<_> = rows
        .iter()
        .filter_map(|row| {
            let crate::store::Part::Number(number) = row.key.parts.first()? else { return None };
            Some((*number, row.value.as_ref().try_into().ok()?))
        })
        .collect();
    (!keys.is_empty()).then(|| Keys::new(keys))
}
