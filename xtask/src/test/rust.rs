//! What the Rust toolchain checks.

use anyhow::Result;

use crate::{
    counts::Counts,
    host::{self, Profile},
    shell, tools,
    tree::Tree,
};

const CORE_FEATURES: &str = "client,server,world";

/// The test that traces the server's calls of the system.
const TRACED: &str = "tests/tests/sync_before_ack.rs";

pub(super) fn fmt(tree: &Tree) -> Result<Counts> {
    tools::rust_component("fmt", "rustfmt")?;
    shell::run(shell::cargo().args(["fmt", "--all", "--check"]).current_dir(&tree.root))?;
    Ok(Counts::passed(1))
}

pub(super) fn clippy(tree: &Tree) -> Result<Counts> {
    tools::rust_component("clippy", "clippy")?;
    let args = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    shell::run(shell::cargo().args(args).current_dir(&tree.root))?;
    Ok(Counts::passed(1))
}

/// The module's code is mostly behind `cfg(target_arch)`: clippy sees it only for its own target.
pub(super) fn clippy_wasm(tree: &Tree) -> Result<Counts> {
    tools::rust_component("clippy", "clippy")?;
    tools::rust_target("wasm32-unknown-unknown")?;
    let args = ["clippy", "--package", crate::web::CRATE, "--target", "wasm32-unknown-unknown"];
    shell::run(shell::cargo().args(args).args(["--", "-D", "warnings"]).current_dir(&tree.root))?;
    Ok(Counts::passed(1))
}

/// Unit, integration and documentation tests. Those that start processes find the server in
/// `PRESENTLY_BIN`.
pub(super) fn tests(tree: &Tree) -> Result<Counts> {
    host::all(tree)?;
    let mut command = shell::cargo();
    command.args(["test", "--workspace", "--no-fail-fast"]).current_dir(&tree.root);
    command.env("PRESENTLY_BIN", host::path(tree, Profile::Debug, "presently"));
    let strace = tools::strace();
    if let Some(strace) = &strace {
        command.env("STRACE", strace);
    }
    let mut counts = Counts::of_tests(&shell::watch(&mut command)?, "cargo test");
    if strace.is_none() && tree.has(TRACED) {
        // The harness knows no test that finds out that it cannot run, and counts it as passed.
        counts.passed = counts.passed.saturating_sub(1);
        counts += Counts::skipped("no_ack_leaves_before_the_sync_of_its_message: no strace here");
    }
    let note = format!("{} tests passed", counts.passed);
    Ok(counts.noting(note))
}

/// A target without `std`: whatever reaches for it does not compile.
pub(super) fn no_std(tree: &Tree) -> Result<Counts> {
    const TARGET: &str = "thumbv7em-none-eabihf";
    tools::rust_target(TARGET)?;
    let args = ["build", "--package", "presently-core", "--target", TARGET, "--features"];
    shell::run(shell::cargo().args(args).arg(CORE_FEATURES).current_dir(&tree.root))?;
    Ok(Counts::passed(1).noting(format!("presently-core builds for {TARGET}")))
}

/// The core's unit tests, compiled to wasm with the ordinary harness and run by node's WASI.
pub(super) fn core_in_wasm(tree: &Tree) -> Result<Counts> {
    tools::rust_target("wasm32-wasip1")?;
    tools::node()?;
    let runner = serde_json::json!([
        "node",
        "--disable-warning=ExperimentalWarning",
        tree.at("tests/wasi-runner.mjs")
    ]);
    let mut command = shell::cargo();
    command.arg("--config").arg(format!("target.wasm32-wasip1.runner={runner}"));
    command.args(["test", "--package", "presently-core", "--lib", "--target", "wasm32-wasip1"]);
    // Uncaptured: where a panic ends the process, the harness cannot show what it kept.
    command.args(["--features", CORE_FEATURES, "--", "--nocapture"]).current_dir(&tree.root);
    let mut counts = Counts::of_tests(&shell::watch(&mut command)?, "the core's tests in wasm");
    // Without unwinding the harness leaves out what should panic; the host runs those.
    let panics = std::mem::take(&mut counts.skipped);
    let note = format!("{} unit tests of the core passed in wasm", counts.passed);
    Ok(counts.noting(format!("{note}, {panics} that should panic only on the host")))
}

pub(super) fn docs(tree: &Tree) -> Result<Counts> {
    let mut command = shell::cargo();
    command.args(["doc", "--package", "presently-core", "--no-deps", "--features", CORE_FEATURES]);
    shell::run(command.env("RUSTDOCFLAGS", "-D warnings").current_dir(&tree.root))?;
    Ok(Counts::passed(1))
}

/// cargo-deny takes minutes to install, so it is asked only where it already is; tidy checks
/// licences everywhere, from the same list.
pub(super) fn deny(tree: &Tree) -> Result<Counts> {
    if !shell::works(shell::cargo().args(["deny", "--version"])) {
        let note = "cargo-deny is not installed; tidy checked the licences of deny.toml";
        return Ok(Counts::default().noting(note));
    }
    let args = ["deny", "check", "bans", "licenses", "sources"];
    shell::run(shell::cargo().args(args).current_dir(&tree.root))?;
    Ok(Counts::passed(1))
}
