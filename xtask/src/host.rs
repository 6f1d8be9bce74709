//! Builds for this machine.
//!
//! Each selects the whole workspace and then names binaries: the selection decides which features
//! the dependencies get, so one selection means one build of each.

use std::{path::PathBuf, process::Command};

use anyhow::{Result, ensure};

use crate::{shell, tree::Tree};

/// How a binary is built.
#[derive(Clone, Copy)]
pub(crate) enum Profile {
    Debug,
    /// Optimized: what the tests run.
    Release,
    /// And across crates too: what is served, and measured.
    Dist,
}

impl Profile {
    /// As cargo names it.
    fn name(self) -> &'static str {
        match self {
            Self::Debug => "dev",
            Self::Release => "release",
            Self::Dist => "dist",
        }
    }

    /// The folder that cargo puts its binaries in.
    fn folder(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Release | Self::Dist => self.name(),
        }
    }
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
    build.args(["build", "--workspace", "--profile", profile.name()]).current_dir(&tree.root);
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
    tree.target.join(profile.folder()).join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}
