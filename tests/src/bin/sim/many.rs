//! Many seeds, side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use presently_tests::coverage::Coverage;
use presently_tests::history::{Broken, broken};
use presently_tests::judge::{self, Judged};
use presently_tests::sim::swarm::POPULATION;
use presently_tests::sim::{self, Counts, Schedule};

use crate::failure::{self, Failure};
use crate::options::{Options, Play};
use crate::summary::Summary;
use crate::{commit, log};

/// Seeds that failed once, a line each: the number and why.
const PAST: &str = include_str!("../../../seeds/failed.txt");
/// Schedules that failed once.
const FOUND: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/seeds/found");
/// One seed in this many is played three times: by its number again, and by its schedule.
const TWICE_EVERY: u64 = 50;

/// Where minutes are given, one seed in this many is that of a population.
const POPULATION_EVERY: u64 = 50;

/// What is played.
enum Item {
    Seed(u64),
    File(PathBuf),
}

#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) counts: Counts,
    pub(crate) coverage: Coverage,
    pub(crate) past: u64,
    pub(crate) played: u64,
    pub(crate) twice: u64,
    failed: BTreeMap<u64, Failure>,
}

struct Many<'a> {
    options: &'a Options,
    past: Vec<Item>,
    next: AtomicU64,
    stop: AtomicBool,
    tally: Mutex<Tally>,
    began: Instant,
}

/// Whether all of them hold.
///
/// # Errors
/// Where files of past failures cannot be read, or new ones not written.
pub(crate) fn many(options: &Options) -> io::Result<bool> {
    judge::hush();
    let past = if options.planted.is_some() { Vec::new() } else { past()? };
    let many = Many {
        options,
        past,
        next: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        tally: Mutex::new(Tally::default()),
        began: Instant::now(),
    };
    std::thread::scope(|scope| {
        for _ in 0..options.threads {
            scope.spawn(|| {
                while let Some((number, item)) = many.take() {
                    many.play(number, &item);
                }
            });
        }
    });
    let elapsed = many.began.elapsed();
    let mut tally = many.tally.into_inner().expect("no thread panics with the tally in hand");
    let failed = std::mem::take(&mut tally.failed);
    let summary = Summary::of(&tally, elapsed);
    let mut laws = BTreeSet::new();
    let broke = |failure: &Failure| format!("{} ({})", failure.name, failure.broken.law);
    let broke: Vec<String> = failed.values().map(broke).collect();
    for failure in failed.into_values() {
        failure.say();
        // Of many failures of one law the first is made small.
        if laws.insert(failure.broken.law) && options.shrinks {
            failure::make_small(options, failure)?;
        }
    }
    summary.say();
    let whole = options.law.is_none() && options.planted.is_none() && laws.is_empty();
    let does_its_work = !whole || summary.does_its_work(&tally);
    if options.logs {
        log::add(&commit::id().map_err(io::Error::other)?, &tally, &summary, &broke)?;
    }
    Ok(laws.is_empty() && does_its_work)
}

fn past() -> io::Result<Vec<Item>> {
    let seeds = PAST.lines().filter(|line| !line.starts_with('#'));
    let seeds = seeds.filter_map(|line| line.split_whitespace().next()?.parse().ok());
    let mut out: Vec<Item> = seeds.map(Item::Seed).collect();
    if Path::new(FOUND).exists() {
        let files: io::Result<Vec<PathBuf>> =
            std::fs::read_dir(FOUND)?.map(|entry| Ok(entry?.path())).collect();
        let mut files = files?;
        files.retain(|path| path.extension().is_some_and(|ext| ext == "schedule"));
        files.sort();
        out.extend(files.into_iter().map(Item::File));
    }
    Ok(out)
}

impl Many<'_> {
    fn take(&self) -> Option<(u64, Item)> {
        if self.stop.load(Ordering::Relaxed) {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let past = self.past.len() as u64;
        if let Some(item) = usize::try_from(number).ok().and_then(|n| self.past.get(n)) {
            let item = match item {
                Item::Seed(seed) => Item::Seed(*seed),
                Item::File(path) => Item::File(path.clone()),
            };
            return Some((number, item));
        }
        let more = match self.options.play {
            Play::Seeds(seeds) => number - past < seeds,
            Play::Minutes(time) => self.began.elapsed() < time,
            Play::Seed(_) | Play::Schedule(_) => false,
        };
        let nth = number - past;
        let timed = matches!(self.options.play, Play::Minutes(_));
        let big = self.options.population || timed && nth.is_multiple_of(POPULATION_EVERY);
        let seed = self.options.from.wrapping_add(nth);
        let seed = if big { seed | POPULATION } else { seed & !POPULATION };
        more.then_some((number, Item::Seed(seed)))
    }

    fn play(&self, number: u64, item: &Item) {
        let law = self.options.law.as_deref();
        let past = number < self.past.len() as u64;
        let mut twice = 0;
        let (name, again, judged) = match item {
            Item::Seed(seed) => {
                let mut judged = judge::seed(*seed, law, None);
                if judged.broken.is_none() && seed.is_multiple_of(TWICE_EVERY) {
                    judged.broken = differs(*seed, judged.run.hash, &judged.run.schedule);
                    twice = 1;
                }
                (format!("seed {seed}"), format!("--seed {seed}"), judged)
            }
            Item::File(path) => {
                let name = path.display().to_string();
                match Schedule::read(path) {
                    Ok(schedule) => {
                        let judged = judge::schedule(&schedule, law, None);
                        (name.clone(), format!("--schedule {name}"), judged)
                    }
                    Err(error) => {
                        // Fails as a law would, so that it is seen.
                        let mut judged = judge::seed(0, Some(judge::PANIC), None);
                        judged.broken = Some(broken("schedule", error.to_string()));
                        (name.clone(), format!("--schedule {name}"), judged)
                    }
                }
            }
        };
        let Judged { run, broken } = judged;
        let mut tally = self.tally.lock().expect("no thread panics with the tally in hand");
        tally.played += 1;
        tally.past += u64::from(past);
        tally.twice += twice;
        tally.counts.add(&run.counts);
        tally.coverage.add(&run.coverage);
        if let Some(broken) = broken {
            let failure = Failure { name, again, schedule: run.schedule, broken };
            tally.failed.insert(number, failure);
            self.stop.fetch_or(tally.failed.len() >= self.options.failures, Ordering::Relaxed);
        }
    }
}

/// Plays a seed once more, and its schedule.
fn differs(seed: u64, hash: u64, schedule: &Schedule) -> Option<Broken> {
    if sim::run(seed, None).hash != hash {
        return Some(broken("replay", "the same seed gave two runs"));
    }
    let told = sim::play(schedule, None).hash != hash;
    told.then(|| broken("replay", "a seed and its schedule gave two runs"))
}
