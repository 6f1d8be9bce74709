//! The rules about our own files.

use std::collections::BTreeSet;

use super::{File, Violation};

const LINES_MAX: usize = 800;

/// No file has outgrown one reader; tests, which are read one by one, may be longer.
pub(super) fn length(files: &[File]) -> Vec<Violation> {
    let long = files.iter().filter(|file| file.is_rust() && !is_test(&file.path));
    long.filter_map(|file| {
        let lines = file.text.lines().count();
        (lines > LINES_MAX)
            .then(|| file.violation(lines, format!("{lines} lines, more than {LINES_MAX}")))
    })
    .collect()
}

/// `x_test.rs` beside `x.rs`, or a file in a package's `tests/`.
fn is_test(path: &str) -> bool {
    let mut folders = path.split('/').skip(1);
    path.ends_with("_test.rs") || folders.any(|folder| folder == "tests" || folder == "tests.rs")
}

/// The core names nothing of `std`, in tests neither: it could not on half of its targets.
pub(super) fn no_std(files: &[File]) -> Vec<Violation> {
    let core = files.iter().filter(|file| file.is_rust() && file.path.starts_with("core/src/"));
    let mut found = Vec::new();
    for file in core {
        for (number, line) in file.lines() {
            let code = line.split("//").next().unwrap_or_default();
            if code.contains("extern crate std") || names(code, "std::") {
                found.push(file.violation(number, "the core knows no std"));
            }
        }
    }
    found
}

/// Whether `code` has `word` where a name starts.
fn names(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|char| char.is_alphanumeric() || char == '_')
    })
}

/// Outside `core/` and `tests/` nobody names the body of a frame: hosts and bindings carry bytes.
pub(super) fn bodies(files: &[File]) -> Vec<Violation> {
    let outside = files.iter().filter(|file| {
        file.is_rust() && !["core/", "tests/", "xtask/"].iter().any(|it| file.path.starts_with(it))
    });
    let mut found = Vec::new();
    for file in outside {
        for (at, _) in file.text.match_indices("wire") {
            if reaches_body(&file.text[at..]) {
                let line = file.text[..at].matches('\n').count() + 1;
                found.push(file.violation(line, "names a frame body; only core and tests may"));
            }
        }
    }
    found
}

/// Whether a path or import that starts with `wire` could bring in `wire::body`.
fn reaches_body(text: &str) -> bool {
    let rest = &text["wire".len()..];
    let Some(rest) = rest.strip_prefix("::") else {
        // A second name for the module would hide what is reached through it.
        return rest.starts_with(" as ");
    };
    let words = |text: &str| {
        text.split(|char: char| !(char.is_alphanumeric() || char == '_'))
            .any(|word| matches!(word, "body" | "bodies"))
    };
    match rest.strip_prefix('{') {
        Some(group) => {
            let group = group.split(';').next().unwrap_or_default();
            group.contains('*') || words(group)
        }
        None => {
            let end = rest.find(|char: char| !(char.is_alphanumeric() || char == '_'));
            rest.starts_with('*') || words(&rest[..end.unwrap_or(rest.len())])
        }
    }
}

/// Nothing says that it should be done later: that is what issues are for.
pub(super) fn leftovers(files: &[File]) -> Vec<Violation> {
    // In two pieces, so that this file keeps its own rule.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME")];
    let calls = [concat!("to", "do!("), concat!("unimplem", "ented!(")];
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !is_lock(&file.path)) {
        for (number, line) in file.lines() {
            let mut words = line.split(|char: char| !(char.is_alphanumeric() || char == '_'));
            if words.any(|word| marks.contains(&word)) || calls.iter().any(|it| line.contains(it)) {
                found.push(file.violation(number, "left for later; open an issue instead"));
            }
        }
    }
    found
}

fn is_lock(path: &str) -> bool {
    path.ends_with("Cargo.lock") || path.ends_with("package-lock.json")
}

/// Every `PROTOCOL §x.y` that Rust code cites is a heading of `core/PROTOCOL.md`.
pub(super) fn sections(files: &[File], protocol: &str) -> Vec<Violation> {
    let headings: BTreeSet<&str> =
        protocol.lines().filter(|line| line.starts_with('#')).filter_map(heading).collect();
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        for (number, line) in file.lines() {
            for section in cited(line).filter(|section| !headings.contains(section)) {
                found.push(file.violation(number, format!("no section {section} in PROTOCOL.md")));
            }
        }
    }
    found
}

/// The number of a heading such as `## 4.2 Sending` or `### §4.2. Sending`.
fn heading(line: &str) -> Option<&str> {
    let line = line.trim_start_matches('#').trim_start().trim_start_matches('\u{a7}');
    section(line)
}

/// The sections cited after the word PROTOCOL in a line.
fn cited(line: &str) -> impl Iterator<Item = &str> {
    let after = line.split_once("PROTOCOL").map_or("", |(_, after)| after);
    after.split('\u{a7}').skip(1).filter_map(section)
}

/// The section number at the start of `text`.
fn section(text: &str) -> Option<&str> {
    let end = text.find(|char: char| !(char.is_ascii_digit() || char == '.'));
    let number = text[..end.unwrap_or(text.len())].trim_end_matches('.');
    (!number.is_empty()).then_some(number)
}

/// Every folder at the top is one that README tells of.
pub(super) fn top_level(files: &[File], readme: &str) -> Vec<Violation> {
    let folders: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| Some(file.path.split_once('/')?.0))
        .filter(|folder| !folder.starts_with('.'))
        .collect();
    let untold = folders.into_iter().filter(|folder| !names(readme, &format!("{folder}/")));
    untold
        .map(|folder| Violation {
            path: folder.into(),
            line: 1,
            what: "README.md does not say what this folder is".into(),
        })
        .collect()
}

#[cfg(test)]
#[path = "rules_test.rs"]
mod tests;
