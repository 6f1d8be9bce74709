//! `cargo xtask`: the one door to build, run and test Presently.
//!
//! Each command is a file. What a command needs and a machine can install by itself, it installs
//! ([`tools`]); what it cannot, it names. Host builds always select the whole workspace and then
//! pick binaries ([`host`]), so that features resolve one way and nothing is compiled twice.

#![expect(clippy::print_stdout, reason = "a task runner talks to the person at the terminal")]

mod bench;
mod chaos;
mod counts;
mod fmt;
mod fuzz;
mod host;
mod lint;
mod mutants;
mod python;
mod run;
mod shell;
mod sim;
mod test;
mod tidy;
mod tools;
mod tree;
mod web;

use std::{env, process::ExitCode};

use anyhow::{Result, bail};

use crate::tree::Tree;

const HELP: &str = "\
cargo xtask COMMAND

  run [-- SERVE ARGS]   build everything and serve the demo on http://localhost:1863
  test [STAGE..]        every check there is, or only the stages named
  fmt                   format the Rust code
  lint                  rustfmt, clippy and tidy, as CI sees them
  sim [ARGS]            the simulator: --seeds N, --minutes M, --seed N, --law NAME, --schedule FILE
  replay FILE..         what `serve --record FILE` kept, against a fresh core
  planted [ARGS]        faults planted in a copy of the core: the simulator must see each; --only NAME
  chaos [ARGS]          real processes killed, stopped and starved: --full, --minutes N, --only NAME
  fuzz [TARGET] [ARGS]  libFuzzer on all targets or one: --minutes N, --keep
  mutants [ARGS]        changes of the core that tests must see: --sample N, --seed S, --log
  bench [ARGS]          measure against a bare relay, on a real disk
  web                   the wasm module, the npm package and the page
  python                prove the native bindings from Python, against a real server
";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Result<()> {
    let Some((command, rest)) = args.split_first() else {
        print!("{HELP}");
        return Ok(());
    };
    if matches!(command.as_str(), "help" | "-h" | "--help") {
        print!("{HELP}");
        return Ok(());
    }
    let tree = Tree::read()?;
    match command.as_str() {
        "run" => run::run(&tree, rest),
        "test" => test::test(&tree, rest),
        "fmt" => fmt::fmt(&tree),
        "lint" => lint::lint(&tree),
        "sim" => sim::sim(&tree, rest),
        "replay" => sim::replay(&tree, rest),
        "planted" => sim::planted(&tree, rest),
        "chaos" => chaos::chaos(&tree, rest),
        "fuzz" => fuzz::fuzz(&tree, rest),
        "mutants" => mutants::mutants(&tree, rest),
        "bench" => bench::bench(&tree, rest),
        "web" => web::web(&tree),
        "python" => python::python(&tree).map(drop),
        other => bail!("no command `{other}`; `cargo xtask` lists them"),
    }
}
