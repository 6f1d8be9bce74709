//! One client's link as its gate holds it. Small: most links of a gate are idle.

use alloc::boxed::Box;

use super::Output;
use super::channels::Channels;
use super::lanes::{Outgoing, SlowConsumer};
use crate::edge::gate_service::{Lane, Who};
use crate::id::LinkId;
use crate::limits::{KEEPALIVE_GRACE_MS, KEEPALIVE_MS};
use crate::origin::Origin;
use crate::outbox::Outbox;
use crate::time::Timestamp;
use crate::wire::frame::{Deframer, Frame};

/// How far a link has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing said yet.
    Opened,
    /// WELCOME was sent.
    Welcomed,
    /// A service knows who it is.
    SignedIn,
    /// The host was told to close it; nothing more goes out.
    Closing,
}

/// One link.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) origin: Origin,
    pub(super) stage: Stage,
    /// Flows travel in tails.
    pub(super) trace: bool,
    /// The client says something at least this often.
    pub(super) keepalive_ms: u32,
    /// When it last said something.
    pub(super) heard: Timestamp,
    /// Bytes it said before it signed in.
    pub(super) early_bytes: usize,
    pub(super) deframer: Deframer,
    pub(super) channels: Channels,
    pub(super) who: Option<Box<Who>>,
    pub(super) outgoing: Outgoing,
}

impl Link {
    /// A link that has just opened.
    pub(super) fn new(id: LinkId, origin: Origin, now: Timestamp) -> Self {
        Self {
            id,
            origin,
            stage: Stage::Opened,
            trace: false,
            keepalive_ms: u32::try_from(KEEPALIVE_MS).expect("a keepalive is under an hour"),
            heard: now,
            early_bytes: 0,
            deframer: Deframer::default(),
            channels: Channels::default(),
            who: None,
            outgoing: Outgoing::default(),
        }
    }

    /// Whether it counts among those that have not signed in.
    pub(super) fn is_stranger(&self) -> bool {
        matches!(self.stage, Stage::Opened | Stage::Welcomed)
    }

    /// When its silence is too long.
    pub(super) fn silent_at(&self) -> Timestamp {
        self.heard + u64::from(self.keepalive_ms) + KEEPALIVE_GRACE_MS
    }

    /// Sends a frame, now or when there is room.
    pub(super) fn send(
        &mut self,
        lane: Lane,
        frame: &Frame,
        out: &mut Outbox<Output>,
    ) -> Result<(), SlowConsumer> {
        if self.stage == Stage::Closing {
            return Ok(());
        }
        let bytes = frame.encode();
        if self.outgoing.pass(bytes.len()) {
            out.push(Output::LinkSend { link: self.id, bytes });
            return Ok(());
        }
        self.outgoing.push(lane, bytes)?;
        self.pump(out);
        Ok(())
    }

    /// Hands the host what there is room for.
    pub(super) fn pump(&mut self, out: &mut Outbox<Output>) {
        while let Some(bytes) = self.outgoing.next() {
            out.push(Output::LinkSend { link: self.id, bytes });
        }
    }
}
