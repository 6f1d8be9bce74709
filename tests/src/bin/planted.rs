//! `planted`: proves that the simulator sees what it is there to see.
//!
//! ```text
//! planted              each fault of tests/planted is caught by its law, and made small
//!     --only NAME      one of them
//!     --seeds N        within so many seeds; 500
//!     --from N         the first seed; the commit's
//!     --short          without making them small
//! ```
//!
//! A fault is a patch `NAME.patch` against the core, with a line `Law: G2` above its first `diff`. It
//! is there only where it is switched on: `if crate::planted::on("NAME") { .. }`. All patches are
//! applied to one copy of the core and of this crate, which is built once.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use presently_tests::usage::usage;

/// Seeds within which a planted fault must show.
const SEEDS: u64 = 500;
/// A small schedule's timeline has fewer lines.
const EVENTS: f64 = 200.0;
/// Making it small takes less, seconds.
const SHRINK: f64 = 120.0;

/// What is asked.
struct Options {
    only: Option<String>,
    seeds: u64,
    from: Option<u64>,
    short: bool,
}

/// One patch.
struct Fault {
    name: String,
    law: String,
    path: PathBuf,
}

fn main() -> ExitCode {
    if std::env::args().any(|arg| arg == "--help") {
        println!("{}", usage(include_str!("planted.rs")));
        return ExitCode::SUCCESS;
    }
    match options().and_then(|options| planted(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("planted: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> io::Result<Options> {
    let mut options = Options { only: None, seeds: SEEDS, from: None, short: false };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        if arg == "--short" {
            options.short = true;
            continue;
        }
        if !["--only", "--seeds", "--from"].contains(&arg.as_str()) {
            let text = format!("unknown option {arg}; --help tells what there is");
            return Err(io::Error::other(text));
        }
        let value = args.next().ok_or_else(|| io::Error::other(format!("{arg} wants a value")))?;
        let number = || {
            let text = || format!("{arg} wants a number, not {value}");
            value.parse::<u64>().map_err(|_| io::Error::other(text()))
        };
        match arg.as_str() {
            "--seeds" => options.seeds = number()?,
            "--from" => options.from = Some(number()?),
            _ => options.only = Some(value),
        }
    }
    if options.seeds == 0 {
        return Err(io::Error::other("no fault shows in no seed"));
    }
    Ok(options)
}

fn planted(options: &Options) -> io::Result<bool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let mut faults = faults(&root)?;
    if let Some(only) = &options.only
        && !faults.iter().any(|fault| fault.name == *only)
    {
        let names: Vec<&str> = faults.iter().map(|fault| fault.name.as_str()).collect();
        let text = format!("no fault is called {only}; there are {}", names.join(", "));
        return Err(io::Error::other(text));
    }
    let target = std::env::var_os("CARGO_TARGET_DIR");
    let target = target.map_or_else(|| root.join("target"), PathBuf::from).join("planted");
    let copy = target.join("tree");
    let all = faults.len();
    let mut holds = lay_out(&root, &target.join("next"), &copy, &mut faults)?;
    if let Some(only) = &options.only {
        faults.retain(|fault| fault.name == *only);
    }
    if faults.is_empty() || !build(&copy, &target.join("build"))? {
        println!("planted faults: none could be tried");
        return Ok(false);
    }
    let sim = target.join("build/release/sim");
    let from = options.from.map_or_else(|| commit(&root), Ok)?;
    let mut table = String::new();
    for fault in &faults {
        let (row, caught) = try_one(&sim, fault, from, options)?;
        println!("{row}");
        let _ = writeln!(table, "{row}");
        holds &= caught;
    }
    println!("\n| fault | law | seeds until caught | events | seconds to make small | |");
    println!("|---|---|---|---|---|---|\n{table}");
    println!("planted faults: {} of {all}", faults.len());
    Ok(holds)
}

/// The patches, by name.
fn faults(root: &Path) -> io::Result<Vec<Fault>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(root.join("tests/planted"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|ext| ext == "patch"));
    paths.sort();
    let mut out = Vec::new();
    for path in paths {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path)?;
        let head = text.lines().take_while(|line| !line.starts_with("diff "));
        let law = head.filter_map(|line| line.strip_prefix("Law: ")).next();
        let law = law.ok_or_else(|| io::Error::other(format!("{name} names no law")))?;
        out.push(Fault { name, law: law.trim().to_owned(), path });
    }
    Ok(out)
}

/// The crates the simulator needs, in a workspace of their own, with every fault in them. Files that
/// are as they were keep their time, so that nothing is built twice. Drops what does not apply.
fn lay_out(root: &Path, next: &Path, copy: &Path, faults: &mut Vec<Fault>) -> io::Result<bool> {
    if next.exists() {
        fs::remove_dir_all(next)?;
    }
    for part in ["bindings", "core", "server-host", "tests"] {
        copy_tree(&root.join(part), &next.join(part))?;
    }
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    let (before, rest) = manifest.split_once("members = [").ok_or(io::ErrorKind::InvalidData)?;
    let (_, after) = rest.split_once(']').ok_or(io::ErrorKind::InvalidData)?;
    // The others are there only to be named by manifests; what the simulator needs is compiled.
    let members = r#"members = ["core", "tests"]"#;
    fs::write(next.join("Cargo.toml"), format!("{before}{members}{after}"))?;
    fs::copy(root.join("Cargo.lock"), next.join("Cargo.lock"))?;
    let mut all = true;
    // Each must fit the core as it is; where two touch the same place, less of what stands around
    // them is compared.
    faults.retain(|fault| {
        let fits = apply(&fault.path, root, &["--check"]);
        if !fits {
            println!("{}: the patch does not apply", fault.name);
        }
        all &= fits;
        fits
    });
    faults.retain(|fault| {
        let applied = apply(&fault.path, next, &["-C1"]);
        if !applied {
            println!("{}: the patch does not apply beside the others", fault.name);
        }
        all &= applied;
        applied
    });
    switches(next, faults)?;
    sync(next, copy)?;
    Ok(all)
}

