use super::usage;

#[test]
fn the_block_of_a_source_is_its_usage() {
    let source = "//! `x`: does.\n//!\n//! ```text\n//! x --a   one\n//!   --b   two\n//! ```\n//! More.\nfn main() {}\n";
    assert_eq!(usage(source), "x --a   one\n  --b   two");
    assert_eq!(usage("fn main() {}"), "");
}

#[test]
fn every_program_has_one() {
    for source in [
        include_str!("bin/sim/main.rs"),
        include_str!("bin/planted.rs"),
        include_str!("bin/chaos.rs"),
        include_str!("bin/replay.rs"),
    ] {
        assert!(usage(source).lines().count() > 0, "{}", source.lines().next().unwrap_or_default());
    }
}
