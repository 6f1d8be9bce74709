//! What every part of a mixer works with: what it was set up with, its outputs, what is pending, its
//! timers; and a conversation together with all that, for the time of one input.

use bytes::Bytes;

use crate::edge::Post;
use crate::edge::gate_service::{Lane, Port, ToGate};
use crate::error::Refusal;
use crate::id::{ConversationId, Flow, OpId, Shard, UserId};
use crate::index::Slab;
use crate::intent::TargetLog;
use crate::outbox::Outbox;
use crate::rng::Rng;
use crate::setup::Setup;
use crate::store::{Check, Request};
use crate::time::Timestamp;
use crate::timer::TimerQueue;
use crate::wire::body::link::FromGate;
use crate::wire::body::mixer::FromMixer;
use crate::wire::tail::Tail;

use super::Output;
use super::conversation::{CloseAsk, Conversation, Part};
use super::legs::Legs;
use super::seats::Seats;

/// What a store's answer is for.
#[derive(Debug)]
pub(super) enum Pending {
    /// A part of a conversation.
    Load {
        /// Which conversation.
        conversation: OpId,
        /// Which part.
        part: Part,
    },
    /// The write of a conversation's work.
    Work {
        /// Which conversation.
        conversation: OpId,
    },
    /// Something read to catch up.
    CatchUp {
        /// Which conversation.
        conversation: OpId,
        /// What is read.
        what: Missed,
    },
    /// A page for a leg.
    Page {
        /// Who asked.
        leg: OpId,
        /// To answer.
        request: u32,
        /// The act.
        flow: Flow,
    },
    /// A member's mark.
    Mark {
        /// Which conversation.
        conversation: OpId,
        /// Whose.
        user: UserId,
    },
    /// The last intent applied.
    Applied(CloseAsk),
    /// A page of head marks.
    Scan,
}

/// What is read to catch up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missed {
    /// The conversation's row.
    Roster,
    /// The node's incarnation row.
    Fence,
    /// The head mark: a batch that landed unseen may have put it.
    HeadMark,
    /// The end of the log.
    Tail,
    /// Entries.
    Entries,
}

/// What a mixer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// The next seat ends.
    Seats,
    /// The scan of head marks goes on.
    Scan,
    /// Parts of a conversation are read again.
    Load(OpId),
    /// A conversation's work is tried again.
    Work(OpId),
    /// The tail may be read again for sends that are ahead.
    Reload(OpId),
    /// Heads are told again.
    Heads(OpId),
    /// Marks are written.
    Marks(OpId),
    /// A conversation is let go.
    Unload(OpId),
}

/// What is the same for all conversations.
#[derive(Debug)]
pub(super) struct Desk {
    /// The facts of this life.
    pub(super) setup: Setup,
    /// Randomness.
    pub(super) rng: Rng,
    /// What to do, in order.
    pub(super) out: Outbox<Output>,
    /// What the store was asked.
    pub(super) pending: Slab<Pending>,
    /// What is waited for.
    pub(super) timers: TimerQueue<Timer>,
}

impl Desk {
    /// What every row write of a conversation checks.
    pub(super) fn fenced(&self, conversation: ConversationId) -> [Check; 2] {
        self.setup.fenced(Shard::of_conversation(conversation))
    }

    /// Asks the store.
    pub(super) fn store(&mut self, pending: Pending, request: Request) {
        let op = self.pending.insert(pending);
        self.out.push(Output::Store { op, request });
    }

    /// Tells another machine.
    pub(super) fn tell(&mut self, post: Post) {
        self.out.push(Output::Tell(post));
    }

    /// Refuses an attach, or closes a port.
    pub(super) fn close(&mut self, port: Port, request: u32, refusal: Refusal, flow: Flow) {
        self.tell(Post::node(flow, port.node, ToGate::Refuse { port, request, refusal }));
    }

    /// Answers a request.
    pub(super) fn answer(&mut self, port: Port, request: u32, body: &FromMixer, flow: Flow) {
        let bytes = body.encode(&Tail::of_flow(flow));
        self.frame(port, (Lane::Control, body.kind()), request, bytes, flow);
    }

    /// Refuses a request; nobody waits where its number is 0.
    pub(super) fn refuse(&mut self, port: Port, request: u32, refusal: Refusal, flow: Flow) {
        if request != 0 {
            let body = FromGate::Refused(refusal);
            let bytes = body.encode(&Tail::of_flow(flow));
            self.frame(port, (Lane::Control, body.kind()), request, bytes, flow);
        }
    }

    /// Sends a frame that is encoded already.
    pub(super) fn frame(
        &mut self,
        port: Port,
        (lane, kind): (Lane, u16),
        request: u32,
        body: Bytes,
        flow: Flow,
    ) {
        let frame = ToGate::Frame { port, lane, kind, request, more: false, body };
        self.tell(Post::node(flow, port.node, frame));
    }
}

/// One conversation, and all that it may touch.
pub(super) struct Room<'a> {
    /// The conversation.
    pub(super) conv: &'a mut Conversation,
    /// Everyone attached anywhere.
    pub(super) legs: &'a mut Legs,
    /// Everyone who may attach.
    pub(super) seats: &'a mut Seats,
    /// Intents applied.
    pub(super) target: &'a mut TargetLog,
    /// The rest.
    pub(super) desk: &'a mut Desk,
    /// Now.
    pub(super) now: Timestamp,
}
