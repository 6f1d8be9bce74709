//! What `sim` is asked.

use std::path::PathBuf;
use std::time::Duration;

use crate::commit;

/// What is played.
pub(crate) enum Play {
    /// So many seeds.
    Seeds(u64),
    /// Seeds until the time is over.
    Minutes(Duration),
    /// One.
    Seed(u64),
    /// What a file says.
    Schedule(PathBuf),
}

/// Everything that can be said on the command line.
pub(crate) struct Options {
    pub(crate) play: Play,
    pub(crate) from: u64,
    /// Only worlds of whole populations.
    pub(crate) population: bool,
    pub(crate) threads: usize,
    pub(crate) failures: usize,
    pub(crate) law: Option<String>,
    pub(crate) shrinks: bool,
    pub(crate) out: PathBuf,
    pub(crate) logs: bool,
    pub(crate) trace: bool,
    /// A fault of the copy is switched on: past failures are of no interest.
    pub(crate) planted: Option<String>,
}

impl Options {
    /// # Errors
    /// A line for the person who typed.
    pub(crate) fn read(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let mut options = Self {
            play: Play::Seeds(200),
            from: 1,
            population: false,
            threads,
            failures: 5,
            law: None,
            shrinks: true,
            out: out(),
            logs: false,
            trace: false,
            planted: None,
        };
        let (mut from, mut from_commit, mut plays) = (None, false, Vec::new());
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} wants a value"));
            let number = |text: String| {
                text.parse::<u64>().map_err(|_| format!("{arg} wants a number, not {text}"))
            };
            match arg.as_str() {
                "--seeds" => plays.push(Play::Seeds(number(value()?)?)),
                "--minutes" => plays.push(Play::Minutes(minutes(&value()?)?)),
                "--seed" => plays.push(Play::Seed(number(value()?)?)),
                "--schedule" => plays.push(Play::Schedule(value()?.into())),
                "--from" => from = Some(number(value()?)?),
                "--from-commit" => from_commit = true,
                "--population" => options.population = true,
                "--threads" => {
                    options.threads = usize::try_from(number(value()?)?.max(1)).unwrap_or(1);
                }
                "--failures" => {
                    options.failures = usize::try_from(number(value()?)?.max(1)).unwrap_or(1);
                }
                "--law" => options.law = Some(value()?),
                "--no-shrink" => options.shrinks = false,
                "--out" => options.out = value()?.into(),
                "--log" => options.logs = true,
                "--trace" => options.trace = true,
                #[cfg(planted)]
                "--plant" => options.planted = Some(value()?),
                _ => return Err(format!("unknown option {arg}; --help tells what there is")),
            }
        }
        if plays.len() > 1 {
            return Err("one of --seeds, --minutes, --seed and --schedule, once".into());
        }
        options.play = plays.pop().unwrap_or(options.play);
        from_commit |= matches!(options.play, Play::Minutes(_)) && from.is_none();
        options.from = match from {
            Some(number) => number,
            None if from_commit => commit::seed(&commit::id()?)?,
            None => 1,
        };
        options.known_law()?;
        #[cfg(planted)]
        if let Some(name) = &options.planted {
            if !presently_core::planted::choose(name) {
                return Err(format!("nothing is planted by the name {name}"));
            }
        }
        Ok(options)
    }

    fn known_law(&self) -> Result<(), String> {
        use presently_tests::{check::LAWS, judge};
        let Some(law) = &self.law else { return Ok(()) };
        let beside = judge::BESIDE.iter().map(|(name, ..)| *name);
        let names = LAWS.iter().map(|(name, _)| *name).chain(beside).chain([judge::PANIC]);
        let names: Vec<&str> = names.collect();
        if names.iter().any(|name| judge::is_named(name, law)) {
            return Ok(());
        }
        Err(format!("no law is called {law}; there are {}", names.join(", ")))
    }
}

fn minutes(text: &str) -> Result<Duration, String> {
    let minutes = text.parse::<f64>().ok();
    let time = minutes.and_then(|minutes| Duration::try_from_secs_f64(minutes * 60.0).ok());
    time.ok_or_else(|| format!("--minutes wants a number of minutes, not {text}"))
}

/// Beside the profile's folder that this program lies in.
fn out() -> PathBuf {
    let exe = std::env::current_exe().unwrap_or_default();
    let target = exe.parent().and_then(|profile| profile.parent());
    target.map_or_else(|| PathBuf::from("sim"), |target| target.join("sim"))
}

#[cfg(test)]
#[path = "options_test.rs"]
mod tests;
