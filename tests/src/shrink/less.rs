//! What can be left out of a schedule, or made plainer in it.

use presently_core::client::Command;
use serde_json::{Map, Value};

use crate::sim::{Schedule, Step, Swarm};

/// What a swarm is, not how it goes with it.
const KEPT: [&str; 6] = ["seed", "owner", "play_ms", "unborn", "liars", "hops"];
/// Steps this far apart, milliseconds, are brought closer.
const GAP_MS: u64 = 100;
/// A fault that lasts longer, milliseconds, is made to last this long.
const BRIEF_MS: u64 = 1_000;

/// The devices that start.
fn born(schedule: &Schedule) -> Vec<usize> {
    let swarm = &schedule.swarm;
    (0..swarm.owner.len()).filter(|device| !swarm.unborn.contains(device)).collect()
}

/// How many devices there are.
pub(super) fn devices(schedule: &Schedule) -> usize {
    born(schedule).len()
}

/// How many steps there are.
pub(super) fn steps(schedule: &Schedule) -> usize {
    schedule.steps.len()
}

/// Some of the devices never start, and nothing is done on them.
pub(super) fn without_devices(schedule: &Schedule, from: usize, to: usize) -> Schedule {
    let mut out = schedule.clone();
    out.swarm.unborn.extend(&born(schedule)[from..to]);
    out.swarm.unborn.sort_unstable();
    let gone = out.swarm.unborn.clone();
    out.steps.retain(|timed| !timed.step.devices().iter().any(|device| gone.contains(device)));
    out
}

/// Some of the steps are not done.
pub(super) fn without_steps(schedule: &Schedule, from: usize, to: usize) -> Schedule {
    let mut out = schedule.clone();
    out.steps.drain(from..to);
    out
}

/// Everything goes right.
pub(super) fn calm(schedule: &Schedule) -> Vec<Schedule> {
    let mut facts = facts(&schedule.swarm);
    for (key, calm) in targets(schedule) {
        facts.insert(key, calm);
    }
    changed(schedule, vec![of_facts(schedule, facts)])
}

/// One fact of the swarm is as in a calm one, or one side of a weather.
pub(super) fn calmer(schedule: &Schedule) -> Vec<Schedule> {
    let now = facts(&schedule.swarm);
    let mut out = Vec::new();
    let mut put = |key: &str, value: Value| {
        let mut facts = now.clone();
        facts.insert(key.to_owned(), value);
        out.push(of_facts(schedule, facts));
    };
    for (key, calm) in targets(schedule) {
        put(&key, calm.clone());
        let (Value::Object(fields), Value::Object(calm)) = (&now[&key], calm) else { continue };
        for (field, calm) in calm {
            let mut fields = fields.clone();
            fields.insert(field, calm);
            put(&key, Value::Object(fields));
        }
    }
    changed(schedule, out)
}

/// Less time at the end, and between steps everywhere.
pub(super) fn shorter(schedule: &Schedule) -> Vec<Schedule> {
    let mut ends = schedule.clone();
    ends.swarm.play_ms = ends.steps.last().map_or(0, |last| last.at) + 1;
    let mut out: Vec<Schedule> =
        [GAP_MS, 1_000, 5_000, 20_000].map(|most| with_gaps(&ends, |_, gap| gap.min(most))).into();
    out.push(ends);
    changed(schedule, out)
}

/// Less time before one of the steps.
pub(super) fn closer(schedule: &Schedule) -> Vec<Schedule> {
    let mut out = Vec::new();
    for step in 0..=schedule.steps.len() {
        let cut = |to: fn(u64) -> u64| {
            with_gaps(schedule, |at, gap| if at == step { gap.min(to(gap)) } else { gap })
        };
        out.extend([cut(|_| GAP_MS), cut(|gap| if gap > 4_000 { gap / 2 } else { gap })]);
    }
    changed(schedule, out)
}

/// Texts without padding, faults that last a second, and less of what they do many times.
pub(super) fn plainer(schedule: &Schedule) -> Vec<Schedule> {
    let mut bare = schedule.clone();
    for timed in &mut bare.steps {
        if let Step::Act { command: Command::Send { text, .. }, .. } = &mut timed.step {
            text.truncate(text.trim_end_matches('.').len());
        }
    }
    let mut out = vec![bare];
    for number in 0..schedule.steps.len() {
        let facts = fault_facts(&schedule.steps[number].step);
        let fact = |name: &str| facts.get(name).and_then(Value::as_u64);
        let ms = fact("ms").filter(|ms| *ms > BRIEF_MS).map(|_| ("ms", BRIEF_MS));
        // One less at the end: then there are not more of them than it takes.
        let fewer = |count: u64| [count / 2, count - count / 4, count - 1];
        let counts = fact("count").filter(|count| *count > 1).map(fewer).into_iter().flatten();
        for (name, value) in ms.into_iter().chain(counts.map(|count| ("count", count))) {
            let mut less = schedule.clone();
            set_fact(&mut less.steps[number].step, name, value);
            out.push(less);
        }
    }
    changed(schedule, out)
}

/// The facts of a step's fault: of an act none.
fn fault_facts(step: &Step) -> Map<String, Value> {
    let mut step = serde_json::to_value(step).expect("a step serializes");
    let kinds = step.get_mut("fault").and_then(Value::as_object_mut);
    let facts = kinds.and_then(|kinds| kinds.values_mut().next());
    facts.and_then(Value::as_object_mut).map(std::mem::take).unwrap_or_default()
}

fn set_fact(step: &mut Step, name: &str, value: u64) {
    let mut changed = serde_json::to_value(&*step).expect("a step serializes");
    let kinds = changed.get_mut("fault").and_then(Value::as_object_mut);
    let facts = kinds.and_then(|kinds| kinds.values_mut().next()).and_then(Value::as_object_mut);
    if let Some(facts) = facts {
        facts.insert(name.to_owned(), value.into());
    }
    *step = serde_json::from_value(changed).expect("a step reads back");
}

fn changed(schedule: &Schedule, mut others: Vec<Schedule>) -> Vec<Schedule> {
    others.retain(|other| other != schedule);
    others
}

/// The same steps, with other times between them: by number, the last being that to the end.
fn with_gaps(schedule: &Schedule, gap: impl Fn(usize, u64) -> u64) -> Schedule {
    let mut out = schedule.clone();
    let (mut before, mut at) = (0, 0);
    for (number, timed) in out.steps.iter_mut().enumerate() {
        at += gap(number, timed.at - before);
        before = timed.at;
        timed.at = at;
    }
    out.swarm.play_ms = at + gap(out.steps.len(), schedule.swarm.play_ms.saturating_sub(before));
    out.swarm.play_ms = out.swarm.play_ms.max(at + 1);
    out
}

fn facts(swarm: &Swarm) -> Map<String, Value> {
    match serde_json::to_value(swarm) {
        Ok(Value::Object(facts)) => facts,
        other => panic!("a swarm is an object: {other:?}"),
    }
}

/// What the facts are where all goes right.
fn targets(schedule: &Schedule) -> Vec<(String, Value)> {
    let calm = facts(&Swarm::calm(schedule.swarm.seed));
    calm.into_iter().filter(|(key, _)| !KEPT.contains(&key.as_str())).collect()
}

fn of_facts(schedule: &Schedule, facts: Map<String, Value>) -> Schedule {
    let swarm = serde_json::from_value(Value::Object(facts)).expect("a swarm reads back");
    Schedule { swarm, steps: schedule.steps.clone() }
}
