//! A node's links in the hands of enemies (PROTOCOL §2, §4): strangers with any bytes, people who signed
//! in with any frames in any order, tickets of others among them.

use arbitrary::Unstructured;
use presently_core::id::{Channel, LinkId};
use presently_core::store::{Reply, Request};
use presently_core::wire::frame::{Flags, Frame};
use presently_tests::words;

use crate::memory::{Taken, taken};
use crate::stage::node::Stage;

/// Bytes that a stage may grow by whatever is done to it: tables that double, the pool, queues.
const GROWTH_BYTES: usize = 512 * 1024;
/// Bytes it may grow by for each byte a client sent: what is stored, in memory here.
const GROWTH_FACTOR: usize = 64;
/// Acts of one input.
const ACTS_MAX: usize = 256;

/// Plays, and demands that the node did not grow out of proportion.
pub(super) fn bounded(stage: &mut Stage, play: impl FnOnce(&mut Stage)) {
    let fed = stage.fed;
    let ((), Taken { peak, kept }) = taken(|| play(stage));
    let fed = stage.fed - fed;
    let most = GROWTH_BYTES + fed * GROWTH_FACTOR;
    assert!(kept <= most, "{fed} bytes from clients and {kept} are kept, more than {most}");
    assert!(peak <= 2 * most, "{fed} bytes from clients took {peak}, more than {}", 2 * most);
}

/// A stream of bytes over one link, cut and begun as the first byte says: as a stranger, greeted, or
/// signed in.
pub fn link_bytes(data: &[u8]) {
    let Some(([how, cut], stream)) = data.split_first_chunk::<2>() else { return };
    let mut stage = Stage::new(1, &["alice", "bob"]);
    let link = match how % 3 {
        0 => stage.open(),
        1 => {
            let link = stage.open();
            stage.greet(link);
            link
        }
        _ => {
            let people = stage.people.clone();
            let (link, _) = stage.sign_in(&people[0], 1);
            stage.settle(link, people[1].user);
            link
        }
    };
    bounded(&mut stage, |stage| {
        for piece in stream.chunks(usize::from(*cut).max(1)) {
            stage.say(link, piece);
        }
        stage.answer_all();
        stage.pass(120_000);
        stage.answer_all();
    });
    assert!(stage.open_links().is_empty(), "a link that keeps silent is closed");
}

/// Frames, kinds and numbers of the input's choosing over three links: alice's, bob's and a stranger's.
pub fn link_frames(data: &[u8]) {
    let mut from = Unstructured::new(data);
    let mut stage = Stage::new(1, &["alice", "bob", "carol"]);
    let people = stage.people.clone();
    let (alice, _) = stage.sign_in(&people[0], 1);
    let (bob, _) = stage.sign_in(&people[1], 2);
    stage.settle(alice, people[1].user);
    stage.settle(bob, people[0].user);
    let stranger = stage.open();
    stage.greet(stranger);
    bounded(&mut stage, |stage| {
        for _ in 0..ACTS_MAX {
            if from.is_empty() || act(stage, &mut from).is_none() {
                break;
            }
        }
        stage.answer_all();
        stage.deaf = false;
        stage.pass(120_000);
        stage.answer_all();
    });
}

/// One act; `None` where the input has no more.
pub(super) fn act(stage: &mut Stage, from: &mut Unstructured<'_>) -> Option<()> {
    match from.arbitrary::<u8>().ok()? % 16 {
        0..=7 => frame(stage, from)?,
        8 => {
            let link = link(stage, from)?;
            let bytes: &[u8] = from.arbitrary().ok()?;
            stage.say(link, bytes);
        }
        9 => {
            if stage.open_links().len() < 8 {
                let link = stage.open();
                if from.arbitrary().ok()? {
                    stage.greet(link);
                }
            }
        }
        10 => {
            let link = link(stage, from)?;
            stage.close(link);
        }
        11 => stage.pass(*from.choose(&[1, 20, 250, 1_000, 5_000, 61_000]).ok()?),
        12 | 13 => {
            let at = from.choose_index(stage.waiting().max(1)).ok()?;
            stage.answer(at, |request, store| store.handle(request));
        }
        14 => {
            let at = from.choose_index(stage.waiting().max(1)).ok()?;
            let landed: bool = from.arbitrary().ok()?;
            stage.answer(at, |request, store| match request {
                Request::Write(_) if landed => {
                    store.handle(request);
                    Reply::Unknown
                }
                Request::Write(_) => Reply::Unknown,
                Request::Read(_)
                | Request::Scan { .. }
                | Request::Tail(_)
                | Request::Entries { .. } => Reply::Failed("no".into()),
            });
        }
        _ => {
            stage.deaf = from.arbitrary().ok()?;
            stage.wall(1_700_000_000_000 + u64::from(from.arbitrary::<u32>().ok()?));
        }
    }
    Some(())
}

fn link(stage: &Stage, from: &mut Unstructured<'_>) -> Option<LinkId> {
    from.choose(&stage.open_links()).ok().copied()
}

fn frame(stage: &mut Stage, from: &mut Unstructured<'_>) -> Option<()> {
    let Some(link) = link(stage, from) else {
        // All were closed: another begins.
        let link = stage.open();
        stage.greet(link);
        return Some(());
    };
    let channel = u32::from(from.arbitrary::<u8>().ok()? & 7);
    let (mut kind, body) = words::of_client(channel, from, &stage.pool)?;
    let how: u8 = from.arbitrary().ok()?;
    let flags = match how {
        0..=199 => Flags(Flags::REQUEST),
        200..=231 => Flags(0),
        _ => Flags(from.arbitrary().ok()?),
    };
    if how == 255 {
        kind = from.arbitrary().ok()?;
    }
    let request = u32::from(how & 31) + 1;
    let frame = Frame { kind, flags, channel: Channel(channel), request, body };
    stage.say(link, &frame.encode());
    Some(())
}
