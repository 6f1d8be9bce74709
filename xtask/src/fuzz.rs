//! `cargo xtask fuzz`: the targets under `tests/fuzz` by libFuzzer, with a nightly toolchain, and how
//! much of the decoders their inputs reach.
//!
//! Inputs that reach something new grow under `target/fuzz/corpus`; `--keep` merges them into what is
//! committed, minimized. Found faults stand under `target/fuzz/artifacts`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::{shell, tools, tree::Tree};

/// The crate that cargo-fuzz builds.
const FOLDER: &str = "tests/fuzz/libfuzzer";
/// Inputs that are committed, a folder per target.
const CORPUS: &str = "tests/fuzz/corpus";
/// What every decoder lies below.
const DECODERS: &str = "core/src/wire";
/// The targets that do nothing but decode: what they grew is played to see which lines it reaches. An
/// input of the others takes a thousand times as long and decodes nothing that these do not.
const OF_DECODERS: [&str; 8] = [
    "frames",
    "hello",
    "tails",
    "records",
    "bodies_from_client",
    "bodies_from_server",
    "parcels",
    "tickets",
];
/// Minutes where none are named.
const MINUTES: f64 = 10.0;
/// Longest input, in bytes: a frame may have 64 KiB, what goes wrong shows in less.
const INPUT_BYTES_MAX: u32 = 16 * 1024;
/// Inputs of one target that are committed: a test run plays them all.
const KEPT_MAX: usize = 150;
/// Seconds one input may take, and MiB.
const INPUT_SECONDS_MAX: u32 = 20;
const MEMORY_MIB_MAX: u32 = 1_024;

struct Options {
    target: Option<String>,
    minutes: f64,
    keep: bool,
}

impl Options {
    fn read(args: &[String]) -> Result<Self> {
        let mut options = Self { target: None, minutes: MINUTES, keep: false };
        let mut words = args.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--minutes" => {
                    let text = words.next().context("--minutes needs a number")?;
                    options.minutes =
                        text.parse().with_context(|| format!("`{text}` is no number"))?;
                    ensure!(options.minutes > 0.0, "a run takes some time");
                }
                "--keep" => options.keep = true,
                name if !name.starts_with('-') => options.target = Some(name.to_owned()),
                other => bail!("fuzz [TARGET] [--minutes N] [--keep], not {other}"),
            }
        }
        Ok(options)
    }
}

/// Shares the time among the targets, then says what the inputs of all reach.
///
/// # Errors
/// When an input shows a fault; after all targets had their time.
pub(crate) fn fuzz(tree: &Tree, args: &[String]) -> Result<()> {
    let options = Options::read(args)?;
    let all = targets(tree)?;
    let is_chosen = |name: &String| options.target.as_ref().is_none_or(|one| one == name);
    let chosen: Vec<&str> = all.iter().filter(|name| is_chosen(name)).map(String::as_str).collect();
    let name = options.target.as_deref().unwrap_or_default();
    ensure!(!chosen.is_empty(), "no target `{name}`; there are {}", all.join(", "));
    tools::nightly()?;
    tools::cargo_tool("fuzz", "cargo-fuzz")?;
    let binaries = build(tree)?;
    let seconds = (options.minutes * 60.0 / chosen.len() as f64).ceil().max(1.0);
    let mut failed = Vec::new();
    let mut summary = Vec::new();
    for name in &chosen {
        let ran = run(tree, &binaries, name, seconds as u64)?;
        let words = if ran.ok { "" } else { "  A FAULT WAS FOUND" };
        let line = format!("{name:<20}{:>12} executions{words}", ran.executions);
        // Said at once, too: who ends a long run loses nothing.
        println!("{line}");
        summary.push(line);
        if !ran.ok {
            failed.push(*name);
        } else if options.keep {
            keep(tree, &binaries, name)?;
        }
    }
    println!("\n{}", summary.join("\n"));
    println!("{}", coverage(tree)?);
    ensure!(failed.is_empty(), "faults in {} (target/fuzz/artifacts)", failed.join(", "));
    Ok(())
}

/// The targets there are: the binaries of their crate.
fn targets(tree: &Tree) -> Result<Vec<String>> {
    let mut metadata = shell::cargo();
    metadata.args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"]);
    let text = shell::output(metadata.arg(tree.root.join(FOLDER).join("Cargo.toml")))?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata is not JSON")?;
    let bins = metadata["packages"][0]["targets"].as_array().context("no targets")?;
    Ok(bins.iter().filter_map(|bin| bin["name"].as_str()).map(str::to_owned).collect())
}

/// rustup's cargo, which takes a toolchain; the one that runs us is already a toolchain's own.
fn nightly(tree: &Tree) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo"]).env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    command.current_dir(&tree.root).env("CARGO_TARGET_DIR", tree.target.join("fuzz"));
    command
}

/// Builds all targets; the folder of their binaries.
///
/// Without a sanitizer: the machines hold no unsafe code, and each target has its own allocator and
/// its own bounds. What is looked for runs three times as often so.
fn build(tree: &Tree) -> Result<PathBuf> {
    let args = ["fuzz", "build", "--sanitizer", "none", "--fuzz-dir", FOLDER];
    shell::run(nightly(tree).args(args))?;
    let version = shell::output(Command::new("rustup").args(["run", "nightly", "rustc", "-vV"]))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc does not say what it builds for")?;
    Ok(tree.target.join("fuzz").join(host).join("release"))
}

struct Ran {
    executions: u64,
    ok: bool,
}

