//! A second version of the protocol, which stands in for one to come.
//!
//! It is the first with what a later one may add: frames of a kind that the first does not know,
//! marked as ignorable, and an even tag at the end of each tail (PROTOCOL §2.4, §3.3). The drivers
//! here put both into what an end of version 2 says, once the two of a link agreed on it; the
//! machines below are none the wiser, as those of an older version must be.

use bytes::{BufMut, Bytes, BytesMut};
use presently_core::id::Channel;
use presently_core::rng::Rng;
use presently_core::wire::frame::{Deframer, Flags, Frame};
use presently_core::wire::hello::{HELLO, Versions, WELCOME, Welcome};

use super::swarm::{Swarm, stream};

/// The newest version there is here.
pub(super) const SECOND: u16 = 2;
/// A kind that the first version does not know.
const NEW_KIND: u16 = 0x00f2;
/// A tag that the first version does not know, and its value: tag, length, three bytes.
const NEW_TAG: [u8; 5] = [0x7e, 3, b'n', b'e', b'w'];
/// Bodies longer than this are left alone: their frame has no room.
const ROOM: usize = 60_000;

/// What an end of a world speaks: the first version alone, or both.
pub(super) fn spoken(swarm: &Swarm, who: &str) -> Versions {
    let second = swarm.mixes_versions && stream(swarm.seed, who).below(2) == 0;
    Versions { max: if second { SECOND } else { 1 }, ..Versions::default() }
}

/// The version that a gate says is spoken, where these bytes say so.
pub(super) fn agreed(bytes: &Bytes) -> Option<u16> {
    let mut frames = Deframer::default();
    frames.push(bytes);
    let frame = frames.next_frame().ok().flatten()?;
    let welcome = (frame.kind == WELCOME).then(|| Welcome::decode(&frame.body).ok())?;
    welcome.map(|welcome| welcome.version)
}

/// What an end says, as the second version says it.
pub(super) fn adorn(bytes: Bytes, rng: &mut Rng) -> Bytes {
    let mut frames = Deframer::default();
    frames.push(&bytes);
    let mut out = BytesMut::with_capacity(bytes.len() * 2);
    while let Ok(Some(mut frame)) = frames.next_frame() {
        if rng.below(4) == 0 {
            let body = Bytes::copy_from_slice(&rng.bytes::<6>());
            let new = Frame::event(NEW_KIND, Channel(0), body);
            out.put(Frame { flags: Flags(Flags::IGNORABLE), ..new }.encode());
        }
        if !matches!(frame.kind, HELLO | WELCOME) && frame.body.len() < ROOM {
            frame.body = Bytes::from([&frame.body[..], &NEW_TAG[..]].concat());
        }
        out.put(frame.encode());
    }
    // Machines hand over whole frames; were one cut, its rest would follow as it is.
    out.put(Bytes::from(frames.into_rest()));
    out.freeze()
}

#[cfg(test)]
#[path = "second_test.rs"]
mod tests;
