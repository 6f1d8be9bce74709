//! Parcels that no honest node sends.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::edge::mixer_ps::ToPs;
use crate::edge::{Address, Envelope, Role, Tell, placement};
use crate::id::{Flow, UserId};

fn parcel(body: ParcelBody) -> Parcel {
    let (from, to) = (Incarnation(1), Some(Incarnation(1)));
    Parcel { from, to, session: 0, sent: Timestamp(0), body }
}

fn tell(number: u8) -> Addressed {
    let from = Address { role: Role::Mixer, node: NodeId(1) };
    let tell = ToPs::Route { user: UserId([number; 16]) }.into();
    let envelope = Envelope { flow: Flow::default(), from, op: None, tell };
    Addressed { range: None, envelope }
}

#[test]
fn tells_that_begin_at_the_end_of_all_numbers_are_passed_over() {
    let now = Timestamp(0);
    let mut trunks = Trunks::new(NodeId(0), 2, Incarnation(1), now);
    let mut give = |first, tells: Vec<Addressed>| {
        let tells = tells.into_iter().map(Box::new).collect();
        let body = ParcelBody::Reliable { first, ack: u64::MAX, tells };
        trunks.on_parcel(NodeId(1), parcel(body), now);
        let mut delivered = 0;
        while let Some(output) = trunks.poll_output() {
            delivered += usize::from(matches!(output, Output::Deliver(_)));
        }
        delivered
    };
    assert_eq!(give(u64::MAX, vec![tell(1), tell(2), tell(3)]), 0);
    assert_eq!(give(0, vec![tell(1), tell(2)]), 2, "the stream goes on where it was");
    assert_eq!(give(1, vec![tell(2), tell(3)]), 1, "a tell comes once");
}

#[test]
fn a_parcel_holds_so_many_tells_and_no_more() {
    let bytes = |count: usize| {
        let tells = (0..count).map(|_| Box::new(tell(1))).collect();
        postcard::to_allocvec(&parcel(ParcelBody::Reliable { first: 0, ack: 0, tells })).unwrap()
    };
    let read = |bytes: &[u8]| postcard::from_bytes::<Parcel>(bytes);
    assert!(read(&bytes(PARCEL_TELLS_MAX)).is_ok());
    assert!(read(&bytes(PARCEL_TELLS_MAX + 1)).is_err());
    let friends = |count: u16| {
        let friends: Vec<UserId> = (0..count).map(|n| UserId([n.to_be_bytes()[1]; 16])).collect();
        let tell =
            crate::edge::book_ps::ToPs::Visible { user: UserId([0; 16]), friends: Some(friends) };
        postcard::to_allocvec(&tell).unwrap()
    };
    let read = |bytes: &[u8]| postcard::from_bytes::<crate::edge::book_ps::ToPs>(bytes);
    assert!(read(&friends(1_000)).is_ok());
    assert!(read(&friends(1_001)).is_err());
}

#[test]
fn the_shortest_tell_takes_sixteen_times_its_bytes_at_most() {
    let leaving = Tell::from(placement::ToPlacement::Leaving {});
    let shortest =
        Addressed { envelope: Envelope { tell: leaving, ..tell(1).envelope }, range: None };
    let bytes = postcard::to_allocvec(&shortest).unwrap().len();
    assert_eq!(bytes, 9);
    assert!(size_of::<Addressed>() <= 16 * bytes, "{}", size_of::<Addressed>());
    // The list itself, and the one it grew from: within what any input may take.
    assert!(PARCEL_TELLS_MAX * 3 / 2 * size_of::<Box<Addressed>>() <= 4096);
}
