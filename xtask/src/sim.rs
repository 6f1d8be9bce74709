//! `cargo xtask sim`: the simulator, in release, with the arguments given.

use std::process::Command;

use anyhow::Result;

use crate::{
    host::{self, Profile},
    shell,
    tree::Tree,
};

pub(crate) fn sim(tree: &Tree, args: &[String]) -> Result<()> {
    let sim = host::bin(tree, Profile::Release, "sim")?;
    shell::run(Command::new(sim).args(args).current_dir(&tree.root))
}
