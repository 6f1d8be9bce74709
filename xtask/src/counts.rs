//! What a stage counted, read from what test runners print.

use std::ops::AddAssign;

use crate::shell::Ended;

/// The outcome of a stage. Notes go into the summary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
    pub(crate) notes: Vec<String>,
}

impl Counts {
    pub(crate) fn passed(passed: u64) -> Self {
        Self { passed, ..Self::default() }
    }

    pub(crate) fn failed(note: impl Into<String>) -> Self {
        Self { failed: 1, notes: vec![note.into()], ..Self::default() }
    }

    /// Something this machine cannot do; said by name, never taken for a pass.
    pub(crate) fn skipped(note: impl Into<String>) -> Self {
        Self { skipped: 1, notes: vec![format!("SKIPPED {}", note.into())], ..Self::default() }
    }

    pub(crate) fn noting(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// One check that has no count of its own: its exit code.
    pub(crate) fn of_exit(ended: &Ended, what: &str) -> Self {
        if ended.ok() { Self::passed(1) } else { Self::failed(format!("{what} failed")) }
    }

    /// The sum of every summary in what `what` printed.
    ///
    /// A runner that says nothing, or fails without naming a failure (it did not compile, it was
    /// killed), counts as one failure: silence never passes.
    pub(crate) fn of_tests(ended: &Ended, what: &str) -> Self {
        let mut sum = Self::default();
        let mut summaries = 0;
        for found in ended.stdout.lines().filter_map(summary) {
            sum += found;
            summaries += 1;
        }
        if !ended.ok() && sum.failed == 0 {
            sum += Self::failed(format!("{what} ended badly (exit {:?})", ended.code));
        } else if summaries == 0 {
            sum += Self::failed(format!("{what} printed no summary"));
        } else if sum.passed + sum.failed + sum.skipped == 0 {
            sum += Self::failed(format!("{what} ran no test"));
        }
        sum
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.notes.extend(other.notes);
    }
}

/// One line of a runner's summary: libtest's, node's, unittest's, or our own
/// `N passed, N failed, N skipped`.
fn summary(line: &str) -> Option<Counts> {
    let line = line.trim();
    if let Some(node) = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ ")) {
        let (word, number) = node.split_once(' ')?;
        let number = number.parse().ok()?;
        return match word {
            "pass" => Some(Counts::passed(number)),
            "fail" | "cancelled" => Some(Counts { failed: number, ..Counts::default() }),
            "skipped" | "todo" => Some(Counts { skipped: number, ..Counts::default() }),
            _ => None,
        };
    }
    let libtest = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "));
    let fields: Vec<&str> = match libtest {
        Some((_, rest)) => rest.split("; ").collect(),
        None => line.split(", ").collect(),
    };
    let mut counts = Counts::default();
    let mut known = 0;
    for field in fields {
        let Some((number, word)) = field.split_once(' ') else { continue };
        let slot = match word {
            "passed" => &mut counts.passed,
            "failed" => &mut counts.failed,
            "ignored" | "skipped" => &mut counts.skipped,
            _ => continue,
        };
        *slot = number.parse().ok()?;
        known += 1;
    }
    (known == 3).then_some(counts)
}

#[cfg(test)]
#[path = "counts_test.rs"]
mod tests;
