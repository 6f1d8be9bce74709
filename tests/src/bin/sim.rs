//! `sim`: plays seeds and holds each against every law.
//!
//! ```text
//! sim --seeds N [--from N] [--threads N]     past failures first, then N seeds
//! sim --seed N                               one seed, its trace on stdout
//! ```
//!
//! Ends with a line `name: number` for each count; exits 1 with the failing seed and the law.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use presently_tests::check;
use presently_tests::history::{Broken, broken};
use presently_tests::sim::{self, Counts, Run, Sink};

/// Seeds that failed once, a line each: the number and why.
const PAST: &str = include_str!("../../seeds/failed.txt");
/// From this many seeds on, a count of zero means that the swarm does not do its work.
const FULL: u64 = 100;
/// From this many seeds on, every kind of fault has happened.
const EVERY_KIND: u64 = 500;
/// One seed in this many is played twice.
const TWICE_EVERY: u64 = 50;

struct Options {
    seeds: u64,
    from: u64,
    threads: usize,
    seed: Option<u64>,
}

fn options() -> Result<Options, String> {
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let mut options = Options { seeds: 200, from: 1, threads, seed: None };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let number = args.next().and_then(|text| text.parse::<u64>().ok());
        let number = number.ok_or_else(|| format!("{arg} wants a number"))?;
        match arg.as_str() {
            "--seeds" => options.seeds = number,
            "--from" => options.from = number,
            "--threads" => options.threads = usize::try_from(number.max(1)).unwrap_or(1),
            "--seed" => options.seed = Some(number),
            _ => return Err(format!("unknown option {arg}")),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    match options() {
        Ok(Options { seed: Some(seed), .. }) => replay(seed),
        Ok(options) => swarm(&options),
        Err(text) => {
            eprintln!("sim: {text}");
            ExitCode::from(2)
        }
    }
}

/// Plays a seed, a panic of a machine being a broken law of its own.
fn play(seed: u64, sink: Option<Sink>) -> Result<Run, Broken> {
    let run = catch_unwind(AssertUnwindSafe(|| sim::run(seed, sink)));
    let run = run.map_err(|why| {
        let text = why.downcast_ref::<String>().cloned();
        let text = text.or_else(|| why.downcast_ref::<&str>().map(|text| String::from(*text)));
        broken("panic", text.unwrap_or_default())
    })?;
    check::all(&run.history)?;
    Ok(run)
}

fn replay(seed: u64) -> ExitCode {
    let sink: Sink = Box::new(std::io::BufWriter::new(std::io::stdout()));
    match play(seed, Some(sink)) {
        Ok(run) => {
            println!("seed {seed} holds, hash {:016x}", run.hash);
            ExitCode::SUCCESS
        }
        Err(broken) => {
            println!("seed {seed} breaks {}: {}", broken.law, broken.what);
            ExitCode::FAILURE
        }
    }
}

#[derive(Default)]
struct Tally {
    counts: Counts,
    played: u64,
    twice: u64,
    failed: BTreeMap<u64, Broken>,
}

fn swarm(options: &Options) -> ExitCode {
    let began = Instant::now();
    let past = PAST
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_whitespace().next()?.parse().ok());
    let mut seeds: Vec<u64> = past.collect();
    let past = seeds.len() as u64;
    seeds.extend(options.from..options.from + options.seeds);
    let tally = Mutex::new(Tally::default());
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    if options.seeds > 1 {
        // Panics are reported with their seed at the end.
        std::panic::set_hook(Box::new(|_| {}));
    }
    std::thread::scope(|scope| {
        for _ in 0..options.threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed)
                    && let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    one(*seed, &tally, &stop);
                }
            });
        }
    });
    let tally = tally.into_inner().expect("no thread panics with the tally in hand");
    report(&tally, past, began)
}

fn one(seed: u64, tally: &Mutex<Tally>, stop: &AtomicBool) {
    let outcome = play(seed, None).and_then(|run| {
        if !seed.is_multiple_of(TWICE_EVERY) {
            return Ok((run, 0));
        }
        let again = play(seed, None)?;
        let told = sim::play(&run.schedule, None);
        if again.hash != run.hash {
            Err(broken("replay", "the same seed gave two runs"))
        } else if told.hash != run.hash {
            Err(broken("replay", "a seed and its schedule gave two runs"))
        } else {
            Ok((run, 1))
        }
    });
    let mut tally = tally.lock().expect("no thread panics with the tally in hand");
    match outcome {
        Ok((run, twice)) => {
            tally.played += 1;
            tally.twice += twice;
            tally.counts.add(&run.counts);
        }
        Err(broken) => {
            tally.failed.insert(seed, broken);
            let enough = if std::env::var_os("SIM_KEEP_GOING").is_some() { usize::MAX } else { 5 };
            stop.store(tally.failed.len() >= enough, Ordering::Relaxed);
        }
    }
}

fn report(tally: &Tally, past: u64, began: Instant) -> ExitCode {
    for (seed, broken) in &tally.failed {
        println!("seed {seed} breaks {}: {}", broken.law, broken.what);
        println!("  again, with its trace: cargo xtask sim --seed {seed}");
    }
    let c = &tally.counts;
    let hours = c.simulated_ms as f64 / 3_600_000.0;
    let counts = [
        ("acts", c.acts),
        ("acks", c.acks),
        ("cuts", c.cuts),
        ("crashes", c.crashes),
        ("lost writes", c.lost_writes),
        ("repeats", c.repeats),
    ];
    println!("seeds: {}", tally.played.saturating_sub(past));
    println!("past failures: {past}");
    println!("played twice: {}", tally.twice);
    for (name, count) in counts {
        println!("{name}: {count}");
    }
    for (kind, count) in c.of_kinds() {
        println!("fault {}: {count}", kind.name());
    }
    println!("unknown writes: {}", c.unknowns);
    println!("jobs: {}", c.jobs);
    println!("simulated hours: {hours:.1}");
    println!("seconds: {:.1}", began.elapsed().as_secs_f64());
    let idle = counts.iter().find(|(_, count)| *count == 0);
    if let Some((name, _)) = idle.filter(|_| tally.played >= FULL) {
        println!("the swarm does not do its work: no {name}");
        return ExitCode::FAILURE;
    }
    let missing = c.of_kinds().find(|(_, count)| *count == 0);
    if let Some((kind, _)) = missing.filter(|_| tally.played >= EVERY_KIND) {
        println!("no seed reached the fault: {}", kind.name());
        return ExitCode::FAILURE;
    }
    if tally.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
