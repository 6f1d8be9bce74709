//! People by name: twenty-six of them, then by number.

use crate::history::History;

const NAMES: [&str; 26] = [
    "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "kim",
    "leo", "mia", "nina", "oscar", "peggy", "quinn", "rosa", "sybil", "trent", "uma", "victor",
    "wendy", "xena", "yves", "zoe",
];

/// A person.
pub(super) fn person(number: usize) -> String {
    NAMES.get(number).map_or_else(|| format!("person {number}"), |name| String::from(*name))
}

/// A device, by its person.
pub(super) fn device(history: &History, device: usize) -> String {
    let Some(owner) = history.owner.get(device) else {
        return format!("device {device}");
    };
    let before = history.owner[..device].iter().filter(|other| *other == owner).count();
    match before {
        0 => person(*owner),
        again => format!("{} (device {})", person(*owner), again + 1),
    }
}

/// Text in which people and devices go by number, with their names.
pub(super) fn in_text(history: &History, text: &str) -> String {
    let mut out = String::new();
    let mut words = text.split_inclusive(|c: char| !c.is_alphanumeric()).peekable();
    while let Some(piece) = words.next() {
        let word = piece.trim_end_matches(|c: char| !c.is_alphanumeric());
        let rest = &piece[word.len()..];
        let number = word.strip_prefix('p').and_then(|digits| digits.parse::<usize>().ok());
        if let Some(number) = number {
            out.push_str(&person(number));
            out.push_str(rest);
            continue;
        }
        if word == "device"
            && let Some(next) = words.peek()
            && let digits = next.trim_end_matches(|c: char| !c.is_alphanumeric())
            && let Ok(number) = digits.parse::<usize>()
        {
            out.push_str(&device(history, number));
            out.push_str(&next[digits.len()..]);
            words.next();
            continue;
        }
        out.push_str(piece);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{device, in_text, person};
    use crate::history::History;

    #[test]
    fn people_have_names() {
        let history = History { owner: vec![0, 1, 0], ..History::default() };
        assert_eq!((person(1).as_str(), person(30).as_str()), ("bob", "person 30"));
        assert_eq!(device(&history, 2), "alice (device 2)");
        let text = "device 1 sees p0 as (\"p0\", 3); not p or device x";
        let said = "bob sees alice as (\"alice\", 3); not p or device x";
        assert_eq!(in_text(&history, text), said);
    }
}
