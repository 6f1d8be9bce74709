//! What npm, node and the browser check.

use std::path::Path;

use anyhow::Result;

use crate::{
    counts::Counts,
    host::{self, Profile},
    shell, tools,
    tree::Tree,
    web,
};

/// Starts servers and pages by itself; its last line is `N passed, N failed, N skipped`.
pub(super) const BROWSER: &str = "tests/browser/run.mjs";

pub(super) fn module(tree: &Tree) -> Result<Counts> {
    let weight = web::module(tree)?;
    Ok(Counts::passed(1).noting(weight))
}

/// The package, what it weighs, and the page on top of it.
pub(super) fn page(tree: &Tree) -> Result<Counts> {
    web::package(tree)?;
    web::size(tree)?;
    web::page(tree)?;
    Ok(Counts::passed(3))
}

/// The package's own tests: node, TypeScript, and a project that installs the packed tarball.
pub(super) fn package(tree: &Tree) -> Result<Counts> {
    web::package(tree)?;
    let mut test = shell::npm(&tree.at(web::PACKAGE), "test");
    if tree.has_bin("presently") {
        test.env("PRESENTLY_BIN", host::bin(tree, Profile::Release, "presently")?);
    }
    if let Some(chromium) = tools::chromium()? {
        test.env("CHROMIUM", chromium);
    }
    Ok(Counts::of_tests(&shell::watch(&mut test)?, "npm test"))
}

/// Two people, two windows, a real server.
pub(super) fn browser(tree: &Tree) -> Result<Counts> {
    tools::node()?;
    let Some(chromium) = tools::chromium()? else {
        return Ok(Counts::skipped("browser: no chromium here, and no right to install it"));
    };
    let folder = tree.at("tests/browser");
    if folder.join("package.json").exists() {
        tools::npm_ci(&folder)?;
    }
    let server = host::bin(tree, Profile::Release, "presently")?;
    let mut script = shell::node(&tree.root, tree.at(BROWSER));
    script.env("PRESENTLY_BIN", server).env("CHROMIUM", &chromium);
    let mut counts = Counts::of_tests(&shell::watch(&mut script)?, "the browser checks");
    counts += scripted(tree, &chromium)?;
    let note = format!("{} browser checks passed", counts.passed);
    Ok(counts.noting(note))
}

/// The page with scripted people: every act by keyboard, and axe on every screen, wide and narrow,
/// light and dark.
fn scripted(tree: &Tree, chromium: &Path) -> Result<Counts> {
    let folder = tree.at(web::PAGE);
    tools::npm_ci(&folder)?;
    let run = |script| shell::watch(shell::npm(&folder, script).env("CHROMIUM", chromium));
    let mut counts = Counts::of_tests(&run("test")?, "the page's order of messages");
    counts += Counts::of_exit(&run("keys")?, "every act by keyboard");
    counts += Counts::of_exit(&run("axe")?, "axe on every screen");
    Ok(counts)
}
