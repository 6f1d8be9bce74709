use super::{Detail, LINES_MAX, Teller, Timeline, fault};
use crate::effects::By;
use crate::history::What;
use crate::sim::notes::{Note, Noted};
use crate::sim::{self, Fault, Schedule, Step, Swarm, Timed};
use presently_core::client::Command;
use presently_core::time::Timestamp;

fn talk() -> Schedule {
    let say = |device, to: &str, text: &str| Step::Act {
        device,
        command: Command::Send { to: to.into(), text: text.into() },
    };
    let steps = [
        (0, say(0, "p1", "line 1")),
        (2_000, Step::Fault(Fault::Crash { machine: true, ms: 500 })),
        (9_000, say(1, "p0", "line 2")),
    ];
    let steps = steps.map(|(at, step)| Timed { at, step });
    Schedule { swarm: Swarm { play_ms: 10_000, ..Swarm::calm(5) }, steps: steps.into() }
}

#[test]
fn it_tells_who_did_what_and_what_came_of_it() {
    let timeline = Timeline::of(&talk(), None);
    let text = timeline.to_string();
    for part in [
        "alice says \"line 1\" to bob",
        "bob is shown \"line 1\" by alice at place 1",
        "FAULT crash: machine, 500 ms",
        "node 0 is killed",
        "bob says \"line 2\" to alice",
        "from here on nothing goes wrong",
        "the disk holds of alice and bob: 1 alice \"line 1\"; 2 bob \"line 2\"",
        "No law is broken.",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains(" ping"), "keepalives are folded:\n{text}");
    assert!(timeline.events() < LINES_MAX, "{}", timeline.events());
}

#[test]
fn who_dials_again_and_again_is_told_once() {
    let mut schedule = talk();
    schedule.steps[1].step = Step::Fault(Fault::Away { device: 1, ms: 6_000 });
    let text = Timeline::of(&schedule, None).to_string();
    assert_eq!(text.matches("bob is offline (unreachable)").count(), 1, "{text}");
}

#[test]
fn notes_change_nothing() {
    let schedule = talk();
    let mut world = sim::World::of(&schedule, None);
    world.keep_notes();
    let noted = world.play();
    assert!(noted.notes.len() > 50);
    assert_eq!(noted.hash, sim::play(&schedule, None).hash);
}

#[test]
fn faults_have_words() {
    let part = Fault::Part { from: 0, to: 1, both: false, ms: 20 };
    assert_eq!(fault(&part), "FAULT part: from 0, 20 ms, to 1");
    let kill = Fault::KillDevice { device: 2, ms: 5, silently: true, fresh: false };
    assert_eq!(fault(&kill), "FAULT kill device: device 2, 5 ms, silently");
}

#[test]
fn a_queue_that_goes_on_growing_is_told_once() {
    let run = sim::play(&talk(), None);
    let measured = |at, queue, length| Note {
        at: Timestamp(at),
        what: Noted::Seen(What::Measured { by: By::Node(0), queue, length, bound: 8 }),
    };
    let notes =
        [measured(1, "a", 8), measured(2, "a", 9), measured(3, "b", 9), measured(4, "a", 10)];
    let lines = Teller::new(&run.history, Detail::All).tell(&notes);
    let told: Vec<&String> = lines.iter().filter(|line| line.contains("a queue")).collect();
    let wanted = [
        "    0.002 s  a queue (a) is 9 long, and may be 8",
        "    0.003 s  a queue (b) is 9 long, and may be 8",
    ];
    assert_eq!(told, wanted);
}
