//! The trace of a run: always a hash, and lines where somebody reads them.

use std::io::Write;

use presently_core::time::Timestamp;

/// Where the lines go.
pub type Sink = Box<dyn Write + Send>;

/// Hash and lines.
pub(super) struct Trace {
    hash: u64,
    sink: Option<Sink>,
}

impl Trace {
    pub(super) fn new(sink: Option<Sink>) -> Self {
        Self { hash: 0x9e37_79b9_7f4a_7c15, sink }
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    fn mix(&mut self, word: u64) {
        self.hash = (self.hash ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd).rotate_left(29);
    }

    /// One step: `code` says what, the line is made only where it is read.
    pub(super) fn step(
        &mut self,
        now: Timestamp,
        code: u64,
        bytes: &[u8],
        line: impl FnOnce() -> String,
    ) {
        self.mix(now.0);
        self.mix(code);
        let (words, rest) = bytes.as_chunks();
        words.iter().for_each(|word| self.mix(u64::from_le_bytes(*word)));
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.mix(u64::from_le_bytes(word));
        }
        if let Some(sink) = &mut self.sink {
            let hash = self.hash;
            // A reader that went away ends the lines, not the run.
            if writeln!(sink, "{:>10} {hash:016x} {}", now.0, line()).is_err() {
                self.sink = None;
            }
        }
    }
}
