//! A client's frames: HELLO, then by header (PROTOCOL §2.3, §2.4).

use alloc::vec::Vec;

use bytes::Bytes;

use super::channels::Attached;
use super::link::Stage;
use super::{Gate, Output, RETRY_MS};
use crate::edge::Role;
use crate::edge::gate_service::{Lane, ToService};
use crate::error::{CloseReason, Code, Refusal};
use crate::id::{Channel, Flow, OpId, Shard};
use crate::limits::{CHANNELS_MAX, FRAME_BYTES_MAX, KEEPALIVE_MS, KEEPALIVE_MS_MIN};
use crate::time::Timestamp;
use crate::wire::body::flow_of;
use crate::wire::body::link::{Attach, FromGate, Pong, Service, ToGate};
use crate::wire::frame::{Flags, Frame};
use crate::wire::hello::{HELLO, Hello, WELCOME, Welcome, feature};

impl Gate {
    pub(super) fn on_frame(&mut self, key: OpId, frame: Frame, now: Timestamp) {
        let Some(link) = self.links.get(key) else { return };
        match link.stage {
            Stage::Opened if frame.kind == HELLO => self.on_hello(key, &frame, now),
            Stage::Opened => self.close(key, CloseReason::Fault(Code::OutOfOrder)),
            Stage::Welcomed | Stage::SignedIn => self.on_welcomed(key, frame),
            Stage::Closing => {}
        }
    }

    fn on_hello(&mut self, key: OpId, frame: &Frame, now: Timestamp) {
        let Ok(hello) = Hello::decode(&frame.body) else {
            return self.close(key, CloseReason::Fault(Code::Malformed));
        };
        let Some(version) = self.setup.versions.common(&hello) else {
            let refused = FromGate::Refused(Refusal::of(Code::UpgradeRequired));
            self.say(key, Channel(0), frame.request, &refused);
            return self.close(key, CloseReason::Fault(Code::UpgradeRequired));
        };
        let elsewhere = |node: &crate::id::NodeId| {
            node.0 < self.setup.topology.nodes() && *node != self.setup.node
        };
        if let Some(node) = hello.node.filter(elsewhere) {
            return self.hand_over(key, node, frame);
        }
        let keepalive_ms = match u64::from(hello.keepalive_ms) {
            0 => KEEPALIVE_MS,
            wish => wish.clamp(KEEPALIVE_MS_MIN, KEEPALIVE_MS),
        };
        let welcome = Welcome {
            version,
            features: if self.setup.trace { hello.features & feature::TRACE } else { 0 },
            frame_bytes_max: u32::try_from(FRAME_BYTES_MAX).expect("64 KiB"),
            keepalive_ms: u32::try_from(keepalive_ms).expect("a keepalive is under an hour"),
            node: self.setup.node,
            wall: self.setup.wall.at(now),
        };
        let Some(link) = self.links.get_mut(key) else { return };
        link.stage = Stage::Welcomed;
        link.trace = welcome.features & feature::TRACE != 0;
        link.keepalive_ms = welcome.keepalive_ms;
        let answer = match frame.request {
            0 => Frame::event(WELCOME, Channel(0), welcome.encode()),
            request => Frame::response(WELCOME, Channel(0), request, false, welcome.encode()),
        };
        self.send(key, Lane::Control, &answer);
    }

    /// Another node of this process reads the HELLO again.
    fn hand_over(&mut self, key: OpId, node: crate::id::NodeId, hello: &Frame) {
        let Some(link) = self.links.get_mut(key) else { return };
        let id = link.id;
        let mut bytes = Vec::from(hello.encode());
        bytes.extend(core::mem::take(&mut link.deframer).into_rest());
        self.end(key);
        self.out.push(Output::Handover { link: id, node, bytes: Bytes::from(bytes) });
        self.forget(key, id);
    }

