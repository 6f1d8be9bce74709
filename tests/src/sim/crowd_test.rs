use presently_core::rng::Rng;

use super::{MESSAGES, TALK_MEDIAN_MS, TALK_SIGMA, acquaintances, log_normal};
use crate::sim::Swarm;

#[test]
fn people_know_about_fifty_others_and_some_far_more() {
    let people = 200;
    let mut of = vec![0_u64; people];
    for (a, b) in acquaintances(&Swarm::population(7), people) {
        assert!(a < b);
        of[a] += 1;
        of[b] += 1;
    }
    let mean = of.iter().sum::<u64>() / people as u64;
    assert!((38..=60).contains(&mean), "{mean}");
    assert!(of.iter().max().is_some_and(|most| *most > 2 * mean), "{of:?}");
}

#[test]
fn talks_are_as_long_as_they_were_measured() {
    let mut rng = Rng::new([1; 32]);
    let mut minutes: Vec<f64> = (0..20_000)
        .map(|_| log_normal(TALK_MEDIAN_MS, TALK_SIGMA, &mut rng) as f64 / 60_000.0)
        .collect();
    minutes.sort_by(f64::total_cmp);
    let beyond = |limit: f64| {
        100.0 * minutes.iter().filter(|length| **length > limit).count() as f64 / 20_000.0
    };
    assert!((56.0..62.0).contains(&beyond(5.0)), "{}", beyond(5.0));
    assert!((8.5..11.5).contains(&beyond(20.0)), "{}", beyond(20.0));
    let sum: u64 = (0..20_000).map(|_| MESSAGES.whole(&mut rng)).sum();
    assert!((110_000..170_000).contains(&sum), "a mean near six or seven: {sum}");
}
