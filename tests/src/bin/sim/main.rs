//! `sim`: plays seeds and holds each against every law.
//!
//! ```text
//! sim --seeds N | --minutes M     past failures first, then seeds: N of them, or until the time is over
//!     --population                 worlds of 200 people only; of minutes, one world in fifty is one
//!     --from N | --from-commit    the first seed: 1; the commit's where minutes are given
//!     --threads N                 as many as there are cores
//!     --failures N                ends after so many failures; 5
//!     --log                       adds the run to the table in tests/README.md
//! sim --seed N                    one seed
//! sim --schedule FILE             one schedule, and its timeline
//!     --trace                     everything that happens, a line each with the hash so far
//! with any of them
//!     --law NAME                  judged by this law alone: g2_once, or g2
//!     --no-shrink                 what fails is not made small
//!     --out FOLDER                where small schedules go; target/sim
//! ```
//!
//! The first seed of a commit is the number that the first twelve hexadecimal digits of its id are.
//! Ends with a line `name: number` for each count; exits 1 with the failing seed and the law.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

mod commit;
mod failure;
mod log;
mod many;
mod one;
mod options;
mod summary;

/// A world of two hundred people makes and drops a hundred million small things: a fifth less time.
#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

use std::process::ExitCode;

use presently_tests::usage::usage;

use options::{Options, Play};

fn main() -> ExitCode {
    if std::env::args().any(|arg| arg == "--help") {
        println!("{}", usage(include_str!("main.rs")));
        return ExitCode::SUCCESS;
    }
    let options = match Options::read(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(text) => {
            eprintln!("sim: {text}");
            return ExitCode::from(2);
        }
    };
    let holds = match &options.play {
        Play::Seed(seed) => one::seed(&options, *seed),
        Play::Schedule(path) => one::schedule(&options, path),
        Play::Seeds(_) | Play::Minutes(_) => many::many(&options),
    };
    match holds {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("sim: {error}");
            ExitCode::from(2)
        }
    }
}
