//! A node that serves: its machines, and the hand-over of what they tell each other.

use alloc::collections::VecDeque;

use super::Config;
use super::fence::Fence;
use super::hops::Hops;
use super::io::{Input, Output, StoreOp};
use crate::account::{self, Account};
use crate::address_book::{self, AddressBook};
use crate::cs::{self, Cs};
use crate::edge::{self, Address, Addressed, Envelope, Peer, Post, Role, Tell, To};
use crate::gate::{self, Gate};
use crate::id::NodeId;
use crate::inbox::{self, Inbox};
use crate::machine::{Deadline, Machine};
use crate::measure::Queues;
use crate::mixer::{self, Mixer};
use crate::operator::{AdminReply, AdminRequest};
use crate::outbox::Outbox;
use crate::placement::{self, Placer};
use crate::ps::{self, Ps};
use crate::setup::Setup;
use crate::time::Timestamp;
use crate::topology::{Moved, Place, Topology};
use crate::trunk::{self, Trunks};

/// Every machine, in the order they are drained: what the others tell a node comes after it was told
/// what it owns.
const ROLES: [Role; 8] = [
    Role::Placement,
    Role::Gate,
    Role::Account,
    Role::Cs,
    Role::Ps,
    Role::AddressBook,
    Role::Inbox,
    Role::Mixer,
];

/// What waits to be handed over.
#[derive(Debug)]
enum Told {
    Tell(Addressed),
    Peer(Peer),
    Deaf(NodeId),
}

/// The machines of one life of a node.
#[derive(Debug)]
pub(super) struct Node {
    own: NodeId,
    life: u64,
    topology: Topology,
    placer: Placer,
    gate: Gate,
    account: Account,
    cs: Cs,
    ps: Ps,
    book: AddressBook,
    inbox: Inbox,
    mixer: Mixer,
    trunks: Trunks,
    fence: Fence,
    /// A later life of this node is there: this one says nothing more.
    is_over: bool,
    hops: Hops,
    /// Tells between machines of this node, in the order they were told. Empty between inputs.
    told: VecDeque<Told>,
    /// Ranges that moved: handed over before any tell, so that none comes to a machine that does not
    /// know whose it is.
    moved: VecDeque<Moved>,
}

impl Node {
    pub(super) fn new(
        config: Config,
        life: u64,
        (setup, places): (Setup, &[Place]),
        now: Timestamp,
        out: &mut Outbox<Output>,
    ) -> Self {
        let mut node = Self {
            own: config.node,
            life,
            topology: setup.topology.clone(),
            placer: Placer::new(setup.clone(), places, now),
            gate: Gate::new(setup.clone(), now),
            account: Account::new(setup.clone(), now),
            cs: Cs::new(setup.clone(), now),
            ps: Ps::new(setup.clone(), now),
            book: AddressBook::new(setup.clone(), now),
            inbox: Inbox::new(setup.clone(), now),
            mixer: Mixer::new(setup.clone(), now),
            trunks: Trunks::new(config.node, config.nodes, setup.incarnation, now),
            fence: Fence::new(&setup, life),
            is_over: false,
            hops: Hops::new(config.trace, config.node),
            told: VecDeque::new(),
            moved: VecDeque::new(),
        };
        node.settle(now, out);
        node
    }

    pub(super) fn handle_input(
        &mut self,
        input: Input<'_>,
        now: Timestamp,
        out: &mut Outbox<Output>,
    ) {
        match input {
            Input::LinkOpened { link, remote } => {
                self.gate.handle_input(gate::Input::LinkOpened { link, remote }, now);
            }
            Input::LinkBytes { link, bytes } => {
                self.gate.handle_input(gate::Input::LinkBytes { link, bytes }, now);
            }
            Input::LinkSent { link, bytes } => {
                self.gate.handle_input(gate::Input::LinkSent { link, bytes }, now);
            }
            Input::LinkClosed { link } => {
                self.gate.handle_input(gate::Input::LinkClosed { link }, now);
            }
            Input::Stored { op, reply } => self.on_stored(op, reply, now, out),
            Input::Hashed { op, reply } => {
                if op.life == self.life {
                    self.account.handle_input(account::Input::Hashed { op: op.op, reply }, now);
                }
            }
            Input::Parcel { from, parcel } => self.trunks.on_parcel(from, parcel, now),
            Input::Wall(wall) => {
                self.gate.handle_input(gate::Input::Wall(wall), now);
                self.account.handle_input(account::Input::Wall(wall), now);
                self.cs.handle_input(cs::Input::Wall(wall), now);
                self.ps.handle_input(ps::Input::Wall(wall), now);
                self.book.handle_input(address_book::Input::Wall(wall), now);
                self.inbox.handle_input(inbox::Input::Wall(wall), now);
                self.mixer.handle_input(mixer::Input::Wall(wall), now);
            }
            Input::Admin { op, request } => self.on_admin(op, request, now, out),
            // The gate's turn comes once all is handed over.
            Input::Drain => self.placer.handle_input(placement::Input::Leave, now),
        }
        if self.is_over {
            return self.end(now, out);
        }
        self.settle(now, out);
    }

