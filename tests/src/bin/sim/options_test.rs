use super::{Options, Play};

fn read(line: &str) -> Result<Options, String> {
    Options::read(line.split_whitespace().map(str::to_owned))
}

#[test]
fn one_thing_is_played() {
    let options = read("--from 7 --seeds 3").map(|options| (options.from, options.play));
    assert!(matches!(options, Ok((7, Play::Seeds(3)))));
    for line in ["--seeds 3 --seed 1", "--from 1 --minutes 1 --seeds 3", "--seed 1 --seed 2"] {
        let refused = read(line).err();
        let text = "one of --seeds, --minutes, --seed and --schedule, once";
        assert_eq!(refused.as_deref(), Some(text), "{line}");
    }
}

#[test]
fn what_is_typed_wrongly_is_named() {
    for (line, text) in [
        ("--minutes -1", "--minutes wants a number of minutes, not -1"),
        ("--minutes nan", "--minutes wants a number of minutes, not nan"),
        ("--seed x", "--seed wants a number, not x"),
        ("--seed", "--seed wants a value"),
        ("--nope", "unknown option --nope; --help tells what there is"),
    ] {
        assert_eq!(read(line).err().as_deref(), Some(text), "{line}");
    }
    let refused = read("--law nope").err().unwrap_or_default();
    assert!(refused.starts_with("no law is called nope; there are effects"), "{refused}");
}
