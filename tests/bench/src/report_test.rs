use super::{Report, Row, median};

fn row(figure: f64, relay: Option<f64>) -> Row {
    Row { measure: "a measure", unit: "CPU µs", figure, relay, mark: 6.0 }
}

fn report(short: bool, row: Row) -> Report {
    Report { short, rows: vec![row], skipped: Vec::new() }
}

#[test]
fn the_ratio_is_judged_where_there_is_a_relay() {
    assert!(!row(60.0, Some(10.0)).is_over());
    assert!(row(61.0, Some(10.0)).is_over());
    assert!(!row(6.0, None).is_over());
    assert!(row(6.1, None).is_over());
}

#[test]
fn nothing_measured_is_a_failure_and_over_is_one_in_a_full_run() {
    let code = |short, row| format!("{:?}", report(short, row).end());
    let (good, bad) = (code(true, row(1.0, Some(1.0))), code(true, row(f64::NAN, Some(1.0))));
    assert_ne!(good, bad);
    assert_eq!(code(true, row(0.0, None)), bad);
    assert_eq!(code(true, row(9.0, None)), good, "a short run judges no mark");
    assert_eq!(code(false, row(9.0, None)), bad);
}

#[test]
fn the_middle_one_stands() {
    assert!((median(vec![9.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
    assert!(median(Vec::new()).is_nan());
}