fn run(tree: &Tree, binaries: &Path, name: &str, seconds: u64) -> Result<Ran> {
    let grown = tree.target.join("fuzz/corpus").join(name);
    let artifacts = tree.target.join("fuzz/artifacts").join(name);
    fs::create_dir_all(&grown)?;
    fs::create_dir_all(&artifacts)?;
    println!("== {name}, {seconds} s");
    let mut command = Command::new(binaries.join(name));
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={INPUT_BYTES_MAX}"))
        .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
        .arg(format!("-rss_limit_mb={MEMORY_MIB_MAX}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-print_final_stats=1", "-verbosity=1"])
        .args(
            [grown, tree.at(CORPUS).join(name), tree.at("tests/fuzz/regressions").join(name)]
                .iter()
                .filter(|folder| folder.exists()),
        )
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let ended = command.output().with_context(|| format!("cannot start the target {name}"))?;
    let said = String::from_utf8_lossy(&ended.stderr);
    let executions = executions(&said);
    if !ended.status.success() {
        let quiet = |line: &&str| !line.starts_with('#') && !line.starts_with("INFO");
        let last: Vec<&str> = said.lines().filter(quiet).collect();
        println!("{}", last[last.len().saturating_sub(60)..].join("\n"));
        return Ok(Ran { executions: executions.unwrap_or(0), ok: false });
    }
    let executions = executions.context("libFuzzer does not say how often it ran")?;
    ensure!(executions > 0, "{name} did not run");
    Ok(Ran { executions, ok: true })
}

/// What libFuzzer says it ran.
fn executions(said: &str) -> Option<u64> {
    let line =
        said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))?;
    line.trim().parse().ok()
}

/// Merges what grew into what is committed: few inputs that reach the same.
fn keep(tree: &Tree, binaries: &Path, name: &str) -> Result<()> {
    let committed = tree.at(CORPUS).join(name);
    let merged = tree.target.join("fuzz/merged").join(name);
    if merged.exists() {
        fs::remove_dir_all(&merged)?;
    }
    fs::create_dir_all(&merged)?;
    fs::create_dir_all(&committed)?;
    let mut command = Command::new(binaries.join(name));
    command.args(["-set_cover_merge=1", "-verbosity=0"]).arg(&merged).arg(&committed);
    command.arg(tree.target.join("fuzz/corpus").join(name));
    shell::output(&mut command)?;
    ensure!(fs::read_dir(&merged)?.next().is_some(), "nothing was left of {name}'s inputs");
    fs::remove_dir_all(&committed)?;
    fs::create_dir_all(&committed)?;
    let mut names: Vec<_> = fs::read_dir(&merged)?.flatten().map(|file| file.file_name()).collect();
    // Names are hashes: the first of them are as good as any.
    names.sort();
    for name in names.into_iter().take(KEPT_MAX) {
        fs::copy(merged.join(&name), committed.join(&name))?;
    }
    Ok(())
}

/// How many lines of the decoders the inputs reach, those committed and those that the decoders'
/// targets grew: measured by runs of `replay` built for it.
fn coverage(tree: &Tree) -> Result<String> {
    let bin = tools::llvm_tools()?;
    let target = tree.target.join("coverage");
    let mut build = shell::cargo();
    build.args(["build", "--package", "presently-fuzz", "--bin", "fuzz-replay"]);
    build.env("RUSTFLAGS", "-C instrument-coverage").env("CARGO_TARGET_DIR", &target);
    // What build scripts and macros leave behind is of no interest.
    build.env("LLVM_PROFILE_FILE", target.join("build-%m.profraw"));
    shell::run(build.current_dir(&tree.root))?;
    let replay = target.join("debug/fuzz-replay");
    let (committed, grown) = (target.join("committed.profraw"), target.join("grown.profraw"));
    let data = target.join("replay.profdata");
    let mut command = Command::new(&replay);
    command.args(["--seconds", "0"]).current_dir(&tree.root);
    shell::output(command.env("LLVM_PROFILE_FILE", &committed))?;
    command.arg("--also").arg(tree.target.join("fuzz/corpus")).args(OF_DECODERS);
    shell::output(command.env("LLVM_PROFILE_FILE", &grown))?;
    let mut merge = Command::new(bin.join("llvm-profdata"));
    merge.args(["merge", "-sparse"]).args([&committed, &grown]);
    shell::output(merge.arg("-o").arg(&data))?;
    let mut export = Command::new(bin.join("llvm-cov"));
    export.arg("export").arg("-summary-only").arg("-instr-profile").arg(&data).arg(&replay);
    let summary = shell::output(export.arg(tree.at(DECODERS)))?;
    let summary: Value = serde_json::from_str(&summary).context("llvm-cov speaks no JSON")?;
    let files = summary["data"][0]["files"].as_array().context("llvm-cov names no files")?;
    let mut lines = Vec::new();
    for file in files {
        let name = file["filename"].as_str().unwrap_or_default();
        let name = Path::new(name).strip_prefix(&tree.root).unwrap_or_else(|_| Path::new(name));
        let percent = file["summary"]["lines"]["percent"].as_f64().unwrap_or(0.0);
        if percent < 100.0 {
            lines.push(format!("  {}: {percent:.1} %", name.display()));
        }
    }
    let total = &summary["data"][0]["totals"]["lines"];
    let (covered, count) = (total["covered"].as_u64(), total["count"].as_u64());
    let (Some(covered), Some(count)) = (covered, count) else { bail!("llvm-cov has no totals") };
    ensure!(count > 0, "no line of {DECODERS} was built");
    let percent = covered as f64 * 100.0 / count as f64;
    lines.push(format!("{DECODERS}: {covered} of {count} lines reached, {percent:.1} %"));
    Ok(lines.join("\n"))
}

#[cfg(test)]
#[path = "fuzz_test.rs"]
mod tests;
