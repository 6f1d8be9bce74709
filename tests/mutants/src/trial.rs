//! Trying mutants: the core's unit tests first, then the simulator.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::list::Mutant;
use crate::switch::{Batch, Switched};

/// Builds after which what does not compile is given up.
const BUILDS_MAX: usize = 12;
/// A mutant may take so many times the time of none, and no less than some seconds.
const PATIENCE: u32 = 6;
const PATIENCE_SECONDS: u64 = 30;
/// Memory of one trial, KiB: a mutant may allocate without end.
const MEMORY_KIB: u64 = 6 * 1024 * 1024;
const FEATURES: &str = "client,server,world";

/// What became of a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A unit test failed: which.
    Test(String),
    /// The unit tests did not end, or not in order.
    Stuck,
    /// The simulator broke a law or stopped.
    Simulator,
    /// Nobody saw it.
    Missed,
}

impl Outcome {
    pub(crate) fn is_caught(&self) -> bool {
        *self != Self::Missed
    }

    /// In one word or two.
    pub(crate) fn says(&self) -> String {
        match self {
            Self::Test(name) => format!("caught by {name}"),
            Self::Stuck => "caught: the tests did not end".into(),
            Self::Simulator => "caught by the simulator".into(),
            Self::Missed => "missed".into(),
        }
    }
}

fn cargo(copy: &Path) -> Command {
    let mut command = Command::new("cargo");
    // A toolchain's own cargo runs us; what it set up is for another workspace.
    command.current_dir(copy).env_remove("CARGO_TARGET_DIR").env_remove("RUSTFLAGS");
    command.env("CARGO_TERM_COLOR", "never").stdin(Stdio::null());
    command
}

/// Builds the core's tests with the mutants in it; those that do not compile are taken out.
pub(crate) fn build(copy: &Path, batch: &mut Batch) -> Result<()> {
    for turn in 0..BUILDS_MAX {
        let began = Instant::now();
        let bad = check(copy, &batch.switched)?;
        println!(
            "build {turn} of {} mutants: {} s, {} do not compile",
            batch.switched.len(),
            began.elapsed().as_secs(),
            bad.len()
        );
        if bad.is_empty() {
            return Ok(());
        }
        batch.drop(copy, &bad)?;
    }
    bail!("after {BUILDS_MAX} builds some mutants still do not compile")
}

/// Builds; the numbers of the mutants that the compiler complains of.
fn check(copy: &Path, switched: &[Switched]) -> Result<BTreeSet<u32>> {
    let mut command = cargo(copy);
    command.args(["test", "--no-run", "--profile", "mutant", "--package", "presently-core"]);
    command.args(["--lib", "--features", FEATURES, "--message-format", "json"]);
    let output = command.stderr(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(BTreeSet::new());
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let (mut bad, mut unknown) = (BTreeSet::new(), Vec::new());
    for message in said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let message = &message["message"];
        if message["level"] != "error" || message["spans"].as_array().is_none_or(Vec::is_empty) {
            continue;
        }
        let before = bad.len();
        for span in message["spans"].as_array().into_iter().flatten() {
            bad.extend(switched.iter().filter(|one| holds(one, span)).map(|one| one.number));
        }
        if bad.len() == before {
            unknown.push(message["rendered"].as_str().unwrap_or_default().to_owned());
        }
    }
    ensure!(!bad.is_empty(), "the copy does not compile:\n{}", unknown.join("\n"));
    Ok(bad)
}

/// Whether a span of the compiler's lies in the text of a mutant.
fn holds(one: &Switched, span: &Value) -> bool {
    let number = |name: &str| usize::try_from(span[name].as_u64()?).ok();
    let (Some(start), Some(end)) = (number("byte_start"), number("byte_end")) else { return false };
    span["file_name"].as_str() == Some(one.mutant.file.as_str())
        && one.places.iter().any(|place| place.start <= start && end <= place.end)
}

/// One build and how long it takes without a mutant.
pub(crate) struct Trials {
    tests: PathBuf,
    copy: PathBuf,
    patience: Duration,
    jobs: usize,
    sim_seeds: u64,
}

impl Trials {
    pub(crate) fn new(copy: &Path, jobs: usize, sim_seeds: u64) -> Result<Self> {
        let tests = artifact(
            copy,
            &["test", "--no-run", "--package", "presently-core", "--lib", "--features", FEATURES],
        )?;
        let (copy, patience) = (copy.to_path_buf(), Duration::from_secs(3_600));
        let mut trials = Self { tests, copy, patience, jobs, sim_seeds };
        let began = Instant::now();
        let outcome = trials.unit_tests(0, &[])?;
        ensure!(!outcome.is_caught(), "the core's tests fail without a mutant: {outcome:?}");
        let took = began.elapsed();
        println!("the core's tests take {:.1} s", took.as_secs_f64());
        trials.patience = (took * PATIENCE).max(Duration::from_secs(PATIENCE_SECONDS));
        Ok(trials)
    }

    /// What the unit tests see.
    pub(crate) fn unit(&self, switched: &[Switched]) -> Result<Vec<(Mutant, Outcome)>> {
        let outcomes = self.each(switched, |one| {
            // Those beside it see it soonest; the others only what these miss.
            let own = format!("{}::", one.mutant.module());
            match self.unit_tests(one.number, &[&own])? {
                Outcome::Missed => self.unit_tests(one.number, &["--skip", &own]),
                caught => Ok(caught),
            }
        })?;
        Ok(named(switched, &outcomes))
    }