    fn on_welcomed(&mut self, key: OpId, frame: Frame) {
        if frame.flags.has(Flags::RESPONSE) {
            // Gates ask nothing.
            return;
        }
        if frame.flags.has(Flags::COMPRESSED) || frame.flags.has(Flags::SEALED) {
            return self.refuse(key, &frame, Refusal::of(Code::Unsupported));
        }
        if frame.kind >> 8 != 0 {
            return self.forward(key, frame);
        }
        let word = match ToGate::decode(frame.kind, &frame.body) {
            Ok(Some((word, tail))) => (word, tail.flow()),
            Ok(None) if frame.kind == HELLO => {
                return self.refuse(key, &frame, Refusal::of(Code::OutOfOrder));
            }
            Ok(None) if frame.flags.has(Flags::IGNORABLE) => return,
            Ok(None) => return self.refuse(key, &frame, Refusal::of(Code::Unsupported)),
            Err(_) => return self.refuse(key, &frame, Refusal::of(Code::Malformed)),
        };
        match word {
            (ToGate::Attach(attach), flow) => {
                if let Err(refusal) = self.on_attach(key, &frame, attach, flow) {
                    self.refuse(key, &frame, refusal);
                }
            }
            (ToGate::Detach(_), _) => self.on_detach(key, frame.channel),
            (ToGate::Ping(_), _) => {
                self.say(key, frame.channel, frame.request, &FromGate::Pong(Pong {}));
            }
        }
    }

    fn refuse(&mut self, key: OpId, frame: &Frame, refusal: Refusal) {
        if frame.request != 0 {
            self.say(key, frame.channel, frame.request, &FromGate::Refused(refusal));
        }
    }

    /// The flow of a frame, where the link agreed to tell.
    fn traced(&self, key: OpId, flow: impl FnOnce() -> Flow) -> Flow {
        let trace = self.links.get(key).is_some_and(|link| link.trace);
        if trace { flow() } else { Flow::default() }
    }

    fn forward(&mut self, key: OpId, frame: Frame) {
        let Some(link) = self.links.get(key) else { return };
        let Some(attached) = link.channels.of(frame.channel) else {
            return self.refuse(key, &frame, Refusal::of(Code::OutOfOrder));
        };
        let port = self.port(link.id, frame.channel);
        let flow = self.traced(key, || flow_of(frame.kind, &frame.body));
        let Frame { kind, request, body, .. } = frame;
        self.tell(flow, attached, ToService::Frame { port, kind, request, body });
    }

    fn on_attach(
        &mut self,
        key: OpId,
        frame: &Frame,
        attach: Attach,
        flow: Flow,
    ) -> Result<(), Refusal> {
        let role = role_of(attach.service).ok_or(Refusal::of(Code::Unsupported))?;
        let own = self.setup.node;
        let is_own = role == Role::Cs;
        let node = match attach.node {
            Some(node) => node,
            None if is_own => own,
            None => self.setup.topology.owner(attach.shard),
        };
        let is_there = node.0 < self.setup.topology.nodes() && attach.shard.0 < Shard::COUNT;
        if !is_there || is_own && node != own {
            return Err(Refusal::of(Code::Invalid));
        }
        if self.lost.contains(&node) {
            return Err(Refusal::later(Code::Retry, RETRY_MS));
        }
        let flow = self.traced(key, || flow);
        let link = self.links.get_mut(key).ok_or(Refusal::of(Code::OutOfOrder))?;
        let channel = frame.channel;
        if channel.0 == 0 || frame.request == 0 || link.channels.of(channel).is_some() {
            return Err(Refusal::of(Code::OutOfOrder));
        }
        if link.channels.len() >= CHANNELS_MAX {
            return Err(Refusal::of(Code::LimitReached));
        }
        let attached = Attached { channel, request: frame.request, node, role };
        link.channels.insert(attached);
        let port =
            crate::edge::gate_service::Port { node: self.setup.node, link: link.id, channel };
        let opened = ToService::Opened { port, request: frame.request, ticket: attach.ticket };
        self.tell(flow, attached, opened);
        Ok(())
    }

    fn on_detach(&mut self, key: OpId, channel: Channel) {
        let Some(link) = self.links.get_mut(key) else { return };
        let id = link.id;
        if let Some(attached) = link.channels.remove(channel) {
            self.tell_closed(id, attached, true);
        }
    }
}

fn role_of(service: Service) -> Option<Role> {
    match service {
        Service::ACCOUNT => Some(Role::Account),
        Service::BOOK => Some(Role::AddressBook),
        Service::INBOX => Some(Role::Inbox),
        Service::CS => Some(Role::Cs),
        Service::MIXER => Some(Role::Mixer),
        _ => None,
    }
}
