//! `cargo xtask web`: the wasm module, the npm package, the page, in that order.
//!
//! The module is compiled with the profile `wasm-release`, gets its JavaScript from `wasm-build`
//! and is then optimised by binaryen: plain `-Oz`, for with every feature on the browsers of today
//! refuse the result. It lands in `wasm/package/wasm`, which is not committed.

use std::{env, fs, path::Path, process::Command, time::SystemTime};

use anyhow::{Context, Result, ensure};

use crate::{
    host::{self, Profile},
    shell, tools,
    tree::Tree,
};

pub(crate) const CRATE: &str = "presently-wasm";
pub(crate) const PACKAGE: &str = "wasm/package";
pub(crate) const PAGE: &str = "wasm/messenger";

const OUT: &str = "wasm/package/wasm";
const MODULE: &str = "presently_bg.wasm";
const TARGET: &str = "wasm32-unknown-unknown";

/// What the module and its glue may weigh after gzip, in bytes.
const WASM_BYTES_MAX: u64 = 110 * 1024;
const GLUE_BYTES_MAX: u64 = 10 * 1024;

/// Compiles the module in node, which refuses one that browsers would, and prints both files'
/// gzipped sizes.
const WEIGH: &str = r#"
const { readFileSync } = require("node:fs"), { gzipSync } = require("node:zlib");
const [module, glue] = process.argv.slice(1).map((path) => readFileSync(path));
new WebAssembly.Module(module);
console.log([module, glue].map((bytes) => gzipSync(bytes, { level: 9 }).length).join(" "));
"#;

pub(crate) fn web(tree: &Tree) -> Result<()> {
    println!("{}", module(tree)?);
    package(tree)?;
    page(tree)
}

/// Builds the module and its glue, and says what they weigh. What is newer than its sources stays.
///
/// # Errors
/// When a step fails, one of the two is too heavy, or node refuses the module.
pub(crate) fn module(tree: &Tree) -> Result<String> {
    ensure!(tree.has_package(CRATE), "the crate {CRATE} is not in the tree");
    tools::rust_target(TARGET)?;
    let bindgen = host::bin(tree, Profile::Debug, "wasm-build")?;
    let build = ["build", "--package", CRATE, "--profile", "wasm-release", "--target", TARGET];
    shell::run(shell::cargo().args(build).args(unnamed_paths()).current_dir(&tree.root))?;

    let compiled = tree.target.join(TARGET).join("wasm-release/presently_wasm.wasm");
    let out = tree.at(OUT);
    let done = modified(&out.join(MODULE));
    if done.is_none() || done < modified(&compiled).max(modified(&bindgen)) {
        bind(tree, &bindgen, &compiled)?;
    }
    weigh(&out)
}

/// What is shipped names no directory of the machine that built it.
fn unnamed_paths() -> [String; 2] {
    let home = env::var("CARGO_HOME").or_else(|_| env::var("HOME").map(|home| home + "/.cargo"));
    let remap = format!("--remap-path-prefix={}/registry/src=", home.unwrap_or_default());
    ["--config".to_owned(), format!("target.{TARGET}.rustflags=[{remap:?}]")]
}

/// Compiled module in, glue and small module out. The module is copied last, as the mark that all
/// of it is there.
fn bind(tree: &Tree, bindgen: &Path, compiled: &Path) -> Result<()> {
    let optimiser = tools::wasm_opt(tree)?;
    let work = tree.target.join("wasm-build");
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    shell::run(Command::new(bindgen).arg(compiled).arg(&work))?;
    let module = work.join(MODULE);
    shell::run(Command::new(optimiser).arg("-Oz").arg(&module).arg("-o").arg(&module))?;

    let out = tree.at(OUT);
    fs::create_dir_all(&out)?;
    for file in ["presently.js", "presently.d.ts", "presently_bg.wasm.d.ts", MODULE] {
        fs::copy(work.join(file), out.join(file)).with_context(|| format!("no {file}"))?;
    }
    Ok(())
}

/// Builds the npm package around the module.
pub(crate) fn package(tree: &Tree) -> Result<()> {
    npm(tree, PACKAGE, "build")
}

/// What an app that uses the package downloads: printed, and held by the package's own budget.
pub(crate) fn size(tree: &Tree) -> Result<()> {
    npm(tree, PACKAGE, "size")
}

/// Builds the page that the server carries.
pub(crate) fn page(tree: &Tree) -> Result<()> {
    npm(tree, PAGE, "build")
}

fn npm(tree: &Tree, folder: &str, script: &str) -> Result<()> {
    let folder = tree.at(folder);
    ensure!(folder.join("package.json").exists(), "{} is no package", folder.display());
    tools::npm_ci(&folder)?;
    shell::run(&mut shell::npm(&folder, script))
}

fn weigh(out: &Path) -> Result<String> {
    let files = [out.join(MODULE), out.join("presently.js")];
    let sizes = shell::output(Command::new("node").args(["-e", WEIGH]).args(files))?;
    let (wasm, glue) = sizes.trim().split_once(' ').context("node printed no sizes")?;
    let (wasm, glue): (u64, u64) = (wasm.parse()?, glue.parse()?);
    let said = format!(
        "gzip: wasm {wasm} of {WASM_BYTES_MAX} bytes, its glue {glue} of {GLUE_BYTES_MAX} bytes"
    );
    ensure!(wasm <= WASM_BYTES_MAX && glue <= GLUE_BYTES_MAX, "too heavy: {said}");
    Ok(said)
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|file| file.modified()).ok()
}
