use super::*;

#[test]
fn each_address_is_an_origin_and_each_network_of_ipv6() {
    let of = Origin::of;
    assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
    assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff::2"));
    assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
    assert_ne!(of("::1"), of("127.0.0.1"));
    assert_eq!(of("a socket"), of(""));
    assert_ne!(of(""), of("0.0.0.0"));
}
