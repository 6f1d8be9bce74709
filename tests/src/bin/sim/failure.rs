//! A law that was broken: what a person is told of it.

use std::io;

use presently_tests::history::Broken;
use presently_tests::judge;
use presently_tests::shrink;
use presently_tests::sim::Schedule;
use presently_tests::timeline::Timeline;

use crate::options::Options;

/// One.
pub(crate) struct Failure {
    /// The seed or file.
    pub(crate) name: String,
    /// The arguments that play it again.
    pub(crate) again: String,
    pub(crate) schedule: Schedule,
    pub(crate) broken: Broken,
}

impl Failure {
    /// The law, and the line that plays it again.
    pub(crate) fn say(&self) {
        println!("{} breaks {}: {}", self.name, self.broken.law, self.broken.what);
        println!("  again: cargo xtask sim {} --law {}", self.again, self.broken.law);
    }
}

/// Makes it small, writes it to a file, and tells it.
///
/// # Errors
/// The file's.
pub(crate) fn make_small(options: &Options, failure: Failure) -> io::Result<()> {
    let Failure { name, schedule, broken, .. } = failure;
    let (law, seed) = (broken.law, schedule.swarm.seed);
    if judge::BESIDE.iter().any(|(beside, ..)| *beside == law) {
        // It was another world of that seed.
        return Ok(());
    }
    let before = schedule.steps.len();
    let small = shrink::shrink(schedule, broken, options.threads, shrink::TIME_MAX);
    let path = options.out.join(format!("{law}-{seed}.schedule"));
    let about = format!("{name} broke {law}: {}", small.broken.what);
    small.schedule.write(&path, &about)?;
    println!("small: {} of {before} steps after {} tries", small.schedule.steps.len(), small.tries);
    println!("  again: cargo xtask sim --schedule {} --law {law}", path.display());
    let timeline = Timeline::of(&small.schedule, Some(law));
    println!("\n{timeline}");
    println!("events: {}", timeline.events());
    println!("steps: {}", small.schedule.steps.len());
    println!("shrink seconds: {:.1}", small.took.as_secs_f64());
    Ok(())
}
