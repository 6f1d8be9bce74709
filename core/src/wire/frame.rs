//! The header, and bytes to frames (PROTOCOL §2).

use alloc::vec::Vec;

use bytes::{Buf, Bytes, BytesMut};

use crate::id::Channel;
use crate::limits::FRAME_BYTES_MAX;

/// Bytes that are not a frame, or a body that is not its kind's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Header flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// An answer: a request number stands in the header.
    pub const RESPONSE: u8 = 1;
    /// More frames of this answer follow.
    pub const MORE: u8 = 2;
    /// Who does not know the kind skips the frame.
    pub const IGNORABLE: u8 = 4;
    /// A request: a request number stands in the header, an answer is due.
    pub const REQUEST: u8 = 8;
    /// Reserved: the body is compressed.
    pub const COMPRESSED: u8 = 16;
    /// Reserved: the body is sealed.
    pub const SEALED: u8 = 32;

    /// Whether all bits of `mask` are set.
    #[must_use]
    pub fn has(self, mask: u8) -> bool {
        self.0 & mask == mask
    }

    fn numbered(self) -> bool {
        self.has(Self::REQUEST) || self.has(Self::RESPONSE)
    }
}

/// One frame, its body not looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Kind; its high byte is the service.
    pub kind: u16,
    /// Flags.
    pub flags: Flags,
    /// The attachment it belongs to; 0 is the link itself.
    pub channel: Channel,
    /// The request it is or answers; 0 where neither.
    pub request: u32,
    /// Body and tail.
    pub body: Bytes,
}

impl Frame {
    /// A frame that is neither request nor answer.
    #[must_use]
    pub fn event(kind: u16, channel: Channel, body: Bytes) -> Self {
        Self { kind, flags: Flags(0), channel, request: 0, body }
    }

    /// A request.
    #[must_use]
    pub fn request(kind: u16, channel: Channel, request: u32, body: Bytes) -> Self {
        Self { kind, flags: Flags(Flags::REQUEST), channel, request, body }
    }

    /// An answer; `more` where further frames of it follow.
    #[must_use]
    pub fn response(kind: u16, channel: Channel, request: u32, more: bool, body: Bytes) -> Self {
        let flags = Flags(Flags::RESPONSE | if more { Flags::MORE } else { 0 });
        Self { kind, flags, channel, request, body }
    }

    /// The frame's bytes on a link.
    ///
    /// # Panics
    /// Over [`FRAME_BYTES_MAX`]: builders of frames keep to their own bounds.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut head = [0u8; 16];
        let mut at = 3;
        let mut put = |byte: u8| {
            if let Some(slot) = head.get_mut(at) {
                *slot = byte;
            }
            at += 1;
        };
        let [high, low] = self.kind.to_be_bytes();
        put(high);
        put(low);
        put(self.flags.0);
        varint(self.channel.0, &mut put);
        if self.flags.numbered() {
            varint(self.request, &mut put);
        }
        let len = at - 3 + self.body.len();
        assert!(len <= FRAME_BYTES_MAX, "a frame of {len} bytes is over its bound");
        let [_, a, b, c] = u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
        let mut out = BytesMut::with_capacity(at + self.body.len());
        out.extend_from_slice(&[a, b, c]);
        out.extend_from_slice(head.get(3..at).unwrap_or_default());
        out.extend_from_slice(&self.body);
        out.freeze()
    }
}

/// Writes a `u32` as a varint of at most five bytes, least significant group first.
fn varint(mut value: u32, put: &mut impl FnMut(u8)) {
    loop {
        let [low, ..] = (value & 0x7f).to_le_bytes();
        value >>= 7;
        if value == 0 {
            return put(low);
        }
        put(low | 0x80);
    }
}

/// Reads a varint; the value and how many bytes it took.
fn read_varint(bytes: &[u8]) -> Result<(u32, usize), Malformed> {
    let mut value = 0u32;
    for (count, byte) in bytes.iter().take(5).enumerate() {
        let group = u32::from(byte & 0x7f);
        if count == 4 && group > 0x0f {
            return Err(Malformed);
        }
        value |= group << (count * 7);
        if byte & 0x80 == 0 {
            return Ok((value, count + 1));
        }
    }
    Err(Malformed)
}

/// The bytes of a link as they arrive, cut into frames.
///
/// Holds at most one frame and what came with its last read.
#[derive(Clone, Debug, Default)]
pub struct Deframer {
    buffer: BytesMut,
}

impl Deframer {
    /// Takes bytes in; they may end anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, or `None` until more bytes come.
    ///
    /// # Errors
    /// [`Malformed`]: the length is over its bound or the header does not decode. The stream cannot
    /// be followed any further; close the link.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, Malformed> {
        let &[a, b, c, ..] = self.buffer.as_ref() else {
            return Ok(None);
        };
        let len = usize::try_from(u32::from_be_bytes([0, a, b, c])).map_err(|_| Malformed)?;
        if !(4..=FRAME_BYTES_MAX).contains(&len) {
            return Err(Malformed);
        }
        if self.buffer.len() < len + 3 {
            return Ok(None);
        }
        self.buffer.advance(3);
        let frame = self.buffer.split_to(len).freeze();
        if self.buffer.is_empty() {
            // An idle link keeps no buffer.
            self.buffer = BytesMut::new();
        }
        parse(frame).map(Some)
    }

    /// Whether the frame that comes next claims a length over [`FRAME_BYTES_MAX`].
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        let &[a, b, c, ..] = self.buffer.as_ref() else {
            return false;
        };
        usize::try_from(u32::from_be_bytes([0, a, b, c])).is_ok_and(|len| len > FRAME_BYTES_MAX)
    }

    /// Bytes held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.buffer.len()
    }

    /// Gives back what was not read as frames: for a link that moves to another node.
    #[must_use]
    pub fn into_rest(self) -> Vec<u8> {
        self.buffer.to_vec()
    }
}

fn parse(mut frame: Bytes) -> Result<Frame, Malformed> {
    let &[high, low, flags, ..] = frame.as_ref() else {
        return Err(Malformed);
    };
    let flags = Flags(flags);
    frame.advance(3);
    let (channel, used) = read_varint(&frame)?;
    frame.advance(used);
    let mut request = 0;
    if flags.numbered() {
        let (number, used) = read_varint(&frame)?;
        frame.advance(used);
        request = number;
    }
    let kind = u16::from_be_bytes([high, low]);
    Ok(Frame { kind, flags, channel: Channel(channel), request, body: frame })
}

#[cfg(test)]
#[path = "frame_test.rs"]
mod frame_test;
