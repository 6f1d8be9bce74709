//! A line for the table of runs.

use std::fs;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::many::Tally;
use crate::summary::Summary;

/// Where the table stands.
const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
/// How it begins.
const HEAD: &str = "| date | commit | seeds | minutes | simulated hours | simulated:real |";

/// Adds a run, and what it broke: seeds with their laws.
///
/// # Errors
/// The file's, or there is no such table in it.
pub(crate) fn add(
    commit: &str,
    tally: &Tally,
    summary: &Summary,
    broke: &[String],
) -> io::Result<()> {
    let readme = fs::read_to_string(README)?;
    fs::write(README, with_row(&readme, &row(commit, tally, summary, broke))?)
}

fn row(commit: &str, tally: &Tally, summary: &Summary, broke: &[String]) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let faults = tally.coverage.faults().into_iter();
    let faults: Vec<String> = faults.map(|(kind, count)| format!("{kind} {count}")).collect();
    let cells = [
        date(now.as_secs() / 86_400),
        commit.get(..7).unwrap_or(commit).to_owned(),
        tally.played.to_string(),
        format!("{:.1}", summary.seconds / 60.0),
        format!("{:.1}", summary.hours),
        format!("{:.0}", summary.ratio),
        format!("{:.0}", summary.inputs),
        tally.counts.acts.to_string(),
        tally.counts.acks.to_string(),
        faults.join(", "),
        if broke.is_empty() { String::from("nothing") } else { broke.join(", ") },
    ];
    format!("| {} |", cells.join(" | "))
}

/// Behind the last row of the table.
fn with_row(readme: &str, row: &str) -> io::Result<String> {
    let mut lines: Vec<&str> = readme.lines().collect();
    let head = lines.iter().position(|line| line.starts_with(HEAD));
    let head = head.ok_or_else(|| io::Error::other(format!("no table begins with {HEAD}")))?;
    let rows = lines[head..].iter().take_while(|line| line.starts_with('|')).count();
    lines.insert(head + rows, row);
    Ok(lines.join("\n") + "\n")
}

/// A day since 1970 as it is written.
fn date(days: u64) -> String {
    // Years of 365.2425 days that begin in March (the algorithm of Howard Hinnant).
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::{HEAD, date, with_row};

    #[test]
    fn days_are_dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(19_782), "2024-02-29");
        assert_eq!(date(20_779), "2026-11-22");
    }

    #[test]
    fn a_row_goes_below_the_others() {
        let readme = format!("# A\n\n{HEAD} more |\n|---|\n| old |\n\nrest\n");
        let with = with_row(&readme, "| new |").expect("there is a table");
        assert_eq!(with, format!("# A\n\n{HEAD} more |\n|---|\n| old |\n| new |\n\nrest\n"));
        assert!(with_row("nothing", "| new |").is_err());
    }
}
