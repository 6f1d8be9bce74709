//! Names and texts that people choose: what is allowed.

use alloc::string::String;

use crate::limits::NAME_CHARS_MAX;
use crate::wire::bounded::Text;

/// An account name in its one spelling: 1 to 64 of `a-z 0-9 . _ -`, capitals lowered.
///
/// `None` where any other character stands in it or its length is off.
#[must_use]
pub fn account_name(text: &str) -> Option<Text<NAME_CHARS_MAX>> {
    let lowered: String = text.chars().map(|c| c.to_ascii_lowercase()).collect();
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    if lowered.is_empty() || !lowered.chars().all(allowed) {
        return None;
    }
    Text::new(lowered).ok()
}

/// A one-line text of at most `chars` Unicode scalar values, without control characters.
#[must_use]
pub fn line<const MAX: usize>(text: &str, chars: usize) -> Option<Text<MAX>> {
    if text.chars().count() > chars || text.chars().any(char::is_control) {
        return None;
    }
    Text::new(text).ok()
}
