//! Values after a body: how a frozen body gains fields (PROTOCOL §3.3).

use alloc::vec::Vec;

use bytes::Bytes;

use super::frame::Malformed;
use crate::id::Flow;

/// Tags of frame tails. Even ones may be skipped, odd ones must be known.
pub mod tag {
    /// The flow a frame belongs to: id and hop, two little-endian `u64`.
    pub const FLOW: u32 = 2;
}

/// Most tagged values of one tail.
const TAGS_MAX: usize = 16;

/// Tagged values in ascending order of tag. An empty tail takes no bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail(Vec<(u32, Bytes)>);

impl Tail {
    /// Reads a tail.
    ///
    /// # Errors
    /// [`Malformed`]: cut off, tags not ascending, too many.
    pub fn decode(mut bytes: &[u8]) -> Result<Self, Malformed> {
        let mut out: Vec<(u32, Bytes)> = Vec::new();
        while !bytes.is_empty() {
            let (tag, rest) = postcard::take_from_bytes::<u32>(bytes).map_err(|_| Malformed)?;
            let (value, rest) = postcard::take_from_bytes::<&[u8]>(rest).map_err(|_| Malformed)?;
            if out.len() >= TAGS_MAX || out.last().is_some_and(|(last, _)| *last >= tag) {
                return Err(Malformed);
            }
            out.push((tag, Bytes::copy_from_slice(value)));
            bytes = rest;
        }
        Ok(Self(out))
    }

    /// Appends the tail's bytes.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        for (tag, value) in &self.0 {
            let mut scratch = [0u8; 5];
            for number in [*tag, u32::try_from(value.len()).unwrap_or(u32::MAX)] {
                if let Ok(bytes) = postcard::to_slice(&number, &mut scratch) {
                    out.extend_from_slice(bytes);
                }
            }
            out.extend_from_slice(value);
        }
    }

    /// The value of a tag.
    #[must_use]
    pub fn value(&self, tag: u32) -> Option<&Bytes> {
        self.0.iter().find(|(t, _)| *t == tag).map(|(_, value)| value)
    }

    /// Whether a tag can be set: it stands here, or there is room for one more.
    #[must_use]
    pub fn has_room(&self, tag: u32) -> bool {
        self.0.len() < TAGS_MAX || self.value(tag).is_some()
    }

    /// Sets a tag's value.
    pub fn set(&mut self, tag: u32, value: Bytes) {
        match self.0.binary_search_by_key(&tag, |(t, _)| *t) {
            Ok(at) => {
                if let Some(slot) = self.0.get_mut(at) {
                    slot.1 = value;
                }
            }
            Err(at) => self.0.insert(at, (tag, value)),
        }
    }

    /// Takes a tag's value out.
    pub fn remove(&mut self, tag: u32) {
        self.0.retain(|(t, _)| *t != tag);
    }

    /// Whether a critical (odd) tag stands here that is not in `known`.
    #[must_use]
    pub fn has_unknown_critical(&self, known: &[u32]) -> bool {
        self.0.iter().any(|(tag, _)| tag % 2 == 1 && !known.contains(tag))
    }

    /// The flow named here; the empty one where none is.
    #[must_use]
    pub fn flow(&self) -> Flow {
        let Some(bytes) = self.value(tag::FLOW) else {
            return Flow::default();
        };
        let mut words = bytes.chunks_exact(8).map(|chunk| {
            let mut word = [0; 8];
            word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            u64::from_le_bytes(word)
        });
        Flow { id: words.next().unwrap_or(0), hop: words.next().unwrap_or(0) }
    }

    /// A tail that names a flow; empty for the empty flow.
    #[must_use]
    pub fn of_flow(flow: Flow) -> Self {
        let mut tail = Self::default();
        if flow.id != 0 {
            let mut bytes = Vec::with_capacity(16);
            bytes.extend_from_slice(&flow.id.to_le_bytes());
            bytes.extend_from_slice(&flow.hop.to_le_bytes());
            tail.set(tag::FLOW, Bytes::from(bytes));
        }
        tail
    }
}
