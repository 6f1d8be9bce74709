//! One seed or one schedule.

use std::io::{self, BufWriter};
use std::path::Path;

use presently_tests::judge::{self, Judged};
use presently_tests::sim::{Schedule, Sink};
use presently_tests::timeline::Timeline;

use crate::failure::{self, Failure};
use crate::options::Options;

fn sink(options: &Options) -> Option<Sink> {
    options.trace.then(|| Box::new(BufWriter::new(io::stdout())) as Sink)
}

/// Whether a seed holds.
///
/// # Errors
/// Where the small schedule cannot be written.
pub(crate) fn seed(options: &Options, seed: u64) -> io::Result<bool> {
    judge::hush();
    let judged = judge::seed(seed, options.law.as_deref(), sink(options));
    told(options, &format!("seed {seed}"), &format!("--seed {seed}"), judged)
}

/// Whether a schedule holds.
///
/// # Errors
/// Where it cannot be read.
pub(crate) fn schedule(options: &Options, path: &Path) -> io::Result<bool> {
    judge::hush();
    let named = |error: io::Error| io::Error::other(format!("{}: {error}", path.display()));
    let schedule = Schedule::read(path).map_err(named)?;
    if !options.trace {
        println!("{}", Timeline::of(&schedule, options.law.as_deref()));
    }
    let judged = judge::schedule(&schedule, options.law.as_deref(), sink(options));
    let name = path.display().to_string();
    told(options, &name, &format!("--schedule {name}"), judged)
}

fn told(options: &Options, name: &str, again: &str, judged: Judged) -> io::Result<bool> {
    let Judged { run, broken } = judged;
    let Some(broken) = broken else {
        println!("{name} holds, hash {:016x}", run.hash);
        return Ok(true);
    };
    let failure =
        Failure { name: name.to_owned(), again: again.to_owned(), schedule: run.schedule, broken };
    failure.say();
    if options.shrinks {
        failure::make_small(options, failure)?;
    }
    Ok(false)
}