    /// What the simulator sees of those that are left.
    pub(crate) fn simulated(&self, left: &[Switched]) -> Result<Vec<(Mutant, Outcome)>> {
        if left.is_empty() || self.sim_seeds == 0 {
            return Ok(Vec::new());
        }
        println!("{} are left for the simulator", left.len());
        let sim = artifact(&self.copy, &["build", "--package", "presently-tests", "--bin", "sim"])?;
        let began = Instant::now();
        ensure!(!self.simulator(&sim, 0, None)?, "a law breaks without a mutant");
        let patience = Some((began.elapsed() * PATIENCE).max(self.patience));
        let outcomes = self.each(left, |one| {
            let seen = self.simulator(&sim, one.number, patience)?;
            Ok(if seen { Outcome::Simulator } else { Outcome::Missed })
        })?;
        Ok(named(left, &outcomes))
    }

    /// Tries each, some at a time.
    fn each(
        &self,
        switched: &[Switched],
        one: impl Fn(&Switched) -> Result<Outcome> + Sync,
    ) -> Result<BTreeMap<u32, Outcome>> {
        let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
        let work = || -> Result<()> {
            while let Some(mutant) = switched.get(next.fetch_add(1, Ordering::Relaxed)) {
                let outcome = one(mutant)?;
                println!("{}: {}", mutant.mutant.name, outcome.says());
                let mut all = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
                all.insert(mutant.number, outcome);
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.jobs).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| match worker.join() {
                Ok(result) => result,
                Err(_) => bail!("a trial panicked"),
            })
        })?;
        Ok(outcomes.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// The unit tests of some modules, until the first that fails.
    fn unit_tests(&self, number: u32, which: &[&str]) -> Result<Outcome> {
        let mut child = bounded(&self.tests, number)
            .args(["--test-threads", "1"])
            .args(which)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdout = child.stdout.take().context("a pipe")?;
        let watch = Watch::new(child, Some(self.patience));
        let mut failed = None;
        for line in BufReader::new(stdout).lines() {
            // What is killed in the middle of a line leaves half of one.
            let Ok(line) = line else { break };
            let name = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED"));
            if let Some(name) = name {
                failed = Some(name.to_owned());
                break;
            }
        }
        let (code, in_time) = watch.end(failed.is_some())?;
        Ok(match failed {
            Some(name) => Outcome::Test(name),
            None if in_time && code == Some(0) => Outcome::Missed,
            None => Outcome::Stuck,
        })
    }

    /// Whether the simulator sees a mutant.
    fn simulator(&self, sim: &Path, number: u32, patience: Option<Duration>) -> Result<bool> {
        let child = bounded(sim, number)
            .args(["--seeds", &self.sim_seeds.to_string(), "--failures", "1", "--no-shrink"])
            .current_dir(&self.copy)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let (code, in_time) = Watch::new(child, patience).end(false)?;
        Ok(!in_time || code != Some(0))
    }
}

fn named(switched: &[Switched], outcomes: &BTreeMap<u32, Outcome>) -> Vec<(Mutant, Outcome)> {
    switched.iter().map(|one| (one.mutant.clone(), outcomes[&one.number].clone())).collect()
}

/// A program with a mutant on, and so much memory.
fn bounded(program: &Path, number: u32) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -v {MEMORY_KIB}; exec \"$0\" \"$@\"")]).arg(program);
    command.env("PRESENTLY_MUTANT", number.to_string()).stdin(Stdio::null());
    command
}

/// A child that is killed when its time is over.
struct Watch {
    child: Arc<Mutex<Child>>,
    late: Arc<AtomicBool>,
    done: Arc<AtomicBool>,
    watcher: std::thread::JoinHandle<()>,
}

impl Watch {
    fn new(child: Child, patience: Option<Duration>) -> Self {
        let child = Arc::new(Mutex::new(child));
        let (late, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let watcher = {
            let (child, late, done) = (child.clone(), late.clone(), done.clone());
            std::thread::spawn(move || {
                let began = Instant::now();
                while !done.load(Ordering::Acquire) {
                    if patience.is_some_and(|patience| began.elapsed() > patience) {
                        late.store(true, Ordering::Release);
                        child.lock().unwrap_or_else(PoisonError::into_inner).kill().ok();
                        return;
                    }
                    std::thread::sleep(Duration::from_millis(20));
                }
            })
        };
        Self { child, late, done, watcher }
    }

    /// Waits for the end, or brings it about; the exit code, and whether it came in time.
    fn end(self, kill: bool) -> Result<(Option<i32>, bool)> {
        let code = loop {
            let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
            if kill {
                child.kill().ok();
            }
            if let Some(status) = child.try_wait()? {
                break status.code();
            }
            drop(child);
            std::thread::sleep(Duration::from_millis(5));
        };
        self.done.store(true, Ordering::Release);
        self.watcher.join().ok();
        Ok((code, !self.late.load(Ordering::Acquire)))
    }
}

/// Builds and says where the executable is.
fn artifact(copy: &Path, args: &[&str]) -> Result<PathBuf> {
    let mut command = cargo(copy);
    command.args(args).args(["--profile", "mutant", "--message-format", "json"]);
    let output = command.stderr(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "cargo {} failed:\n{said}", args.join(" "));
    let messages = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut found = messages.filter_map(|m| Some(PathBuf::from(m["executable"].as_str()?)));
    found.next().with_context(|| format!("cargo {} builds nothing", args.join(" ")))
}
