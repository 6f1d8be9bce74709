//! What a program of this crate can be asked, as its own documentation says it.

/// The block of text at the head of a program's source.
#[must_use]
pub fn usage(source: &str) -> String {
    let block = source.lines().skip_while(|line| *line != "//! ```text").skip(1);
    let block = block.take_while(|line| *line != "//! ```");
    block.map(|line| line.strip_prefix("//! ").unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
#[path = "usage_test.rs"]
mod tests;
