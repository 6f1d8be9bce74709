//! The session at the Connection Server: status, presence, rings, grants (PROTOCOL §4.5).

use alloc::string::ToString;

use super::Client;
use super::event::Event;
use super::link::Ask;
use super::session::Stage;
use crate::id::UserId;
use crate::model::contact::Relation;
use crate::model::presence::Presence;
use crate::time::Timestamp;
use crate::wire::body::cs::{FromCs, SetStatus, ToCs};
use crate::wire::frame::{Frame, Malformed};

impl Client {
    /// Says the status last chosen; the first one makes the person visible.
    pub(super) fn publish(&mut self, now: Timestamp) {
        let Some(channel) = self.session.cs.channel else {
            return;
        };
        let ids = core::mem::take(&mut self.choosing);
        let first = self.stage == Stage::Joining;
        let flow = if first { self.session.flow } else { self.draw_flow() };
        let status = self.device.status;
        self.ask(channel, &ToCs::SetStatus(SetStatus { status }), flow, Ask::Status(ids), now);
    }

    /// A frame of the CS.
    pub(super) fn on_cs(&mut self, frame: &Frame, now: Timestamp) -> Result<(), Malformed> {
        let Some((said, tail)) = FromCs::decode(frame.kind, &frame.body)? else {
            return Ok(());
        };
        let ask = self.answered(frame, now);
        match said {
            FromCs::Done(_) => self.on_cs_done(ask, now),
            FromCs::Presence(presence) => self.on_presence(presence.user, &presence.presence.value),
            // What was shown stays; whom nobody saw yet is offline anyway.
            FromCs::Settling(_) => {}
            FromCs::Mixer(mixer) => {
                if let Some(Ask::Contact(slot)) = ask
                    && self.talks[slot].id == mixer.conversation
                {
                    self.on_grant(slot, mixer.grant, tail.flow(), now);
                }
            }
            FromCs::Ring(ring) => self.on_ring(ring, tail.flow(), now),
        }
        Ok(())
    }

    fn on_cs_done(&mut self, ask: Option<Ask>, now: Timestamp) {
        match ask {
            Some(Ask::Status(ids)) => {
                for id in ids {
                    self.event(Event::Done { id });
                }
                if self.stage == Stage::Joining {
                    self.on_ready(now);
                }
            }
            Some(Ask::Command(held)) => self.event(Event::Done { id: held.id }),
            Some(Ask::Leave) => self.attach_account(now),
            _ => {}
        }
    }

    fn on_presence(&mut self, user: UserId, presence: &Presence) {
        let own = self.device.user == Some(user);
        if !own && self.book.relation(user) != Relation::FRIEND {
            return;
        }
        if self.faces.see(user, presence) {
            let user = self.name_of(user);
            let name = presence.name.as_str();
            self.event(Event::Presence {
                status: presence.status.name().to_string(),
                name: if name.is_empty() { user.clone() } else { name.to_string() },
                message: presence.message.as_str().to_string(),
                user,
            });
        }
    }
}
