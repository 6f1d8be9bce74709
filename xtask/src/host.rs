//! Builds for this machine.
//!
//! Each selects the whole workspace and then names binaries: the selection decides which features
//! the dependencies get, so one selection means one build of each.

use std::{path::PathBuf, process::Command};

use anyhow::{Result, ensure};

use crate::{shell, tree::Tree};

/// The folder cargo puts a profile's binaries in.
#[derive(Clone, Copy)]
pub(crate) enum Profile {
    Debug,
    Release,
}

/// Builds everything that `cargo test --workspace` will run and the binaries beside it.
pub(crate) fn all(tree: &Tree) -> Result<()> {
    let args = ["build", "--workspace", "--lib", "--bins", "--tests"];
    shell::run(shell::cargo().args(args).current_dir(&tree.root))
}

/// Builds binaries by name.
///
/// # Errors
/// When one is not in the tree or does not compile.
pub(crate) fn bins(tree: &Tree, profile: Profile, names: &[&str]) -> Result<()> {
    for name in names {
        ensure!(tree.has_bin(name), "the binary `{name}` is not in the tree");
    }
    shell::run(&mut build(tree, profile, names))
}

/// The command that builds binaries by name.
pub(crate) fn build(tree: &Tree, profile: Profile, names: &[&str]) -> Command {
    let mut build = shell::cargo();
    build.args(["build", "--workspace"]).current_dir(&tree.root);
    if matches!(profile, Profile::Release) {
        build.arg("--release");
    }
    for name in names {
        build.args(["--bin", name]);
    }
    build
}

/// Builds one binary and says where it is.
///
/// # Errors
/// When it is not in the tree or does not compile.
pub(crate) fn bin(tree: &Tree, profile: Profile, name: &str) -> Result<PathBuf> {
    bins(tree, profile, &[name])?;
    Ok(path(tree, profile, name))
}

/// Where a binary is once built.
pub(crate) fn path(tree: &Tree, profile: Profile, name: &str) -> PathBuf {
    let folder = match profile {
        Profile::Debug => "debug",
        Profile::Release => "release",
    };
    tree.target.join(folder).join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}
