use super::figures;

#[test]
fn figures_are_the_lines_with_a_number() {
    let stdout = "seed 7: fine\nseeds: 200\n  hours: 33.5\nlaw: G1 held\n";
    assert_eq!(figures(stdout), [("seeds", "200"), ("hours", "33.5")]);
}
