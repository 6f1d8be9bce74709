use super::{Schedule, Step};
use crate::sim;

#[test]
fn a_seed_and_its_schedule_are_one_run() {
    for seed in 1..=6 {
        let first = sim::run(seed, None);
        assert!(first.schedule.steps.len() > 100, "seed {seed} does little");
        let again = sim::play(&first.schedule, None);
        assert_eq!(again.hash, first.hash, "seed {seed}");
        assert_eq!(again.schedule, first.schedule, "seed {seed}");
    }
}

#[test]
fn text_holds_all_of_it() {
    let schedule = sim::run(3, None).schedule;
    let text = format!("# why\n{}", schedule.to_text());
    let again = Schedule::of_text(&text).expect("it reads back");
    assert_eq!(again, schedule);
    assert!(Schedule::of_text("").is_err());
    assert!(Schedule::of_text(&format!("{text}nonsense\n")).is_err());
}

#[test]
fn what_is_left_out_is_not_done() {
    let mut schedule = sim::run(3, None).schedule;
    schedule.steps.retain(|timed| matches!(timed.step, Step::Fault(_)));
    schedule.swarm.unborn = vec![0];
    let run = sim::play(&schedule, None);
    assert_eq!(run.schedule, schedule);
    assert!(run.counts.acts > 0, "apps are asked at the end");
}
