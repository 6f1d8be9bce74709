use super::{Floor, Term, Verdict};
use crate::id::Epoch;

fn at(epoch: u32, acl: u64) -> Floor {
    let mut floor = Floor::default();
    floor.reach(Epoch::new(0, epoch), acl);
    floor
}

#[test]
fn presence_waits_for_its_admission() {
    let mut floor = at(1, 4);
    assert_eq!(floor.judge(Epoch::new(0, 1), 1, 5), Verdict::Hold);
    assert_eq!(floor.reach(Epoch::new(0, 1), 5), Term::Same);
    assert_eq!(floor.judge(Epoch::new(0, 1), 1, 5), Verdict::Show);
    assert_eq!(floor.judge(Epoch::new(0, 1), 1, 3), Verdict::Show);
}

#[test]
fn presence_that_is_no_news_is_dropped() {
    let mut floor = at(1, 1);
    floor.shown(7);
    assert_eq!(floor.judge(Epoch::new(0, 1), 6, 1), Verdict::Drop);
    assert_eq!(floor.judge(Epoch::new(0, 1), 7, 1), Verdict::Drop);
    assert_eq!(floor.judge(Epoch::new(0, 1), 8, 1), Verdict::Show);
    // Old before not yet admitted: it would never be shown.
    assert_eq!(floor.judge(Epoch::new(0, 1), 7, 9), Verdict::Drop);
}

#[test]
fn a_term_is_learned_from_admissions_only() {
    let mut floor = at(3, 10);
    floor.shown(100);
    assert_eq!(floor.judge(Epoch::new(0, 4), 1, 1), Verdict::Hold);
    assert_eq!(floor.judge(Epoch::new(0, 2), 900, 1), Verdict::Drop);
    assert_eq!(floor.reach(Epoch::new(0, 2), 99), Term::Past);
    assert_eq!(floor.reach(Epoch::new(0, 4), 1), Term::New);
    assert_eq!(floor.judge(Epoch::new(0, 4), 1, 1), Verdict::Show);
    assert_eq!(floor.judge(Epoch::new(0, 4), 1, 2), Verdict::Hold);
    assert_eq!(floor.judge(Epoch::new(0, 3), 101, 1), Verdict::Drop);
}

#[test]
fn an_admission_never_lowers_the_acl() {
    let mut floor = at(1, 9);
    assert_eq!(floor.reach(Epoch::new(0, 1), 2), Term::Same);
    assert_eq!(floor.judge(Epoch::new(0, 1), 1, 9), Verdict::Show);
}

#[test]
fn a_first_value_is_a_floor() {
    let mut floor = at(1, 1);
    assert!(!floor.is_overtaken(5));
    floor.shown(5);
    assert!(floor.is_overtaken(4));
    assert!(!floor.is_overtaken(5));
    assert!(!floor.is_overtaken(6));
    floor.forget();
    assert!(!floor.is_overtaken(1));
}
