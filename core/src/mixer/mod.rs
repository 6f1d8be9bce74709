//! The Mixer: conversations of its shards, where people talk back and forth (PROTOCOL §4.6, §5.3,
//! §5.4, §6).
//!
//! ```text
//! cs ──Seat──▶ roster ──Grant──▶ cs          send ─▶ log: judged ─▶ one batch ─▶ Written
//! client ──Attach(ticket)──▶ seats ─▶ legs                              │
//!                                       ◀── Entry to all, Stored ───────┤
//!                             ring: route ─▶ seats ─▶ cs ◀──────────────┤
//!                             heads: inboxes of the members ◀───────────┘
//! ```
//!
//! It owns the rows `conversation`, `head_mark`, `mark` and `applied` of its shards, and their logs. It
//! drains: answers and entries to gates, seats and rings to CSs, questions to homes, heads to inboxes,
//! reads and writes to the store. Nothing that shows a sequence leaves before the store said
//! `Written`; what keeps two mixers that both believe they own a conversation from forking it is the
//! log's key, not this machine. `tests/adversary.rs` pins that.
//!
//! A conversation does one thing at a time (`conversation::Work`): it appends a batch, changes its
//! roster, takes its head mark away, or catches up. Everything else waits, bounded.

mod append;
mod catch_up;
mod conversation;
mod desk;
mod frames;
mod heads;
mod legs;
mod log;
mod marks;
mod moves;
mod ring;
mod roster;
mod rows;
mod scan;
mod seats;
mod talk;

#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "tests look only at what they ask for")]
mod tests;

use crate::attached::moved_refusal;
use crate::edge::gate_service::{Port, ToGate, ToService};
use crate::edge::{Envelope, Peer, Post, ToMixer, cs_mixer, intent, mixer_inbox, mixer_ps};
use crate::error::{Code, Refusal};
use crate::id::{ConversationId, Flow, NodeId, OpId, Shard};
use crate::index::{Index, Slab};
use crate::intent::{TargetLog, Verdict};
use crate::limits::{
    APPEND_BATCH_MAX, APPENDS_WAITING_MAX, CHANGES_WAITING_MAX, LEGS_OF_ENDPOINT_MAX, READS_MAX,
    RELOAD_FAILED_MS, SCAN_ROWS_MAX, SEATS_MAX,
};
use crate::machine::{Deadline, Machine};
use crate::measure::Queues;
use crate::model::conversation::{Mark, Roster};
use crate::outbox::Outbox;
use crate::setup::Setup;
use crate::store::{Key, Part as KeyPart, Reply, Request, Space};
use crate::ticket::{Purpose, SeatClaims};
use crate::time::{Timestamp, Wall, WallClock};
use crate::timer::TimerQueue;

use conversation::{Change, CloseAsk, Conversation, Part, SeatAsk};
use desk::{Desk, Pending, Room, Timer};
use legs::{Leg, Legs};
use scan::Recovery;
use seats::{Seat, Seats};

pub use rows::HeadMark;

/// Everything that comes in.
#[derive(Debug)]
pub enum Input {
    /// From another machine.
    Tell(Envelope<ToMixer>),
    /// How another node does.
    Peer(Peer),
    /// A reading of the wall clock.
    Wall(Wall),
    /// The completion of a `Store`.
    Stored {
        /// Echoed.
        op: OpId,
        /// What the store says.
        reply: Reply,
    },
}

/// Everything a mixer may ask for.
#[derive(Debug)]
pub enum Output {
    /// To another machine.
    Tell(Post),
    /// Ask the store.
    Store {
        /// To echo.
        op: OpId,
        /// What.
        request: Request,
    },
}

/// The conversations of a node's shards.
#[derive(Debug)]
pub struct Mixer {
    desk: Desk,
    legs: Legs,
    seats: Seats,
    target: TargetLog,
    conversations: Slab<Conversation>,
    by_id: Index<ConversationId>,
    recovery: Recovery,
}

