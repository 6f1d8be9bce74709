//! `cargo xtask mutants`: whether the core's tests, and the simulator, see a change of the core.
//!
//! `tests/mutants` does the work, a crate apart from the workspace.

use std::process::Command;

use anyhow::Result;

use crate::{shell, tools, tree::Tree};

/// Lists what may be changed: the cargo command, and its package.
const LISTER: (&str, &str) = ("mutants", "cargo-mutants@27.1.0");

/// Draws mutants, tries each, and says what was missed.
///
/// # Errors
/// When too many were missed.
pub(crate) fn mutants(tree: &Tree, args: &[String]) -> Result<()> {
    shell::run(command(tree)?.args(args))
}

/// How to install what the program needs, where it is not there yet.
pub(crate) fn missing() -> Option<Command> {
    tools::missing_cargo_tool(LISTER.0, LISTER.1)
}

/// The program, without its arguments.
pub(crate) fn command(tree: &Tree) -> Result<Command> {
    tools::cargo_tool(LISTER.0, LISTER.1)?;
    let mut command = shell::cargo();
    command.args(["run", "--quiet", "--manifest-path"]).arg(tree.at("tests/mutants/Cargo.toml"));
    command.env("CARGO_TARGET_DIR", tree.target.join("mutants/tool"));
    command.arg("--").current_dir(&tree.root);
    Ok(command)
}
