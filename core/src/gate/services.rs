//! What services tell a gate about the channels attached to them (PROTOCOL §2.4).

use alloc::boxed::Box;

use super::channels::Attached;
use super::link::Stage;
use super::{Gate, Output};
use crate::edge::Address;
use crate::edge::gate_service::{Port, ToGate, Who};
use crate::id::OpId;
use crate::limits::KEEPALIVE_GRACE_MS;
use crate::time::Timestamp;
use crate::wire::body::link::{Attached as AttachedBody, Detached, FromGate};
use crate::wire::frame::Frame;

impl Gate {
    pub(super) fn on_service(&mut self, from: Address, tell: ToGate, now: Timestamp) {
        match tell {
            ToGate::Accept { port, request, who } => {
                let Some((key, attached)) = self.attached(from, port) else { return };
                if attached.request != request || request == 0 {
                    return;
                }
                let Some(link) = self.links.get_mut(key) else { return };
                link.channels.open(port.channel);
                self.say(key, port.channel, request, &FromGate::Attached(AttachedBody {}));
                if let Some(who) = who {
                    self.on_known(key, who, now);
                }
            }
            ToGate::Refuse { port, request, refusal } => {
                let Some((key, attached)) = self.attached(from, port) else { return };
                if attached.request != request {
                    return;
                }
                if let Some(link) = self.links.get_mut(key) {
                    link.channels.remove(port.channel);
                }
                let word = match request {
                    0 => FromGate::Detached(Detached { refusal }),
                    _ => FromGate::Refused(refusal),
                };
                self.say(key, port.channel, request, &word);
            }
            ToGate::Frame { port, lane, kind, request, more, body } => {
                let Some((key, attached)) = self.attached(from, port) else { return };
                if attached.request != 0 {
                    // From an attachment before this one.
                    return;
                }
                let frame = match request {
                    0 => Frame::event(kind, port.channel, body),
                    _ => Frame::response(kind, port.channel, request, more, body),
                };
                self.send(key, lane, &frame);
            }
            ToGate::SignedIn { port, who } => {
                let Some((key, _)) = self.attached(from, port) else { return };
                self.on_known(key, who, now);
            }
            ToGate::Close { port, reason } => {
                let Some((key, _)) = self.attached(from, port) else { return };
                self.close(key, reason);
            }
        }
    }

    /// The link and attachment of a port, where the teller is the one attached.
    fn attached(&self, from: Address, port: Port) -> Option<(OpId, Attached)> {
        let key = self.key(port.link).filter(|_| port.node == self.setup.node)?;
        let attached = self.links.get(key)?.channels.of(port.channel)?;
        let same = attached.role == from.role && attached.node == from.node;
        same.then_some((key, attached))
    }

    fn on_known(&mut self, key: OpId, who: Who, now: Timestamp) {
        let Some(link) = self.links.get_mut(key) else { return };
        if link.who.as_deref() != Some(&who) {
            link.who = Some(Box::new(who));
        }
        if link.stage != Stage::Welcomed {
            return;
        }
        link.stage = Stage::SignedIn;
        // What was heard before stands; the time a service took to say who it is is not silence.
        let at = now + u64::from(link.keepalive_ms) + KEEPALIVE_GRACE_MS;
        self.strangers -= 1;
        self.timers.set(key, at, "keepalive");
    }
}

/// Outputs stand in a long queue: they stay small.
const _: () = assert!(size_of::<Output>() <= 200, "an output of the gate has outgrown its queue");
