//! PROTOCOL §9.3: what both ends say of the state class.

use super::*;
use crate::edge::{Address, Envelope, Role, mixer_ps};
use crate::id::{Flow, NodeId};

fn keys() -> [UserId; 3] {
    let mut counted = [0; 16];
    (0u8..).zip(&mut counted).for_each(|(n, byte)| *byte = n);
    [UserId(counted), UserId([0xee; 16]), UserId([7; 16])]
}

fn value(user: UserId) -> Addressed {
    let from = Address { role: Role::Mixer, node: NodeId(0) };
    let tell = mixer_ps::ToPs::Route { user }.into();
    Addressed { range: None, envelope: Envelope { flow: Flow::default(), from, op: None, tell } }
}

fn sent() -> Sent {
    let mut sent = Sent::default();
    keys().into_iter().for_each(|key| {
        sent.put(key, value(key));
    });
    sent
}

#[test]
fn a_digest_is_the_same_in_every_build() {
    let mut sent = sent();
    assert_eq!((sent.len(), sent.digest()), (3, (0, 3, 0xa909_efd8_999a_f889)));
    let mut heard = Heard::default();
    assert!((1..).zip(keys()).all(|(number, key)| heard.is_news(key, number)));
    assert!(heard.agrees(0, 3, 0xa909_efd8_999a_f889));
    assert!(!heard.agrees(0, 3, 0xa909_efd8_999a_f889 ^ 1));
    sent.agreed(3);
    assert_eq!((sent.len(), sent.digest()), (0, (3, 3, 0)));
}

#[test]
fn what_was_missed_or_is_older_is_no_agreement() {
    let (_, through, hash) = sent().digest();
    for missed in 0..3 {
        let mut heard = Heard::default();
        for (number, key) in (1..).zip(keys()).filter(|(number, _)| *number != missed + 1) {
            heard.is_news(key, number);
        }
        assert!(!heard.agrees(0, through, hash), "without {missed}");
        let at = usize::try_from(missed).expect("few");
        heard.is_news(keys()[at], missed + 1);
        assert!(heard.agrees(0, through, hash));
        // One more that the digest does not name yet.
        heard.is_news(keys()[0], 9);
        assert!(!heard.agrees(0, 9, hash));
    }
}
