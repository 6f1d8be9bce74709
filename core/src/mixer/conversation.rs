//! One conversation as its mixer holds it: loaded when first asked for, let go when nobody needs it.
//!
//! Invariant: at most one write of its log or roster is in flight, whatever [`Work`] says.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::edge::intent::Target;
use crate::id::{ConversationId, EndpointId, Flow, NodeId, OpId, Shard, UserId};
use crate::model::conversation::Roster;
use crate::store::{LastSend, Write};

use super::heads::Heads;
use super::log::{Batch, Log};
use super::marks::Marks;
use super::ring::Rings;

/// A change of the roster that waits its turn.
#[derive(Debug)]
pub(super) enum Change {
    /// A seat is asked for.
    Seat(SeatAsk),
    /// The pact has ended.
    Close(CloseAsk),
}

/// A CS asks for a seat.
#[derive(Clone, Debug)]
pub(super) struct SeatAsk {
    /// The act.
    pub(super) flow: Flow,
    /// The CS's node.
    pub(super) node: NodeId,
    /// Its continuation.
    pub(super) op: Option<OpId>,
    /// For whom.
    pub(super) user: UserId,
    /// On which device.
    pub(super) endpoint: EndpointId,
    /// The other.
    pub(super) peer: UserId,
    /// The pact that the home of `user` knows.
    pub(super) pact: u32,
}

/// A home tells that a pact ended.
#[derive(Clone, Debug)]
pub(super) struct CloseAsk {
    /// The act.
    pub(super) flow: Flow,
    /// The home's node.
    pub(super) node: NodeId,
    /// Its continuation.
    pub(super) op: Option<OpId>,
    /// The home's shard.
    pub(super) source: Shard,
    /// This mixer's shard.
    pub(super) target: Target,
    /// The intent's number.
    pub(super) number: u64,
    /// The conversation.
    pub(super) conversation: ConversationId,
    /// The pact that ended.
    pub(super) pact: u32,
}

/// What the conversation writes, or reads to know what to write.
#[derive(Debug)]
pub(super) enum Work {
    /// Nothing.
    Idle,
    /// Appends.
    Append(Batch),
    /// Changes the roster, or notes that an intent changed nothing.
    Roster {
        /// What for.
        change: Change,
        /// The roster once written; `None`: it stays.
        roster: Option<Roster>,
        /// The write, to be repeated exactly.
        write: Write,
    },
    /// Takes the head mark away.
    Unmark,
    /// Reads what others wrote.
    CatchUp(CatchUp),
}

/// Where reading again stands.
#[derive(Debug, Default)]
pub(super) struct CatchUp {
    /// What could not be written.
    pub(super) batch: Option<Batch>,
    /// Only the tail is read, for sends that are ahead.
    pub(super) reload: bool,
    /// Rows not yet answered.
    pub(super) rows: u8,
    /// The store could not answer: asked again.
    pub(super) failed: bool,
    /// A later life of this node writes: this one must not.
    pub(super) stale: bool,
    /// Something moved.
    pub(super) changed: bool,
    /// The tail, until its entries are read.
    pub(super) tail: Option<(u64, Vec<LastSend>)>,
    /// All is read and nothing had moved: waits before it writes the same again.
    pub(super) paused: bool,
}

/// The parts a conversation is read in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Its row.
    Roster,
    /// The end of its log.
    Tail,
    /// The members' marks.
    Marks,
}

impl Part {
    /// Every part.
    pub(super) const ALL: [Self; 3] = [Self::Roster, Self::Tail, Self::Marks];

    /// As a set of one.
    pub(super) fn bit(self) -> u8 {
        match self {
            Self::Roster => 1,
            Self::Tail => 2,
            Self::Marks => 4,
        }
    }
}

/// A conversation.
#[derive(Debug)]
pub(super) struct Conversation {
    /// Where it stands in the slab.
    pub(super) key: OpId,
    /// Its name.
    pub(super) id: ConversationId,
    /// Where it belongs.
    pub(super) shard: Shard,
    /// Parts not yet read.
    pub(super) missing: u8,
    /// Parts asked for and not answered.
    pub(super) asked: u8,
    /// Somebody was given a seat, so it is kept for a while after its last use.
    pub(super) used: bool,
    /// The scan of head marks waits for it, having found one under this revision.
    pub(super) found: Option<u64>,
    /// Who may speak.
    pub(super) roster: Roster,
    /// The roster row's revision; `None`: there is none.
    pub(super) revision: Option<u64>,
    /// The end of the log and what waits to be appended.
    pub(super) log: Log,
    /// What is being written.
    pub(super) work: Work,
    /// An answer to the write in flight was lost: it may have been written.
    pub(super) unsure: bool,
    /// Roster changes that wait.
    pub(super) changes: VecDeque<Change>,
    /// Who is attached.
    pub(super) legs: Vec<OpId>,
    /// Seats not yet taken.
    pub(super) seats: Vec<OpId>,
    /// Who was called.
    pub(super) rings: Rings,
    /// What inboxes know.
    pub(super) heads: Heads,
    /// What was shown.
    pub(super) marks: Marks,
    /// A timer will look whether it can be let go.
    pub(super) unload_armed: bool,
}

impl Conversation {
    /// A conversation of which nothing is known yet. Its key is set once it has one.
    pub(super) fn new(id: ConversationId) -> Self {
        Self {
            key: OpId::default(),
            id,
            shard: Shard::of_conversation(id),
            missing: Part::ALL.iter().fold(0, |set, part| set | part.bit()),
            asked: 0,
            used: false,
            found: None,
            roster: Roster::default(),
            revision: None,
            log: Log::default(),
            work: Work::Idle,
            unsure: false,
            changes: VecDeque::new(),
            legs: Vec::new(),
            seats: Vec::new(),
            rings: Rings::default(),
            heads: Heads::default(),
            marks: Marks::default(),
            unload_armed: false,
        }
    }

    /// Whether all of it is read.
    pub(super) fn is_loaded(&self) -> bool {
        self.missing == 0
    }

    /// Whether nobody needs it and nothing of it would be lost.
    pub(super) fn is_idle(&self) -> bool {
        self.is_loaded()
            && self.legs.is_empty()
            && self.seats.is_empty()
            && self.changes.is_empty()
            && self.log.is_quiet()
            && matches!(self.work, Work::Idle)
            && self.heads.is_settled()
            && self.marks.is_clean()
    }

    /// The other member of a 1:1.
    pub(super) fn other(&self, user: UserId) -> Option<UserId> {
        self.roster.members.iter().copied().find(|member| *member != user)
    }
}
