//! Draining early or late gives the same outputs (PROTOCOL §1.1): beside a machine whose outputs are
//! carried out after each input goes its twin of the same seed, given the same inputs, whose outputs are
//! only taken after many of them. Both must say the same in the same order.

use std::collections::VecDeque;
use std::fmt::{Debug, Write};
use std::hash::{DefaultHasher, Hasher};

use presently_core::machine::Machine;
use presently_core::rng::Rng;
use presently_core::time::Timestamp;

/// Most inputs of one instant before the twin's outputs are taken.
const BATCH_MAX: u64 = 256;
/// No more is kept of an output for a person, but for its last part.
const BEGINNING_BYTES: usize = 120;
/// One seed in this many has twins.
const EVERY: u64 = 8;

/// Whether the machines of a seed have twins.
pub(super) fn has_twins(seed: u64) -> bool {
    seed.is_multiple_of(EVERY)
}

/// The twin of a machine.
pub(super) struct Shadow<M> {
    machine: M,
    rng: Rng,
    instant: Timestamp,
    left: u64,
    /// What the machine said and the twin has not been heard to say, and the other way round.
    awaited: VecDeque<(u64, String)>,
    heard: VecDeque<(u64, String)>,
}

impl<M: Machine> Shadow<M>
where
    M::Output: Debug,
{
    pub(super) fn new(machine: M, rng: Rng, now: Timestamp) -> Self {
        let (awaited, heard) = Default::default();
        Self { machine, rng, instant: now, left: 1, awaited, heard }
    }

    pub(super) fn input(&mut self, input: M::Input<'_>, now: Timestamp) {
        self.before(now);
        self.machine.handle_input(input, now);
    }

    pub(super) fn timeout(&mut self, now: Timestamp) {
        self.before(now);
        self.machine.handle_timeout(now);
    }

    /// The machine said something.
    pub(super) fn said(&mut self, output: &M::Output) {
        self.awaited.push_back(told(output));
        self.compare();
    }

    /// Takes the twin's outputs where the instant is over, or enough inputs have come in it.
    fn before(&mut self, now: Timestamp) {
        self.left = self.left.saturating_sub(1);
        if now == self.instant && self.left > 0 {
            return;
        }
        self.drain();
        (self.instant, self.left) = (now, 1 + self.rng.below(BATCH_MAX));
    }

    /// Takes all that the twin has to say.
    pub(super) fn drain(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            self.heard.push_back(told(&output));
        }
        self.compare();
    }

    fn compare(&mut self) {
        while let (Some(awaited), Some(heard)) = (self.awaited.front(), self.heard.front()) {
            assert!(
                awaited.0 == heard.0,
                "drained late, {} comes in the place of {}",
                heard.1,
                awaited.1
            );
            self.awaited.pop_front();
            self.heard.pop_front();
        }
    }

    /// Both have been drained: neither has said more than the other.
    pub(super) fn end(mut self) {
        self.drain();
        let more = self.awaited.front().or_else(|| self.heard.front());
        assert!(more.is_none(), "drained late, something is missing or too much: {more:?}");
    }
}

/// A hash of an output, and its beginning for a person.
fn told(output: &impl Debug) -> (u64, String) {
    let mut telling = Telling { hash: DefaultHasher::new(), text: String::new() };
    write!(telling, "{output:?}").expect("nothing written there fails");
    (telling.hash.finish(), telling.text)
}

/// What is written of an output: most of it is long, and nobody reads it.
struct Telling {
    hash: DefaultHasher,
    text: String,
}

impl Write for Telling {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        self.hash.write(part.as_bytes());
        if self.text.len() < BEGINNING_BYTES {
            self.text.push_str(part);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use presently_core::machine::{Deadline, Machine};
    use presently_core::rng::Rng;
    use presently_core::time::Timestamp;

    use super::Shadow;

    /// A machine that says how much it still has to say, as none may.
    #[derive(Default)]
    struct Peeks {
        out: Vec<usize>,
        peeks: bool,
    }

    impl Machine for Peeks {
        type Input<'a> = ();
        type Output = usize;

        fn handle_input(&mut self, (): (), _now: Timestamp) {
            self.out.push(if self.peeks { self.out.len() } else { 7 });
        }

        fn handle_timeout(&mut self, _now: Timestamp) {}

        fn poll_output(&mut self) -> Option<usize> {
            (!self.out.is_empty()).then(|| self.out.remove(0))
        }

        fn poll_timeout(&self) -> Option<Deadline> {
            None
        }
    }

    fn play(peeks: bool) {
        let mut machine = Peeks { peeks, ..Peeks::default() };
        let twin = Peeks { peeks, ..Peeks::default() };
        let mut shadow = Shadow::new(twin, Rng::new([1; 32]), Timestamp(0));
        for _ in 0..100 {
            machine.handle_input((), Timestamp(0));
            shadow.input((), Timestamp(0));
            while let Some(output) = machine.poll_output() {
                shadow.said(&output);
            }
        }
        shadow.end();
    }

    #[test]
    fn a_machine_that_does_not_peek_says_the_same() {
        play(false);
    }

    #[test]
    #[should_panic(expected = "drained late")]
    fn a_machine_that_peeks_is_caught() {
        play(true);
    }
}
