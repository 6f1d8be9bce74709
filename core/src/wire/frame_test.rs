use super::*;

#[test]
fn a_deframer_says_how_much_it_holds() {
    let whole = Frame::event(6, Channel(1), Bytes::from_static(b"body")).encode();
    let mut deframer = Deframer::default();
    assert_eq!(deframer.held(), 0);
    deframer.push(&whole[..5]);
    assert_eq!((deframer.held(), deframer.next_frame()), (5, Ok(None)));
    deframer.push(&whole[5..]);
    assert_eq!(deframer.held(), whole.len());
    assert!(matches!(deframer.next_frame(), Ok(Some(_))));
    assert_eq!(deframer.held(), 0);
}