impl Mixer {
    /// A mixer at the start of its node's life. It looks for head marks first.
    #[must_use]
    pub fn new(setup: Setup, _now: Timestamp) -> Self {
        let mut rng = setup.rng("mixer");
        let (legs, by_id) = (Legs::new(rng.next_u64()), Index::new(rng.next_u64()));
        let target = TargetLog::new(rng.next_u64());
        let (out, pending, timers) = (Outbox::default(), Slab::default(), TimerQueue::default());
        let mut mixer = Self {
            desk: Desk { setup, rng, out, pending, timers },
            legs,
            seats: Seats::default(),
            target,
            conversations: Slab::default(),
            by_id,
            recovery: Recovery::default(),
        };
        mixer.recovery.want_all(&mixer.desk.setup);
        mixer.scan_on();
        mixer
    }

    /// How many conversations are loaded, legs attached and seats kept, for metrics.
    #[must_use]
    pub fn counts(&self) -> [(&'static str, u64); 3] {
        [
            ("conversations", self.conversations.len() as u64),
            ("legs", self.legs.len() as u64),
            ("seats", self.seats.len() as u64),
        ]
    }

    /// Its queues. A conversation has five timers, the mixer two.
    pub fn queues(&self, queues: &mut Queues) {
        let conversations = || self.conversations.iter().map(|(_, conversation)| conversation);
        // What a batch held goes back in front of what waits.
        let sends = APPENDS_WAITING_MAX + APPEND_BATCH_MAX;
        queues.longest("mixer sends", conversations().map(|c| c.log.waiting()), sends);
        let changes = conversations().map(|c| c.changes.len());
        queues.longest("mixer changes", changes, CHANGES_WAITING_MAX + 1);
        queues.add("mixer seats", self.seats.len(), SEATS_MAX);
        queues.add("mixer timers", self.desk.timers.len(), self.conversations.len() * 6 + 2);
        let reads = conversations().flat_map(|c| &c.legs).filter_map(|leg| self.legs.get(*leg));
        queues.longest("mixer reads of a leg", reads.map(|leg| leg.reads), READS_MAX);
    }

    fn room(&mut self, conversation: OpId, now: Timestamp) -> Option<Room<'_>> {
        Some(Room {
            conv: self.conversations.get_mut(conversation)?,
            legs: &mut self.legs,
            seats: &mut self.seats,
            target: &mut self.target,
            desk: &mut self.desk,
            now,
        })
    }

    fn on_tell(&mut self, envelope: Envelope<ToMixer>, now: Timestamp) {
        let Envelope { flow, from, op, tell } = envelope;
        match tell {
            ToMixer::Client(ToService::Frame { port, kind, request, body }) => {
                let Some((key, conversation)) = self.leg(port) else { return };
                if let Some(mut room) = self.room(conversation, now) {
                    room.on_frame(key, (kind, request), &body, flow);
                }
            }
            ToMixer::Client(ToService::Opened { port, request, ticket }) => {
                self.on_opened(port, request, &ticket, flow, now);
            }
            ToMixer::Client(ToService::Closed { port, .. }) => {
                if let Some((key, _)) = self.leg(port) {
                    self.close_leg(key, now);
                }
            }
            ToMixer::Cs(cs_mixer::ToMixer::Seat { conversation, user, endpoint, peer, pact }) => {
                let ask = SeatAsk { flow, node: from.node, op, user, endpoint, peer, pact };
                self.on_seat(conversation, ask, now);
            }
            ToMixer::Ps(mixer_ps::ToMixer::Route { user, endpoints }) => {
                if let Some(mut room) = op.and_then(|key| self.room(key, now)) {
                    room.on_route(user, &endpoints, flow);
                }
            }
            ToMixer::Ps(mixer_ps::ToMixer::Shows { shows }) => {
                let leg = op.and_then(|key| Some((key, self.legs.get(key)?.conversation)));
                if let Some((key, conversation)) = leg.filter(|_| shows)
                    && let Some(mut room) = self.room(conversation, now)
                {
                    room.pass_typing(key, flow);
                }
            }
            ToMixer::Inbox(mixer_inbox::ToMixer::Written { user, head, outcome, conversation }) => {
                let slot = self.by_id.get(&conversation);
                let key = slot.and_then(|slot| self.conversations.key_at(slot));
                if let Some(mut room) = key.and_then(|key| self.room(key, now)) {
                    room.on_head_written(user, head, outcome);
                }
            }
            ToMixer::Intent(intent::ToTarget::Intent { source, target, number, act }) => {
                // Other acts are for books; their source is at fault and is not answered.
                if let intent::Act::Close { conversation, pact } = *act {
                    let node = from.node;
                    let ask =
                        CloseAsk { flow, node, op, source, target, number, conversation, pact };
                    self.on_close(ask, now);
                }
            }
        }
    }

