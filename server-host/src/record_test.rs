//! Files of records: bounds, rights, renewal, and a disk that fails.

use std::path::PathBuf;

use presently_core::hub::record::{Entry, Reader};
use presently_core::hub::{Config, Input};
use presently_core::id::{LinkId, NodeId};
use presently_core::time::{Timestamp, Wall};
use presently_core::wire::hello::Versions;

use super::{Place, Sink};

const CONFIG: Config =
    Config { node: NodeId(3), nodes: 4, trace: false, versions: Versions { min: 1, max: 1 } };
const NOW: Timestamp = Timestamp(1);
const BYTES_MAX: usize = 4_096;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("presently-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder can be made");
        Self(path)
    }

    fn sizes(&self) -> Vec<(String, usize)> {
        let files = std::fs::read_dir(&self.0).expect("it is there");
        let mut sizes: Vec<_> = files
            .map(|file| {
                let file = file.expect("it can be listed");
                let bytes = std::fs::read(file.path()).expect("it can be read");
                (file.file_name().to_string_lossy().into_owned(), bytes.len())
            })
            .collect();
        sizes.sort();
        sizes
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn fill(sink: &mut Sink, inputs: usize) {
    sink.life(CONFIG, [1; 32], Wall(1), NOW);
    for _ in 0..inputs {
        sink.input(&Input::LinkBytes { link: LinkId(1), bytes: &[7; 100] }, NOW);
        sink.drained();
        sink.hand_over();
    }
}

fn lives_and_end(path: PathBuf) -> (usize, bool) {
    let bytes = std::fs::read(path).expect("it can be read");
    let mut reader = Reader::new(&bytes).expect("a record");
    let (mut lives, mut full) = (0, false);
    while let Some(entry) = reader.next_entry().expect("undamaged") {
        lives += usize::from(matches!(entry, Entry::Life(_)));
        full = matches!(entry, Entry::Full);
    }
    assert_eq!(reader.left(), 0);
    (lives, full)
}

#[test]
fn two_files_hold_the_newest_lives_and_never_outgrow_their_bound() {
    let folder = Folder::new("record-bound");
    let base = folder.0.join("log");
    let mut sink = Sink::create(&base, NodeId(3), BYTES_MAX).expect("it can be written");
    // Two short lives share the first file, the long third is cut, the fourth begins another.
    for inputs in [4, 4, 1_000, 5] {
        fill(&mut sink, inputs);
    }
    drop(sink);
    assert_eq!(lives_and_end(folder.0.join("log.3.old")), (3, true));
    assert_eq!(lives_and_end(folder.0.join("log.3")), (1, false));
    let sizes = folder.sizes();
    assert_eq!(
        sizes.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["log.3", "log.3.old"]
    );
    assert!(sizes.iter().all(|(_, bytes)| *bytes <= BYTES_MAX), "{sizes:?}");
    #[cfg(unix)]
    for (name, _) in sizes {
        use std::os::unix::fs::PermissionsExt as _;
        let about = std::fs::metadata(folder.0.join(&name)).expect("it is there");
        assert_eq!(about.permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_record_that_was_there_becomes_the_old_one() {
    let folder = Folder::new("record-again");
    let base = folder.0.join("log");
    for inputs in [3, 9] {
        let mut sink = Sink::create(&base, NodeId(3), BYTES_MAX).expect("it can be written");
        fill(&mut sink, inputs);
    }
    let sizes = folder.sizes();
    assert!(sizes[0].1 > sizes[1].1, "{sizes:?}");
    let nowhere = folder.0.join("no such folder").join("log");
    assert!(Sink::create(&nowhere, NodeId(3), BYTES_MAX).is_err());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_record_and_nothing_else() {
    let folder = Folder::new("record-full");
    let place = Place::new(&folder.0.join("log"), NodeId(3));
    let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has one");
    let mut sink = Sink::over(place, full, NodeId(3), 1 << 20).expect("a thread starts");
    let began = std::time::Instant::now();
    while sink.jobs.is_some() {
        assert!(began.elapsed().as_secs() < 10, "the record goes on over a disk that fails");
        fill(&mut sink, 1);
    }
    fill(&mut sink, 1_000);
    assert_eq!(sink.recorder.waiting(), 0, "what nobody writes is not kept");
}