    /// Whether it was fenced off: what it is told from then on is for nobody.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// A later life has the node. Clients are told to come again; nothing is left to tell anybody
    /// else, since all was handed over before this input.
    fn end(&mut self, now: Timestamp, out: &mut Outbox<Output>) {
        self.gate.handle_input(gate::Input::Drain, now);
        while let Some(output) = self.gate.poll_output() {
            match output {
                gate::Output::LinkSend { link, bytes } => {
                    out.push(Output::LinkSend { link, bytes });
                }
                gate::Output::LinkClose { link, reason, flush_ms } => {
                    out.push(Output::LinkClose { link, reason, flush_ms });
                }
                // Services hear of no end: they would say that people are gone, who are not.
                gate::Output::Tell(_) | gate::Output::Handover { .. } | gate::Output::Drained => {}
            }
        }
        out.push(Output::Fenced);
    }

    fn on_admin(
        &mut self,
        op: u64,
        request: AdminRequest,
        now: Timestamp,
        out: &mut Outbox<Output>,
    ) {
        let owner = request.shard().map(|shard| self.topology.owner(shard));
        if let Some(owner) = owner.filter(|owner| *owner != self.own) {
            return out.push(Output::Admin { op, reply: AdminReply::Elsewhere(owner) });
        }
        match request {
            AdminRequest::Counts => {
                let (ranges, moves) = self.placer.counts();
                let links = self.gate.link_count() as u64;
                let counts = alloc::vec![("links", links), ("ranges", ranges), ("moves", moves)];
                out.push(Output::Admin { op, reply: AdminReply::Counts(counts) });
            }
            request @ (AdminRequest::Move { .. } | AdminRequest::Places) => {
                self.placer.handle_input(placement::Input::Admin { op, request }, now);
            }
            request @ (AdminRequest::AddUser { .. }
            | AdminRequest::Befriend { .. }
            | AdminRequest::MintSignIn { .. }) => {
                self.account.handle_input(account::Input::Admin { op, request }, now);
            }
        }
    }

    fn on_stored(
        &mut self,
        op: StoreOp,
        reply: crate::store::Reply,
        now: Timestamp,
        out: &mut Outbox<Output>,
    ) {
        if op.life != self.life {
            return;
        }
        let StoreOp { op, role, .. } = op;
        if reply == crate::store::Reply::Conflict {
            self.fence.on_conflict(now, out);
            if role != Some(Role::Placement) {
                self.placer.handle_input(placement::Input::Conflicted, now);
            }
        }
        match role {
            Some(Role::Account) => {
                self.account.handle_input(account::Input::Stored { op, reply }, now);
            }
            Some(Role::Ps) => self.ps.handle_input(ps::Input::Stored { op, reply }, now),
            Some(Role::AddressBook) => {
                self.book.handle_input(address_book::Input::Stored { op, reply }, now);
            }
            Some(Role::Inbox) => self.inbox.handle_input(inbox::Input::Stored { op, reply }, now),
            Some(Role::Mixer) => self.mixer.handle_input(mixer::Input::Stored { op, reply }, now),
            Some(Role::Placement) => {
                self.placer.handle_input(placement::Input::Stored { op, reply }, now);
            }
            None => self.is_over = self.fence.on_stored(op, &reply, now, out),
            // Neither asks a store.
            Some(Role::Gate | Role::Cs) => {}
        }
    }

    pub(super) fn queues(&self, queues: &mut Queues) {
        self.gate.queues(queues);
        self.account.queues(queues);
        self.cs.queues(queues);
        self.ps.queues(queues);
        self.book.queues(queues);
        self.inbox.queues(queues);
        self.mixer.queues(queues);
        self.trunks.queues(queues);
    }

    pub(super) fn handle_timeout(&mut self, now: Timestamp, out: &mut Outbox<Output>) {
        self.fence.handle_timeout(now, out);
        self.trunks.handle_timeout(now);
        self.placer.handle_timeout(now);
        self.gate.handle_timeout(now);
        self.account.handle_timeout(now);
        self.cs.handle_timeout(now);
        self.ps.handle_timeout(now);
        self.book.handle_timeout(now);
        self.inbox.handle_timeout(now);
        self.mixer.handle_timeout(now);
        self.settle(now, out);
    }

