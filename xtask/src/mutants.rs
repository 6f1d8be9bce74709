//! `cargo xtask mutants`: whether the core's tests, and the simulator, see a change of the core.
//!
//! `tests/mutants` does the work, a crate apart from the workspace.

use std::process::Command;

use anyhow::Result;

use crate::{shell, tools, tree::Tree};

/// Draws mutants, tries each, and says what was missed.
///
/// # Errors
/// When too many were missed.
pub(crate) fn mutants(tree: &Tree, args: &[String]) -> Result<()> {
    shell::run(command(tree)?.args(args))
}

/// The program, without its arguments.
pub(crate) fn command(tree: &Tree) -> Result<Command> {
    tools::cargo_tool("mutants", "cargo-mutants@27.1.0")?;
    let mut command = shell::cargo();
    command.args(["run", "--quiet", "--manifest-path"]).arg(tree.at("tests/mutants/Cargo.toml"));
    command.env("CARGO_TARGET_DIR", tree.target.join("mutants/tool"));
    command.arg("--").current_dir(&tree.root);
    Ok(command)
}
