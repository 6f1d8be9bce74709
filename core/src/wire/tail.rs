//! Values after a body: how a frozen body gains fields (PROTOCOL §3.3).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::num::NonZeroU64;

use super::frame::Malformed;
use crate::id::{Act, Flow};

/// Tags of frame tails. Even ones may be skipped, odd ones must be known.
pub mod tag {
    /// The flow a frame belongs to: id and hop, two little-endian `u64`.
    pub const FLOW: u32 = 2;
    /// The act of its process that a request is: process and number, two little-endian `u64`.
    pub const ACT: u32 = 4;
}

/// Most tagged values of one tail.
const TAGS_MAX: usize = 16;

/// Tagged values in ascending order of tag. An empty tail takes no bytes.
///
/// Kept as they came: values that nobody here reads cost what they are long, however many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail(Box<[u8]>);

impl Tail {
    /// Reads a tail.
    ///
    /// # Errors
    /// [`Malformed`]: cut off, tags not ascending, too many.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let (mut rest, mut last, mut count) = (bytes, None, 0);
        while !rest.is_empty() {
            let (tag, _, after) = first(rest).ok_or(Malformed)?;
            if count >= TAGS_MAX || last.is_some_and(|last| last >= tag) {
                return Err(Malformed);
            }
            (rest, last, count) = (after, Some(tag), count + 1);
        }
        Ok(Self(Box::from(bytes)))
    }

    /// Appends the tail's bytes.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn values(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let mut rest = &self.0[..];
        core::iter::from_fn(move || {
            let (tag, value, after) = first(rest)?;
            rest = after;
            Some((tag, value))
        })
    }

    /// The value of a tag.
    #[must_use]
    pub fn value(&self, tag: u32) -> Option<&[u8]> {
        self.values().find(|(t, _)| *t == tag).map(|(_, value)| value)
    }

    /// Whether tags can be set: they stand here, or there is room for them.
    #[must_use]
    pub fn has_room(&self, tags: &[u32]) -> bool {
        let others = self.values().filter(|(tag, _)| !tags.contains(tag));
        others.count() + tags.len() <= TAGS_MAX
    }

    /// Sets a tag's value.
    pub fn set(&mut self, tag: u32, value: &[u8]) {
        let mut out = Vec::with_capacity(self.0.len() + 2 * VARINT_BYTES + value.len());
        self.values().filter(|(t, _)| *t < tag).for_each(|(t, old)| put(t, old, &mut out));
        put(tag, value, &mut out);
        self.values().filter(|(t, _)| *t > tag).for_each(|(t, old)| put(t, old, &mut out));
        self.0 = out.into_boxed_slice();
    }

    /// Takes a tag's value out.
    pub fn remove(&mut self, tag: u32) {
        let mut out = Vec::with_capacity(self.0.len());
        self.values().filter(|(t, _)| *t != tag).for_each(|(t, old)| put(t, old, &mut out));
        self.0 = out.into_boxed_slice();
    }

    /// Whether a critical (odd) tag stands here that is not in `known`.
    #[must_use]
    pub fn has_unknown_critical(&self, known: &[u32]) -> bool {
        self.values().any(|(tag, _)| tag % 2 == 1 && !known.contains(&tag))
    }

    /// The flow named here; the empty one where none is.
    #[must_use]
    pub fn flow(&self) -> Flow {
        let (id, hop) = self.words(tag::FLOW).unwrap_or_default();
        Flow { id, hop }
    }

    /// The act named here.
    #[must_use]
    pub fn act(&self) -> Option<Act> {
        let (process, number) = self.words(tag::ACT)?;
        Some(Act { process, number: NonZeroU64::new(number)? })
    }

    /// Names an act.
    #[must_use]
    pub fn with_act(mut self, act: Option<Act>) -> Self {
        if let Some(Act { process, number }) = act {
            let words = [process.to_le_bytes(), number.get().to_le_bytes()];
            self.set(tag::ACT, words.as_flattened());
        }
        self
    }

    /// A value of two words; what is cut off is 0.
    fn words(&self, tag: u32) -> Option<(u64, u64)> {
        let mut words = self.value(tag)?.chunks_exact(8).map(|chunk| {
            let mut word = [0; 8];
            word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            u64::from_le_bytes(word)
        });
        Some((words.next().unwrap_or(0), words.next().unwrap_or(0)))
    }

    /// A tail that names a flow; empty for the empty flow.
    #[must_use]
    pub fn of_flow(flow: Flow) -> Self {
        let mut tail = Self::default();
        if flow.id != 0 {
            let words = [flow.id.to_le_bytes(), flow.hop.to_le_bytes()];
            tail.set(tag::FLOW, words.as_flattened());
        }
        tail
    }
}

/// The longest varint of a tag or a length.
const VARINT_BYTES: usize = 5;

/// The first tag, its value, and what follows.
fn first(bytes: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let (tag, rest) = postcard::take_from_bytes::<u32>(bytes).ok()?;
    let (value, rest) = postcard::take_from_bytes::<&[u8]>(rest).ok()?;
    Some((tag, value, rest))
}

fn put(tag: u32, value: &[u8], out: &mut Vec<u8>) {
    let mut scratch = [0u8; VARINT_BYTES];
    for number in [tag, u32::try_from(value.len()).unwrap_or(u32::MAX)] {
        if let Ok(bytes) = postcard::to_slice(&number, &mut scratch) {
            out.extend_from_slice(bytes);
        }
    }
    out.extend_from_slice(value);
}

#[cfg(test)]
#[path = "tail_test.rs"]
mod tests;
