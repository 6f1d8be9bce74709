use super::*;

#[test]
fn executions_are_what_libfuzzer_says() {
    let said = "Done 91 runs in 2 second(s)\nstat::number_of_executed_units: 91\nstat::x: 7\n";
    assert_eq!(executions(said), Some(91));
    assert_eq!(executions("#91 DONE"), None);
}

#[test]
fn a_run_is_named_by_its_options() {
    let read = |words: &str| {
        let words: Vec<String> = words.split_whitespace().map(Into::into).collect();
        Options::read(&words).map(|options| (options.target, options.minutes, options.keep))
    };
    assert_eq!(read("").unwrap(), (None, MINUTES, false));
    assert_eq!(read("tails --minutes 0.5 --keep").unwrap(), (Some("tails".into()), 0.5, true));
    assert!(read("--minutes").is_err());
    assert!(read("--minutes 0").is_err());
    assert!(read("--hours 1").is_err());
}
