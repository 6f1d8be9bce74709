//! Who may speak: seats that open a conversation, closes that end it (PROTOCOL §6.3, §6.2).

use crate::edge::intent::ToSource;
use crate::edge::{Post, cs_mixer};
use crate::error::{Code, Refusal};
use crate::id::{EndpointId, OpId, Shard, UserId};
use crate::intent::{TargetLog, Verdict};
use crate::limits::{CHANGES_WAITING_MAX, SEAT_MS, SEATS_OF_ENDPOINT_MAX, TELL_MS};
use crate::model::conversation::Roster;
use crate::store::{Check, Key, Write};
use crate::ticket::{Purpose, SeatClaims};
use crate::wire::body::account::Grant;
use crate::wire::body::link::Service;

use super::conversation::{Change, CloseAsk, SeatAsk, Work};
use super::desk::{Desk, Room, Timer};
use super::rows;
use super::seats::Seat;

impl Room<'_> {
    /// A seat is asked for, or a pact has ended.
    pub(super) fn on_change(&mut self, change: Change) {
        // Needs no write, so it waits for none.
        if let Change::Seat(ask) = &change
            && self.conv.is_loaded()
            && self.conv.changes.is_empty()
            && !matches!(self.conv.work, Work::Roster { .. })
            && self.is_seated_by(ask)
        {
            return self.seat(ask);
        }
        if self.conv.changes.len() >= CHANGES_WAITING_MAX {
            return self.give_up(change, Code::Busy);
        }
        if let Change::Close(ask) = &change
            && self.conv.changes.iter().any(|waiting| is_same(waiting, ask))
        {
            return;
        }
        self.conv.changes.push_back(change);
        self.pump();
    }

    /// Does a change, or writes what it needs first.
    pub(super) fn decide(&mut self, change: Change) {
        match change {
            Change::Seat(ask) if self.is_seated_by(&ask) => self.seat(&ask),
            Change::Seat(ask) if self.is_parted(&ask) => {
                self.give_up(Change::Seat(ask), Code::NotAContact);
            }
            Change::Seat(ask) => {
                let mut members = alloc::vec![ask.user, ask.peer];
                members.sort_unstable();
                let roster = Roster { members, pact: ask.pact, open: true };
                let write = self.roster_write(Some(&roster));
                self.begin(Work::Roster { change: Change::Seat(ask), roster: Some(roster), write });
            }
            Change::Close(ask) => self.decide_close(ask),
        }
    }

    /// A change is written.
    pub(super) fn on_changed(&mut self, change: Change, roster: Option<Roster>, revision: u64) {
        if let Some(roster) = roster {
            self.conv.roster = roster;
            self.conv.revision = Some(revision);
        }
        match change {
            Change::Seat(ask) => self.seat(&ask),
            Change::Close(ask) => {
                let CloseAsk { source, target, number, .. } = ask;
                self.target.written(source, target, number, revision);
                self.desk.confirm(&ask, TargetLog::applied(source, target, number));
            }
        }
    }

    /// A change that will not be made. Closes are told again by their source.
    pub(super) fn give_up(&mut self, change: Change, code: Code) {
        if let Change::Seat(ask) = change {
            let heals = matches!(code, Code::Busy | Code::Retry);
            let retry_after_ms = if heals { 500 } else { 0 };
            self.desk.seated(&ask, Err(Refusal { code, retry_after_ms }));
        }
    }

    /// Gives a seat to a member's device; `None` where the node has none left.
    pub(super) fn grant(&mut self, user: UserId, endpoint: EndpointId) -> Option<Grant> {
        self.drop_oldest_seat(user, endpoint);
        let conversation = self.conv.key;
        let seat = self.seats.give(Seat { conversation, user, endpoint }, self.now)?;
        self.conv.seats.push(seat);
        self.conv.used = true;
        self.desk.timers.set_if_idle(Timer::Seats, self.now + SEAT_MS, "seat ends");
        Some(self.desk.seal(self.conv.id, user, endpoint, seat, self.now))
    }

    /// Whether the ask needs no change: the pact it names, or a newer one, stands.
    fn is_seated_by(&self, ask: &SeatAsk) -> bool {
        let roster = &self.conv.roster;
        self.conv.revision.is_some()
            && roster.open
            && ask.pact <= roster.pact
            && roster.members.binary_search(&ask.user).is_ok()
    }

    /// Whether the pact it names has ended.
    fn is_parted(&self, ask: &SeatAsk) -> bool {
        self.conv.revision.is_some() && ask.pact <= self.conv.roster.pact
    }

    fn seat(&mut self, ask: &SeatAsk) {
        let busy = Refusal::later(Code::Busy, u32::try_from(TELL_MS).unwrap_or(u32::MAX));
        let outcome = self.grant(ask.user, ask.endpoint).ok_or(busy);
        self.desk.seated(ask, outcome);
    }

    fn drop_oldest_seat(&mut self, user: UserId, endpoint: EndpointId) {
        let seats = &self.seats;
        let own = |key: &&OpId| {
            seats.get(**key).is_some_and(|seat| (seat.user, seat.endpoint) == (user, endpoint))
        };
        let mut held = self.conv.seats.iter().filter(own).copied();
        let oldest = held.next();
        if held.count() + 1 >= SEATS_OF_ENDPOINT_MAX
            && let Some(oldest) = oldest
        {
            self.seats.take(oldest);
            self.conv.seats.retain(|key| *key != oldest);
        }
    }

    fn decide_close(&mut self, ask: CloseAsk) {
        let CloseAsk { source, target, number, pact, .. } = ask;
        match self.target.judge(source, target, number) {
            Verdict::Apply => {}
            Verdict::AlreadyApplied { through } => {
                return self.desk.confirm(&ask, TargetLog::applied(source, target, through));
            }
            Verdict::Expected { last } => {
                return self.desk.confirm(&ask, TargetLog::expected(source, target, last));
            }
            // Its source tells it again.
            Verdict::Unread | Verdict::InFlight => return,
        }
        let now = &self.conv.roster;
        let ends = pact > now.pact || (pact == now.pact && now.open);
        let roster = ends.then(|| Roster { members: now.members.clone(), pact, open: false });
        let mut write = self.roster_write(roster.as_ref());
        self.target.begin(source, target, number, &mut write);
        self.begin(Work::Roster { change: Change::Close(ask), roster, write });
    }

    fn roster_write(&self, roster: Option<&Roster>) -> Write {
        let checks = self.desk.fenced(self.conv.id).into();
        let mut write = Write { checks, ..Write::default() };
        // Checked also where nothing changes: that it changes nothing was decided on this revision.
        let key = Key::conversation(self.conv.id);
        write.checks.push(Check { key: key.clone(), revision: self.conv.revision });
        if let Some(roster) = roster {
            write.puts.push((key, rows::encode(roster)));
        }
        write
    }
}

