use super::{flow_of, with_flow};
use crate::id::Flow;
use crate::wire::body::link::{FromGate, Pong};
use crate::wire::tail::Tail;

const FLOW: Flow = Flow { id: 7, hop: 9 };

#[test]
fn a_flow_is_written_where_the_tail_has_room() {
    let word = FromGate::Pong(Pong {});
    for (tags, fits) in [(0, true), (15, true), (16, false)] {
        let mut tail = Tail::default();
        (0..tags).for_each(|n| tail.set(4 + 2 * n, &[]));
        let body = word.encode(&tail);
        let named = with_flow(word.kind(), &body, FLOW);
        assert_eq!(named != body, fits, "{tags} tags");
        assert_eq!(flow_of(word.kind(), &named), if fits { FLOW } else { Flow::default() });
        assert!(FromGate::decode(word.kind(), &named).is_ok(), "it reads back in any case");
    }
}
