use super::{put, whole};

#[test]
fn frames_are_cut_by_their_length() {
    let bytes = [0, 0, 2, 7, 8, 0, 0, 1];
    assert_eq!(whole(&bytes), Some(&bytes[..5]));
    assert_eq!(whole(&bytes[5..]), None);
}

#[test]
fn what_is_passed_on_has_the_size_asked_for() {
    let mut out = Vec::new();
    put(&mut out, &[0, 0, 2, 7, 8], 8);
    assert_eq!(out, [0, 0, 5, 7, 8, 0, 0, 0]);
    put(&mut out, &[0, 0, 2, 7, 8], 4);
    assert_eq!(out[8..], [0, 0, 1, 7]);
}
