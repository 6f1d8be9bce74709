//! The writer with small windows and planted faults, on real files.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;

use bytes::Bytes;
use presently_core::id::{ConversationId, UserId};
use presently_core::store::{Key, Part, Reply, Request, Space, Write};
use presently_core::world::conformance::{self, append, entry};

use super::Writer;
use super::writer::Fault;
use crate::store::{Counts, OpenError, Options, Store};

/// A directory that goes with its test, on the disk of the build, which is a real one.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let program = std::env::current_exe().unwrap();
        let beside = program.parent().unwrap_or_else(|| Path::new("."));
        let path = beside.join(format!("store-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn small(window: usize) -> Options {
    Options { cache_kib: 1_024, window }
}

fn conversation(n: u8) -> ConversationId {
    ConversationId([n; 16])
}

/// Appends until each of `count` conversations has `each` entries, a round at a time.
fn fill(store: &Store, count: u8, from: u64, each: u64) {
    for sequence in from..from + each {
        for n in 0..count {
            let device = u8::try_from(sequence % 5).unwrap();
            let reply =
                store.door().ask_and_wait(append(vec![entry(conversation(n), sequence, device)]));
            assert!(matches!(reply, Reply::Written { .. }), "{reply:?}");
        }
    }
}

fn verify(store: &Store, count: u8, each: u64) {
    for n in 0..count {
        for newest in [false, true] {
            let reply = store.door().ask_and_wait(Request::Entries {
                checks: Vec::new(),
                conversation: conversation(n),
                from: 1,
                until: u64::MAX,
                limit: u32::MAX,
                bytes: u32::MAX,
                newest,
            });
            let Reply::Entries { entries, more: false } = reply else { panic!("{reply:?}") };
            assert_eq!(entries.len(), usize::try_from(each).unwrap());
            for (stored, sequence) in entries.iter().zip(1..) {
                let device = u8::try_from(sequence % 5).unwrap();
                let put = entry(conversation(n), sequence, device);
                let stored = (stored.sequence, &stored.meta, &stored.record);
                assert_eq!(stored, (sequence, &put.meta, &put.record));
            }
        }
        let reply = store.door().ask_and_wait(Request::Tail(conversation(n)));
        let Reply::Tail { head, last } = reply else { panic!("{reply:?}") };
        assert_eq!((head, last.len()), (each, 5));
        for last in last {
            let device = u64::from(last.user.0[0]);
            let newest = (each - 4..=each).find(|sequence| sequence % 5 == device).unwrap();
            assert_eq!((last.sequence, last.counter), (newest, newest * 10));
        }
    }
}

#[test]
fn keeps_to_the_suite_of_all_stores() {
    for window in [50_000, 0, 7] {
        let folder = Folder::new(&format!("suite-{window}"));
        let store = Store::open(&folder.0, small(window)).unwrap();
        let door = store.door();
        conformance::run(&mut |request| door.ask_and_wait(request));
    }
}

#[test]
fn folds_behind_and_reads_both_places() {
    let folder = Folder::new("fold");
    let store = Store::open(&folder.0, small(40)).unwrap();
    fill(&store, 12, 1, 60);
    assert!(store.counts().folded() > 300, "{}", store.counts().folded());
    assert_eq!(store.counts().entries(), 720);
    verify(&store, 12, 60);
    store.close();
    let store = Store::open(&folder.0, small(40)).unwrap();
    verify(&store, 12, 60);
    fill(&store, 12, 61, 10);
    verify(&store, 12, 70);
    store.close();
    let look = rusqlite::Connection::open(folder.0.join("presently.db")).unwrap();
    let count = |sql: &str| look.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM log"), 12 * 70, "the view has each entry once");
    assert!(count("SELECT count(*) FROM recent") < 400, "what was folded is deleted");
    let check: String = look.query_row("PRAGMA quick_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

#[test]
fn revisions_rise_over_a_restart() {
    let folder = Folder::new("revisions");
    let put = || {
        let puts = vec![(Key::profile(UserId([1; 16])), Bytes::from_static(b"x"))];
        Request::Write(Write { puts, ..Write::default() })
    };
    let mut last = 0;
    for _ in 0..3 {
        let store = Store::open(&folder.0, small(10)).unwrap();
        let Reply::Written { revision } = store.door().ask_and_wait(put()) else { panic!() };
        assert!(revision > last);
        last = revision;
    }
}

#[test]
fn one_bad_write_spoils_no_other_of_its_commit() {
    let folder = Folder::new("group");
    let mut writer = Writer::open(&folder.0, small(10), Arc::default()).unwrap();
    let (tell, told) = mpsc::channel();
    let (_jobs, none) = mpsc::channel();
    let here = conversation(1);
    let misfit = Key { space: Space::Profile, parts: vec![Part::Number(1)] };
    let too_far = entry(here, u64::from(u32::MAX) + 1, 1);
    let writes = [
        Write { entries: vec![entry(here, 1, 1)], ..Write::default() },
        Write { entries: vec![entry(here, 1, 2)], ..Write::default() },
        Write { deletes: vec![misfit], ..Write::default() },
        Write { entries: vec![too_far], ..Write::default() },
        Write { entries: vec![entry(here, 2, 2)], ..Write::default() },
    ];
    let batch = writes.into_iter().enumerate().map(|(at, write)| {
        let tell = tell.clone();
        let done: crate::store::Done = Box::new(move |reply| tell.send((at, reply)).unwrap());
        (write, done)
    });
    writer.write(batch.collect(), &none);
    let replies: Vec<_> = told.try_iter().collect();
    assert!(matches!(replies[0], (0, Reply::Written { .. })));
    assert_eq!(replies[1], (1, Reply::Conflict));
    assert!(matches!(replies[2], (2, Reply::Failed(_))));
    assert!(matches!(replies[3], (3, Reply::Failed(_))));
    assert!(matches!(replies[4], (4, Reply::Written { .. })));
}

#[test]
fn a_failed_commit_is_unknown_and_the_store_goes_on() {
    for (fault, kept) in [(Fault::Lost, false), (Fault::Kept, true)] {
        let folder = Folder::new(if kept { "kept" } else { "lost" });
        let counts = Arc::new(Counts::default());
        let mut writer = Writer::open(&folder.0, small(10), Arc::clone(&counts)).unwrap();
        writer.fault = fault;
        let (tell, told) = mpsc::channel();
        let (jobs, taken) = mpsc::channel();
        let ask = |writer: &mut Writer| {
            let tell = tell.clone();
            let entries = vec![entry(conversation(1), 1, 1)];
            let done: crate::store::Done = Box::new(move |reply| tell.send(reply).unwrap());
            writer.write(vec![(Write { entries, ..Write::default() }, done)], &taken);
            told.recv().unwrap()
        };
        assert_eq!(ask(&mut writer), Reply::Unknown);
        let again = ask(&mut writer);
        if kept {
            assert_eq!(again, Reply::Conflict, "it was there");
        } else {
            assert!(matches!(again, Reply::Written { .. }), "it was not: {again:?}");
        }
        drop(jobs);
    }
}

#[test]
fn a_full_disk_refuses_writes_and_goes_on_with_reads() {
    let folder = Folder::new("full");
    let mut writer = Writer::open(&folder.0, small(10), Arc::default()).unwrap();
    let (tell, told) = mpsc::channel();
    let (_jobs, taken) = mpsc::channel();
    let ask = |writer: &mut Writer, sequence: u8| {
        let tell = tell.clone();
        let entries = vec![entry(conversation(1), sequence.into(), sequence)];
        let done: crate::store::Done = Box::new(move |reply| tell.send(reply).unwrap());
        writer.write(vec![(Write { entries, ..Write::default() }, done)], &taken);
        told.recv().unwrap()
    };
    let tail = Request::Tail(conversation(1));
    assert!(matches!(ask(&mut writer, 1), Reply::Written { .. }));
    writer.fault = Fault::Full;
    // Refused, not unknown: that nothing of it is there is known.
    assert!(matches!(ask(&mut writer, 2), Reply::Failed(_)));
    assert!(matches!(ask(&mut writer, 2), Reply::Failed(_)), "not tried again at once");
    let Reply::Tail { head, .. } = writer.read(&tail) else { panic!("a tail") };
    assert_eq!(head, 1, "reads go on, and see nothing of it");
    std::thread::sleep(std::time::Duration::from_millis(150));
    assert!(matches!(ask(&mut writer, 2), Reply::Written { .. }), "there is room again");
    let Reply::Tail { head, .. } = writer.read(&tail) else { panic!("a tail") };
    assert_eq!(head, 2);
}

#[test]
fn refuses_a_second_process_and_a_newer_schema() {
    let folder = Folder::new("refuse");
    let store = Store::open(&folder.0, small(10)).unwrap();
    let second = Store::open(&folder.0, small(10));
    assert!(matches!(second, Err(OpenError::Locked)), "{second:?}");
    store.close();
    let file = folder.0.join("presently.db");
    let change = rusqlite::Connection::open(&file).unwrap();
    change.execute("UPDATE meta SET value = 99 WHERE name = 'schema'", []).unwrap();
    drop(change);
    let newer = Store::open(&folder.0, small(10));
    assert!(matches!(newer, Err(OpenError::Newer(99))), "{newer:?}");
}

#[cfg(unix)]
#[test]
fn the_directory_is_ours_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new("mode");
    let mode = || std::fs::metadata(&folder.0).unwrap().permissions().mode() & 0o777;
    Store::open(&folder.0, small(10)).unwrap().close();
    assert_eq!(mode(), 0o700);
    std::fs::set_permissions(&folder.0, std::fs::Permissions::from_mode(0o755)).unwrap();
    Store::open(&folder.0, small(10)).unwrap().close();
    assert_eq!(mode(), 0o700, "one of ours is closed again");
    std::fs::write(folder.0.join("letter"), "").unwrap();
    std::fs::set_permissions(&folder.0, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(Store::open(&folder.0, small(10)).is_err(), "somebody else's is left alone");
}
