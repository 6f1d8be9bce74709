//! The simulator's swarm, chaos among real processes, the fuzz targets for a moment, and a short
//! benchmark.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::{
    chaos as processes,
    counts::Counts,
    host::{self, Profile},
    mutants, shell,
    tree::Tree,
};

/// What the stages here run, all of one profile built at once: they share nearly everything.
pub(super) const BINS: &[&str] = &["sim", "planted", "presently", "chaos", "bench"];

/// How many seeds a test run plays; `cargo xtask sim --seeds` plays more.
const SEEDS: u64 = 1000;

/// The line of chaos after which each part has one.
const SUMMARY: &str = "== chaos";

/// Seconds of changed inputs per fuzz target; `cargo xtask fuzz` looks for hours.
const FUZZ_SECONDS: u64 = 2;

/// Mutants of a test run, of those that the log says a test caught; `cargo xtask mutants --sample`
/// looks for others.
const MUTANTS: usize = 24;

/// How the benchmark says that this machine cannot measure: the code for a refusal.
const REFUSED: i32 = 3;

/// A swarm of seeds, each of which holds every law.
pub(super) fn sim(tree: &Tree) -> Result<Counts> {
    host::bins(tree, Profile::Release, BINS)?;
    let mut command = Command::new(host::path(tree, Profile::Release, "sim"));
    command.args(["--seeds", &SEEDS.to_string()]).current_dir(&tree.root);
    let ended = shell::watch(&mut command)?;
    let figures = figures(&ended.stdout);
    let played = figures.iter().find(|(name, _)| *name == "seeds").map(|(_, number)| *number);
    let line: Vec<String> = figures.iter().map(|(name, n)| format!("{name} {n}")).collect();
    let counts = Counts::of_exit(&ended, "the simulator");
    ensure!(!ended.ok() || played == Some(SEEDS.to_string().as_str()), "seeds played: {played:?}");
    Ok(counts.noting(line.join(", ")))
}

/// Faults planted in a copy of the core: the simulator must see each.
pub(super) fn planted(tree: &Tree) -> Result<Counts> {
    let planted = host::bin(tree, Profile::Release, "planted")?;
    let ended = shell::watch(Command::new(planted).arg("--short").current_dir(&tree.root))?;
    Ok(Counts::of_exit(&ended, "planted faults seen"))
}

/// A little of each thing that may befall real processes.
pub(super) fn chaos(tree: &Tree) -> Result<Counts> {
    let ended = shell::watch(processes::command(tree)?.arg("--short"))?;
    let mut counts = Counts::default();
    for line in ended.stdout.lines().skip_while(|line| *line != SUMMARY) {
        match line.split_once(' ') {
            Some(("PASSED", what)) => counts += Counts::passed(1).noting(what.to_owned()),
            Some(("FAILED", what)) => counts += Counts::failed(what.to_owned()),
            Some(("SKIPPED", what)) => counts += Counts::skipped(what.to_owned()),
            _ => {}
        }
    }
    ensure!(counts.passed + counts.failed > 0, "no part of chaos was played");
    ensure!(ended.ok() == (counts.failed == 0), "chaos ended with {:?}", ended.code);
    Ok(counts)
}

/// Each fuzz target over its committed inputs, and for seconds over changed ones. Built as the tests
/// are: with debug assertions, on the toolchain at hand.
pub(super) fn fuzz(tree: &Tree) -> Result<Counts> {
    // With the features that the tests have: built beside them, and not once more.
    host::all(tree)?;
    let mut command = Command::new(host::path(tree, Profile::Debug, "fuzz-replay"));
    command.args(["--seconds", &FUZZ_SECONDS.to_string()]).current_dir(&tree.root);
    Ok(Counts::of_tests(&shell::watch(&mut command)?, "the fuzz targets"))
}

/// A few mutants of the core that tests caught before: the machinery works, and they still see each.
pub(super) fn mutants(tree: &Tree) -> Result<Counts> {
    let mut command = mutants::command(tree)?;
    command.args(["--caught", "--sample", &MUTANTS.to_string(), "--sim-seeds", "0"]);
    let ended = shell::watch(&mut command)?;
    let tried = format!("{MUTANTS} tried, ");
    let line = ended.stdout.lines().find(|line| line.starts_with(&tried));
    let counts = Counts::of_exit(&ended, "mutants seen");
    ensure!(!ended.ok() || line.is_some(), "not {MUTANTS} mutants were tried");
    Ok(counts.noting(line.unwrap_or_default()))
}

/// A quick run that catches a benchmark broken, not one that measures.
pub(super) fn bench(tree: &Tree) -> Result<Counts> {
    let bench = host::bin(tree, Profile::Release, "bench")?;
    let ended = shell::watch(Command::new(bench).arg("--short").current_dir(&tree.root))?;
    if ended.code == Some(REFUSED) {
        return Ok(Counts::skipped("bench: it refused this machine, see above"));
    }
    Ok(Counts::of_exit(&ended, "the benchmark"))
}

/// The lines `name: number` of a summary.
fn figures(stdout: &str) -> Vec<(&str, &str)> {
    let pairs = stdout.lines().filter_map(|line| line.trim().split_once(": "));
    pairs.filter(|(_, number)| number.parse::<f64>().is_ok()).collect()
}

#[cfg(test)]
#[path = "world_test.rs"]
mod tests;
