//! `chaos`: real processes under load and what may befall them, judged by the simulator's laws.
//!
//! ```text
//! chaos [--short]             a little of each part, two at a time
//! chaos --full                all of each, for about an hour
//! chaos --minutes N           parts again and again until the time is over
//! chaos --only NAME [..]      one part
//! chaos --seed N              draws other faults
//! ```
//!
//! `STRACE` and `LIBFAKETIME` name the tools; without one its parts are skipped by name. Ends with a line
//! `PASSED`, `FAILED` or `SKIPPED` for each part; exits 1 where one failed.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::panic::catch_unwind;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use presently_tests::chaos::{Came, PARTS, Part, Scale, Setting};
use presently_tests::usage::usage;

struct Options {
    scale: Scale,
    minutes: Option<u64>,
    only: Option<String>,
    seed: u64,
}

fn options() -> Result<Options, String> {
    let mut options = Options { scale: Scale::Short, minutes: None, only: None, seed: 1 };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} wants a value"));
        let number = |text: String| text.parse().map_err(|_| format!("{text} is no number"));
        match arg.as_str() {
            "--short" => options.scale = Scale::Short,
            "--full" => options.scale = Scale::Full,
            "--minutes" => options.minutes = Some(value().and_then(number)?),
            "--seed" => options.seed = value().and_then(number)?,
            "--only" => options.only = Some(value()?),
            _ => return Err(format!("unknown option {arg}; --help tells what there is")),
        }
    }
    let known = |name: &String| PARTS.iter().any(|part| part.0 == name);
    if options.only.as_ref().is_some_and(|name| !known(name)) {
        let names: Vec<&str> = PARTS.iter().map(|part| part.0).collect();
        return Err(format!("there is no such part; there are {}", names.join(", ")));
    }
    Ok(options)
}

fn main() -> ExitCode {
    if std::env::args().any(|arg| arg == "--help") {
        println!("{}", usage(include_str!("chaos.rs")));
        return ExitCode::SUCCESS;
    }
    match options() {
        Ok(options) => play(&options),
        Err(text) => {
            eprintln!("chaos: {text}");
            ExitCode::from(2)
        }
    }
}

fn play(options: &Options) -> ExitCode {
    let chosen = |part: &&Part| options.only.as_ref().is_none_or(|name| part.0 == name);
    let parts: Vec<&Part> = PARTS.iter().filter(chosen).collect();
    let tool = |name| std::env::var_os(name).map(PathBuf::from);
    let until = options.minutes.map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
    let mut lines: Vec<String> = Vec::new();
    for round in 0.. {
        let setting = Setting {
            scale: options.scale,
            seed: options.seed,
            round,
            strace: tool("STRACE"),
            faketime: tool("LIBFAKETIME"),
        };
        lines.extend(all(&parts, &setting));
        let failed = lines.iter().any(|line| line.starts_with("FAILED"));
        if failed || until.is_none_or(|until| Instant::now() >= until) {
            break;
        }
    }
    println!("\n== chaos");
    lines.iter().for_each(|line| println!("{line}"));
    ExitCode::from(u8::from(lines.iter().any(|line| line.starts_with("FAILED"))))
}

/// Plays parts: in short two at a time, for most of them wait most of the time.
fn all(parts: &[&Part], setting: &Setting) -> Vec<String> {
    let lanes = if setting.scale == Scale::Short { 2 } else { 1 };
    let next = Mutex::new(parts.iter());
    let lines = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..lanes {
            scope.spawn(|| {
                loop {
                    let part = next.lock().expect("nobody panics with it").next();
                    let Some(part) = part else { return };
                    let line = one(part, setting);
                    println!("{line}");
                    lines.lock().expect("nobody panics with it").push(line);
                }
            });
        }
    });
    lines.into_inner().expect("nobody panics with it")
}

fn one((name, part): &Part, setting: &Setting) -> String {
    println!("{name}: begins");
    let began = Instant::now();
    let came = catch_unwind(|| part(setting));
    let took = began.elapsed().as_secs();
    match came {
        Ok(Came::Held(counts)) => {
            let counts: Vec<_> = counts.iter().map(|(what, n)| format!("{n} {what}")).collect();
            format!("PASSED {name}: {} ({took} s)", counts.join(", "))
        }
        Ok(Came::Skipped(why)) => format!("SKIPPED {name}: {why}"),
        Err(why) => {
            let text = why.downcast_ref::<String>().cloned();
            let text = text.or_else(|| why.downcast_ref::<&str>().map(|&text| text.to_owned()));
            format!("FAILED {name}: {} ({took} s)", text.unwrap_or_default())
        }
    }
}
