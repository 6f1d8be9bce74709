use super::{Counts, summary};
use crate::shell::Ended;

fn ended(stdout: &str, code: i32) -> Ended {
    Ended { stdout: stdout.into(), code: Some(code) }
}

fn of(passed: u64, failed: u64, skipped: u64) -> Option<Counts> {
    Some(Counts { passed, failed, skipped, notes: Vec::new() })
}

#[test]
fn every_runner_is_understood() {
    let libtest = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out";
    assert_eq!(summary(libtest), of(12, 0, 1));
    assert_eq!(summary("# pass 7"), of(7, 0, 0));
    assert_eq!(summary("ℹ fail 2"), of(0, 2, 0));
    assert_eq!(summary("# skipped 1"), of(0, 0, 1));
    assert_eq!(summary("3 passed, 1 failed, 0 skipped"), of(3, 1, 0));
    assert_eq!(summary("# tests 9"), None);
    assert_eq!(summary("3 passed, so it goes"), None);
}

#[test]
fn summaries_add_up() {
    let two = "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured\n\
               test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured\n";
    let counts = Counts::of_tests(&ended(two, 101), "tests");
    assert_eq!((counts.passed, counts.failed, counts.skipped), (3, 1, 0));
}

#[test]
fn silence_never_passes() {
    assert_eq!(Counts::of_tests(&ended("", 0), "tests").failed, 1);
    assert_eq!(Counts::of_tests(&ended("0 passed, 0 failed, 0 skipped", 0), "tests").failed, 1);
    assert_eq!(Counts::of_tests(&ended("5 passed, 0 failed, 0 skipped", 1), "tests").failed, 1);
}
