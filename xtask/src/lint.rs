//! `cargo xtask lint`: the stages of `test` that only read.

use anyhow::Result;

use crate::{test, tree::Tree};

pub(crate) fn lint(tree: &Tree) -> Result<()> {
    test::test(tree, &["fmt", "tidy", "clippy", "clippy-wasm"].map(Into::into))
}
