//! Records: what is written reads back, bounds hold, damage is seen.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use super::record::{Damage, Entry, Life, OutputKind, Reader, Recorder, Summary};
use super::{AdminRequest, AdminSecret, Config, HashReply, Hub, Input, Output, StoreOp};
use crate::edge::Role;
use crate::id::{Incarnation, LinkId, NodeId, OpId};
use crate::machine::Machine;
use crate::password::HashRequest;
use crate::redact::Pii;
use crate::store::{Key, Reply, Request};
use crate::time::{Timestamp, Wall};
use crate::trunk::{Parcel, ParcelBody};
use crate::wire::hello::Versions;

const CONFIG: Config =
    Config { node: NodeId(0), nodes: 1, trace: false, versions: Versions { min: 1, max: 1 } };
const NOW: Timestamp = Timestamp(5_000);

fn life() -> Life {
    Life {
        build: "a test".into(),
        protocol: 1,
        config: CONFIG,
        seed: Pii([7; 32]),
        wall: Wall(1_000_000),
        now: NOW,
    }
}

/// One of each.
fn inputs() -> Vec<Input<'static>> {
    let op = StoreOp { life: 9, role: Some(Role::Ps), op: OpId { slot: 3, generation: 4 } };
    let secret = AdminSecret::Password(Pii("secret".into()));
    let body = ParcelBody::Digest { after: 1, through: 2, hash: 3 };
    vec![
        Input::LinkOpened { link: LinkId(1), remote: "127.0.0.1" },
        Input::LinkBytes { link: LinkId(1), bytes: &[1, 2, 200, 4] },
        Input::LinkSent { link: LinkId(1), bytes: 70_000 },
        Input::LinkClosed { link: LinkId(1) },
        Input::Stored {
            op,
            reply: Reply::Found { value: Bytes::from_static(b"row"), revision: 8 },
        },
        Input::Hashed { op, reply: HashReply::Made(Pii("phc".into())) },
        Input::Parcel {
            from: NodeId(2),
            parcel: Parcel {
                from: Incarnation(1),
                to: Some(Incarnation(2)),
                session: 3,
                sent: Timestamp(9),
                body,
            },
        },
        Input::Wall(Wall(77)),
        Input::Admin { op: 5, request: AdminRequest::AddUser { name: "dora".into(), secret } },
        Input::Drain,
    ]
}

fn entries(bytes: &[u8]) -> (Vec<Entry<Input<'_>>>, Option<Damage>) {
    let mut reader = Reader::new(bytes).expect("a record");
    let mut all = Vec::new();
    loop {
        match reader.next_entry() {
            Ok(Some(entry)) => all.push(entry),
            Ok(None) => return (all, None),
            Err(damage) => return (all, Some(damage)),
        }
    }
}

#[test]
fn every_input_reads_back_as_it_was() {
    let mut recorder = Recorder::new(1 << 20);
    recorder.life(life());
    for input in inputs() {
        recorder.input(&input, NOW);
    }
    recorder.timeout(NOW + 1);
    recorder.drained();
    recorder.panicked();
    let waiting = recorder.waiting();
    let bytes = recorder.take();
    assert_eq!((recorder.used(), waiting), (bytes.len(), bytes.len()));
    assert_eq!(recorder.waiting(), 0);
    let (read, damage) = entries(&bytes);
    assert_eq!(damage, None);
    let shown = |entry: &Entry<Input<'_>>| alloc::format!("{entry:?}");
    let mut wanted: Vec<String> = vec![shown(&Entry::Life(life()))];
    wanted.extend(inputs().into_iter().map(|input| shown(&Entry::Input { now: NOW, input })));
    wanted.push(shown(&Entry::Timeout { now: NOW + 1 }));
    wanted.extend([shown(&Entry::Drained), shown(&Entry::Panicked)]);
    assert_eq!(read.iter().map(shown).collect::<Vec<_>>(), wanted);
    let Some(Entry::Input { input: Input::Admin { request, .. }, .. }) = read.get(9) else {
        panic!("the operator's word is the tenth entry");
    };
    let secret = AdminSecret::Password(Pii("secret".into()));
    assert_eq!(*request, AdminRequest::AddUser { name: "dora".into(), secret });
}

#[test]
fn outputs_that_differ_have_other_summaries() {
    let send = |link, bytes| {
        Summary::of(&Output::LinkSend { link: LinkId(link), bytes: Bytes::from_static(bytes) })
    };
    let one = send(4, b"abc");
    assert_eq!((one.kind, one.about), (OutputKind::LinkSend, 4));
    assert_eq!(one, send(4, b"abc"));
    assert_ne!(one, send(5, b"abc"));
    assert_ne!(one.digest, send(4, b"abd").digest);
    assert_ne!(send(4, b"").digest, send(4, b"\0").digest);
    assert_ne!(Summary::of(&Output::Ready), Summary::of(&Output::Drained));
}

