//! Mutation testing of the core: `mutants --sample N --seed S [--log] [--jobs J] [--sim-seeds K]`,
//! `mutants --missed` to try again what was missed.
//!
//! cargo-mutants lists the mutants; N are drawn by the seed. All of them are put into one copy of the
//! core, each behind a switch ([`switch`]), so that a hundred cost one build and not a hundred. Then
//! the core's unit tests run once for each, until the first that fails; what they miss, the simulator
//! gets to see ([`trial`]). `--log` adds the outcomes to `tests/mutants.tsv` ([`log`]).
//!
//! Left out: the models of the world, which are tests themselves; functions that are `const`, and
//! whatever else does not compile behind a switch. Others are drawn in their place.

mod copy;
mod list;
mod log;
mod switch;
mod trial;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};

use crate::list::Mutant;
use crate::switch::Switched;
use crate::trial::{Outcome, Trials};

/// Of a run's mutants so many must be caught, in percent.
const CAUGHT_PERCENT: usize = 85;

struct Options {
    sample: usize,
    seed: u64,
    jobs: usize,
    sim_seeds: u64,
    log: bool,
    missed: bool,
}

impl Options {
    fn read() -> Result<Self> {
        let mut options =
            Self { sample: 100, seed: 1, jobs: 2, sim_seeds: 200, log: false, missed: false };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number = || -> Result<u64> {
                let text = words.next().with_context(|| format!("{word} needs a number"))?;
                text.parse().with_context(|| format!("`{text}` is no number"))
            };
            match word.as_str() {
                "--sample" => options.sample = usize::try_from(number()?)?,
                "--seed" => options.seed = number()?,
                "--jobs" => options.jobs = usize::try_from(number()?)?.max(1),
                "--sim-seeds" => options.sim_seeds = number()?,
                "--log" => options.log = true,
                "--missed" => options.missed = true,
                other => bail!("mutants has no option {other}"),
            }
        }
        ensure!(options.sample > 0, "a sample has at least one");
        Ok(options)
    }
}

fn main() -> ExitCode {
    match Options::read().and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mutants: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let root = root()?;
    let all = list::all(&root)?;
    let log = root.join("tests/mutants.tsv");
    let (drawn, wanted) = if options.missed {
        let missed = log::missed(&log, &all)?;
        println!("{} mutants of the log were missed", missed.len());
        let wanted = missed.len();
        (missed, wanted)
    } else {
        println!("{} mutants of the core, {} drawn", all.len(), options.sample);
        (list::draw(all, options.seed), options.sample)
    };
    ensure!(!drawn.is_empty(), "there is nothing to try");
    let outcomes = try_all(&root, drawn, wanted, options)?;
    ensure!(!outcomes.is_empty(), "no mutant could be tried");
    let caught = outcomes.iter().filter(|(_, outcome)| outcome.is_caught()).count();
    for (mutant, outcome) in &outcomes {
        if !outcome.is_caught() {
            println!("MISSED {}\n       {}", mutant.name, mutant.line);
        }
    }
    let missed = outcomes.len() - caught;
    println!("{} tried, {caught} caught, {missed} missed", outcomes.len());
    let enough = caught * 100 >= outcomes.len() * CAUGHT_PERCENT;
    ensure!(enough || options.missed, "fewer than {CAUGHT_PERCENT} % were caught");
    Ok(())
}

/// Tries mutants in their order until `wanted` of them did compile.
fn try_all(
    root: &Path,
    mut drawn: Vec<Mutant>,
    wanted: usize,
    options: &Options,
) -> Result<Vec<(Mutant, Outcome)>> {
    let copy = copy::fresh(root)?;
    let mut outcomes = Vec::new();
    while outcomes.len() < wanted && !drawn.is_empty() {
        // A few more than are wanted, for those that do not compile.
        let missing = wanted - outcomes.len();
        let some = (missing + missing / 4 + 1).min(drawn.len());
        let batch: Vec<Mutant> = drawn.drain(..some).collect();
        let (mut built, rest) = switch::into_copy(&copy, batch)?;
        // Where two would stand in each other's way, the later one waits for the next build.
        drawn.splice(..0, rest);
        trial::build(&copy, &mut built)?;
        let mut now = std::mem::take(&mut built.switched);
        let later = now.split_off(now.len().min(missing));
        let trials = Trials::new(&copy, options.jobs, options.sim_seeds)?;
        let mut tried = trials.unit(&now)?;
        note(root, options, &tried)?;
        let is_missed = |one: &Switched| {
            let same = |(mutant, _): &&(Mutant, Outcome)| mutant.name == one.mutant.name;
            tried.iter().find(same).is_some_and(|(_, outcome)| !outcome.is_caught())
        };
        let left: Vec<Switched> = now.into_iter().filter(is_missed).collect();
        let simulated = trials.simulated(&left)?;
        note(root, options, &simulated)?;
        for (mutant, outcome) in simulated {
            let same = |(other, _): &&mut (Mutant, Outcome)| other.name == mutant.name;
            tried.iter_mut().find(same).into_iter().for_each(|(_, was)| *was = outcome.clone());
        }
        outcomes.extend(tried);
        built.undo(&copy)?;
        drawn.splice(..0, later.into_iter().map(|one| one.mutant));
    }
    Ok(outcomes)
}

/// Writes outcomes to the log, where it is asked for: what is known of a mutant already is replaced.
fn note(root: &Path, options: &Options, outcomes: &[(Mutant, Outcome)]) -> Result<()> {
    if !options.log && !options.missed {
        return Ok(());
    }
    log::add(&root.join("tests/mutants.tsv"), root, options.seed, outcomes)
}

fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.parent().and_then(Path::parent).context("the crate lies in no repository")?;
    Ok(root.to_path_buf())
}
