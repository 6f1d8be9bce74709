//! Marks what is reached, from what the simulator carries anyway.

use presently_core::client::Event;
use presently_core::edge::Role;
use presently_core::store::{Reply, Request, Space};
use presently_core::time::Timestamp;
use presently_core::trunk::{Parcel, ParcelBody};

use super::notes::kinds;
use super::world::World;
use crate::coverage::Mark;
use crate::history::What;

/// What has passed between two nodes.
#[derive(Clone, Copy, Default)]
struct Way {
    pair: (u16, u16),
    session: u32,
    /// The sequence after the last tell sent.
    next: u64,
    /// When the last parcel arrives.
    last: Timestamp,
}

/// What has passed between nodes, for those that have talked.
#[derive(Default)]
pub(super) struct Ways(Vec<Way>);

impl Ways {
    fn of(&mut self, pair: (u16, u16)) -> &mut Way {
        let at = self.0.iter().position(|way| way.pair == pair).unwrap_or_else(|| {
            self.0.push(Way { pair, ..Way::default() });
            self.0.len() - 1
        });
        &mut self.0[at]
    }
}

impl World {
    /// Whole frames, as machines hand them over.
    pub(super) fn mark_frames(&mut self, bytes: &[u8]) {
        for kind in kinds(bytes) {
            self.coverage.frame(kind);
        }
    }

    pub(super) fn mark_parcel(&mut self, pair: (u16, u16), parcel: &Parcel) {
        let way = self.seen_ways.of(pair);
        if parcel.session != way.session {
            if way.session != 0 {
                self.coverage.hit(Mark::TrunkNewSession);
            }
            (way.session, way.next) = (parcel.session, 0);
        }
        match &parcel.body {
            ParcelBody::Hello => self.coverage.hit(Mark::TrunkHello),
            ParcelBody::Reliable { first, tells, .. } => {
                if !tells.is_empty() && *first < way.next {
                    self.coverage.hit(Mark::TrunkResent);
                }
                way.next = way.next.max(*first + tells.len() as u64);
                tells.iter().for_each(|sent| self.coverage.tell(&sent.envelope.tell));
            }
            ParcelBody::State { tell, .. } => {
                self.coverage.hit(Mark::TrunkState);
                self.coverage.tell(&tell.envelope.tell);
            }
            ParcelBody::Digest { .. } => self.coverage.hit(Mark::TrunkDigest),
            ParcelBody::DigestAnswer { agreed: true, .. } => self.coverage.hit(Mark::TrunkAgreed),
            ParcelBody::DigestAnswer { .. } => self.coverage.hit(Mark::TrunkResync),
            ParcelBody::Ephemeral(tell) => {
                self.coverage.hit(Mark::TrunkEphemeral);
                self.coverage.tell(&tell.envelope.tell);
            }
        }
    }

    pub(super) fn mark_fates(&mut self, pair: (u16, u16), fates: &[Timestamp]) {
        let way = self.seen_ways.of(pair);
        for at in fates {
            if *at < way.last {
                self.coverage.hit(Mark::FabricOvertaken);
            }
            way.last = way.last.max(*at);
        }
        match fates.len() {
            0 => self.coverage.hit(Mark::FabricLost),
            1 => {}
            _ => self.coverage.hit(Mark::FabricDoubled),
        }
    }

    /// Ranges get another owner, who tells anew what it has of them.
    pub(super) fn mark_move(&mut self, request: &Request) {
        let Request::Write(write) = request else { return };
        if write.puts.iter().any(|(key, _)| key.space == Space::Range) {
            self.see(What::Resync);
            self.coverage.hit(Mark::RangesMoved);
            if write.checks.iter().any(|check| check.key.space == Space::Alive) {
                self.coverage.hit(Mark::RangesClaimed);
            }
        }
    }

    pub(super) fn mark_reply(&mut self, role: Option<Role>, reply: &Reply) {
        let (all, own) = match reply {
            Reply::Unknown => (
                Mark::StoreUnknown,
                match role {
                    Some(Role::Mixer) => Some(Mark::MixerUnknown),
                    Some(Role::AddressBook) => Some(Mark::BookUnknown),
                    Some(Role::Ps) => Some(Mark::PsUnknown),
                    Some(Role::Inbox) => Some(Mark::InboxUnknown),
                    Some(Role::Account) => Some(Mark::AccountUnknown),
                    Some(Role::Gate | Role::Cs | Role::Placement) | None => None,
                },
            ),
            Reply::Conflict => (
                Mark::StoreConflict,
                match role {
                    Some(Role::Mixer) => Some(Mark::MixerConflict),
                    Some(Role::AddressBook) => Some(Mark::BookConflict),
                    Some(
                        Role::Ps
                        | Role::Inbox
                        | Role::Account
                        | Role::Gate
                        | Role::Cs
                        | Role::Placement,
                    )
                    | None => None,
                },
            ),
            Reply::Failed(_) => (
                Mark::StoreFailed,
                match role {
                    Some(Role::Mixer) => Some(Mark::MixerFailed),
                    Some(Role::AddressBook) => Some(Mark::BookFailed),
                    Some(
                        Role::Ps
                        | Role::Inbox
                        | Role::Account
                        | Role::Gate
                        | Role::Cs
                        | Role::Placement,
                    )
                    | None => None,
                },
            ),
            Reply::Found { .. }
            | Reply::Absent
            | Reply::Page { .. }
            | Reply::Tail { .. }
            | Reply::Entries { .. }
            | Reply::Written { .. } => return,
        };
        self.coverage.hit(all);
        if let Some(own) = own {
            self.coverage.hit(own);
        }
    }

    pub(super) fn mark_event(&mut self, device: usize, event: &Event) {
        self.coverage.event(event);
        let Event::SignedIn { endpoint, .. } = event else {
            return;
        };
        let state = &mut self.devices[device];
        match state.signed_in.replace((state.life, endpoint.clone())) {
            Some((_, before)) if before != *endpoint => self.coverage.hit(Mark::ClientNewEndpoint),
            Some((life, _)) if life == state.life => self.coverage.hit(Mark::ClientReconnected),
            Some(_) => self.coverage.hit(Mark::ClientRestored),
            None => {}
        }
    }
}
