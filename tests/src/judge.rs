//! A run held against the laws. A machine that panics breaks one too (G9): what was done until then
//! is kept, so that it can be played again and made small.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::check::{LAWS, g6_hidden, g8_beside, g10_drain};
use crate::history::{Broken, History, broken};
use crate::sim::{Run, Schedule, Sink, Swarm, World};

/// The law that no machine panics.
pub const PANIC: &str = "g9_panic";

/// A run and what it broke.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The run; where a machine panicked, until then.
    pub run: Run,
    /// The first law that does not hold.
    pub broken: Option<Broken>,
}

/// A law that plays worlds of its own: its name, one seed in how many, its checker.
type Beside = (&'static str, u64, fn(u64) -> Result<(), Broken>);

/// Laws that no ordinary world can show.
pub const BESIDE: &[Beside] = &[
    ("g6_hidden", 4, |seed| g6_hidden::check(seed).map(|_| ())),
    ("g8_beside", 32, |seed| g8_beside::check(seed).map(|_| ())),
    ("g10_drain", 16, |seed| g10_drain::check(seed).map(|_| ())),
];

thread_local! {
    static WHERE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Panics are reported as broken laws and not printed from here on.
pub fn hush() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        WHERE.with_borrow_mut(|at| *at = place);
    }));
}

/// Whether a law goes by this name: `g2_once` is also `g2` and `G2`.
#[must_use]
pub fn is_named(law: &str, name: &str) -> bool {
    let short = law.split('_').next().unwrap_or(law);
    law.eq_ignore_ascii_case(name) || short.eq_ignore_ascii_case(name)
}

/// Plays a seed and judges it, by one law where one is named.
#[must_use]
pub fn seed(seed: u64, law: Option<&str>, sink: Option<Sink>) -> Judged {
    let mut judged = judge(World::new(&Swarm::of_seed(seed), sink), law);
    if judged.broken.is_none() {
        let wanted = |name: &str| law.is_none_or(|law| is_named(name, law));
        judged.broken = BESIDE.iter().find_map(|(name, every, check)| {
            let due = wanted(name) && (law.is_some() || seed.is_multiple_of(*every));
            let judged = due.then(|| catch_unwind(AssertUnwindSafe(|| check(seed))))?;
            judged.unwrap_or_else(|why| Err(broken(PANIC, words(&*why)))).err()
        });
    }
    judged
}

/// Plays a schedule and judges it, by one law where one is named.
#[must_use]
pub fn schedule(schedule: &Schedule, law: Option<&str>, sink: Option<Sink>) -> Judged {
    judge(World::of(schedule, sink), law)
}

/// Plays a world to its end and judges it.
#[must_use]
pub fn judge(mut world: World, law: Option<&str>) -> Judged {
    let wanted = |name: &str| law.is_none_or(|law| is_named(name, law));
    let ended = catch_unwind(AssertUnwindSafe(|| world.run_out()));
    let run = world.into_run();
    let broken = match ended {
        Ok(()) => first_broken(&run.history, wanted),
        Err(why) => wanted(PANIC).then(|| broken(PANIC, words(&*why))),
    };
    Judged { run, broken }
}

fn first_broken(history: &History, wanted: impl Fn(&str) -> bool) -> Option<Broken> {
    LAWS.iter().filter(|(name, _)| wanted(name)).find_map(|(name, check)| {
        let judged = catch_unwind(AssertUnwindSafe(|| check(history)));
        judged
            .unwrap_or_else(|why| {
                Err(broken(name, format!("its checker panics: {}", words(&*why))))
            })
            .err()
    })
}

fn words(why: &(dyn Any + Send)) -> String {
    let text = why.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| why.downcast_ref::<&str>().copied()).unwrap_or("a panic");
    let place = WHERE.with_borrow(Clone::clone);
    if place.is_empty() { text.to_owned() } else { format!("{text} ({place})") }
}

#[cfg(test)]
#[path = "judge_test.rs"]
mod tests;
