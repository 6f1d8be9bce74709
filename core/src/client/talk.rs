//! One conversation as this device has it, and all of them by slot (PROTOCOL §4.7).

use crate::sorted::SortedSet;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::{Index as At, IndexMut};

use super::rows::{self, TalkRow};
use crate::id::{Channel, ConversationId, Flow, UserId};
use crate::index::Index;
use crate::limits::CONVERSATIONS_MAX;
use crate::time::{Timestamp, Wall};
use crate::wire::body::mixer::SendId;

/// How far a leg has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leg {
    /// None.
    None,
    /// The CS was asked for the mixer.
    Asking,
    /// The mixer was asked in.
    Attaching(Channel),
    /// The end of the log was asked for.
    Joining(Channel),
    /// Entries come as they are stored.
    Live(Channel),
}

/// Whether the head must be asked for: inbox and pushes may lag behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It need not.
    No,
    /// It must be, with what is asked from now on.
    Wanted,
    /// What is on its way asks for it.
    Asked,
}

/// A page of history the app asked for.
#[derive(Clone, Debug)]
pub(super) struct HistoryAsk {
    /// The app's number.
    pub(super) id: Option<u64>,
    /// Only entries before this sequence.
    pub(super) before: u64,
    /// At most this many.
    pub(super) limit: u16,
}

/// A conversation.
#[derive(Debug)]
pub(super) struct Talk {
    pub(super) id: ConversationId,
    pub(super) with: UserId,
    /// Whether `shown` is known: this device joined before.
    pub(super) known: bool,
    /// Everything up to here was shown.
    pub(super) shown: u64,
    /// Everything up to here was taken by the app: that much is kept.
    pub(super) taken: u64,
    /// The last sequence heard of.
    pub(super) head: u64,
    /// When the inbox last heard of the conversation.
    pub(super) at: Wall,
    /// The newest send of this endpoint that is not in the outbox any more.
    pub(super) last: Option<SendId>,
    /// What the mixer says this endpoint stored last: where the chain of sends goes on.
    pub(super) base: Option<SendId>,
    /// Sends of an older round were refused or overtaken and go out again.
    pub(super) round: u32,
    /// Counters of what is not acked yet, in order.
    pub(super) queue: VecDeque<u64>,
    pub(super) leg: Leg,
    /// A page is on its way.
    pub(super) reading: bool,
    /// The mixer will not have this person; until they are friends again.
    pub(super) closed: bool,
    /// Nothing is sent before the log was read to its head: what it holds may be our own.
    pub(super) read_first: bool,
    pub(super) look: Look,
    /// Pages of history to ask for.
    pub(super) pages: Vec<HistoryAsk>,
    /// When a typing notice went out last.
    pub(super) typed: Option<Timestamp>,
    /// A typing notice waits for the leg.
    pub(super) types: bool,
    /// The server was told that this much was shown.
    pub(super) delivered: u64,
    /// When anything was said or heard last, by this process.
    pub(super) touched: Option<Timestamp>,
    /// The act that opened the leg.
    pub(super) flow: Flow,
    /// Attempts in a row that were refused for now.
    pub(super) attempts: u32,
}

impl Talk {
    fn new(id: ConversationId, with: UserId) -> Self {
        Self {
            id,
            with,
            known: false,
            shown: 0,
            taken: 0,
            head: 0,
            at: Wall(0),
            last: None,
            base: None,
            round: 0,
            queue: VecDeque::new(),
            leg: Leg::None,
            reading: false,
            closed: false,
            read_first: false,
            look: Look::No,
            pages: Vec::new(),
            typed: None,
            types: false,
            delivered: 0,
            touched: None,
            flow: Flow::default(),
            attempts: 0,
        }
    }

    /// The channel of a live leg.
    pub(super) fn live(&self) -> Option<Channel> {
        if let Leg::Live(channel) = self.leg { Some(channel) } else { None }
    }

    /// Whether entries are missing that exist.
    pub(super) fn is_behind(&self) -> bool {
        !self.closed && (self.head > self.shown || self.look != Look::No)
    }

