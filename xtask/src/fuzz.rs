//! `cargo xtask fuzz`: cargo-fuzz on the targets under `tests/fuzz`, with a nightly toolchain.

use std::process::Command;

use anyhow::{Context, Result};

use crate::{not_yet, shell, tree::Tree};

const SECONDS_DEFAULT: u64 = 60;

pub(crate) fn fuzz(tree: &Tree, args: &[String]) -> Result<()> {
    let folder = tree.at("tests/fuzz");
    if !folder.exists() {
        return Err(not_yet::built("tests/fuzz"));
    }
    let seconds = match args.get(1) {
        Some(text) => text.parse().with_context(|| format!("`{text}` is no number of seconds"))?,
        None => SECONDS_DEFAULT,
    };
    if !shell::works(nightly().args(["fuzz", "--version"])) {
        println!("installing cargo-fuzz");
        shell::run(nightly().args(["install", "--locked", "cargo-fuzz"]))
            .context("fuzzing needs a nightly toolchain and cargo-fuzz")?;
    }
    let targets = match args.first() {
        Some(target) => target.clone(),
        None => shell::output(nightly().args(["fuzz", "list"]).current_dir(&folder))?,
    };
    for target in targets.split_whitespace() {
        let limit = format!("-max_total_time={seconds}");
        let mut run = nightly();
        shell::run(run.args(["fuzz", "run", target, "--", &limit]).current_dir(&folder))?;
    }
    Ok(())
}

/// rustup's cargo, which takes `+nightly`; the one that runs us is already a toolchain's own.
fn nightly() -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo"]).env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    command
}
