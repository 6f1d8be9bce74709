//! The log of all runs: `tests/mutants.tsv`, a line per mutant.
//!
//! Columns: seed, commit, change, the line it begins in, outcome. What was missed is in the end seen by
//! a new test (`--missed` tries those again) or explained in a last column, by hand.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::list::Mutant;
use crate::trial::{CAUGHT, Outcome, SIMULATOR};

const HEAD: &str = "seed\tcommit\tchange\tline\toutcome\treason";

fn read(log: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(log).unwrap_or_default();
    let rows = text.lines().skip(1).map(|line| line.split('\t').map(Into::into).collect());
    rows.filter(|row: &Vec<String>| row.len() >= 5).collect()
}

fn write(log: &Path, rows: &[Vec<String>]) -> Result<()> {
    let rows: Vec<String> = rows.iter().map(|row| row.join("\t")).collect();
    let text = format!("{HEAD}\n{}\n", rows.join("\n"));
    fs::write(log, text).with_context(|| format!("{} cannot be written", log.display()))
}

fn cell(text: &str) -> String {
    text.replace('\t', " ")
}

/// Adds outcomes. Of a mutant that is there already only what became of it changes: it may be caught
/// now, and by which commit's tests.
pub(crate) fn add(log: &Path, root: &Path, outcomes: &[(Mutant, Outcome)]) -> Result<()> {
    let output =
        Command::new("git").args(["rev-parse", "--short", "HEAD"]).current_dir(root).output()?;
    ensure!(output.status.success(), "git does not say which commit this is");
    let commit = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let mut rows = read(log);
    for (mutant, outcome) in outcomes {
        let (change, line) = (cell(&mutant.change()), cell(&mutant.line));
        let says = outcome.says();
        match rows.iter_mut().find(|row| row[2] == change && row[3] == line) {
            Some(row) if row[4] != says => {
                row[1].clone_from(&commit);
                row[4] = says;
            }
            Some(_) => {}
            None => rows.push(vec![mutant.seed.to_string(), commit.clone(), change, line, says]),
        }
    }
    write(log, &rows)
}

/// The mutants of the log that were missed and are not explained, as they stand now.
pub(crate) fn missed(log: &Path, all: &[Mutant]) -> Result<Vec<Mutant>> {
    let open = |row: &[String]| row[4] == "missed" && row.get(5).is_none();
    let (found, gone) = standing(log, all, open)?;
    gone.iter().for_each(|row| println!("gone: {} in `{}`", row[2], row[3]));
    Ok(found)
}

/// The mutants of the log that a unit test caught, those of them that still stand.
pub(crate) fn caught(log: &Path, all: &[Mutant]) -> Result<Vec<Mutant>> {
    Ok(standing(log, all, |row| row[4].starts_with(CAUGHT) && row[4] != SIMULATOR)?.0)
}

/// The mutants of some rows, and the rows that there is none for any more.
fn standing(
    log: &Path,
    all: &[Mutant],
    which: impl Fn(&[String]) -> bool,
) -> Result<(Vec<Mutant>, Vec<Vec<String>>)> {
    let rows = read(log);
    ensure!(!rows.is_empty(), "{} has no runs", log.display());
    let (mut found, mut gone) = (Vec::new(), Vec::new());
    for row in rows.into_iter().filter(|row| which(row)) {
        let is =
            |mutant: &&Mutant| cell(&mutant.change()) == row[2] && cell(&mutant.line) == row[3];
        match all.iter().find(is) {
            Some(mutant) => found.push(mutant.clone()),
            None => gone.push(row),
        }
    }
    Ok((found, gone))
}
