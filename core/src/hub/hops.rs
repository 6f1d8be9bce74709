//! Hops of traced acts: who told whom, and from what it followed (PROTOCOL §8).

use alloc::boxed::Box;

use super::io::{Hop, Output, Party};
use crate::edge::gate_service::{ToGate, ToService, Who};
use crate::edge::{self, Address, Envelope, Role, Tell};
use crate::id::{Flow, NodeId};
use crate::outbox::Outbox;
use crate::time::Timestamp;
use crate::wire::{body, names};

/// Numbers this node's hops and writes them out.
#[derive(Debug)]
pub(super) struct Hops {
    on: bool,
    next: u64,
}

impl Hops {
    /// Hop numbers hold the node above 40 bits, so those of two nodes never meet, and stay below 2^53.
    pub(super) fn new(on: bool, node: NodeId) -> Self {
        Self { on, next: (u64::from(node.0 & 0xfff) + 1) << 40 }
    }

    fn write(
        &mut self,
        flow: &mut Flow,
        from: Party,
        to: Party,
        kind: &'static str,
        now: Timestamp,
        out: &mut Outbox<Output>,
    ) {
        self.next += 1;
        let parent = core::mem::replace(&mut flow.hop, self.next);
        out.push(Output::Hop(Box::new(Hop { at: now, flow: *flow, parent, from, to, kind })));
    }

    /// A delivery to a machine of this node. Those from gates were written when the gate took the
    /// frame, since only it knows the client.
    pub(super) fn on_delivery(
        &mut self,
        own: NodeId,
        envelope: &mut Envelope<Tell>,
        now: Timestamp,
        out: &mut Outbox<Output>,
    ) {
        let role = envelope.tell.role();
        if !self.on || envelope.flow.id == 0 || role == Role::Gate {
            return;
        }
        if envelope.from.role == Role::Gate {
            return;
        }
        let to = Party::Machine(Address { role, node: own });
        let kind = envelope.tell.kind();
        self.write(&mut envelope.flow, Party::Machine(envelope.from), to, kind, now, out);
    }

    /// A client's frame on its way from this node's gate to a service.
    pub(super) fn on_frame_in(
        &mut self,
        flow: &mut Flow,
        who: Option<&Who>,
        tell: &Tell,
        to: Address,
        now: Timestamp,
        out: &mut Outbox<Output>,
    ) {
        if !self.on || flow.id == 0 {
            return;
        }
        let kind = match tell.from_client() {
            Some(ToService::Frame { kind, .. }) => names::kind_name(*kind),
            Some(ToService::Opened { .. }) => "attach",
            Some(ToService::Closed { .. }) | None => return,
        };
        self.write(flow, client(who), Party::Machine(to), kind, now, out);
    }

    /// A frame of a service that this node's gate hands to its client: the hop's number goes with it,
    /// so that what the client does next follows from it.
    pub(super) fn on_frame_out(
        &mut self,
        envelope: &mut Envelope<Tell>,
        who: Option<&Who>,
        now: Timestamp,
        out: &mut Outbox<Output>,
    ) {
        let from = envelope.from;
        let flow = &mut envelope.flow;
        let Tell::Gate(edge::ToGate::Service(ToGate::Frame { kind, body, .. })) =
            &mut envelope.tell
        else {
            return;
        };
        if !self.on || flow.id == 0 {
            return;
        }
        let name = names::kind_name(*kind);
        self.write(flow, Party::Machine(from), client(who), name, now, out);
        *body = body::with_flow(*kind, body, *flow);
    }
}

fn client(who: Option<&Who>) -> Party {
    Party::Client(who.cloned().unwrap_or_else(|| Who { name: "-".into(), number: 0 }))
}
