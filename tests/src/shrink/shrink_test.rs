use std::time::Duration;

use super::{shrink, shrink_by};
use crate::history::broken;
use crate::judge;
use crate::sim::{self, Fault, Schedule, Step, Swarm, Timed, World};

/// A law of the test alone: at most one thing happens on device 1.
#[test]
fn what_does_not_matter_goes() {
    let swarm = Swarm { acts: 60, play_ms: 120_000, ..Swarm::of_seed(3) };
    let run = World::new(&swarm, None).play();
    let law = |schedule: &Schedule| {
        schedule.steps.iter().filter(|timed| timed.step.devices() == [1]).count() > 1
    };
    assert!(law(&run.schedule), "the seed does something on device 1");
    let judge = |schedule: &Schedule| law(schedule).then(|| broken("test", "it"));
    let time = Duration::from_secs(60);
    let small = shrink_by(run.schedule, broken("test", "it"), 2, time, &judge);
    assert_eq!(small.schedule.steps.len(), 2);
    assert!(small.schedule.steps.iter().all(|timed| timed.step.devices() == [1]));
    assert_eq!(small.schedule.swarm.fabric, Swarm::calm(3).fabric);
    let others = small.schedule.swarm.owner.len() - 1;
    assert_eq!(small.schedule.swarm.unborn.len(), others);
    assert!(small.schedule.swarm.play_ms < 1_000);
}

/// A law of the test alone: nobody floods with twelve or more.
#[test]
fn what_is_done_many_times_is_done_less_often() {
    let flood = |count| Fault::Flood { device: 0, to: 1, count, bytes: 900, reads: 20 };
    let steps = vec![Timed { at: 5_000, step: Step::Fault(flood(148)) }];
    let schedule = Schedule { swarm: Swarm::calm(3), steps };
    let judge = |schedule: &Schedule| {
        let is_flood = |timed: &Timed| {
            let Step::Fault(Fault::Flood { count, .. }) = timed.step else { return false };
            count >= 12
        };
        schedule.steps.iter().any(is_flood).then(|| broken("test", "it"))
    };
    let small = shrink_by(schedule, broken("test", "it"), 2, Duration::from_secs(60), &judge);
    let left: Vec<&Step> = small.schedule.steps.iter().map(|timed| &timed.step).collect();
    assert_eq!(left, [&Step::Fault(flood(12))]);
}

#[test]
fn what_breaks_nothing_stays_as_it_is() {
    let run = sim::run(2, None);
    let judged = judge::schedule(&run.schedule, Some("g2_once"), None);
    assert_eq!(judged.broken, None);
    let small =
        shrink(run.schedule.clone(), broken("g2_once", "not so"), 2, Duration::from_secs(5));
    assert_eq!(small.schedule, run.schedule);
}
