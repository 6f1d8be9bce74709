//! The laws in words (ARCHITECTURE section 6), for whoever reads a timeline.

/// What a law promises.
#[must_use]
pub fn promise(law: &str) -> &'static str {
    match law.split('_').next().unwrap_or(law) {
        "g1" => {
            "A message whose ack reached the sender is stored durably and reaches every member, \
             whatever crashes."
        }
        "g2" => "A message is shown once on each device, however often it was sent.",
        "g3" => {
            "A conversation has one total order, the same on every device; a sender sees its own \
             messages in it."
        }
        "g4" => {
            "After quiet, every friend sees the true presence; one real change makes at most one \
             event; who is back within the linger was never gone."
        }
        "g5" => "Who is blocked, or not allowed, learns nothing.",
        "g6" => "Appear Offline looks exactly like Offline to others.",
        "g7" => {
            "Reconnecting is cheap: a resume gives only what is missing, says when there is a gap, \
             and never loses or doubles."
        }
        "g8" => "Every queue and every link has a bound; a slow or hostile peer hurts only itself.",
        "g9" if law.ends_with("panic") => {
            "No machine panics, whatever comes in: errors of peers are outputs."
        }
        "g9" => {
            "kill -9 of any process at any moment loses nothing that was acked, and the survivors \
             converge."
        }
        "g10" => {
            "A node drains: it tells its clients when to come back, spreads them, and loses nothing."
        }
        "one" => {
            "Nothing of a range is written but by the node that owns it then, in its last life."
        }
        "r4" => "Who was told that a message is stored reads it, on whichever device.",
        "r5" => {
            "While nothing is broken, every friend sees within ten seconds what was last chosen."
        }
        "r9" => {
            "A session is signed in anew each time; nobody goes on with a token that is over, nor with \
             one of somebody else."
        }
        "r10" => "A ticket opens what it was made for, and nothing else.",
        "r21" => {
            "Who guesses passwords shuts nobody out: no honest sign-in waits for what others tried."
        }
        "effects" => {
            "Every effect that a machine asks for (of its store, of a link, of a password) is \
             completed exactly once, or its asker is gone."
        }
        "replay" => "The same seed, and the schedule it left, give the same run.",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use crate::check::LAWS;
    use crate::judge::{BESIDE, PANIC};

    #[test]
    fn every_law_has_words() {
        let beside = BESIDE.iter().map(|(name, ..)| *name);
        for law in LAWS.iter().map(|(name, _)| *name).chain(beside).chain([PANIC]) {
            assert!(!super::promise(law).is_empty(), "what does {law} promise?");
        }
    }
}
