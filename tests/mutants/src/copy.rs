//! A copy of the core and the simulator that may be changed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// Below `target`, so that nothing outside of it is touched.
const FOLDER: &str = "target/mutants/tree";
/// How mutants are built: for tests that run hundreds of times after one build.
const PROFILE: &str = "
[profile.mutant]
inherits = \"dev\"
opt-level = 1
debug = false
# A build that was stopped half way leaves what the next one cannot be linked with.
incremental = false

[profile.mutant.package.\"*\"]
opt-level = 3
";
/// The switch: which mutant is on, said by the environment; none where it says nothing. Where it
/// names a file instead, all are off, and the file learns which of them is asked for, by which thread:
/// the test harness names a thread after its test.
const SWITCH: &str = "\
//! Which mutant is on.

extern crate std;

use std::{cell::RefCell, io::Write, string::String, sync::OnceLock, vec::Vec};

struct Switch {
    on: u32,
    reached: Option<std::fs::File>,
}

static SWITCH: OnceLock<Switch> = OnceLock::new();

std::thread_local! {
    static SEEN: RefCell<Vec<bool>> = const { RefCell::new(Vec::new()) };
}

/// Whether a mutant is on.
#[must_use]
pub fn on(number: u32) -> bool {
    let switch = SWITCH.get_or_init(read);
    if let Some(file) = &switch.reached {
        let _ = SEEN.try_with(|seen| note(&mut seen.borrow_mut(), file, number));
    }
    switch.on == number
}

fn read() -> Switch {
    let on = std::env::var(\"PRESENTLY_MUTANT\").ok().and_then(|text| text.parse().ok());
    let path = std::env::var_os(\"PRESENTLY_MUTANTS_REACHED\");
    let open = |path| std::fs::OpenOptions::new().append(true).create(true).open(path);
    Switch { on: on.unwrap_or(0), reached: path.and_then(|path| open(path).ok()) }
}

fn note(seen: &mut Vec<bool>, mut file: &std::fs::File, number: u32) {
    let at = number as usize;
    if seen.len() <= at {
        seen.resize(at + 1, false);
    }
    if !core::mem::replace(&mut seen[at], true) {
        let thread = std::thread::current();
        let line: String = std::format!(\"{number}\\t{}\\n\", thread.name().unwrap_or_default());
        let _ = file.write_all(line.as_bytes());
    }
}
";

/// A copy without mutants, with room for them. What was built there before is built on.
pub(crate) fn fresh(root: &Path) -> Result<PathBuf> {
    let copy = root.join(FOLDER);
    fs::create_dir_all(&copy)?;
    for folder in ["core", "tests/src", "tests/seeds", "tests/vectors"] {
        mirror(&root.join(folder), &copy.join(folder))?;
    }
    let manifest = |path: &str| fs::read_to_string(root.join(path));
    let whole = manifest("Cargo.toml")?;
    let mut lines = Vec::new();
    for line in whole.lines() {
        match line {
            members if members.starts_with("members = ") => {
                lines.push("members = [\"core\", \"tests\"]");
            }
            exclude if exclude.starts_with("exclude = ") => {}
            other => lines.push(other),
        }
    }
    write(&copy.join("Cargo.toml"), &(lines.join("\n") + PROFILE))?;
    // The tests of processes need the server, and the core's own tests need no second core.
    for path in ["core/Cargo.toml", "tests/Cargo.toml"] {
        write(&copy.join(path), &without(&manifest(path)?, "[dev-dependencies]"))?;
    }
    write(&copy.join("Cargo.lock"), &manifest("Cargo.lock")?)?;
    let lib = copy.join("core/src/lib.rs");
    let text = fs::read_to_string(&lib)?;
    let with = text.replacen("extern crate alloc;", "extern crate alloc;\npub mod mutant;", 1);
    ensure!(with != text, "the core's lib.rs has no place for a module");
    write(&lib, &with)?;
    write(&copy.join("core/src/mutant.rs"), SWITCH)?;
    Ok(copy)
}

/// A manifest without one of its tables.
fn without(manifest: &str, table: &str) -> String {
    let mut inside = false;
    let kept = manifest.lines().filter(|line| {
        if line.starts_with('[') {
            inside = *line == table;
        }
        !inside
    });
    kept.collect::<Vec<_>>().join("\n") + "\n"
}

/// Makes `to` the same as `from`, and leaves alone what is the same already: cargo goes by its time.
fn mirror(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if !from.join(entry.file_name()).exists() {
            let path = entry.path();
            if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
        }
    }
    for entry in fs::read_dir(from).with_context(|| format!("{} is missing", from.display()))? {
        let entry = entry?;
        let (source, copy) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            mirror(&source, &copy)?;
        } else {
            write_bytes(&copy, &fs::read(&source)?)?;
        }
    }
    Ok(())
}

/// Writes a text, unless it stands there already.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    write_bytes(path, text.as_bytes())
}

fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    fs::write(path, bytes).with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_left_out() {
        let manifest = "[a]\nx = 1\n\n[b]\ny = 2\n[c]\nz = 3\n";
        assert_eq!(without(manifest, "[b]"), "[a]\nx = 1\n\n[c]\nz = 3\n");
    }
}
