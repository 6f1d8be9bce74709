//! A run as it can be told again: the swarm's facts, and steps in their order.
//!
//! Acts are drawn while a seed is played, since they depend on who is there and who knows whom; each
//! step that is done is noted. Playing the notes gives the same run. Where some are left out the rest
//! goes on as before, as far as it can: every link, direction and device has a stream of its own, and
//! an act that its device cannot do, or that the workload would not have drawn, is left out too.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use presently_core::client::Command;
use serde::{Deserialize, Serialize};

use super::faults::Fault;
use super::swarm::Swarm;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Somebody does something.
    Act {
        /// On which device.
        device: usize,
        /// What.
        command: Command,
    },
    /// Something breaks.
    Fault(Fault),
}

impl Step {
    /// The devices it is about.
    #[must_use]
    pub fn devices(&self) -> Vec<usize> {
        match self {
            Self::Act { device, .. } => vec![*device],
            Self::Fault(fault) => fault.devices(),
        }
    }
}

/// A step and its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timed {
    /// Milliseconds since steps began.
    pub at: u64,
    /// What.
    #[serde(flatten)]
    pub step: Step,
}

/// A run to be played back. As text: a line of JSON for the swarm, one for each step; lines that
/// begin with `#` are for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Sizes and weather.
    pub swarm: Swarm,
    /// In order.
    pub steps: Vec<Timed>,
}

impl Schedule {
    /// As text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string(&self.swarm).expect("a swarm serializes");
        text.push('\n');
        for step in &self.steps {
            let line = serde_json::to_string(step).expect("a step serializes");
            writeln!(text, "{line}").expect("a string takes all");
        }
        text
    }

    /// From text.
    ///
    /// # Errors
    /// The first line that is neither.
    pub fn of_text(text: &str) -> io::Result<Self> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let first = lines.next().ok_or(io::ErrorKind::UnexpectedEof)?;
        let swarm = serde_json::from_str(first)?;
        let steps: Vec<Timed> = lines.map(serde_json::from_str).collect::<Result<_, _>>()?;
        Ok(Self { swarm, steps })
    }

    /// From a file.
    ///
    /// # Errors
    /// The file's, or what it says.
    pub fn read(path: &Path) -> io::Result<Self> {
        Self::of_text(&std::fs::read_to_string(path)?)
    }

    /// Into a file, below lines for people.
    ///
    /// # Errors
    /// The file's.
    pub fn write(&self, path: &Path, about: &str) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let about: String = about.lines().map(|line| format!("# {line}\n")).collect();
        std::fs::write(path, about + &self.to_text())
    }
}

#[cfg(test)]
#[path = "schedule_test.rs"]
mod tests;
