//! `cargo xtask chaos`: real processes under load, killed, stopped and starved, in release, with the
//! arguments given.

use std::process::Command;

use anyhow::Result;

use crate::{
    host::{self, Profile},
    shell, tools,
    tree::Tree,
};

pub(crate) fn chaos(tree: &Tree, args: &[String]) -> Result<()> {
    shell::run(command(tree)?.args(args))
}

/// The program with the tools it may need, those that this machine has or lets us install.
///
/// # Errors
/// When it does not build.
pub(crate) fn command(tree: &Tree) -> Result<Command> {
    host::bins(tree, Profile::Release, &["chaos", "presently"])?;
    let mut command = Command::new(host::path(tree, Profile::Release, "chaos"));
    command.current_dir(&tree.root);
    if let Some(strace) = tools::strace() {
        command.env("STRACE", strace);
    }
    if let Some(library) = tools::faketime() {
        command.env("LIBFAKETIME", library);
    }
    Ok(command)
}