    fn leg(&self, port: Port) -> Option<(OpId, OpId)> {
        let key = self.legs.find(port)?;
        Some((key, self.legs.get(key)?.conversation))
    }

    fn on_seat(&mut self, conversation: ConversationId, ask: SeatAsk, now: Timestamp) {
        if conversation != ConversationId::one_to_one(ask.user, ask.peer) || ask.user == ask.peer {
            return self.desk.seated(&ask, Err(Refusal::of(Code::Invalid)));
        }
        if !self.desk.setup.owns(Shard::of_conversation(conversation)) {
            return self.desk.seated(&ask, Err(moved_refusal()));
        }
        let key = self.load(conversation);
        if let Some(mut room) = self.room(key, now) {
            room.on_change(Change::Seat(ask));
        }
    }

    fn on_close(&mut self, ask: CloseAsk, now: Timestamp) {
        let CloseAsk { source, target, number, .. } = ask;
        if !self.desk.setup.owns(target.shard()) {
            // Its source tells it again, where the target is.
            return;
        }
        match self.target.judge(source, target, number) {
            Verdict::Apply => {
                let key = self.load(ask.conversation);
                if let Some(mut room) = self.room(key, now) {
                    room.on_change(Change::Close(ask));
                }
            }
            Verdict::AlreadyApplied { through } => {
                self.desk.confirm(&ask, TargetLog::applied(source, target, through));
            }
            Verdict::Expected { last } => {
                self.desk.confirm(&ask, TargetLog::expected(source, target, last));
            }
            Verdict::Unread => {
                let key = TargetLog::key(source, target);
                self.desk.store(Pending::Applied(ask), Request::Read(key));
            }
            Verdict::InFlight => {}
        }
    }

    fn on_opened(&mut self, port: Port, request: u32, ticket: &[u8], flow: Flow, now: Timestamp) {
        self.expire_seats(now);
        if let Some((old, _)) = self.leg(port) {
            self.close_leg(old, now);
        }
        let seat = match self.take_seat(ticket) {
            Ok(seat) => seat,
            Err(refusal) => return self.desk.close(port, request, refusal, flow),
        };
        let Seat { conversation, user, endpoint } = seat;
        let joined = false;
        let leg = Leg {
            port,
            conversation,
            user,
            endpoint,
            joined,
            reads: 0,
            typed: None,
            resumes: None,
        };
        let key = self.legs.open(leg);
        let Some(conv) = self.conversations.get_mut(conversation) else { return };
        conv.legs.push(key);
        conv.rings.on_leg(user);
        let legs = &self.legs;
        let same = |key: &OpId| {
            legs.get(*key).is_some_and(|leg| (leg.user, leg.endpoint) == (user, endpoint))
        };
        let mut held = conv.legs.iter().copied().filter(same);
        let oldest = held.next().filter(|_| held.count() + 1 > LEGS_OF_ENDPOINT_MAX);
        if let Some(leg) = oldest.and_then(|oldest| self.close_leg(oldest, now)) {
            self.desk.close(leg.port, 0, Refusal::of(Code::LimitReached), flow);
        }
        // The link has signed in elsewhere; a seat names nobody for traces.
        let accept = ToGate::Accept { port, request, who: None };
        self.desk.tell(Post::node(flow, port.node, accept));
    }

