//! The trace of acts: a line of JSON per hop.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use presently_core::hub::Hop;

/// The file all nodes write to.
#[derive(Clone)]
pub(crate) struct Hops(Arc<Mutex<File>>);

impl Hops {
    pub(crate) fn create(path: &Path) -> std::io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Self(Arc::new(Mutex::new(file))))
    }

    /// Writes one line, at once: who follows the trace reads it while we run.
    pub(crate) fn write(&self, hop: &Hop) {
        let mut line = serde_json::json!({
            "at": hop.at.0,
            "flow": hop.flow.id,
            "hop": hop.flow.hop,
            "parent": hop.parent,
            "from": hop.from.to_string(),
            "to": hop.to.to_string(),
            "kind": hop.kind,
        })
        .to_string();
        line.push('\n');
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(line.as_bytes()) {
            tracing::warn!(%error, "the trace of hops cannot be written");
        }
    }
}
