//! `cargo xtask test`: every check there is, as a list of stages.
//!
//! All stages run, whatever became of those before. The last line is always
//! `N passed, N failed, N skipped`; the exit code is 1 when anything failed.

mod rust;
mod web;
mod world;

use std::{fmt::Write, time::Instant};

use anyhow::{Result, bail};

use crate::{counts::Counts, not_yet, python, tidy, tree::Tree, web as pipeline};

struct Stage {
    name: &'static str,
    needs: Needs,
    run: fn(&Tree) -> Result<Counts>,
}

/// What must be in the tree for a stage to mean anything.
enum Needs {
    Nothing,
    Package(&'static str),
    Bin(&'static str),
    File(&'static str),
}

impl Needs {
    fn missing(&self, tree: &Tree) -> Option<&'static str> {
        let (what, there) = match *self {
            Self::Nothing => return None,
            Self::Package(name) => (name, tree.has_package(name)),
            Self::Bin(name) => (name, tree.has_bin(name)),
            Self::File(path) => (path, tree.has(path)),
        };
        (!there).then_some(what)
    }
}

/// In the order they run: cheap ones first, and the page before the server that carries it.
const STAGES: &[Stage] = &[
    Stage { name: "fmt", needs: Needs::Nothing, run: rust::fmt },
    Stage { name: "tidy", needs: Needs::Nothing, run: tidy::tidy },
    Stage { name: "wasm", needs: Needs::Package(pipeline::CRATE), run: web::module },
    Stage { name: "page", needs: Needs::File(pipeline::PAGE), run: web::page },
    Stage { name: "clippy", needs: Needs::Nothing, run: rust::clippy },
    Stage { name: "clippy-wasm", needs: Needs::Package(pipeline::CRATE), run: rust::clippy_wasm },
    Stage { name: "tests", needs: Needs::Nothing, run: rust::tests },
    Stage { name: "no-std", needs: Needs::Package("presently-core"), run: rust::no_std },
    Stage {
        name: "core-in-wasm",
        needs: Needs::Package("presently-core"),
        run: rust::core_in_wasm,
    },
    Stage { name: "docs", needs: Needs::Package("presently-core"), run: rust::docs },
    Stage { name: "deny", needs: Needs::Nothing, run: rust::deny },
    Stage { name: "python", needs: Needs::File(python::SCRIPT), run: python::proof },
    Stage { name: "sim", needs: Needs::Bin("sim"), run: world::sim },
    Stage { name: "planted", needs: Needs::Bin("planted"), run: world::planted },
    Stage { name: "chaos", needs: Needs::Bin("chaos"), run: world::chaos },
    Stage { name: "package", needs: Needs::File(pipeline::PACKAGE), run: web::package },
    Stage { name: "browser", needs: Needs::File(web::BROWSER), run: web::browser },
    Stage { name: "bench", needs: Needs::Bin("bench"), run: world::bench },
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
    let mut total = Counts::default();
    let mut summary = String::new();
    for stage in STAGES.iter().filter(chosen) {
        println!("\n== {}", stage.name);
        let started = Instant::now();
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
    if let Some(what) = stage.needs.missing(tree) {
        return not_yet::in_the_tree(what);
    }
    (stage.run)(tree).unwrap_or_else(|error| {
        println!("{error:#}");
        Counts::failed(format!("{error:#}"))
    })
}
