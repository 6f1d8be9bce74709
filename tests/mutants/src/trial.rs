//! Trying mutants: the core's unit tests first, then the simulator. Only those that reach a mutant are
//! asked: a run with none switched on says which do.

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
/// A mutant may take so many times the time of none, and some seconds more.
const PATIENCE: u32 = 6;
const PATIENCE_MORE: Duration = Duration::from_secs(10);
/// How long tests and simulator may take without a mutant.
const HOUR: Duration = Duration::from_secs(3_600);
/// Memory of one trial, KiB: a mutant may allocate without end.
const MEMORY_KIB: u64 = 6 * 1024 * 1024;
const FEATURES: &str = "client,server,world";

/// How an outcome begins that names a test.
pub(crate) const CAUGHT: &str = "caught by ";
/// The outcome where only the simulator saw it.
pub(crate) const SIMULATOR: &str = "caught by the simulator";

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
            Self::Test(name) => format!("{CAUGHT}{name}"),
            Self::Stuck => "caught: the tests did not end".into(),
            Self::Simulator => SIMULATOR.into(),
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

/// One build, and what its tests do without a mutant.
pub(crate) struct Trials {
    tests: PathBuf,
    copy: PathBuf,
    /// How long each test takes.
    times: BTreeMap<String, Duration>,
    /// The tests that reach each mutant.
    reached: BTreeMap<u32, BTreeSet<String>>,
    jobs: usize,
    sim_seeds: u64,
}

impl Trials {
    pub(crate) fn new(copy: &Path, jobs: usize, sim_seeds: u64) -> Result<Self> {
        let tests = artifact(
            copy,
            &["test", "--no-run", "--package", "presently-core", "--lib", "--features", FEATURES],
        )?;
        let (copy, times, reached) = (copy.to_path_buf(), BTreeMap::new(), BTreeMap::new());
        let mut trials = Self { tests, copy, times, reached, jobs, sim_seeds };
        let (outcome, times) = trials.unit_tests(bounded(&trials.tests, 0), HOUR)?;
        ensure!(!outcome.is_caught(), "the core's tests fail without a mutant: {outcome:?}");
        let took: Duration = times.values().sum();
        println!("the core's {} tests take {:.1} s", times.len(), took.as_secs_f64());
        trials.times = times;
        let mut command = bounded(&trials.tests, 0);
        // With one thread the harness starts none, and a thread is how it names a test.
        let command = command.args(["-q", "--test-threads", "2"]);
        trials.reached = reached_by(&trials.copy, command)?;
        Ok(trials)
    }

    /// What the unit tests see.
    pub(crate) fn unit(&self, switched: &[Switched]) -> Result<Vec<(Mutant, Outcome)>> {
        let nobody = BTreeSet::new();
        let outcomes = self.each(switched, |one| {
            // Those beside it see it soonest; the others only what these miss.
            let own = format!("{}::", one.mutant.module());
            let reached = self.reached.get(&one.number).unwrap_or(&nobody);
            let (beside, others): (Vec<_>, Vec<_>) =
                reached.iter().partition(|name| name.starts_with(&own));
            for some in [beside, others].iter().filter(|some| !some.is_empty()) {
                let took: Duration = some.iter().filter_map(|name| self.times.get(*name)).sum();
                let mut command = bounded(&self.tests, one.number);
                command.arg("--exact").args(some);
                let (outcome, _) = self.unit_tests(command, took * PATIENCE + PATIENCE_MORE)?;
                if outcome.is_caught() {
                    return Ok(outcome);
                }
            }
            Ok(Outcome::Missed)
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
        ensure!(!self.simulator(&sim, 0, HOUR)?, "a law breaks without a mutant");
        let took = began.elapsed();
        println!("{} seeds take {:.1} s", self.sim_seeds, took.as_secs_f64());
        let reached = reached_by(&self.copy, &mut self.played(&sim, 0))?;
        let outcomes = self.each(left, |one| {
            let seen = reached.contains_key(&one.number)
                && self.simulator(&sim, one.number, took * PATIENCE + PATIENCE_MORE)?;
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

    /// Unit tests one after the other until the first that fails; and how long each took.
    fn unit_tests(
        &self,
        mut command: Command,
        patience: Duration,
    ) -> Result<(Outcome, BTreeMap<String, Duration>)> {
        command.args(["--test-threads", "1"]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let stdout = child.stdout.take().context("a pipe")?;
        let watch = Watch::new(child, patience);
        let (mut failed, mut times, mut last) = (None, BTreeMap::new(), Instant::now());
        for line in BufReader::new(stdout).lines() {
            // What is killed in the middle of a line leaves half of one.
            let Ok(line) = line else { break };
            let Some((name, how)) =
                line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "))
            else {
                continue;
            };
            // Of a test that should panic the name has more words.
            let name = name.split(' ').next().unwrap_or(name).to_owned();
            if how == "FAILED" {
                failed = Some(name);
                break;
            }
            times.insert(name, std::mem::replace(&mut last, Instant::now()).elapsed());
        }
        let (code, in_time) = watch.end(failed.is_some())?;
        let outcome = match failed {
            Some(name) => Outcome::Test(name),
            None if in_time && code == Some(0) => Outcome::Missed,
            None => Outcome::Stuck,
        };
        Ok((outcome, times))
    }

    /// Whether the simulator sees a mutant.
    fn simulator(&self, sim: &Path, number: u32, patience: Duration) -> Result<bool> {
        let child = self.played(sim, number).spawn()?;
        let (code, in_time) = Watch::new(child, patience).end(false)?;
        Ok(!in_time || code != Some(0))
    }

    /// The simulator with a mutant on.
    fn played(&self, sim: &Path, number: u32) -> Command {
        let mut command = bounded(sim, number);
        command.args(["--seeds", &self.sim_seeds.to_string(), "--failures", "1", "--no-shrink"]);
        command.args(["--threads", "1"]).current_dir(&self.copy);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

/// Which mutants a program asks for, and in which threads.
fn reached_by(copy: &Path, command: &mut Command) -> Result<BTreeMap<u32, BTreeSet<String>>> {
    let told = copy.join("target/reached.tsv");
    std::fs::write(&told, "")?;
    let status = command.env("PRESENTLY_MUTANTS_REACHED", &told).stdout(Stdio::null()).status()?;
    ensure!(status.success(), "a run without a mutant failed");
    let mut reached = BTreeMap::<u32, BTreeSet<String>>::new();
    for line in std::fs::read_to_string(&told)?.lines() {
        let (number, thread) = line.split_once('\t').context("half a line")?;
        reached.entry(number.parse()?).or_default().insert(thread.to_owned());
    }
    ensure!(!reached.is_empty(), "no mutant was reached");
    Ok(reached)
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
    fn new(child: Child, patience: Duration) -> Self {
        let child = Arc::new(Mutex::new(child));
        let (late, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let watcher = {
            let (child, late, done) = (child.clone(), late.clone(), done.clone());
            std::thread::spawn(move || {
                let began = Instant::now();
                while !done.load(Ordering::Acquire) {
                    if began.elapsed() > patience {
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
