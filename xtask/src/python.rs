//! `cargo xtask python`: generates the Python binding and talks to a real server through it.
//!
//! The script `bindings/python/proof.py` finds the generated module on its path and the server's
//! binary in `PRESENTLY_BIN`; its last line is `N passed, N failed, N skipped`.

use std::{env, fs, process::Command};

use anyhow::{Context, Result, ensure};

use crate::{
    counts::Counts,
    host::{self, Profile},
    shell, tools,
    tree::Tree,
};

pub(crate) const SCRIPT: &str = "bindings/python/proof.py";

pub(crate) fn python(tree: &Tree) -> Result<()> {
    let counts = proof(tree)?;
    ensure!(counts.failed == 0, "the Python proof failed: {}", counts.notes.join("; "));
    Ok(())
}

/// Builds, generates, and counts what the script says.
pub(crate) fn proof(tree: &Tree) -> Result<Counts> {
    let library = tree.uniffi_library().context("the uniffi crate is not in the tree")?;
    ensure!(tree.has(SCRIPT), "{SCRIPT} is not in the tree");
    tools::python()?;
    host::all(tree)?;
    let library = format!("{}{library}{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
    let built = tree.target.join("debug").join(&library);
    ensure!(built.exists(), "{} was not built", built.display());
    let generated = tree.target.join("python");
    shell::run(
        Command::new(host::path(tree, Profile::Debug, "uniffi-bindgen"))
            .args(["generate", "--no-format", "--language", "python"])
            .arg(&built)
            .arg("--out-dir")
            .arg(&generated)
            .current_dir(&tree.root),
    )?;
    fs::copy(&built, generated.join(&library))?;
    let ended = shell::watch(
        Command::new("python3")
            .arg(tree.at(SCRIPT))
            .env("PYTHONPATH", &generated)
            .env("PYTHONUNBUFFERED", "1")
            .env("PRESENTLY_BIN", host::path(tree, Profile::Debug, "presently"))
            .current_dir(&tree.root),
    )?;
    Ok(Counts::of_tests(&ended, "python"))
}
