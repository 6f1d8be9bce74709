//! Every decoder of `core/src/wire`: no panic, memory within its bound, and what reads back is written
//! back the same.

use bytes::Bytes;
use presently_core::id::Flow;
use presently_core::limits::FRAME_BYTES_MAX;
use presently_core::model::contact::Contact;
use presently_core::model::conversation::InboxItem;
use presently_core::model::entry::Entry;
use presently_core::model::presence::{Presence, Profile};
use presently_core::wire::body::{account, book, cs, flow_of, inbox, link, mixer, with_flow};
use presently_core::wire::frame::Deframer;
use presently_core::wire::hello::{Hello, Welcome};
use presently_core::wire::names::kind_name;
use presently_core::wire::record::Record;
use presently_core::wire::tail::Tail;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::memory::decoding;

/// Most tags of a tail (PROTOCOL §3.3), of two bytes at least.
const TAGS: usize = 16;

/// The header and the stream of frames. The first byte says how the rest is cut into reads: however
/// that is, the same frames come out.
pub fn frames(data: &[u8]) {
    let Some((cut, stream)) = data.split_first() else { return };
    let whole = decoding(stream.len(), || read(stream, stream.len().max(1)));
    let pieces = read(stream, usize::from(*cut).max(1));
    assert_eq!(whole, pieces, "cutting a stream elsewhere changes nothing");
    let (frames, _) = whole;
    for frame in frames {
        assert!(!kind_name(frame.kind).is_empty());
        let again = frame.encode();
        assert!(again.len() <= FRAME_BYTES_MAX + 3);
        let (back, end) = read(&again, again.len());
        assert_eq!((back, end), (vec![frame], End::Waits(0)), "a frame reads back");
    }
}

/// How a stream ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// So many bytes of the next frame are there.
    Waits(usize),
    Malformed,
}

fn read(stream: &[u8], cut: usize) -> (Vec<presently_core::wire::frame::Frame>, End) {
    let mut deframer = Deframer::default();
    let mut frames = Vec::new();
    for piece in stream.chunks(cut) {
        deframer.push(piece);
        loop {
            let too_large = deframer.is_too_large();
            match deframer.next_frame() {
                Ok(Some(frame)) if !too_large => frames.push(frame),
                Ok(Some(frame)) => panic!("a frame over its bound was read: {frame:?}"),
                Ok(None) => break,
                Err(_) => return (frames, End::Malformed),
            }
        }
        assert!(deframer.held() <= FRAME_BYTES_MAX + 3 + cut, "more than a frame is held");
    }
    let held = deframer.held();
    assert_eq!(deframer.into_rest().len(), held);
    (frames, End::Waits(held))
}

/// HELLO and WELCOME.
pub fn hello(data: &[u8]) {
    if let Ok(hello) = decoding(data.len(), || Hello::decode(data)) {
        let again = Hello::decode(&hello.encode());
        // Node 65,535 has no number of its own on the wire (PROTOCOL §2.3).
        assert!(again == Ok(hello) || hello.node.is_some_and(|node| node.0 == u16::MAX));
    }
    if let Ok(welcome) = decoding(data.len(), || Welcome::decode(data)) {
        assert_eq!(Welcome::decode(&welcome.encode()), Ok(welcome));
    }
}

/// Tails. The first byte sets a value, so that what was read can be added to.
pub fn tails(data: &[u8]) {
    let Some((number, data)) = data.split_first() else { return };
    let Ok(mut tail) = decoding(data.len(), || Tail::decode(data)) else { return };
    let mut bytes = Vec::new();
    tail.encode_into(&mut bytes);
    assert_eq!(Tail::decode(&bytes), Ok(tail.clone()), "a tail reads back");
    let flow = tail.flow();
    if flow.id != 0 {
        assert_eq!(Tail::of_flow(flow).flow(), flow);
    }
    let tag = u32::from(*number);
    tail.set(tag, b"set");
    assert_eq!(tail.value(tag), Some(&b"set"[..]));
    let mut more = Vec::new();
    tail.encode_into(&mut more);
    if let Ok(again) = Tail::decode(&more) {
        assert_eq!(again, tail, "tags stay in order");
    }
}

/// Records of every kind.
pub fn records(data: &[u8]) {
    record::<Contact>(data);
    record::<Presence>(data);
    record::<InboxItem>(data);
    record::<Entry>(data);
    record::<Profile>(data);
}

fn record<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(data: &[u8]) {
    let Ok(record) = decoding(data.len(), || Record::<T>::decode(data)) else { return };
    let bytes = record.encode();
    // Logs show lengths, never what people wrote.
    assert!(!format!("{record:?}").is_empty());
    // Inside of something else it carries its length.
    let framed = postcard::to_allocvec(&record).unwrap_or_default();
    assert!(framed.len() > bytes.len() && framed.ends_with(&bytes));
    assert_eq!(Record::<T>::decode(&bytes), Ok(record), "a record reads back");
}

/// The kind in the first two bytes, the body behind them: it decodes as one direction's at most, and
/// reads back.
macro_rules! bodies {
    ($data:ident: $($direction:path),*) => {{
        let Some((kind, body)) = $data.split_first_chunk::<2>() else { return };
        let kind = u16::from_be_bytes(*kind);
        let mut known = 0;
        $(
            if let Ok(Some((value, tail))) = decoding(body.len(), || <$direction>::decode(kind, body)) {
                known += 1;
                assert_eq!(value.kind(), kind);
                assert!(<$direction>::KINDS.contains(&kind));
                let again = value.encode(&tail);
                assert_eq!(<$direction>::decode(kind, &again), Ok(Some((value, tail))));
            }
        )*
        assert!(known <= 1, "a kind has one direction and one service");
        assert!(known == 0 || kind_name(kind) != "unknown", "every kind has its name");
        (kind, body, known)
    }};
}

/// What clients send.
pub fn bodies_from_client(data: &[u8]) {
    let (kind, body, known) = bodies!(data: link::ToGate, account::ToAccount, book::ToBook,
        inbox::ToInbox, cs::ToCs, mixer::ToMixer);
    let flow = decoding(body.len(), || flow_of(kind, body));
    let answer = is_of_server(kind);
    assert!(known == 1 || answer || flow == Flow::default(), "a body nobody reads has no flow");
}

/// Whether a kind is one that servers send.
fn is_of_server(kind: u16) -> bool {
    let kinds = [
        link::FromGate::KINDS,
        account::FromAccount::KINDS,
        book::FromBook::KINDS,
        inbox::FromInbox::KINDS,
        cs::FromCs::KINDS,
        mixer::FromMixer::KINDS,
    ];
    kinds.concat().contains(&kind)
}

/// What servers send, and the flow that hubs write into it.
pub fn bodies_from_server(data: &[u8]) {
    let (kind, body, known) = bodies!(data: link::FromGate, account::FromAccount, book::FromBook,
        inbox::FromInbox, cs::FromCs, mixer::FromMixer);
    let flow = Flow { id: 7, hop: 9 };
    let body = Bytes::copy_from_slice(body);
    let named = decoding(body.len(), || with_flow(kind, &body, flow));
    if known == 1 && named != body {
        assert_eq!(flow_of(kind, &named), flow, "the flow that was written is read");
    } else if known == 1 {
        let has_it = flow_of(kind, &body) == flow;
        assert!(has_it || body.len() >= 2 * TAGS, "nothing is written only where a tail is full");
    } else {
        assert_eq!(named, body, "what is no server's is left as it is");
    }
}
