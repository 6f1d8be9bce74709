//! What a run of many seeds came to.

use std::time::Duration;

use presently_tests::coverage::rare;

use crate::many::Tally;

/// From this many seeds on, a count of zero means that the swarm does not do its work.
const FULL: u64 = 100;
/// From this many on, so does a mark that none of them reached.
const COVERED: u64 = 500;

/// Figures.
pub(crate) struct Summary {
    lines: Vec<(&'static str, String)>,
    /// Of simulated to real time.
    pub(crate) ratio: f64,
    /// Inputs of hubs and clients, by second of one core's work.
    pub(crate) inputs: f64,
    /// Simulated hours.
    pub(crate) hours: f64,
    /// Real seconds.
    pub(crate) seconds: f64,
}

impl Summary {
    pub(crate) fn of(tally: &Tally, elapsed: Duration) -> Self {
        let c = &tally.counts;
        let seconds = elapsed.as_secs_f64();
        let hours = c.simulated_ms as f64 / 3_600_000.0;
        let core = cpu_seconds().unwrap_or(seconds).max(0.01);
        let (ratio, inputs) = (hours * 3_600.0 / seconds, c.inputs as f64 / core);
        let mut lines = vec![
            ("seeds", (tally.played - tally.past).to_string()),
            ("past failures", tally.past.to_string()),
            ("played twice", tally.twice.to_string()),
            ("acts", c.acts.to_string()),
            ("acks", c.acks.to_string()),
            ("cuts", c.cuts.to_string()),
            ("crashes", c.crashes.to_string()),
            ("lost writes", c.lost_writes.to_string()),
            ("repeats", c.repeats.to_string()),
            ("unknown writes", c.unknowns.to_string()),
            ("jobs", c.jobs.to_string()),
            ("inputs", c.inputs.to_string()),
            ("simulated hours", format!("{hours:.1}")),
            ("seconds", format!("{seconds:.1}")),
            ("simulated to real", format!("{ratio:.0}")),
            ("inputs per second and core", format!("{inputs:.0}")),
        ];
        let reached = tally.coverage.all().into_values().filter(|count| *count > 0).count();
        lines.push(("marks reached", reached.to_string()));
        Self { lines, ratio, inputs, hours, seconds }
    }

    pub(crate) fn say(&self) {
        for (name, number) in &self.lines {
            println!("{name}: {number}");
        }
    }

    /// Whether everything that should happen in so many seeds has happened.
    pub(crate) fn does_its_work(&self, tally: &Tally) -> bool {
        let mut works = true;
        let kinds = ["acts", "acks", "cuts", "crashes", "lost writes", "repeats", "unknown writes"];
        for (name, number) in self.lines.iter().filter(|(name, _)| kinds.contains(name)) {
            if number == "0" && tally.played >= FULL {
                println!("the swarm does not do its work: no {name}");
                works = false;
            }
        }
        if tally.played < COVERED {
            return works;
        }
        for name in tally.coverage.missing() {
            println!("no seed reached {name}");
            works = false;
        }
        let all = tally.coverage.all();
        for name in rare::all().filter(|name| all.get(*name).is_some_and(|count| *count > 0)) {
            println!("{name} was reached, and needs no excuse");
        }
        works
    }
}

/// What this process took of its cores. Ticks are of a hundredth, wherever there is a `/proc`.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(11).take(2).map(str::parse::<f64>);
    Some((fields.next()?.ok()? + fields.next()?.ok()?) / 100.0)
}
