//! Mutation testing of the core: `mutants --sample N --seed S [--log] [--jobs J] [--sim-seeds K]`,
//! `--missed` to try again what was missed, `--caught` to try again N of those that a test caught: each
//! must be caught again. Several `--seed` draw N each into one build.
//!
//! cargo-mutants lists the mutants; N are drawn by the seed. All of them are put into one copy of the
//! core, each behind a switch ([`switch`]), so that a hundred cost one build and not a hundred. Then
//! those of the core's unit tests that reach it run for each, until the first that fails; what they
//! miss, the simulator gets to see, if it reaches it ([`trial`]). `--log` adds the outcomes to
//! `tests/mutants.tsv` ([`log`]).
//!
//! Left out: the models of the world, which are tests themselves; functions that are `const`, and
//! whatever else does not compile behind a switch. Others are drawn in their place.

mod copy;
mod list;
mod log;
mod switch;
mod trial;

use std::collections::{BTreeMap, BTreeSet};
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
    seeds: Vec<u64>,
    jobs: usize,
    sim_seeds: u64,
    log: bool,
    missed: bool,
    caught: bool,
}

impl Options {
    fn read() -> Result<Self> {
        let mut options = Self {
            sample: 100,
            seeds: Vec::new(),
            jobs: 2,
            sim_seeds: 200,
            log: false,
            missed: false,
            caught: false,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number = || -> Result<u64> {
                let text = words.next().with_context(|| format!("{word} needs a number"))?;
                text.parse().with_context(|| format!("`{text}` is no number"))
            };
            match word.as_str() {
                "--sample" => options.sample = usize::try_from(number()?)?,
                "--seed" => options.seeds.push(number()?),
                "--jobs" => options.jobs = usize::try_from(number()?)?.max(1),
                "--sim-seeds" => options.sim_seeds = number()?,
                "--log" => options.log = true,
                "--missed" => options.missed = true,
                "--caught" => options.caught = true,
                other => bail!("mutants has no option {other}"),
            }
        }
        ensure!(options.sample > 0, "a sample has at least one");
        if options.seeds.is_empty() {
            options.seeds.push(1);
        }
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

/// What a seed drew and was not tried yet, in its order; and how many are still wanted.
struct Draw {
    waiting: Vec<Mutant>,
    wanted: usize,
}

impl Draw {
    /// Some for the next build: a few more than are wanted, for those that do not compile.
    fn take(&mut self, taken: &mut BTreeSet<String>) -> Vec<Mutant> {
        let most = if self.wanted == 0 { 0 } else { self.wanted + self.wanted / 4 + 1 };
        let (mut some, mut at) = (Vec::new(), 0);
        while some.len() < most && at < self.waiting.len() {
            // Another seed of this run may have drawn it.
            if taken.insert(self.waiting[at].name.clone()) {
                some.push(self.waiting.remove(at));
            } else {
                at += 1;
            }
        }
        some
    }
}

fn run(options: &Options) -> Result<()> {
    let root = root()?;
    let all = list::all(&root)?;
    let log = root.join("tests/mutants.tsv");
    let draws = if options.missed {
        let waiting = log::missed(&log, &all)?;
        println!("{} mutants of the log were missed", waiting.len());
        vec![Draw { wanted: waiting.len(), waiting }]
    } else if options.caught {
        let mut waiting = list::shuffle(log::caught(&log, &all)?, options.seeds[0]);
        println!("{} mutants of the log were caught by a test", waiting.len());
        waiting.truncate(options.sample);
        vec![Draw { wanted: waiting.len(), waiting }]
    } else {
        let seeds = &options.seeds;
        println!("{} mutants of the core, {} drawn", all.len(), options.sample * seeds.len());
        let draw = |seed: &u64| list::draw(all.clone(), *seed);
        let draw = |seed| Draw { waiting: draw(seed), wanted: options.sample };
        seeds.iter().map(draw).collect()
    };
    let outcomes = try_all(&root, draws, options)?;
    ensure!(!outcomes.is_empty(), "no mutant could be tried");
    for (mutant, _) in outcomes.iter().filter(|(_, outcome)| !outcome.is_caught()) {
        println!("MISSED {}\n       {}", mutant.name, mutant.line);
    }
    let summary = |of: &[&(Mutant, Outcome)]| {
        let caught = of.iter().filter(|(_, outcome)| outcome.is_caught()).count();
        (caught, format!("{} tried, {caught} caught, {} missed", of.len(), of.len() - caught))
    };
    if options.seeds.len() > 1 {
        for seed in &options.seeds {
            let its: Vec<_> = outcomes.iter().filter(|(mutant, _)| mutant.seed == *seed).collect();
            println!("seed {seed}: {}", summary(&its).1);
        }
    }
    let (caught, line) = summary(&outcomes.iter().collect::<Vec<_>>());
    println!("{line}");
    let percent = if options.caught { 100 } else { CAUGHT_PERCENT };
    let enough = caught * 100 >= outcomes.len() * percent;
    ensure!(enough || options.missed, "fewer than {percent} % were caught");
    Ok(())
}

/// Tries mutants in their order until so many are tried as each draw wants.
fn try_all(root: &Path, mut draws: Vec<Draw>, options: &Options) -> Result<Vec<(Mutant, Outcome)>> {
    let copy = copy::fresh(root)?;
    let mut outcomes = Vec::new();
    // Those tried, and those that cannot be.
    let mut taken = BTreeSet::new();
    loop {
        let (mut batch, mut owner) = (Vec::new(), BTreeMap::new());
        for (at, draw) in draws.iter_mut().enumerate() {
            let some = draw.take(&mut taken);
            owner.extend(some.iter().map(|mutant| (mutant.name.clone(), at)));
            batch.extend(some);
        }
        if batch.is_empty() {
            return Ok(outcomes);
        }
        let (mut built, mut later) = switch::into_copy(&copy, batch)?;
        trial::build(&copy, &mut built)?;
        let mut now = Vec::new();
        for one in std::mem::take(&mut built.switched) {
            let draw = &mut draws[owner[&one.mutant.name]];
            if draw.wanted > 0 {
                draw.wanted -= 1;
                now.push(one);
            } else {
                later.push(one.mutant);
            }
        }
        // Where two would stand in each other's way, the later one waits for the next build.
        for mutant in later {
            taken.remove(&mutant.name);
            draws[owner[&mutant.name]].waiting.insert(0, mutant);
        }
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
    }
}

/// Writes outcomes to the log, where it is asked for: what is known of a mutant already is replaced.
fn note(root: &Path, options: &Options, outcomes: &[(Mutant, Outcome)]) -> Result<()> {
    if !options.log && !options.missed {
        return Ok(());
    }
    log::add(&root.join("tests/mutants.tsv"), root, outcomes)
}

fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.parent().and_then(Path::parent).context("the crate lies in no repository")?;
    Ok(root.to_path_buf())
}
