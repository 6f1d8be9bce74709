//! `cargo xtask test`: every check there is, as a list of stages.
//!
//! All stages run, whatever became of those before. The last line is always
//! `N passed, N failed, N skipped`; the exit code is 1 when anything failed.

mod ahead;
mod rust;
mod web;
mod world;

use std::{fmt::Write, time::Instant};

use anyhow::{Result, bail};

use self::ahead::Ahead;
use crate::{counts::Counts, python, tidy, tree::Tree};

struct Stage {
    name: &'static str,
    run: fn(&Tree) -> Result<Counts>,
}

/// In the order they run: cheap ones first, and the page before the server that carries it.
const STAGES: &[Stage] = &[
    Stage { name: "fmt", run: rust::fmt },
    Stage { name: "tidy", run: tidy::tidy },
    Stage { name: "wasm", run: web::module },
    Stage { name: "page", run: web::page },
    Stage { name: "clippy", run: rust::clippy },
    Stage { name: "clippy-wasm", run: rust::clippy_wasm },
    Stage { name: "tests", run: rust::tests },
    Stage { name: "no-std", run: rust::no_std },
    Stage { name: "core-in-wasm", run: rust::core_in_wasm },
    Stage { name: "docs", run: rust::docs },
    Stage { name: "deny", run: rust::deny },
    Stage { name: "python", run: python::proof },
    Stage { name: "sim", run: world::sim },
    Stage { name: "planted", run: world::planted },
    Stage { name: "chaos", run: world::chaos },
    Stage { name: "fuzz", run: world::fuzz },
    Stage { name: "mutants", run: world::mutants },
    Stage { name: "package", run: web::package },
    Stage { name: "browser", run: web::browser },
    Stage { name: "bench", run: world::bench },
];

/// Runs the stages named, or all of them.
///
/// # Errors
/// When a name is none of theirs, before any runs; when a stage failed, after all ran.
pub(crate) fn test(tree: &Tree, names: &[String]) -> Result<()> {
    if let Some(wrong) = names.iter().find(|name| STAGES.iter().all(|stage| stage.name != **name)) {
        let known: Vec<&str> = STAGES.iter().map(|stage| stage.name).collect();
        bail!("no stage `{wrong}`; there are {}", known.join(", "));
    }
    let chosen = |stage: &&Stage| names.is_empty() || names.iter().any(|name| name == stage.name);
    let mut ahead = None;
    let mut total = Counts::default();
    let mut summary = String::new();
    for stage in STAGES.iter().filter(chosen) {
        println!("\n== {}", stage.name);
        let started = Instant::now();
        match stage.name {
            "tests" if names.is_empty() => ahead = Some(Ahead::begin(tree)),
            "sim" => ahead.take().into_iter().for_each(Ahead::wait),
            _ => {}
        }
        let counts = run(stage, tree);
        let Counts { passed, failed, skipped, .. } = counts;
        writeln!(
            summary,
            "{:<13}{passed:>6} passed {failed:>3} failed {skipped:>3} skipped {:>5} s",
            stage.name,
            started.elapsed().as_secs()
        )?;
        for note in &counts.notes {
            writeln!(summary, "             - {note}")?;
        }
        total += counts;
    }
    println!("\n== summary\n{summary}");
    println!("{} passed, {} failed, {} skipped", total.passed, total.failed, total.skipped);
    if total.failed > 0 {
        std::process::exit(1);
    }
    Ok(())
}

fn run(stage: &Stage, tree: &Tree) -> Counts {
    (stage.run)(tree).unwrap_or_else(|error| {
        println!("{error:#}");
        Counts::failed(format!("{error:#}"))
    })
}
