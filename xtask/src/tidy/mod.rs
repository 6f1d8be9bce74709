//! What no compiler checks: that the tree keeps the promises its documents make.
//!
//! Each rule is a function from the tree's files to violations, printed as `path:line: what`, and
//! counts as one check.

mod licences;
mod rules;

use std::{fmt, fs, process::Command};

use anyhow::{Context, Result};

use crate::{counts::Counts, shell, tree::Tree};

/// A file of the tree that is text, or will be committed as such.
struct File {
    /// From the root, with forward slashes.
    path: String,
    text: String,
}

impl File {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The numbered lines.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().zip(1..).map(|(line, number)| (number, line))
    }

    fn violation(&self, line: usize, what: impl Into<String>) -> Violation {
        Violation { path: self.path.clone(), line, what: what.into() }
    }
}

/// A promise not kept.
#[derive(Debug, PartialEq, Eq)]
struct Violation {
    path: String,
    line: usize,
    what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

pub(crate) fn tidy(tree: &Tree) -> Result<Counts> {
    let files = files(tree)?;
    let text_of = |path: &str| files.iter().find(|file| file.path == path).map(|file| &file.text);
    let mut counts = Counts::default();
    counts += rule("file length", &rules::length(&files));
    counts += rule("no std in core", &rules::no_std(&files));
    counts += rule("frame bodies stay inside", &rules::bodies(&files));
    counts += rule("nothing left over", &rules::leftovers(&files));
    counts += rule("licences", &licences::licences(&files, tree.packages())?);
    let protocol = text_of("core/PROTOCOL.md").context("core/PROTOCOL.md is not in the tree")?;
    counts += rule("cited sections", &rules::sections(&files, protocol));
    let readme = text_of("README.md").context("README.md is not in the tree")?;
    counts += rule("top level", &rules::top_level(&files, readme));
    Ok(counts)
}

fn rule(name: &str, violations: &[Violation]) -> Counts {
    for violation in violations {
        println!("{violation}");
    }
    match violations.len() {
        0 => Counts::passed(1),
        number => Counts::failed(format!("{name}: {number} violations")),
    }
}

/// What is committed or is about to be: everything git does not ignore.
fn files(tree: &Tree) -> Result<Vec<File>> {
    let listed = shell::output(
        Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(&tree.root),
    )
    .context("tidy asks git which files are ours")?;
    let paths = listed.split('\0').filter(|path| !path.is_empty());
    // What is not UTF-8 is a picture; what cannot be read is deleted but not yet committed so.
    Ok(paths
        .filter_map(|path| {
            let text = fs::read_to_string(tree.at(path)).ok()?;
            Some(File { path: path.into(), text })
        })
        .collect())
}