/// Where the faults are switched on.
fn switches(tree: &Path, faults: &[Fault]) -> io::Result<()> {
    let names: Vec<String> = faults.iter().map(|fault| format!("{:?}", fault.name)).collect();
    let source = format!(
        "//! Faults planted in this copy, one of them on at a time.\n\n\
         use core::sync::atomic::{{AtomicU8, Ordering}};\n\n\
         const NAMES: &[&str] = &[{}];\n\n\
         static CHOSEN: AtomicU8 = AtomicU8::new(u8::MAX);\n\n\
         /// Switches one on; `false`: there is none of that name.\n\
         pub fn choose(name: &str) -> bool {{\n    \
             let found = NAMES.iter().position(|other| *other == name);\n    \
             let number = found.and_then(|number| u8::try_from(number).ok());\n    \
             CHOSEN.store(number.unwrap_or(u8::MAX), Ordering::Relaxed);\n    \
             number.is_some()\n}}\n\n\
         /// Whether a fault is on.\n\
         pub fn on(name: &str) -> bool {{\n    \
             let chosen = usize::from(CHOSEN.load(Ordering::Relaxed));\n    \
             NAMES.get(chosen).is_some_and(|other| *other == name)\n}}\n",
        names.join(", ")
    );
    fs::write(tree.join("core/src/planted.rs"), source)?;
    let lib = tree.join("core/src/lib.rs");
    let text = fs::read_to_string(&lib)?;
    fs::write(&lib, text + "\n#[cfg(planted)]\npub mod planted;\n")
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

/// Makes one tree as another: what is equal is left alone.
fn sync(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if from.join(entry.file_name()).exists() {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else if entry.file_name() != "Cargo.lock" {
            fs::remove_file(entry.path())?;
        }
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let there = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            sync(&entry.path(), &there)?;
            continue;
        }
        let bytes = fs::read(entry.path())?;
        if fs::read(&there).ok().as_ref() != Some(&bytes) {
            fs::write(&there, bytes)?;
        }
    }
    Ok(())
}

fn apply(patch: &Path, tree: &Path, how: &[&str]) -> bool {
    // Where the copy lies inside a repository, git would look for its index.
    let mut git = Command::new("git");
    git.args(["apply", "--unsafe-paths", "--directory"]).arg(tree).args(how).arg(patch);
    git.current_dir(std::env::temp_dir()).env("GIT_CEILING_DIRECTORIES", "/");
    git.status().is_ok_and(|status| status.success())
}

/// Builds the copy's simulator.
fn build(copy: &Path, target: &Path) -> io::Result<bool> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--quiet", "-p", "presently-tests", "--bin", "sim"]);
    // The simulator has no use for it, and it takes a fifth of the build.
    command.args(["--config", "profile.release.package.libsqlite3-sys.opt-level=0"]);
    command.current_dir(copy).env("CARGO_TARGET_DIR", target);
    // What breaks is told by the timeline, not by lines of code.
    command.env("CARGO_PROFILE_RELEASE_DEBUG", "false").env("RUSTFLAGS", "--cfg planted");
    Ok(command.status()?.success())
}

/// The first seed of the commit, as the simulator draws it: twelve hexadecimal digits.
fn commit(root: &Path) -> io::Result<u64> {
    let said = Command::new("git").args(["rev-parse", "HEAD"]).current_dir(root).output()?;
    let id = String::from_utf8_lossy(&said.stdout).into_owned();
    let digits =
        id.get(..12).ok_or_else(|| io::Error::other("no commit: name a seed with --from"))?;
    u64::from_str_radix(digits, 16).map_err(io::Error::other)
}

/// Plays seeds with a fault on; the row for the table, and whether all is as it should be.
fn try_one(sim: &Path, fault: &Fault, from: u64, options: &Options) -> io::Result<(String, bool)> {
    let mut command = Command::new(sim);
    command.args(["--plant", &fault.name, "--law", &fault.law, "--failures", "1"]);
    command.args(["--seeds", &options.seeds.to_string(), "--from", &from.to_string()]);
    if options.short {
        command.arg("--no-shrink");
    }
    let began = Instant::now();
    let said = command.output()?;
    let text = String::from_utf8_lossy(&said.stdout);
    let figure = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.and_then(|number| number.parse::<f64>().ok())
    };
    let caught = said.status.code() == Some(1) && text.contains(" breaks ");
    let (seeds, events, seconds) = (figure("seeds"), figure("events"), figure("shrink seconds"));
    let small =
        options.short || events.is_some_and(|n| n < EVENTS) && seconds.is_some_and(|n| n < SHRINK);
    let cell = |number: Option<f64>| number.map_or_else(|| String::from("-"), |n| n.to_string());
    let verdict = match (caught, small) {
        (true, true) => "ok",
        (true, false) => "NOT SMALL",
        (false, _) => "NOT SEEN",
    };
    if verdict != "ok" {
        println!("{text}{}", String::from_utf8_lossy(&said.stderr));
    }
    eprintln!("{}: {verdict} after {:.1} s", fault.name, began.elapsed().as_secs_f64());
    let cells = [&fault.name, &fault.law, &cell(seeds), &cell(events), &cell(seconds), verdict];
    Ok((format!("| {} |", cells.join(" | ")), caught && small))
}
