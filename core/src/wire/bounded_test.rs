use super::*;

#[test]
fn a_blob_is_as_long_as_its_bound_and_no_longer() {
    let read = |bytes: &[u8]| postcard::from_bytes::<Blob<4>>(bytes).ok();
    assert_eq!(read(&[4, 1, 2, 3, 4]), Blob::new(Bytes::from_static(&[1, 2, 3, 4])).ok());
    assert!(read(&[4, 1, 2, 3, 4]).is_some());
    assert_eq!(read(&[5, 1, 2, 3, 4, 5]), None);
    assert_eq!(read(&[0]), Some(Blob::default()));
}

#[test]
fn logs_show_how_long_a_blob_is_and_nothing_of_it() {
    let blob = Blob::<4>::new(Bytes::from_static(&[77, 77, 77])).expect("short");
    let shown = alloc::format!("{blob:?}");
    assert!(shown.contains('3') && !shown.contains("77"), "{shown}");
}