    /// Whether the person here wants something of the conversation.
    pub(super) fn is_asked_for(&self) -> bool {
        !self.queue.is_empty() || !self.pages.is_empty() || self.types
    }

    /// The cached row.
    pub(super) fn row(&self) -> bytes::Bytes {
        rows::encode(&TalkRow {
            with: self.with,
            known: self.known,
            shown: self.taken,
            head: self.head,
            last: self.last.clone(),
        })
    }

    /// Takes the cached row.
    pub(super) fn restore(&mut self, row: TalkRow) {
        (self.known, self.shown, self.head) = (row.known, row.shown, row.head);
        self.taken = row.shown;
        self.last = row.last;
    }

    /// This endpoint stored a send, and so every one before it.
    pub(super) fn stored(&mut self, id: &SendId) {
        if self.base.as_ref().is_none_or(|base| base.counter < id.counter) {
            self.base = Some(id.clone());
        }
        self.sent(id);
    }

    /// This endpoint sent something and forgets it: it may be stored.
    pub(super) fn sent(&mut self, id: &SendId) {
        if self.last.as_ref().is_none_or(|last| last.counter < id.counter) {
            self.last = Some(id.clone());
        }
    }
}

/// All conversations. A slot names one for the life of the client.
#[derive(Debug)]
pub(super) struct Talks {
    all: Vec<Talk>,
    index: Index<ConversationId>,
    /// Slots that wait for room to open a leg.
    pub(super) waiting: SortedSet<u32>,
}

impl Talks {
    /// None yet.
    pub(super) fn new(seed: u64) -> Self {
        Self { all: Vec::new(), index: Index::new(seed), waiting: SortedSet::new() }
    }

    /// The slot of a conversation.
    pub(super) fn slot(&self, id: ConversationId) -> Option<u32> {
        self.index.get(&id)
    }

    /// The slot of the conversation with somebody.
    pub(super) fn slot_with(&self, me: UserId, with: UserId) -> Option<u32> {
        self.slot(ConversationId::one_to_one(me, with))
    }

    /// The slot of a conversation, made if it is new. `None`: there are too many.
    pub(super) fn open(&mut self, id: ConversationId, with: UserId) -> Option<u32> {
        if let Some(slot) = self.slot(id) {
            return Some(slot);
        }
        // Twice what an inbox holds: those of former contacts stay until the process ends.
        if self.all.len() >= CONVERSATIONS_MAX * 2 {
            return None;
        }
        let slot = u32::try_from(self.all.len()).ok()?;
        self.all.push(Talk::new(id, with));
        self.index.insert(id, slot);
        Some(slot)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Every slot.
    pub(super) fn slots(&self) -> impl Iterator<Item = u32> + use<> {
        (0u32..).take(self.all.len())
    }

    /// Every conversation.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Talk> {
        self.all.iter()
    }

    /// Takes every page of history that was not asked for yet.
    pub(super) fn take_pages(&mut self) -> Vec<HistoryAsk> {
        self.all.iter_mut().flat_map(|talk| core::mem::take(&mut talk.pages)).collect()
    }

    /// How many legs there are, and how many of them only read what was missed.
    pub(super) fn legs(&self) -> (usize, usize) {
        let legs = self.all.iter().filter(|talk| talk.leg != Leg::None);
        legs.fold((0, 0), |(all, reading), talk| {
            (all + 1, reading + usize::from(talk.is_behind() && !talk.is_asked_for()))
        })
    }

    /// The live leg that was idle longest and is not needed now.
    pub(super) fn idlest(&self) -> Option<u32> {
        let idle = self.slots().filter(|slot| {
            let talk = &self[*slot];
            talk.live().is_some() && !talk.is_behind() && !talk.is_asked_for()
        });
        idle.min_by_key(|slot| self[*slot].touched)
    }
}

impl At<u32> for Talks {
    type Output = Talk;
    fn index(&self, slot: u32) -> &Talk {
        &self.all[slot as usize]
    }
}

impl IndexMut<u32> for Talks {
    fn index_mut(&mut self, slot: u32) -> &mut Talk {
        &mut self.all[slot as usize]
    }
}