    pub(super) fn poll_timeout(&self) -> Option<Deadline> {
        [
            self.fence.poll_timeout(),
            self.trunks.poll_timeout(),
            self.placer.poll_timeout(),
            self.gate.poll_timeout(),
            self.account.poll_timeout(),
            self.cs.poll_timeout(),
            self.ps.poll_timeout(),
            self.book.poll_timeout(),
            self.inbox.poll_timeout(),
            self.mixer.poll_timeout(),
        ]
        .into_iter()
        .fold(None, Deadline::soonest)
    }

    /// Hands over tells until no machine has any left, so that nothing waits between inputs.
    fn settle(&mut self, now: Timestamp, out: &mut Outbox<Output>) {
        self.drain_trunks(out);
        self.drain_machines(now, out);
        loop {
            if let Some(moved) = self.moved.pop_front() {
                self.topology.apply(&moved);
                self.on_peer(Peer::Moved(moved), now);
                self.drain_machines(now, out);
                continue;
            }
            let Some(told) = self.told.pop_front() else { break };
            match told {
                Told::Tell(told) => self.on_told(told, now, out),
                Told::Peer(peer) => {
                    self.placer.handle_input(placement::Input::Peer(peer), now);
                    self.on_peer(peer, now);
                    self.drain_machines(now, out);
                }
                Told::Deaf(node) => {
                    self.placer.handle_input(placement::Input::Deaf(node), now);
                    self.drain(Role::Placement, now, out);
                }
            }
        }
        self.trunks.flush(now);
        self.drain_trunks(out);
    }

    /// Hands a tell over, where it is for this node.
    fn on_told(&mut self, told: Addressed, now: Timestamp, out: &mut Outbox<Output>) {
        let Addressed { range, mut envelope } = told;
        if let Some(range) = range
            && self.topology.placement(range).owner != self.own
        {
            // Who told it here heard that the range moved after it had told: for it, this is lost.
            if envelope.from.node != self.own {
                let from = envelope.from.node;
                self.placer.handle_input(placement::Input::Misdirected { range, from }, now);
                self.drain(Role::Placement, now, out);
            }
            return;
        }
        self.hops.on_delivery(self.own, &mut envelope, now, out);
        let role = envelope.tell.role();
        self.deliver(envelope, now, out);
        self.drain(role, now, out);
    }

    fn deliver(&mut self, mut envelope: Envelope<Tell>, now: Timestamp, out: &mut Outbox<Output>) {
        if let Tell::Gate(edge::ToGate::Service(tell)) = &envelope.tell {
            let who = self.gate.who(tell.port().link);
            self.hops.on_frame_out(&mut envelope, who, now, out);
        }
        let Envelope { flow, from, op, tell } = envelope;
        macro_rules! hand {
            ($machine:ident, $module:ident, $tell:ident) => {
                self.$machine.handle_input(
                    $module::Input::Tell(Envelope { flow, from, op, tell: $tell }),
                    now,
                )
            };
        }
        match tell {
            Tell::Placement(tell) => hand!(placer, placement, tell),
            Tell::Gate(tell) => hand!(gate, gate, tell),
            Tell::Account(tell) => hand!(account, account, tell),
            Tell::Cs(tell) => hand!(cs, cs, tell),
            Tell::Ps(tell) => hand!(ps, ps, tell),
            Tell::AddressBook(tell) => hand!(book, address_book, tell),
            Tell::Inbox(tell) => hand!(inbox, inbox, tell),
            Tell::Mixer(tell) => hand!(mixer, mixer, tell),
        }
    }

    fn drain_machines(&mut self, now: Timestamp, out: &mut Outbox<Output>) {
        for role in ROLES {
            self.drain(role, now, out);
        }
    }

