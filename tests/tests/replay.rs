//! What a node recorded replays to equal outputs, and a host that decides is caught.

use presently_core::hub::Input;
use presently_core::hub::record::{Entry, OutputKind, Reader, Recorder};
use presently_core::id::LinkId;
use presently_core::limits::RECORD_BYTES_MAX;
use presently_core::store::Reply;
use presently_core::time::Timestamp;
use presently_tests::replay::{Counts, replay};
use presently_tests::sim::{Swarm, World};

type Entries<'a> = Vec<Entry<Input<'a>>>;

/// The records of a whole run: every fault of the seed included.
fn records(seed: u64) -> Vec<Vec<u8>> {
    let mut world = World::new(&Swarm::of_seed(seed), None);
    world.record();
    // The run ends by itself, long before.
    world.play_until(Timestamp(1_000_000_000));
    world.records()
}

#[test]
fn every_node_of_the_simulator_replays_to_equal_outputs() {
    let mut total = Counts::default();
    let mut nodes = 0;
    for seed in 1..=5 {
        for (node, record) in records(seed).iter().enumerate() {
            let counts =
                replay(record).unwrap_or_else(|at| panic!("seed {seed}, node {node}: {at}"));
            assert!(
                counts.inputs > 0 && counts.outputs > 0,
                "seed {seed}, node {node}: {counts:?}"
            );
            assert_eq!((counts.torn, counts.cut), (0, 0), "seed {seed}, node {node}");
            total.add(&counts);
            nodes += 1;
        }
    }
    println!("{nodes} records: {total:?}");
    assert!(total.lives > nodes, "nodes were killed and came back");
    assert!(total.timeouts > 0 && total.drains > 0);
}

fn read(record: &[u8]) -> Entries<'_> {
    let mut reader = Reader::new(record).expect("a record");
    std::iter::from_fn(|| reader.next_entry().expect("undamaged")).collect()
}

fn write(entries: &Entries<'_>) -> Vec<u8> {
    let mut recorder = Recorder::new(RECORD_BYTES_MAX);
    entries.iter().for_each(|entry| recorder.write(entry));
    recorder.take()
}

fn is_input(entry: &Entry<Input<'_>>) -> bool {
    matches!(entry, Entry::Input { .. })
}

