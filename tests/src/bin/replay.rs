//! `replay`: plays what nodes recorded into fresh hubs and demands equal outputs.
//!
//! ```text
//! replay FILE..      FILE as given to `serve --record`, or single files of it
//! ```
//!
//! Ends with a line `name: number` for each count. Exits 1 where a record and its hub part, 2 where
//! there is nothing to replay.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use presently_tests::replay::{Counts, files, replay};
use presently_tests::usage::usage;

fn main() -> ExitCode {
    if std::env::args_os().any(|arg| arg == "--help") {
        println!("{}", usage(include_str!("replay.rs")));
        return ExitCode::SUCCESS;
    }
    let args: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let paths: Vec<PathBuf> = args.iter().flat_map(|path| files(path)).collect();
    if args.is_empty() || paths.is_empty() {
        eprintln!("replay: name the FILE of `serve --record FILE`; there is none of its files");
        return ExitCode::from(2);
    }
    let mut total = Counts::default();
    let mut equal = true;
    for path in &paths {
        match one(path) {
            Ok(counts) => total.add(&counts),
            Err(text) => {
                equal = false;
                println!("{}: {text}", path.display());
            }
        }
    }
    let numbers = [
        ("files", paths.len() as u64),
        ("lives", total.lives),
        ("inputs", total.inputs),
        ("timeouts", total.timeouts),
        ("outputs", total.outputs),
        ("drains", total.drains),
        ("most inputs between drains", total.undrained),
        ("panics", total.panics),
        ("crashes", total.crashes),
        ("cut by the bound", total.cut),
        ("torn bytes", total.torn),
        ("recorded seconds", total.lived_ms / 1_000),
    ];
    for (name, number) in numbers {
        println!("{name}: {number}");
    }
    match (equal, total.inputs) {
        (false, _) => ExitCode::FAILURE,
        (true, 0) => {
            eprintln!("replay: the records hold no inputs");
            ExitCode::from(2)
        }
        (true, _) => ExitCode::SUCCESS,
    }
}

fn one(path: &Path) -> Result<Counts, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let counts = replay(&bytes).map_err(|difference| difference.to_string())?;
    println!("{}: {} inputs, {} outputs, equal", path.display(), counts.inputs, counts.outputs);
    Ok(counts)
}
