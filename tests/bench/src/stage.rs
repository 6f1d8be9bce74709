//! Where a run takes place: its directories, its children, how much of everything.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::child::{Ask, Child};
use crate::machine::{self, Machine};
use crate::options::Options;
use crate::relay::SIDE;

/// The prefix of the accounts around the ring.
pub(crate) const RING: &str = "ring";

/// Descriptors a process holds beside its links.
const OTHER_DESCRIPTORS: u64 = 256;

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// Runs of each measure; their median stands.
    pub(crate) runs: usize,
    /// Pairs that talk.
    pub(crate) pairs: usize,
    /// Messages of each pair and run, with 1 and with 16 outstanding.
    pub(crate) messages: [u64; 2],
    /// People whose statuses change.
    pub(crate) changing: usize,
    /// Changes of each of them in a run.
    pub(crate) changes: u32,
    /// Sign-ins of a run.
    pub(crate) sign_ins: usize,
    /// Runs of sign-ins: more, for each is short.
    pub(crate) sign_in_runs: usize,
    /// Idle links.
    pub(crate) idle: usize,
}

const FULL: Scale = Scale {
    runs: 5,
    pairs: 100,
    messages: [300, 2_000],
    changing: 1_000,
    changes: 10,
    sign_ins: 1_000,
    sign_in_runs: 9,
    idle: 10_000,
};

const SHORT: Scale = Scale {
    runs: 1,
    pairs: 10,
    messages: [200, 200],
    changing: 50,
    changes: 4,
    sign_ins: 50,
    sign_in_runs: 1,
    idle: 500,
};

/// A place to measure in. Its directories go with it.
#[derive(Debug)]
pub(crate) struct Stage {
    root: PathBuf,
    pub(crate) machine: Machine,
    pub(crate) scale: Scale,
    /// Links that one process may hold.
    pub(crate) links_max: u64,
}

impl Stage {
    /// Looks at the machine; the line says why it cannot measure.
    pub(crate) fn prepare(options: &Options) -> Result<Result<Self, String>> {
        let beside = || -> Result<PathBuf> {
            let program = std::env::current_exe()?;
            Ok(program.parent().context("a program without a folder")?.to_owned())
        };
        let base = options.data.clone().map_or_else(beside, Ok)?;
        let root = base.join(format!("bench-data-{}", std::process::id()));
        std::fs::create_dir_all(&root).context("the data directory cannot be made")?;
        let links_max = machine::raise_descriptors().saturating_sub(OTHER_DESCRIPTORS);
        let machine = Machine::new(&root);
        let scale = if options.short { SHORT } else { FULL };
        let stage = Self { root, machine, scale, links_max };
        if let Some(kind) = machine::in_memory(&stage.root)? {
            return Ok(Err(format!(
                "{} is on {kind}, where a sync costs nothing: name a directory on a disk with --data",
                base.display()
            )));
        }
        Ok(Ok(stage))
    }

    /// A server over the directory of this name; what is there already stays.
    pub(crate) fn server(&self, name: &str) -> Result<Child> {
        let data = self.directory(name).to_str().context("a path that is no text")?.to_owned();
        Child::start(&["--serve".to_owned(), data])
    }

    /// A server over this many people around a ring, made the first time by a process of their own.
    pub(crate) fn ring_server(&self, name: &str, count: usize) -> Result<Child> {
        if !self.directory(name).exists() {
            let mut server = self.server(name)?;
            server.ask(&Ask::Users { prefix: RING.to_owned(), count })?;
            server.ask(&Ask::Ring { prefix: RING.to_owned(), count, each: SIDE })?;
            settle(&mut server)?;
        }
        self.server(name)
    }

    /// A server over all who sign in or are idle.
    pub(crate) fn people_server(&self) -> Result<Child> {
        let Scale { sign_ins, sign_in_runs, .. } = self.scale;
        self.ring_server("people", self.idle_links().max(sign_ins * sign_in_runs))
    }

    /// A relay that writes frames of these sizes.
    pub(crate) fn relay(ack: usize, passed: usize) -> Result<Child> {
        Child::start(&["--relay".to_owned(), ack.to_string(), passed.to_string()])
    }

    /// Idle links that this machine lets one process have.
    pub(crate) fn idle_links(&self) -> usize {
        self.scale.idle.min(usize::try_from(self.links_max).unwrap_or(usize::MAX))
    }

    fn directory(&self, name: &str) -> PathBuf {
        Path::new(&self.root).join(name)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.root) {
            eprintln!("bench: {} could not be removed: {error}", self.root.display());
        }
    }
}

/// Waits until a server's store is still: friendships are made behind the answer.
pub(crate) fn settle(server: &mut Child) -> Result<()> {
    let mut commits = server.used()?.commits;
    loop {
        std::thread::sleep(std::time::Duration::from_millis(300));
        let now = server.used()?.commits;
        if now == commits {
            return Ok(());
        }
        commits = now;
    }
}
