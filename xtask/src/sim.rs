//! `cargo xtask sim`: the simulator, in release, with the arguments given; `planted`: whether it sees
//! what is planted for it.

use std::process::Command;

use anyhow::Result;

use crate::{
    host::{self, Profile},
    shell,
    tree::Tree,
};

pub(crate) fn sim(tree: &Tree, args: &[String]) -> Result<()> {
    let sim = host::bin(tree, Profile::Release, "sim")?;
    // Its allocator keeps what a world had for the next one: a world of two hundred people begins with
    // pages that need not be cleared again.
    let command = &mut Command::new(sim);
    shell::run(command.args(args).env("MIMALLOC_PURGE_DELAY", "-1").current_dir(&tree.root))
}

/// Plays what nodes recorded into fresh hubs and demands equal outputs.
///
/// # Errors
/// Where a host decided something, or a file is no whole record.
pub(crate) fn replay(tree: &Tree, args: &[String]) -> Result<()> {
    let replay = host::bin(tree, Profile::Release, "replay")?;
    // Files are named as seen from where the command is given.
    shell::run(Command::new(replay).args(args))
}

/// Plants each fault of `tests/planted` in a copy of the core and demands that its law breaks there,
/// and that what breaks it can be made small.
///
/// # Errors
/// When one is not seen, or no longer applies.
pub(crate) fn planted(tree: &Tree, args: &[String]) -> Result<()> {
    let planted = host::bin(tree, Profile::Release, "planted")?;
    shell::run(Command::new(planted).args(args).current_dir(&tree.root))
}
