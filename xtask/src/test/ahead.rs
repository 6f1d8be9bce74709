//! What later stages build, begun beside the first tests: those wait for clocks half of their time, up
//! to eighty seconds for a pulled cable.

use std::{
    process::Command,
    thread::{self, JoinHandle},
};

use crate::{host, mutants, shell, tree::Tree};

/// Builds under way, at a low priority, so that what is timed beside them is hardly disturbed.
pub(super) struct Ahead(JoinHandle<()>);

impl Ahead {
    /// Begins to build. What fails here is built, and told, again by the stage that needs it.
    pub(super) fn begin(tree: &Tree) -> Self {
        let release = host::build(tree, host::Profile::Release, super::world::BINS);
        let mut steps: Vec<Command> =
            [Some(release), mutants::missing()].into_iter().flatten().collect();
        let build = move || steps.iter_mut().for_each(|step| drop(shell::niced(step).output()));
        Self(thread::spawn(build))
    }

    /// Waits until all is built, or was tried.
    pub(super) fn wait(self) {
        let _ = self.0.join();
    }
}
