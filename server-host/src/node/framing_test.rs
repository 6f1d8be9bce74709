use super::*;

/// A masked binary frame whose mask is zero.
fn frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = match u16::try_from(payload.len()).unwrap() {
        short @ 0..=125 => vec![0x82, 0x80 | short.to_be_bytes()[1]],
        long => [&[0x82, 0x80 | 126][..], &long.to_be_bytes()].concat(),
    };
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

fn messages(framing: &mut Framing, bytes: &[u8]) -> (Vec<Bytes>, bool) {
    assert!(framing.take_in(bytes));
    let mut all = Vec::new();
    loop {
        match framing.next_message().unwrap().0 {
            Next::Message(bytes) => all.push(bytes),
            Next::Waits => return (all, true),
            Next::Over => return (all, false),
        }
    }
}

#[test]
fn frames_cut_anywhere_are_the_same_messages() {
    let long = vec![7; 40_000];
    let stream = [frame(b"one"), frame(b""), frame(&long), frame(b"two")].concat();
    for cut in [1, 2, 5, 1_000, stream.len()] {
        let mut framing = Framing::web_socket(&stream[..cut]);
        let mut all = Vec::new();
        for piece in stream[cut..].chunks(cut).chain([&[][..]]) {
            let (more, goes_on) = messages(&mut framing, piece);
            assert!(goes_on);
            all.extend(more);
        }
        assert_eq!(all, [b"one".as_slice(), b"", &long, b"two"], "cut at {cut}");
    }
}

#[test]
fn a_length_that_is_only_claimed_waits_and_one_over_the_bound_ends_it() {
    let claim = |length: u64| [&[0x82, 0x80 | 127][..], &length.to_be_bytes(), &[0; 5]].concat();
    let mut framing = Framing::web_socket(&[]);
    assert_eq!(messages(&mut framing, &claim(128 * 1024)), (vec![], true));
    for over in [128 * 1024 + 1, u64::MAX] {
        let mut framing = Framing::web_socket(&[]);
        assert_eq!(messages(&mut framing, &claim(over)), (vec![], false));
    }
}
