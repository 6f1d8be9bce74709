use super::{Coverage, Mark, known, rare};
use crate::sim::Kind;

#[test]
fn what_is_not_reached_is_named() {
    let coverage = Coverage::default();
    let all = coverage.missing();
    assert!(all.iter().any(|name| name == "fault.link cut"));
    assert!(all.iter().any(|name| name == "frame.settling"));
    assert!(all.iter().any(|name| name == "tell.ps.arrive"));
    let mut faults = [0; Kind::ALL.len()];
    faults[Kind::Cut as usize] = 1;
    let mut coverage = coverage.with_faults(faults);
    coverage.frame(0x0413);
    assert_eq!(coverage.missing().len(), all.len() - 2);
    assert_eq!(coverage.faults(), vec![("link cut", 1)]);
}

#[test]
fn a_reason_is_for_a_mark_that_there_is() {
    let known = known();
    for name in rare::all() {
        assert!(known.iter().any(|other| other == name), "no mark is called {name}");
    }
}

#[test]
fn sums_are_of_both() {
    let (mut one, mut two) = (Coverage::default(), Coverage::default());
    one.close("gone");
    two.close("gone");
    two.close("silent");
    two.hits(Mark::StoreLost, 3);
    one.add(&two);
    let all = one.all();
    assert_eq!((all["close.gone"], all["close.silent"], all["store.lost_by_crash"]), (2, 1, 3));
}
