use super::{masked, message};

#[test]
fn messages_are_cut_out_where_they_are_whole() {
    let bytes = [0x82, 2, 7, 8, 0x89, 0];
    assert_eq!(message(&bytes), Some((2, &[7, 8][..], 4)));
    assert_eq!(message(&bytes[..3]), None);
    assert_eq!(message(&bytes[4..]), Some((9, &[][..], 2)));
    let mut long = vec![0x82, 126, 1, 0];
    long.resize(4 + 256, 5);
    assert_eq!(message(&long).map(|(_, payload, used)| (payload.len(), used)), Some((256, 260)));
}

#[test]
fn what_is_said_carries_a_mask() {
    assert_eq!(masked(&[1]).unwrap(), [0x82, 0x81, 0, 0, 0, 0, 1]);
    assert_eq!(masked(&[0; 126]).unwrap()[..4], [0x82, 0xfe, 0, 126]);
}
