//! `cargo xtask bench`: the benchmark, built as what is served, with the arguments given.

use std::process::Command;

use anyhow::Result;

use crate::{
    host::{self, Profile},
    shell,
    tree::Tree,
};

pub(crate) fn bench(tree: &Tree, args: &[String]) -> Result<()> {
    let bench = host::bin(tree, Profile::Dist, "bench")?;
    shell::run(Command::new(bench).args(args).current_dir(&tree.root))
}