/// What a host did that its hub did not want, or did not note: at the first place from `at` on.
type Decides = fn(&mut Entries<'_>, at: usize) -> bool;

fn find(
    entries: &Entries<'_>,
    at: usize,
    wanted: impl Fn(&[Entry<Input<'_>>]) -> bool,
) -> Option<usize> {
    (at..entries.len()).find(|at| wanted(&entries[*at..]))
}

fn keeps_an_output_back(entries: &mut Entries<'_>, at: usize) -> bool {
    let found = find(entries, at, |rest| matches!(rest[0], Entry::Output(_)));
    found.map(|at| entries.remove(at)).is_some()
}

fn swaps_two_outputs(entries: &mut Entries<'_>, at: usize) -> bool {
    let found = find(entries, at, |rest| match rest {
        [Entry::Output(one), Entry::Output(two), ..] => one != two,
        _ => false,
    });
    found.map(|at| entries.swap(at, at + 1)).is_some()
}

fn changes_what_it_sends(entries: &mut Entries<'_>, at: usize) -> bool {
    let is_send = |entry: &Entry<Input<'_>>| matches!(entry, Entry::Output(summary) if summary.kind == OutputKind::LinkSend);
    let Some(at) = find(entries, at, |rest| is_send(&rest[0])) else { return false };
    if let Entry::Output(summary) = &mut entries[at] {
        summary.digest[3] ^= 1;
    }
    true
}

fn carries_an_output_out_twice(entries: &mut Entries<'_>, at: usize) -> bool {
    let Some(at) = find(entries, at, |rest| matches!(rest[0], Entry::Output(_))) else {
        return false;
    };
    let Entry::Output(summary) = entries[at] else { return false };
    entries.insert(at, Entry::Output(summary));
    true
}

/// It told the hub something that came from nowhere: the hub answered, and the record has no input.
fn moves_its_hub_in_secret(entries: &mut Entries<'_>, at: usize) -> bool {
    // After a drain, what comes out is the input's own.
    let wanted = |rest: &[Entry<Input<'_>>]| match rest {
        [Entry::Drained, input, Entry::Output(_), ..] => is_input(input),
        _ => false,
    };
    find(entries, at, wanted).map(|at| entries.remove(at + 1)).is_some()
}

/// It took a frame and kept it from the hub, which would have answered: after a client's bytes that
/// had outputs, the outputs are not there.
fn drops_a_frame(entries: &mut Entries<'_>, at: usize) -> bool {
    let is_frame = |entry: &Entry<Input<'_>>| {
        matches!(entry, Entry::Input { input: Input::LinkBytes { .. }, .. })
    };
    let wanted = |rest: &[Entry<Input<'_>>]| matches!(rest, [frame, Entry::Output(_), ..] if is_frame(frame));
    let Some(at) = find(entries, at, wanted) else { return false };
    while matches!(entries[at + 1], Entry::Output(_)) {
        entries.remove(at + 1);
    }
    true
}

/// It answered for the store by itself.
fn says_written_for_the_store(entries: &mut Entries<'_>, at: usize) -> bool {
    let is_written = |entry: &Entry<Input<'_>>| {
        let Entry::Input { input: Input::Stored { reply, .. }, .. } = entry else { return false };
        matches!(reply, Reply::Written { .. })
    };
    let wanted = |rest: &[Entry<Input<'_>>]| matches!(rest, [written, Entry::Output(_), ..] if is_written(written));
    let Some(at) = find(entries, at, wanted) else { return false };
    let Entry::Input { now, input: Input::Stored { op, .. } } = &entries[at] else { return false };
    let input = Input::Stored { op: *op, reply: Reply::Written { revision: u64::MAX } };
    entries.insert(at, Entry::Input { now: *now, input });
    true
}

fn reports_more_sent_than_there_was(entries: &mut Entries<'_>, at: usize) -> bool {
    let wanted = |rest: &[Entry<Input<'_>>]| {
        matches!(rest[0], Entry::Input { input: Input::LinkSent { .. }, .. })
    };
    let Some(at) = find(entries, at, wanted) else { return false };
    if let Entry::Input { input: Input::LinkSent { bytes, .. }, .. } = &mut entries[at] {
        *bytes += 1 << 40;
    }
    true
}

fn speaks_of_no_link(entries: &mut Entries<'_>, at: usize) -> bool {
    let Some(at) = find(entries, at, |rest| is_input(&rest[0])) else { return false };
    let Entry::Input { now, .. } = entries[at] else { return false };
    let input = Input::LinkBytes { link: LinkId(1 << 40), bytes: &[0] };
    entries.insert(at, Entry::Input { now, input });
    true
}

fn turns_time_back(entries: &mut Entries<'_>, at: usize) -> bool {
    let wanted = |rest: &[Entry<Input<'_>>]| match rest {
        [Entry::Input { now: one, .. }, Entry::Input { now: two, .. }, ..] => one < two,
        [Entry::Input { now: one, .. }, Entry::Drained, Entry::Input { now: two, .. }, ..] => {
            one < two
        }
        _ => false,
    };
    let Some(at) = find(entries, at, wanted) else { return false };
    if let Entry::Input { now, .. } = &mut entries[at] {
        *now = *now + 3_600_000;
    }
    true
}

/// Places of a record where each is tried.
const PARTS: usize = 5;

const ALL: [(&str, Decides); 10] = [
    ("keeps an output back", keeps_an_output_back),
    ("swaps two outputs", swaps_two_outputs),
    ("changes what it sends", changes_what_it_sends),
    ("carries an output out twice", carries_an_output_out_twice),
    ("moves its hub in secret", moves_its_hub_in_secret),
    ("drops a frame", drops_a_frame),
    ("says written for the store", says_written_for_the_store),
    ("reports more sent than there was", reports_more_sent_than_there_was),
    ("speaks of no link", speaks_of_no_link),
    ("turns time back", turns_time_back),
];

#[test]
fn a_host_that_decides_is_caught_wherever_it_does() {
    let record = records(3).swap_remove(0);
    assert!(replay(&record).is_ok());
    let entries = read(&record).len();
    for (name, decides) in ALL {
        let mut tried = 0;
        for part in 0..PARTS {
            let mut planted = read(&record);
            if !decides(&mut planted, entries * part / PARTS) {
                continue;
            }
            tried += 1;
            let found = replay(&write(&planted));
            let difference = found.expect_err(&format!("a host {name} unseen, part {part}"));
            assert!(!difference.trail.is_empty() && difference.life > 0, "{difference}");
        }
        println!("{name}: caught {tried} times");
        assert!(tried >= PARTS - 1, "{name} was tried {tried} times");
    }
}

#[test]
fn a_damaged_record_is_told_from_a_host_that_decides() {
    let mut record = records(3).swap_remove(0);
    let middle = record.len() / 2;
    record[middle] ^= 0x40;
    let difference = replay(&record).expect_err("a changed byte is seen");
    // A changed length may look like an entry cut short, which ends the record.
    assert!(difference.what.contains("was changed at byte"), "{difference}");
    assert!(replay(b"no record").is_err());
}