impl Desk {
    /// Answers the source of an intent.
    pub(super) fn confirm(&mut self, ask: &CloseAsk, tell: ToSource) {
        self.tell(Post::node(ask.flow, ask.node, tell).with_op(ask.op));
    }

    /// Answers a CS.
    pub(super) fn seated(&mut self, ask: &SeatAsk, outcome: Result<Grant, Refusal>) {
        let tell = cs_mixer::ToCs::Seated { outcome };
        self.tell(Post::node(ask.flow, ask.node, tell).with_op(ask.op));
    }

    fn seal(
        &mut self,
        conversation: crate::id::ConversationId,
        user: UserId,
        endpoint: EndpointId,
        seat: OpId,
        now: crate::time::Timestamp,
    ) -> Grant {
        let (node, incarnation) = (self.setup.node, self.setup.incarnation);
        let claims = SeatClaims { conversation, user, endpoint, seat, node, incarnation };
        let wall = self.setup.wall.at(now).0;
        Grant {
            service: Service::MIXER,
            node: Some(node),
            shard: Shard::of_conversation(conversation),
            ticket: self.setup.keys.seal(Purpose::Seat, &claims, &mut self.rng),
            expires: crate::time::Wall(wall.saturating_add(SEAT_MS)),
        }
    }
}

fn is_same(waiting: &Change, ask: &CloseAsk) -> bool {
    match waiting {
        Change::Close(other) => (other.source, other.number) == (ask.source, ask.number),
        Change::Seat(_) => false,
    }
}
