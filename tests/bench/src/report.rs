//! The table, and what it says about the marks.
#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::process::ExitCode;

use crate::stage::Stage;

/// One line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) measure: &'static str,
    pub(crate) unit: &'static str,
    /// The server's.
    pub(crate) figure: f64,
    /// The relay's; `None`: the figure itself is judged.
    pub(crate) relay: Option<f64>,
    /// The most that it may be: the figure, or its ratio to the relay's.
    pub(crate) mark: f64,
}

impl Row {
    fn judged(&self) -> f64 {
        self.relay.map_or(self.figure, |relay| self.figure / relay)
    }

    /// Whether anything was measured at all.
    fn is_sound(&self) -> bool {
        let sound = |figure: f64| figure.is_finite() && figure > 0.0;
        sound(self.figure) && self.relay.is_none_or(sound)
    }

    fn is_over(&self) -> bool {
        self.judged() > self.mark
    }
}

/// What was measured so far.
#[derive(Debug)]
pub(crate) struct Report {
    short: bool,
    rows: Vec<Row>,
    skipped: Vec<String>,
}

impl Report {
    pub(crate) fn begin(stage: &Stage, short: bool) -> Self {
        let machine = &stage.machine;
        println!(
            "{} cores, {}, Linux {}, {}, commit {}",
            machine.cores, machine.model, machine.kernel, machine.disk, machine.commit
        );
        Self { short, rows: Vec::new(), skipped: Vec::new() }
    }

    /// A line on the way.
    pub(crate) fn note(line: impl std::fmt::Display) {
        println!("  {line}");
    }

    pub(crate) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(crate) fn skip(&mut self, what: impl Into<String>) {
        self.skipped.push(what.into());
    }

    /// Prints the table and the count. Figures over their marks fail a full run only.
    pub(crate) fn end(&self) -> ExitCode {
        println!();
        println!("| measure | | server | relay | ratio | mark | |");
        println!("|---|---|---|---|---|---|---|");
        let mut failed = 0;
        for row in &self.rows {
            let verdict = match () {
                () if !row.is_sound() => "nothing measured",
                () if self.short => "not judged",
                () if row.is_over() => "over",
                () => "ok",
            };
            failed += usize::from(!row.is_sound() || (row.is_over() && !self.short));
            let relay = row.relay.map_or_else(String::new, |relay| format!("{relay:.1}"));
            let ratio = row.relay.map_or_else(String::new, |_| format!("{:.1}", row.judged()));
            let Row { measure, unit, figure, mark, .. } = row;
            println!(
                "| {measure} | {unit} | {figure:.1} | {relay} | {ratio} | {mark} | {verdict} |"
            );
        }
        println!();
        for what in &self.skipped {
            println!("skipped: {what}");
        }
        let passed = self.rows.len() - failed;
        println!("{passed} passed, {failed} failed, {} skipped", self.skipped.len());
        ExitCode::from(u8::from(failed > 0 || self.rows.is_empty()))
    }
}

/// The middle one.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
#[path = "report_test.rs"]
mod report_test;
