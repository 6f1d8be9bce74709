//! Lines of input, each of bounded length, and the commands they are.

use presently_core::limits::FRAME_BYTES_MAX;
use presently_driver::Command;
use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// A line of input.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// Without its end.
    Text(String),
    /// Longer than a frame; passed over.
    TooLong,
    /// No more.
    End,
}

/// Reads lines. What was read of one is kept here: a wait that is given up for an event loses none
/// of it, and programs write a line and its end in two pieces.
#[derive(Debug)]
pub struct Lines<R> {
    input: R,
    line: Vec<u8>,
    too_long: bool,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    /// The lines of `input`.
    pub fn new(input: R) -> Self {
        Self { input, line: Vec::new(), too_long: false }
    }

    /// The next line. May be dropped at any time and asked again.
    ///
    /// # Errors
    /// As the input's.
    pub async fn next(&mut self) -> std::io::Result<Line> {
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

/// What a line asks: the program's own id for it, and the command or what is wrong with it.
pub fn command(line: &str) -> (Option<Value>, Result<Command, &'static str>) {
    match serde_json::from_str(line) {
        Ok(Value::Object(mut fields)) => {
            let id = fields.remove("id");
            let command = serde_json::from_value(Value::Object(fields));
            (id, command.map_err(|error| words(&error)))
        }
        Ok(_) => (None, Err("a command is a JSON object")),
        Err(error) => (None, Err(words(&error))),
    }
}

/// What is wrong with a command. serde's own words name fields and types; what stood in them is not
/// repeated.
fn words(error: &serde_json::Error) -> &'static str {
    if error.is_data() {
        "this command is not known, or a field is missing, unknown or of the wrong type"
    } else {
        "the line is not JSON"
    }
}

#[cfg(test)]
#[path = "lines_test.rs"]
mod tests;
