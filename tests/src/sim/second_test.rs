use bytes::Bytes;
use presently_core::id::Channel;
use presently_core::rng::Rng;
use presently_core::wire::body::link::{FromGate, Pong};
use presently_core::wire::frame::{Deframer, Flags, Frame};
use presently_core::wire::tail::Tail;

use super::{NEW_KIND, adorn};

#[test]
fn what_the_second_version_adds_is_skipped_by_who_knows_the_first() {
    let mut rng = Rng::new([2; 32]);
    let pong = FromGate::Pong(Pong {});
    let frame = Frame::response(pong.kind(), Channel(0), 7, false, pong.encode(&Tail::default()));
    let (mut new, mut known) = (0, 0);
    for _ in 0..40 {
        let mut frames = Deframer::default();
        let bytes = Bytes::from([&frame.encode()[..], &frame.encode()[..1]].concat());
        frames.push(&adorn(bytes, &mut rng));
        while let Ok(Some(came)) = frames.next_frame() {
            if came.kind == NEW_KIND {
                assert!(came.flags.has(Flags::IGNORABLE));
                new += 1;
                continue;
            }
            assert_eq!(came.request, 7);
            assert_ne!(came.body, frame.body, "its tail has a new tag");
            let (said, _) =
                FromGate::decode(came.kind, &came.body).expect("it reads").expect("known");
            assert_eq!(said, pong);
            known += 1;
        }
        assert_eq!(frames.into_rest(), frame.encode()[..1].to_vec());
    }
    assert_eq!(known, 40);
    assert!(new > 0);
}
