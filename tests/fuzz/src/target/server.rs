//! A client in the hands of a hostile server (PROTOCOL §4.7): any bytes, any frames, late and twice.

use arbitrary::Unstructured;
use presently_core::client::{Command, Input};
use presently_core::id::Channel;
use presently_core::store::{Reply, Request};
use presently_core::time::Wall;
use presently_core::wire::frame::{Flags, Frame};
use presently_core::world::MemoryRows;
use presently_tests::words;

use crate::memory::{Taken, taken};
use crate::stage::device::Stage;

const GROWTH_BYTES: usize = 512 * 1024;
const GROWTH_FACTOR: usize = 64;
const ACTS_MAX: usize = 256;

fn bounded(stage: &mut Stage, play: impl FnOnce(&mut Stage)) {
    let fed = stage.fed;
    let ((), Taken { peak, kept }) = taken(|| play(stage));
    let fed = stage.fed - fed;
    let most = GROWTH_BYTES + fed * GROWTH_FACTOR;
    assert!(kept <= most, "{fed} bytes from a server and {kept} are kept, more than {most}");
    assert!(peak <= 2 * most, "{fed} bytes from a server took {peak}, more than {}", 2 * most);
}

/// A stream of bytes from the server, begun where the first byte says: at once, in the handshake, or
/// with a conversation open.
pub fn server_bytes(data: &[u8]) {
    let Some(([how, cut], stream)) = data.split_first_chunk::<2>() else { return };
    let mut stage = Stage::new(MemoryRows::default());
    while stage.waiting() > 0 {
        stage.answer(|request, cache| cache.handle(request));
    }
    stage.connect();
    match how % 8 {
        answers @ 0..=5 => (0..answers).for_each(|_| stage.answer_honestly()),
        _ => stage.honest(),
    }
    bounded(&mut stage, |stage| {
        for piece in stream.chunks(usize::from(*cut).max(1)) {
            stage.say(piece);
            while stage.waiting() > 0 {
                stage.answer(|request, cache| cache.handle(request));
            }
        }
        stage.pass(120_000);
    });
}

/// Frames of the input's choosing between honest ones, while the app goes on.
pub fn server_frames(data: &[u8]) {
    let mut from = Unstructured::new(data);
    let mut stage = Stage::new(MemoryRows::default());
    if from.arbitrary().unwrap_or(false) {
        stage.honest();
        assert!(stage.signed_in, "an honest server lets alice in");
    }
    bounded(&mut stage, |stage| {
        for _ in 0..ACTS_MAX {
            if from.is_empty() || act(stage, &mut from).is_none() {
                break;
            }
        }
        stage.pass(120_000);
    });
}

fn act(stage: &mut Stage, from: &mut Unstructured<'_>) -> Option<()> {
    match from.arbitrary::<u8>().ok()? % 16 {
        0..=2 => stage.answer_honestly(),
        3..=7 => frame(stage, from)?,
        8 => {
            let bytes: &[u8] = from.arbitrary().ok()?;
            stage.say(bytes);
        }
        9 | 10 => {
            let command = command(from)?;
            stage.command(command);
        }
        11 => stage.pass(*from.choose(&[1, 100, 1_000, 5_000, 15_000, 301_000]).ok()?),
        12 => {
            let way: u8 = from.arbitrary().ok()?;
            stage.answer(|request, cache| match (way, request) {
                (0..=15, _) => Reply::Failed("no".into()),
                (16..=31, _) => Reply::Unknown,
                (32..=35, Request::Write(_)) => Reply::Conflict,
                _ => cache.handle(request),
            });
        }
        13 => {
            stage.connect();
            while stage.waiting() > 0 {
                stage.answer(|request, cache| cache.handle(request));
            }
        }
        14 => stage.cut(),
        _ => match from.arbitrary::<u8>().ok()? % 4 {
            0 => stage.input(Input::Suspend),
            1 => stage.input(Input::Wall(Wall(from.arbitrary().ok()?))),
            _ => stage.input(Input::Wake),
        },
    }
    Some(())
}

/// A frame nobody should say: mostly an answer to what was asked.
fn frame(stage: &mut Stage, from: &mut Unstructured<'_>) -> Option<()> {
    let (kind, body) = words::of_server(from, &stage.pool)?;
    let how: u8 = from.arbitrary().ok()?;
    let asked = from.choose_index(stage.asked.len().max(1)).ok()?;
    let (channel, request) = match stage.asked.get(asked) {
        Some(frame) => (frame.channel, frame.request),
        None => (Channel(u32::from(how & 7)), 1),
    };
    let flags = match how {
        0..=159 => Flags(Flags::RESPONSE),
        160..=191 => Flags(Flags::RESPONSE | Flags::MORE),
        192..=239 => Flags(0),
        _ => Flags(from.arbitrary().ok()?),
    };
    let channel =
        if how & 3 == 3 { Channel(u32::from(from.arbitrary::<u8>().ok()? & 7)) } else { channel };
    if flags.has(Flags::RESPONSE) && how & 1 == 0 {
        stage.asked.remove(asked);
    }
    stage.say(&Frame { kind, flags, channel, request, body }.encode());
    Some(())
}

fn command(from: &mut Unstructured<'_>) -> Option<Command> {
    let name = || String::from("bob");
    Some(match from.arbitrary::<u8>().ok()? % 16 {
        0..=4 => Command::Send { to: name(), text: "hi".into() },
        5 => Command::Send { to: "carol".into(), text: "x".repeat(9_000) },
        6 => Command::Typing { to: name() },
        7 => Command::Status { status: "busy".into() },
        8 => Command::Message { text: "out".into() },
        9 => Command::Add { user: "carol".into(), text: String::new() },
        10 => Command::Accept { user: "carol".into() },
        11 => Command::Remove { user: name() },
        12 => Command::Contacts,
        13 => {
            let (before, limit) = (from.arbitrary().ok()?, from.arbitrary().ok()?);
            Command::History { with: name(), before, limit }
        }
        14 => Command::Sync,
        _ if from.ratio(1u8, 8u8).ok()? => Command::SignOut,
        _ => Command::Name { text: "Alice".into() },
    })
}