    /// Carries out what one machine asks.
    fn drain(&mut self, role: Role, now: Timestamp, out: &mut Outbox<Output>) {
        let life = self.life;
        macro_rules! drain {
            ($machine:ident, $module:ident $(, $pattern:pat => $act:expr)* $(,)?) => {
                while let Some(output) = self.$machine.poll_output() {
                    match output {
                        $module::Output::Tell(post) => self.post(role, post, now),
                        $($pattern => $act,)*
                    }
                }
            };
        }
        let named = |op| StoreOp { life, role: Some(role), op };
        match role {
            Role::Placement => self.drain_placer(now, out),
            Role::Gate => self.drain_gate(now, out),
            Role::Cs => drain!(cs, cs),
            Role::Account => drain!(account, account,
                account::Output::Store { op, request } =>
                    out.push(Output::Store { op: named(op), request }),
                account::Output::Hash { op, request } =>
                    out.push(Output::Hash { op: named(op), request }),
                account::Output::Admin { op, reply } => out.push(Output::Admin { op, reply }),
            ),
            Role::Ps => drain!(ps, ps,
                ps::Output::Store { op, request } =>
                    out.push(Output::Store { op: named(op), request })),
            Role::AddressBook => drain!(book, address_book,
                address_book::Output::Store { op, request } =>
                    out.push(Output::Store { op: named(op), request })),
            Role::Inbox => drain!(inbox, inbox,
                inbox::Output::Store { op, request } =>
                    out.push(Output::Store { op: named(op), request })),
            Role::Mixer => drain!(mixer, mixer,
                mixer::Output::Store { op, request } =>
                    out.push(Output::Store { op: named(op), request })),
        }
    }

    fn drain_placer(&mut self, now: Timestamp, out: &mut Outbox<Output>) {
        let (life, role) = (self.life, Some(Role::Placement));
        while let Some(output) = self.placer.poll_output() {
            match output {
                placement::Output::Tell(post) => self.post(Role::Placement, post, now),
                placement::Output::Store { op, request } => {
                    out.push(Output::Store { op: StoreOp { life, role, op }, request });
                }
                placement::Output::Moved(moved) => self.moved.push_back(moved),
                placement::Output::Admin { op, reply } => out.push(Output::Admin { op, reply }),
                placement::Output::Left => {
                    self.gate.handle_input(gate::Input::Drain, now);
                    self.drain_gate(now, out);
                }
            }
        }
    }

    fn drain_gate(&mut self, now: Timestamp, out: &mut Outbox<Output>) {
        while let Some(output) = self.gate.poll_output() {
            match output {
                gate::Output::Tell(mut post) => {
                    let role = post.tell.role();
                    let to = Address { role, node: self.node_of(post.to) };
                    let who =
                        post.tell.from_client().and_then(|tell| self.gate.who(tell.port().link));
                    self.hops.on_frame_in(&mut post.flow, who, &post.tell, to, now, out);
                    self.post(Role::Gate, post, now);
                }
                gate::Output::LinkSend { link, bytes } => {
                    out.push(Output::LinkSend { link, bytes });
                }
                gate::Output::LinkClose { link, reason, flush_ms } => {
                    out.push(Output::LinkClose { link, reason, flush_ms });
                }
                gate::Output::Handover { link, node, bytes } => {
                    out.push(Output::Handover { link, node, bytes });
                }
                gate::Output::Drained => out.push(Output::Drained),
            }
        }
    }

    fn drain_trunks(&mut self, out: &mut Outbox<Output>) {
        while let Some(output) = self.trunks.poll_output() {
            match output {
                trunk::Output::Send { to, parcel } => out.push(Output::Parcel { to, parcel }),
                trunk::Output::Deliver(envelope) => self.told.push_back(Told::Tell(envelope)),
                trunk::Output::Peer(peer) => self.told.push_back(Told::Peer(peer)),
                trunk::Output::Deaf(node) => self.told.push_back(Told::Deaf(node)),
            }
        }
    }

    fn on_peer(&mut self, peer: Peer, now: Timestamp) {
        self.gate.handle_input(gate::Input::Peer(peer), now);
        self.account.handle_input(account::Input::Peer(peer), now);
        self.cs.handle_input(cs::Input::Peer(peer), now);
        self.ps.handle_input(ps::Input::Peer(peer), now);
        self.book.handle_input(address_book::Input::Peer(peer), now);
        self.inbox.handle_input(inbox::Input::Peer(peer), now);
        self.mixer.handle_input(mixer::Input::Peer(peer), now);
    }

    fn node_of(&self, to: To) -> NodeId {
        match to {
            To::Node(node) => node,
            To::Shard(shard) => self.topology.owner(shard),
        }
    }

    fn post(&mut self, role: Role, post: Post, now: Timestamp) {
        let Post { flow, to, op, tell } = post;
        let range = match to {
            To::Node(_) => None,
            To::Shard(shard) => Some(shard.range()),
        };
        let to = self.node_of(to);
        let from = Address { role, node: self.own };
        let told = Addressed { range, envelope: Envelope { flow, from, op, tell } };
        if to == self.own {
            self.told.push_back(Told::Tell(told));
        } else {
            self.trunks.tell(to, told, now);
        }
    }
}
