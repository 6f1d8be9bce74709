use alloc::vec::Vec;

use bytes::Bytes;

use super::net::{Fabric, FabricWeather, LinkWeather, Pipe};
use crate::rng::Rng;
use crate::time::Timestamp;

const ROUGH: LinkWeather = LinkWeather { delay_min_ms: 5, delay_mean_ms: 40, pieces_permille: 700 };

#[test]
fn a_pipe_keeps_order_and_bytes_however_it_cuts_them() {
    let mut rng = Rng::new([1; 32]);
    let mut pipe = Pipe::default();
    let mut came = Vec::new();
    let mut last = Timestamp(0);
    for round in 0..200u8 {
        let sent: Vec<u8> = (0..round).collect();
        let sent = if sent.is_empty() { alloc::vec![7] } else { sent };
        let mut whole = Vec::new();
        for (at, piece) in
            pipe.carry(&ROUGH, Bytes::from(sent.clone()), &mut rng, Timestamp(u64::from(round)))
        {
            assert!(at >= last, "a piece overtook another");
            last = at;
            whole.extend_from_slice(&piece);
        }
        assert_eq!(whole, sent);
        came.push(whole);
    }
    assert_eq!(came.len(), 200);
}

#[test]
fn a_stalled_pipe_says_nothing() {
    let mut rng = Rng::new([1; 32]);
    let mut pipe = Pipe::default();
    pipe.stall();
    assert!(pipe.carry(&ROUGH, Bytes::from_static(b"x"), &mut rng, Timestamp(0)).is_empty());
}

#[test]
fn the_fabric_loses_doubles_and_parts() {
    let mut rng = Rng::new([2; 32]);
    let mut fabric = Fabric::default();
    let weather = FabricWeather {
        delay_mean_ms: 3,
        loss_permille: 300,
        double_permille: 300,
        late_permille: 100,
    };
    let fates: Vec<usize> =
        (0..1_000).map(|_| fabric.fates(&weather, (0, 1), &mut rng, Timestamp(0)).len()).collect();
    assert!(fates.contains(&0) && fates.contains(&1) && fates.contains(&2));
    fabric.part(0, 1);
    assert!(fabric.fates(&FabricWeather::CALM, (0, 1), &mut rng, Timestamp(0)).is_empty());
    assert_eq!(fabric.fates(&FabricWeather::CALM, (1, 0), &mut rng, Timestamp(0)).len(), 1);
    fabric.heal();
    assert_eq!(fabric.fates(&FabricWeather::CALM, (0, 1), &mut rng, Timestamp(0)).len(), 1);
}

#[test]
fn a_clogged_way_comes_all_at_once_and_a_slow_one_late_in_its_direction_alone() {
    let mut rng = Rng::new([3; 32]);
    let mut fabric = Fabric::default();
    let mut fate = |fabric: &Fabric, way| {
        fabric.fates(&FabricWeather::CALM, way, &mut rng, Timestamp(100))[0].0
    };
    fabric.clog(0, 1, Timestamp(5_000));
    fabric.slow(1, 0, 700);
    assert_eq!(fate(&fabric, (0, 1)), 5_000);
    assert_eq!(fate(&fabric, (1, 0)), 800);
    assert_eq!(fate(&fabric, (1, 2)), 100);
    fabric.slow(1, 0, 0);
    assert_eq!(fate(&fabric, (1, 0)), 100);
    fabric.part(0, 1);
    assert!(fabric.is_parted(0, 1) && !fabric.is_parted(1, 0));
    fabric.join(0, 1);
    assert!(!fabric.is_parted(0, 1));
}

#[test]
fn a_slow_pipe_makes_room_as_fast_as_it_carries() {
    let mut rng = Rng::new([4; 32]);
    let mut pipe = Pipe::default();
    assert_eq!(pipe.leave(1_000, Timestamp(10)), Timestamp(10));
    pipe.set_rate(500);
    assert_eq!(pipe.leave(1_000, Timestamp(10)), Timestamp(2_010));
    assert_eq!(pipe.leave(250, Timestamp(20)), Timestamp(2_510));
    let came = pipe.carry(&ROUGH, Bytes::from_static(b"x"), &mut rng, Timestamp(20));
    assert!(came[0].0 >= Timestamp(2_510), "it arrives after it left");
    pipe.clog(Timestamp(9_000));
    let came = pipe.carry(&ROUGH, Bytes::from_static(b"x"), &mut rng, Timestamp(2_600));
    assert!(came[0].0 >= Timestamp(9_000));
}
