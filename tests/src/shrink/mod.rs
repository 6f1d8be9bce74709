//! Makes a schedule that breaks a law small: the same law is still broken, by as little as possible.
//!
//! Everything that can be left out is tried, in halves, quarters, down to one by one: devices, steps,
//! kinds of weather, time. What still breaks the law is kept. Tries are played side by side.

mod less;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::history::Broken;
use crate::judge;
use crate::sim::Schedule;

/// How long it may take.
pub const TIME_MAX: Duration = Duration::from_secs(110);

/// What came of it.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The small schedule.
    pub schedule: Schedule,
    /// What it breaks.
    pub broken: Broken,
    /// Schedules played.
    pub tries: usize,
    /// The time it took.
    pub took: Duration,
}

/// Makes a schedule small that breaks a law.
#[must_use]
pub fn shrink(schedule: Schedule, broken: Broken, threads: usize, time: Duration) -> Shrunk {
    let law = broken.law;
    let judge = |schedule: &Schedule| judge::schedule(schedule, Some(law), None).broken;
    shrink_by(schedule, broken, threads, time, &judge)
}

/// Whether a schedule still breaks what it is about.
type Judge<'a> = &'a (dyn Fn(&Schedule) -> Option<Broken> + Sync);

fn shrink_by(
    schedule: Schedule,
    broken: Broken,
    threads: usize,
    time: Duration,
    judge: Judge<'_>,
) -> Shrunk {
    let began = Instant::now();
    let until = began + time;
    let mut shrinker = Shrinker { best: schedule, broken, judge, until, threads, tries: 0 };
    loop {
        let before = shrinker.best.clone();
        shrinker.round();
        if shrinker.best == before || shrinker.is_late() {
            break;
        }
    }
    Shrunk {
        schedule: shrinker.best,
        broken: shrinker.broken,
        tries: shrinker.tries,
        took: began.elapsed(),
    }
}

struct Shrinker<'a> {
    best: Schedule,
    broken: Broken,
    judge: Judge<'a>,
    until: Instant,
    threads: usize,
    tries: usize,
}

impl Shrinker<'_> {
    fn is_late(&self) -> bool {
        Instant::now() >= self.until
    }

    fn round(&mut self) {
        self.try_each(less::calm(&self.best));
        self.reduce(less::devices, less::without_devices);
        self.reduce(less::steps, less::without_steps);
        self.one_by_one(less::calmer);
        self.try_each(less::shorter(&self.best));
        self.one_by_one(less::closer);
        self.one_by_one(less::plainer);
    }

    /// Takes the first of some candidates that still breaks the law; says which.
    fn try_each(&mut self, candidates: Vec<Schedule>) -> Option<usize> {
        let judge = self.judge;
        let (next, found) = (AtomicUsize::new(0), Mutex::new(None::<(usize, Broken)>));
        let first = AtomicUsize::new(usize::MAX);
        let until = self.until;
        std::thread::scope(|scope| {
            for _ in 0..self.threads.min(candidates.len()) {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(candidate) = candidates.get(number) else { return };
                        if number > first.load(Ordering::Relaxed) || Instant::now() >= until {
                            return;
                        }
                        let Some(broken) = judge(candidate) else { continue };
                        let mut found = found.lock().expect("no thread panics with it in hand");
                        if found.as_ref().is_none_or(|(other, _)| number < *other) {
                            first.store(number, Ordering::Relaxed);
                            *found = Some((number, broken));
                        }
                    }
                });
            }
        });
        self.tries += next.into_inner().min(candidates.len());
        let (number, broken) = found.into_inner().expect("no thread panics with it in hand")?;
        self.best = candidates.into_iter().nth(number).expect("it was one of them");
        self.broken = broken;
        Some(number)
    }

    /// Leaves parts out, first halves, then quarters, down to single ones.
    fn reduce(
        &mut self,
        count: fn(&Schedule) -> usize,
        without: fn(&Schedule, usize, usize) -> Schedule,
    ) {
        let mut size = count(&self.best).div_ceil(2);
        while size > 0 {
            // From the end: what comes after a law was broken is the first to go.
            let mut end = count(&self.best);
            while end > 0 && !self.is_late() {
                let ends = (0..self.threads).map(|n| end.saturating_sub(n * size));
                let ends: Vec<usize> = ends.filter(|end| *end > 0).collect();
                let parts = ends.iter().map(|end| (end.saturating_sub(size), *end));
                let candidates = parts.map(|(from, to)| without(&self.best, from, to)).collect();
                end = match self.try_each(candidates) {
                    Some(number) => ends[number].saturating_sub(size),
                    None => end.saturating_sub(size * ends.len()),
                };
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
    }

    /// Tries changes one after the other. One that is made is not on the list any more.
    fn one_by_one(&mut self, list: fn(&Schedule) -> Vec<Schedule>) {
        let mut at = 0;
        while !self.is_late() {
            let mut some = list(&self.best);
            some.drain(..at.min(some.len()));
            some.truncate(self.threads);
            if some.is_empty() {
                return;
            }
            let tried = some.len();
            at += self.try_each(some).unwrap_or(tried);
        }
    }
}

#[cfg(test)]
#[path = "shrink_test.rs"]
mod tests;
