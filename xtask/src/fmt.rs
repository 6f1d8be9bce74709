//! `cargo xtask fmt`.

use anyhow::Result;

use crate::{shell, tools, tree::Tree};

pub(crate) fn fmt(tree: &Tree) -> Result<()> {
    tools::rust_component("fmt", "rustfmt")?;
    shell::run(shell::cargo().args(["fmt", "--all"]).current_dir(&tree.root))
}
