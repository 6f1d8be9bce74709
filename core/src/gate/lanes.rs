//! What waits on a slow link, by how much it may wait (PROTOCOL §2.5).
//!
//! Up to [`LINK_IN_FLIGHT_BYTES_MAX`] (or one frame; `Closing` is said besides) is with the host;
//! the rest waits here in four lanes. Over [`LINK_SOFT_BYTES_MAX`] presence is the newest per person
//! and typing is dropped; over [`LINK_HARD_BYTES_MAX`] the link is a slow consumer. A link on which
//! nothing waits holds no lanes.

use alloc::boxed::Box;
use alloc::collections::{BTreeSet, VecDeque};

use bytes::Bytes;

use crate::edge::gate_service::Lane;
use crate::id::UserId;
use crate::limits::{LINK_HARD_BYTES_MAX, LINK_IN_FLIGHT_BYTES_MAX, LINK_SOFT_BYTES_MAX};

/// The link does not read what it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlowConsumer;

/// The way out of one link.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// With the host and not yet reported sent.
    in_flight: usize,
    /// What waits; `None`: nothing.
    waiting: Option<Box<Lanes>>,
}

#[derive(Debug, Default)]
struct Lanes {
    control: VecDeque<Bytes>,
    chat: VecDeque<Bytes>,
    presence: VecDeque<(UserId, Bytes)>,
    typing: VecDeque<Bytes>,
    bytes: usize,
    /// Over the soft bound: presence is the newest per person, typing is gone.
    squeezed: bool,
}

impl Outgoing {
    /// Takes a frame; it comes out of [`next`](Self::next) when there is room for it.
    pub(super) fn push(&mut self, lane: Lane, frame: Bytes) -> Result<(), SlowConsumer> {
        self.waiting.get_or_insert_default().push(lane, frame)
    }

    /// The next frame that may go to the host.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        let waiting = self.waiting.as_mut()?;
        if !fits(self.in_flight, waiting.head_len()?) {
            return None;
        }
        let next = waiting.pop()?;
        if waiting.is_empty() {
            self.waiting = None;
        }
        self.in_flight += next.len();
        Some(next)
    }

    /// Whether a frame may go straight to the host; counts it as gone.
    pub(super) fn pass(&mut self, bytes: usize) -> bool {
        let pass = self.waiting.is_none() && fits(self.in_flight, bytes);
        self.in_flight += if pass { bytes } else { 0 };
        pass
    }

    /// The host has given bytes to the operating system.
    pub(super) fn on_sent(&mut self, bytes: usize) {
        self.in_flight = self.in_flight.saturating_sub(bytes);
    }

    /// Forgets what waits.
    pub(super) fn clear(&mut self) {
        self.waiting = None;
    }

    /// With the host and not yet reported sent, bytes.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Bytes that wait.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.waiting.as_ref().map_or(0, |lanes| lanes.bytes)
    }
}

/// Whether a frame may join what the host holds: in the bound, or alone.
fn fits(in_flight: usize, bytes: usize) -> bool {
    in_flight == 0 || in_flight + bytes <= LINK_IN_FLIGHT_BYTES_MAX
}

impl Lanes {
    fn push(&mut self, lane: Lane, frame: Bytes) -> Result<(), SlowConsumer> {
        self.bytes += frame.len();
        if self.bytes > LINK_SOFT_BYTES_MAX {
            self.squeeze();
        } else {
            self.squeezed = false;
        }
        match lane {
            Lane::Control => self.control.push_back(frame),
            Lane::Chat => self.chat.push_back(frame),
            Lane::Presence(user) => self.push_presence(user, frame),
            Lane::Typing(..) if self.squeezed => self.bytes -= frame.len(),
            Lane::Typing(..) => self.typing.push_back(frame),
        }
        if self.bytes > LINK_HARD_BYTES_MAX { Err(SlowConsumer) } else { Ok(()) }
    }

    fn push_presence(&mut self, user: UserId, frame: Bytes) {
        if self.squeezed
            && let Some((_, older)) = self.presence.iter_mut().find(|(of, _)| *of == user)
        {
            self.bytes -= older.len();
            *older = frame;
            return;
        }
        self.presence.push_back((user, frame));
    }

    /// Lets go what gives way first: all typing, and all but the newest presence of each person.
    fn squeeze(&mut self) {
        if core::mem::replace(&mut self.squeezed, true) {
            return;
        }
        self.bytes -= self.typing.drain(..).map(|frame| frame.len()).sum::<usize>();
        let mut seen = BTreeSet::new();
        let mut kept = VecDeque::new();
        while let Some((user, frame)) = self.presence.pop_back() {
            if seen.insert(user) {
                kept.push_front((user, frame));
            } else {
                self.bytes -= frame.len();
            }
        }
        self.presence = kept;
    }

    fn head_len(&self) -> Option<usize> {
        let presence = || self.presence.front().map(|(_, frame)| frame);
        let plain = self.control.front().or_else(|| self.chat.front());
        plain.or_else(presence).or_else(|| self.typing.front()).map(Bytes::len)
    }

    fn pop(&mut self) -> Option<Bytes> {
        let plain = self.control.pop_front().or_else(|| self.chat.pop_front());
        let next = plain
            .or_else(|| self.presence.pop_front().map(|(_, frame)| frame))
            .or_else(|| self.typing.pop_front());
        self.bytes -= next.as_ref().map_or(0, Bytes::len);
        next
    }

    fn is_empty(&self) -> bool {
        self.head_len().is_none()
    }
}

#[cfg(test)]
#[path = "lanes_test.rs"]
mod lanes_test;
