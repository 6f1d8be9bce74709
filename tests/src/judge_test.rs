use super::{is_named, judge};
use crate::check::LAWS;
use crate::sim::{Swarm, World};

#[test]
fn a_law_has_a_short_name() {
    assert!(is_named("g2_once", "G2"));
    assert!(is_named("g2_once", "g2_once"));
    assert!(!is_named("g2_once", "g2_on"));
    assert!(!is_named("g10_bounds", "g1"));
    assert!(is_named("effects", "effects"));
}

#[test]
fn a_panic_of_a_machine_is_a_broken_law_and_what_was_done_is_kept() {
    let mut world = World::new(&Swarm::calm(1), None);
    world.trip_at(30_000);
    let judged = judge(world, None);
    let broken = judged.broken.expect("it tripped");
    assert_eq!(broken.law, super::PANIC);
    assert!(broken.what.contains("tripped"), "{}", broken.what);
    assert!(!judged.run.history.seen.is_empty());
}

#[test]
fn one_law_alone_is_judged() {
    let mut world = World::new(&Swarm::calm(1), None);
    world.trip_at(30_000);
    assert_eq!(judge(world, Some(LAWS[0].0)).broken, None);
}
