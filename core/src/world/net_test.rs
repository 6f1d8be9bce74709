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
