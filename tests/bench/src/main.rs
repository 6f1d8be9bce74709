//! `bench`: what the server costs, beside a bare relay (`presently_bench`).
//!
//! ```text
//! bench [--short] [--data DIR] [--only messages|presence|sign-in|idle]
//! ```
//!
//! Exits 1 where a figure is over its mark or something did not work, 2 for a bad option, 3 where the
//! machine cannot measure: the data directory must be on a disk that a sync reaches.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use presently_bench::{Options, relay, run, serve};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.first().map(String::as_str) {
        Some("--serve") => serve::main(args.get(1..).unwrap_or_default()),
        Some("--relay") => relay::main(args.get(1..).unwrap_or_default()),
        _ => judge(args),
    };
    done.unwrap_or_else(|error| {
        eprintln!("bench: {error:#}");
        ExitCode::from(1)
    })
}

fn judge(args: Vec<String>) -> anyhow::Result<ExitCode> {
    let options = match Options::parse(args.into_iter()) {
        Ok(options) => options,
        Err(line) => {
            eprintln!("bench: {line}");
            return Ok(ExitCode::from(2));
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, run(&options))
}