    /// The seat a ticket names, if it is kept still, taken.
    fn take_seat(&mut self, ticket: &[u8]) -> Result<Seat, Refusal> {
        let setup = &self.desk.setup;
        let bad = Refusal::of(Code::BadTicket);
        let claims: SeatClaims = setup.keys.open(Purpose::Seat, ticket).map_err(|_| bad)?;
        if !setup.owns(Shard::of_conversation(claims.conversation)) {
            return Err(moved_refusal());
        }
        let (node, incarnation) = (setup.node, setup.incarnation);
        let held = self.seats.get(claims.seat).copied().filter(|seat| {
            let conv = self.conversations.get(seat.conversation);
            let of = conv.map(|conv| (node, incarnation, conv.id, seat.user, seat.endpoint));
            let SeatClaims { conversation, user, endpoint, .. } = claims;
            of == Some((claims.node, claims.incarnation, conversation, user, endpoint))
        });
        let seat = held.ok_or(bad)?;
        self.seats.take(claims.seat);
        if let Some(conv) = self.conversations.get_mut(seat.conversation) {
            conv.seats.retain(|key| *key != claims.seat);
        }
        Ok(seat)
    }

    fn close_leg(&mut self, key: OpId, now: Timestamp) -> Option<Leg> {
        let leg = self.legs.close(key)?;
        if let Some(mut room) = self.room(leg.conversation, now) {
            room.conv.legs.retain(|other| *other != key);
            room.settle();
        }
        Some(leg)
    }

    fn on_lost(&mut self, node: NodeId, now: Timestamp) {
        let lost: alloc::vec::Vec<_> = self.legs.through(node).collect();
        for key in lost {
            self.close_leg(key, now);
        }
    }

    fn expire_seats(&mut self, now: Timestamp) {
        while let Some((key, seat)) = self.seats.expire(now) {
            if let Some(mut room) = self.room(seat.conversation, now) {
                room.conv.seats.retain(|other| *other != key);
                room.settle();
            }
        }
        if let Some(at) = self.seats.next_end() {
            self.desk.timers.set_if_idle(Timer::Seats, at, "seat ends");
        }
    }

    /// The conversation, being read if it is not here.
    fn load(&mut self, id: ConversationId) -> OpId {
        if let Some(key) = self.by_id.get(&id).and_then(|slot| self.conversations.key_at(slot)) {
            return key;
        }
        let key = self.conversations.insert(Conversation::new(id));
        self.by_id.insert(id, key.slot);
        if let Some(conv) = self.conversations.get_mut(key) {
            conv.key = key;
        }
        self.read_missing(key);
        key
    }

    fn read_missing(&mut self, key: OpId) {
        let Some(conv) = self.conversations.get_mut(key) else { return };
        for part in Part::ALL {
            if conv.missing & !conv.asked & part.bit() == 0 {
                continue;
            }
            conv.asked |= part.bit();
            let request = match part {
                Part::Roster => Request::Read(Key::conversation(conv.id)),
                Part::Tail => Request::Tail(conv.id),
                Part::Marks => Request::Scan {
                    space: Space::Mark,
                    prefix: alloc::vec![KeyPart::Id(conv.id.0)],
                    after: None,
                    limit: u32::try_from(SCAN_ROWS_MAX).unwrap_or(u32::MAX),
                },
            };
            self.desk.store(Pending::Load { conversation: key, part }, request);
        }
    }

