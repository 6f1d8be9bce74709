//! `planted`: proves that the simulator sees what it is there to see.
//!
//! Copies the core and this crate, plants each fault of `tests/planted` in the copy, plays seeds there
//! and demands that some law breaks.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Seeds within which a planted fault must show.
const SEEDS: &str = "300";

fn main() -> ExitCode {
    match planted() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("planted: {error}");
            ExitCode::FAILURE
        }
    }
}

fn planted() -> io::Result<bool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let mut faults: Vec<PathBuf> = fs::read_dir(root.join("tests/planted"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    faults.retain(|path| path.extension().is_some_and(|ext| ext == "patch"));
    faults.sort();
    let target = std::env::var_os("CARGO_TARGET_DIR");
    let target = target.map_or_else(|| root.join("target"), PathBuf::from);
    let copy = target.join("planted/tree");
    let build = target.join("planted/build");
    let mut seen = !faults.is_empty();
    for fault in &faults {
        let name = fault.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        lay_out(&root, &copy)?;
        if !plant(fault, &copy)? {
            println!("{name}: the patch does not apply");
            seen = false;
            continue;
        }
        if !cargo(&copy, &build, &["build"])? {
            println!("{name}: the planted copy does not build");
            seen = false;
            continue;
        }
        let green = cargo(&copy, &build, &["run", "--", "--seeds", SEEDS])?;
        println!("{name}: {}", if green { "NOT SEEN" } else { "seen" });
        seen &= !green;
    }
    println!("planted faults: {}", faults.len());
    Ok(seen)
}

/// The crates the simulator needs, in a workspace of their own.
fn lay_out(root: &Path, copy: &Path) -> io::Result<()> {
    if copy.exists() {
        fs::remove_dir_all(copy)?;
    }
    for part in ["bindings", "core", "server-host", "tests"] {
        copy_tree(&root.join(part), &copy.join(part))?;
    }
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    let (before, rest) = manifest.split_once("members = [").ok_or(io::ErrorKind::InvalidData)?;
    let (_, after) = rest.split_once(']').ok_or(io::ErrorKind::InvalidData)?;
    // The others are there only to be named by manifests; what the simulator needs is compiled.
    let members = r#"members = ["core", "tests"]"#;
    fs::write(copy.join("Cargo.toml"), format!("{before}{members}{after}"))?;
    fs::copy(root.join("Cargo.lock"), copy.join("Cargo.lock"))?;
    Ok(())
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == "target" || name == "node_modules" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &to.join(name))?;
        } else {
            fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}

fn plant(fault: &Path, copy: &Path) -> io::Result<bool> {
    // Where the copy lies inside a repository, git would look for its index.
    let mut git = Command::new("git");
    git.args(["apply", "--unsafe-paths", "--directory"]).arg(copy).arg(fault);
    git.current_dir(std::env::temp_dir()).env("GIT_CEILING_DIRECTORIES", "/");
    Ok(git.status()?.success())
}

/// Runs cargo on the copy's simulator.
fn cargo(copy: &Path, build: &Path, args: &[&str]) -> io::Result<bool> {
    let (verb, rest) = args.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.arg(verb).args(["--release", "--quiet", "-p", "presently-tests", "--bin", "sim"]);
    command.args(rest).current_dir(copy).env("CARGO_TARGET_DIR", build);
    Ok(command.status()?.success())
}
