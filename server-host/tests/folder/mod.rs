//! Directories of tests, on the disk of the build, which is a real one.

use std::path::{Path, PathBuf};

/// Goes with its test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// A path where nothing is yet.
    pub(crate) fn new(name: &str) -> Self {
        let name = format!("{name}-{}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    /// Where.
    pub(crate) fn path(&self) -> PathBuf {
        self.0.clone()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