#[test]
fn a_record_never_outgrows_its_bound() {
    for bytes_max in [200, 1_000, 1_017, 10_000] {
        let mut recorder = Recorder::new(bytes_max);
        recorder.life(life());
        for _ in 0..1_000 {
            recorder.input(&Input::LinkBytes { link: LinkId(1), bytes: &[7; 40] }, NOW);
            recorder.drained();
        }
        let bytes = recorder.take();
        assert!(recorder.is_full() && recorder.used() == bytes.len());
        assert!(bytes.len() <= bytes_max, "{} of {bytes_max}", bytes.len());
        let (read, damage) = entries(&bytes);
        assert!(matches!(read.last(), Some(Entry::Full)) && damage.is_none());
        recorder.renew();
        recorder.life(life());
        assert!(!recorder.is_full());
        assert_eq!(entries(&recorder.take()).0.len(), 1);
    }
}

#[test]
fn a_torn_end_is_an_end_and_a_changed_byte_is_damage() {
    let mut recorder = Recorder::new(1 << 20);
    recorder.life(life());
    for input in inputs() {
        recorder.input(&input, NOW);
    }
    let bytes = recorder.take();
    let whole = entries(&bytes).0.len();
    for cut in 10..bytes.len() {
        let (read, damage) = entries(&bytes[..cut]);
        assert!(read.len() < whole && damage.is_none(), "cut at {cut}");
    }
    for at in 10..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        let (read, _) = entries(&changed);
        assert!(read.len() < whole, "changed at {at}");
    }
    assert_eq!(Reader::new(b"PRSNTRED\x01\0").err(), Some(Damage::NotARecord));
    assert_eq!(Reader::new(b"PRSNTREC\x02\0").err(), Some(Damage::Format(2)));
}

#[test]
fn no_secret_stands_in_what_a_log_shows() {
    let shown = alloc::format!("{:?}", life());
    assert!(shown.contains("[redacted]") && !shown.contains("7, 7"), "{shown}");
}

/// A life drained after every input and one drained at the end: the same outputs (law 4).
#[test]
fn a_replayed_start_gives_equal_outputs() {
    let play = |early: bool| {
        let mut hub = Hub::new(CONFIG, [7; 32], Wall(1_000_000), NOW);
        let mut out = Vec::new();
        for _ in 0..3 {
            if early {
                while let Some(output) = hub.poll_output() {
                    out.push(Summary::of(&output));
                }
            }
            hub.handle_input(Input::LinkOpened { link: LinkId(1), remote: "::1" }, NOW);
            hub.handle_input(Input::Drain, NOW + 1);
        }
        while let Some(output) = hub.poll_output() {
            out.push(Summary::of(&output));
        }
        out
    };
    assert!(play(true).len() > 3);
    assert_eq!(play(true), play(false));
}

#[test]
fn a_reader_says_where_it_is_and_what_is_left() {
    let mut recorder = Recorder::new(1 << 20);
    recorder.life(life());
    let first = recorder.waiting();
    recorder.drained();
    let bytes = recorder.take();
    let mut reader = Reader::new(&bytes[..bytes.len() - 1]).expect("a record");
    assert_eq!(reader.left(), bytes.len() - 1 - reader.at());
    assert!(matches!(reader.next_entry(), Ok(Some(Entry::Life(_)))));
    assert_eq!((reader.at(), reader.left()), (first, bytes.len() - 1 - first));
    assert!(matches!(reader.next_entry(), Ok(None)), "the last is torn");
    assert_eq!((reader.at(), reader.left()), (first, bytes.len() - 1 - first));
}

#[test]
fn a_life_that_an_operator_ended_says_so() {
    let mut recorder = Recorder::new(1 << 20);
    recorder.life(life());
    recorder.crashed();
    let bytes = recorder.take();
    let (read, damage) = entries(&bytes);
    assert!(matches!(read.as_slice(), [Entry::Life(_), Entry::Crashed]), "{read:?}");
    assert_eq!(damage, None);
}

#[test]
fn a_summary_says_which_request_it_is_about() {
    for slot in [0, 3] {
        let op = StoreOp { life: 9, role: Some(Role::Ps), op: OpId { slot, generation: 4 } };
        let request = Request::Read(Key::incarnation(NodeId(0)));
        let store = Summary::of(&Output::Store { op, request });
        assert_eq!((store.kind, store.about), (OutputKind::Store, u64::from(slot)));
        let request = HashRequest::Make { password: Pii("secret".into()) };
        let hash = Summary::of(&Output::Hash { op, request });
        assert_eq!((hash.kind, hash.about), (OutputKind::Hash, u64::from(slot)));
    }
}