    fn on_loaded(&mut self, key: OpId, part: Part, reply: Reply, now: Timestamp) {
        let Some(mut room) = self.room(key, now) else { return };
        let conv = &mut *room.conv;
        conv.asked &= !part.bit();
        match (part, reply) {
            (Part::Roster, Reply::Absent) => {}
            (Part::Roster, Reply::Found { value, revision }) => {
                let roster: Roster = rows::decode(&value).expect("a mixer wrote its own row");
                (conv.roster, conv.revision) = (roster, Some(revision));
            }
            (Part::Tail, Reply::Tail { head, last }) => conv.log.take_tail(head, last),
            (Part::Marks, Reply::Page { rows, .. }) => {
                for row in rows {
                    if let (Some(KeyPart::Id(user)), Some(mark)) =
                        (row.key.parts.get(1), rows::decode::<Mark>(&row.value))
                    {
                        conv.marks.load(crate::id::UserId(*user), mark);
                    }
                }
            }
            (Part::Roster | Part::Tail | Part::Marks, _) => {
                room.refuse_all(Code::StoreFailed);
                self.desk.timers.set(Timer::Load(key), now + RELOAD_FAILED_MS, "load again");
                return;
            }
        }
        conv.missing &= !part.bit();
        if conv.is_loaded() {
            let found = conv.found.take();
            if let Some(revision) = found {
                room.on_found_mark(revision);
            }
            room.pump();
            self.on_recovered(found.is_some());
        }
    }

    fn on_stored(&mut self, op: OpId, reply: Reply, now: Timestamp) {
        let Some(pending) = self.desk.pending.remove(op) else { return };
        match pending {
            Pending::Load { conversation, part } => self.on_loaded(conversation, part, reply, now),
            Pending::Work { conversation } => {
                if let Some(mut room) = self.room(conversation, now) {
                    room.on_work_reply(&reply);
                }
            }
            Pending::CatchUp { conversation, what } => {
                if let Some(mut room) = self.room(conversation, now) {
                    room.on_missed(what, reply);
                }
            }
            Pending::Page { leg, request, flow } => {
                let conversation = self.legs.get(leg).map(|leg| leg.conversation);
                if let Some(mut room) = conversation.and_then(|key| self.room(key, now)) {
                    room.on_page(leg, request, &reply, flow);
                }
            }
            Pending::Mark { conversation, user } => {
                if let Some(mut room) = self.room(conversation, now) {
                    room.on_mark_reply(user, &reply);
                }
            }
            Pending::Applied(ask) => {
                if self.target.on_read(ask.source, ask.target, &reply) {
                    self.on_close(ask, now);
                }
            }
            Pending::Scan => self.on_scanned(reply, now),
        }
    }

    fn on_timer(&mut self, timer: Timer, now: Timestamp) {
        match timer {
            Timer::Seats => self.expire_seats(now),
            Timer::Scan => self.scan_on(),
            Timer::Load(key) => self.read_missing(key),
            Timer::Unload(key) => self.unload(key),
            Timer::Work(key) | Timer::Reload(key) | Timer::Heads(key) | Timer::Marks(key) => {
                if let Some(mut room) = self.room(key, now) {
                    room.on_timer(timer);
                }
            }
        }
    }

    fn unload(&mut self, key: OpId) {
        let Some(conv) = self.conversations.get_mut(key) else { return };
        conv.unload_armed = false;
        if conv.is_idle() {
            self.by_id.remove(&conv.id);
            self.conversations.remove(key);
        }
    }
}

impl Machine for Mixer {
    type Input<'a> = Input;
    type Output = Output;

    fn handle_input(&mut self, input: Input, now: Timestamp) {
        match input {
            Input::Tell(envelope) => self.on_tell(envelope, now),
            Input::Peer(Peer::Lost(node)) => self.on_lost(node, now),
            // What was lost with it is asked again by entries and rounds to come.
            Input::Peer(Peer::Up(_)) => {}
            Input::Peer(Peer::Moved(moved)) => self.on_moved(&moved, now),
            Input::Wall(wall) => self.desk.setup.wall = WallClock::new(wall, now),
            Input::Stored { op, reply } => self.on_stored(op, reply, now),
        }
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        while let Some(timer) = self.desk.timers.pop_due(now) {
            self.on_timer(timer, now);
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.desk.out.pop()
    }

    fn poll_timeout(&self) -> Option<Deadline> {
        self.desk.timers.next()
    }
}
