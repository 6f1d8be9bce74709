//! What the figures were measured on.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// File systems in memory, as `statfs` names them: a sync costs nothing there.
const IN_MEMORY: [(i64, &str); 2] = [(0x0102_1994, "tmpfs"), (0x8584_58f6, "ramfs")];

/// The machine, in words.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) model: String,
    pub(crate) kernel: String,
    /// The file system of the data directory.
    pub(crate) disk: String,
    pub(crate) commit: String,
}

impl Machine {
    pub(crate) fn new(data: &Path) -> Self {
        let unknown = || "unknown".to_owned();
        let read = |path: &str| std::fs::read_to_string(path).ok();
        let model = read("/proc/cpuinfo").and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("model name"))?;
            Some(line.trim_start_matches([' ', '\t', ':']).to_owned())
        });
        let kernel = read("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned());
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            model: model.unwrap_or_else(unknown),
            kernel: kernel.unwrap_or_else(unknown),
            disk: file_system(data).unwrap_or_else(unknown),
            commit: commit().unwrap_or_else(unknown),
        }
    }
}

/// The file system in memory that a directory is on, if it is.
pub(crate) fn in_memory(data: &Path) -> Result<Option<&'static str>> {
    let kind = rustix::fs::statfs(data).context("the data directory cannot be looked at")?.f_type;
    #[expect(clippy::useless_conversion, reason = "its type differs between platforms")]
    let kind = i64::from(kind);
    Ok(IN_MEMORY.iter().find(|(magic, _)| *magic == kind).map(|(_, name)| *name))
}

/// Lets this process open as many files as it may.
pub(super) fn raise_descriptors() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: maximum, maximum };
    if setrlimit(Resource::Nofile, raised).is_err() {
        eprintln!("bench: the bound on open files could not be raised");
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

fn file_system(data: &Path) -> Option<String> {
    let data = data.canonicalize().ok()?;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let found = mounts.lines().filter_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let point = PathBuf::from(mount.split(' ').nth(4)?);
        data.starts_with(&point).then_some((point, kind.split(' ').next()?.to_owned()))
    });
    found.max_by_key(|(point, _)| point.components().count()).map(|(_, kind)| kind)
}

fn commit() -> Option<String> {
    let said = Command::new("git").args(["describe", "--always", "--dirty"]).output().ok()?;
    let text = String::from_utf8(said.stdout).ok().filter(|_| said.status.success())?;
    Some(text.trim().to_owned())
}
