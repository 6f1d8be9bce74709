//! The mutants that cargo-mutants knows, and which of them are drawn.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// A line and a column, both from 1.
pub(crate) type At = (usize, usize);

/// One change of the core.
#[derive(Clone, Debug)]
pub(crate) struct Mutant {
    /// `core/src/x.rs:1:2: replace a with b in f`.
    pub(crate) name: String,
    /// The file, from the root.
    pub(crate) file: String,
    /// What kind of change.
    pub(crate) genre: String,
    /// What stands there instead.
    pub(crate) replacement: String,
    /// Where.
    pub(crate) from: At,
    pub(crate) until: At,
    /// The line it begins in, trimmed.
    pub(crate) line: String,
    /// How many mutants of the same words and line stand before it in its file.
    pub(crate) before: usize,
    /// The seed that drew it.
    pub(crate) seed: u64,
}

impl Mutant {
    /// The module of the core it is in: the first below its root.
    pub(crate) fn module(&self) -> &str {
        let path = self.file.strip_prefix("core/src/").unwrap_or(&self.file);
        let end = path.find(['/', '.']).unwrap_or(path.len());
        &path[..end]
    }

    /// The change without its place: what stays when lines move.
    pub(crate) fn change(&self) -> String {
        let words = self.words();
        match self.before {
            0 => format!("{}: {words}", self.file),
            before => format!("{}: {words} ({})", self.file, before + 1),
        }
    }

    fn words(&self) -> &str {
        self.name.split_once(": ").map_or(self.name.as_str(), |(_, words)| words)
    }
}

/// Every mutant of the core but those of the models of the world, which are tests themselves.
pub(crate) fn all(root: &Path) -> Result<Vec<Mutant>> {
    let mut command = Command::new("cargo");
    command.args(["mutants", "--list", "--json", "--package", "presently-core"]).current_dir(root);
    let output = command.output().context("cargo-mutants cannot be started")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo-mutants cannot list: {}", said.trim());
    let list: Value = serde_json::from_slice(&output.stdout)?;
    let list = list.as_array().context("cargo-mutants lists nothing")?;
    let (mut mutants, mut alike) = (Vec::new(), BTreeMap::<_, usize>::new());
    for value in list {
        let mut mutant = read(root, value).context("a mutant that cannot be read")?;
        let seen = (mutant.file.clone(), mutant.words().to_owned(), mutant.line.clone());
        let count = alike.entry(seen).or_default();
        mutant.before = std::mem::replace(count, *count + 1);
        if !mutant.file.starts_with("core/src/world/") {
            mutants.push(mutant);
        }
    }
    Ok(mutants)
}

fn read(root: &Path, value: &Value) -> Option<Mutant> {
    let text = |name: &str| Some(value[name].as_str()?.to_owned());
    let at = |end: &str| {
        let at = &value["span"][end];
        let number = |name: &str| usize::try_from(at[name].as_u64()?).ok();
        Some((number("line")?, number("column")?))
    };
    let (file, from) = (text("file")?, at("start")?);
    let source = std::fs::read_to_string(root.join(&file)).ok()?;
    let line = source.lines().nth(from.0 - 1)?.trim().to_owned();
    let (name, genre, replacement) = (text("name")?, text("genre")?, text("replacement")?);
    Some(Mutant {
        name,
        file,
        genre,
        replacement,
        from,
        until: at("end")?,
        line,
        before: 0,
        seed: 0,
    })
}

/// All of them, in an order that follows from the seed and each one's name.
pub(crate) fn draw(mut all: Vec<Mutant>, seed: u64) -> Vec<Mutant> {
    all.sort_by_cached_key(|mutant| hash(seed, &mutant.name));
    all.iter_mut().for_each(|mutant| mutant.seed = seed);
    all
}

/// All of them, in an order that stays where lines move.
pub(crate) fn shuffle(mut all: Vec<Mutant>, seed: u64) -> Vec<Mutant> {
    all.sort_by_cached_key(|mutant| hash(seed, &mutant.change()));
    all
}

/// FNV-1a, then the finalizer of SplitMix64.
fn hash(seed: u64, text: &str) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut z = text
        .bytes()
        .fold(start, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_an_order() {
        let named = |n: u32| Mutant {
            name: format!("core/src/a.rs:{n}:1: replace a with b in f"),
            file: "core/src/a.rs".into(),
            genre: String::new(),
            replacement: String::new(),
            from: (1, 1),
            until: (1, 2),
            line: String::new(),
            before: 0,
            seed: 0,
        };
        let names = |seed| {
            let drawn = draw((0..50).map(named).collect(), seed);
            drawn.into_iter().map(|mutant| mutant.name).collect::<Vec<_>>()
        };
        assert_eq!(names(1), names(1));
        assert_ne!(names(1), names(2));
        assert_eq!(named(7).module(), "a");
        assert_eq!(named(7).change(), "core/src/a.rs: replace a with b in f");
        let second = Mutant { before: 1, ..named(7) };
        assert_eq!(second.change(), "core/src/a.rs: replace a with b in f (2)");
    }
}
