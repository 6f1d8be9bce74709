use super::*;

#[test]
fn a_blob_is_as_long_as_its_bound_and_no_longer() {
    let read = |bytes: &[u8]| postcard::from_bytes::<Blob<4>>(bytes).ok();
    assert_eq!(read(&[4, 1, 2, 3, 4]), Blob::new(Bytes::from_static(&[1, 2, 3, 4])).ok());
    assert!(read(&[4, 1, 2, 3, 4]).is_some());
    assert_eq!(read(&[5, 1, 2, 3, 4, 5]), None);
    assert_eq!(read(&[0]), Some(Blob::default()));
}
