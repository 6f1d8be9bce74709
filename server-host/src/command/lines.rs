//! Lines of input, each of bounded length.

use presently_core::limits::FRAME_BYTES_MAX;
use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// A line of input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Text(String),
    TooLong,
    End,
}

/// Reads lines. What was read of one is kept here: a wait that is given up for an event loses none
/// of it, and programs write a line and its end in two pieces.
#[derive(Debug)]
pub(super) struct Lines<R> {
    input: R,
    line: Vec<u8>,
    too_long: bool,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, line: Vec::new(), too_long: false }
    }

    /// The next line. May be dropped at any time and asked again.
    pub(super) async fn next(&mut self) -> std::io::Result<Line> {
        loop {
            let buffer = self.input.fill_buf().await?;
            let at_end = buffer.is_empty();
            if at_end && self.line.is_empty() && !self.too_long {
                return Ok(Line::End);
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let part = &buffer[..end.unwrap_or(buffer.len())];
            self.too_long |= self.line.len() + part.len() > FRAME_BYTES_MAX;
            if !self.too_long {
                self.line.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.input.consume(used);
            if at_end || end.is_some() {
                let line = std::mem::take(&mut self.line);
                if std::mem::take(&mut self.too_long) {
                    return Ok(Line::TooLong);
                }
                let text = String::from_utf8_lossy(&line);
                return Ok(Line::Text(text.trim_end_matches('\r').to_owned()));
            }
        }
    }
}

#[cfg(test)]
#[path = "lines_test.rs"]
mod tests;
