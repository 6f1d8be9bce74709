use super::*;

#[test]
fn a_deframer_says_how_much_it_holds() {
    let whole = Frame::event(6, Channel(1), Bytes::from_static(b"body")).encode();
    let (begin, rest) = whole.split_at(5);
    let mut deframer = Deframer::default();
    assert_eq!(deframer.held(), 0);
    deframer.push(begin);
    assert_eq!((deframer.held(), deframer.next_frame()), (5, Ok(None)));
    deframer.push(rest);
    assert_eq!(deframer.held(), whole.len());
    assert!(matches!(deframer.next_frame(), Ok(Some(_))));
    assert_eq!(deframer.held(), 0);
}

#[test]
fn numbers_of_a_frame_may_be_as_large_as_they_can() {
    for number in [0, 1, 0x7f, 0x80, 0x0fff_ffff, 0x1000_0000, u32::MAX - 1, u32::MAX] {
        let frame = Frame::request(6, Channel(number), number, Bytes::new());
        let mut deframer = Deframer::default();
        deframer.push(&frame.encode());
        assert_eq!(deframer.next_frame(), Ok(Some(frame)));
    }
}
