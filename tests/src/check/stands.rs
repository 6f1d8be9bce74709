//! Where each device stands, as far as the others can know: what the laws of the middle of a run share.

use std::collections::BTreeSet;

use presently_core::client::Event;
use presently_core::time::Timestamp;

use crate::history::{History, Seen, What};

/// Where a device stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stands {
    /// It does not run.
    Gone,
    /// It runs; whether it is heard is not known.
    Trying,
    /// It runs, and its link is not what it was; it has not asked for another one.
    Unlinked,
    /// It is signed in, on a link that nothing has befallen since.
    In(Timestamp),
}

impl Stands {
    /// Whether it is signed in, and has been for so many milliseconds at `now`.
    pub(super) fn is_in_for(self, ms: u64, now: Timestamp) -> bool {
        matches!(self, Self::In(since) if now.since(since) >= ms)
    }

    /// Whether it may or may not be there.
    pub(super) fn is_in_doubt(self) -> bool {
        matches!(self, Self::Trying | Self::Unlinked)
    }
}

/// All devices of a run.
#[derive(Debug)]
pub(super) struct Devices {
    stands: Vec<Stands>,
    /// Those that stand still.
    asleep: BTreeSet<usize>,
}

impl Devices {
    pub(super) fn new(history: &History) -> Self {
        Self { stands: vec![Stands::Gone; history.owner.len()], asleep: BTreeSet::new() }
    }

    /// One that stands still shows nothing, whatever it is told.
    pub(super) fn stands(&self, device: usize) -> Stands {
        match self.stands[device] {
            Stands::In(_) if self.asleep.contains(&device) => Stands::Trying,
            stands => stands,
        }
    }

    /// Takes one thing seen.
    pub(super) fn note(&mut self, seen: &Seen) {
        match seen.what {
            What::Sleeps { device } => drop(self.asleep.insert(device)),
            What::Wakes { device } | What::Born { device, .. } | What::Killed { device } => {
                self.asleep.remove(&device);
            }
            _ => {}
        }
        let (device, stands) = match seen.what {
            What::Born { device, .. } => (device, Stands::Trying),
            What::Killed { device } | What::Ended { device } => (device, Stands::Gone),
            What::Unlinked { device } if self.stands[device] != Stands::Gone => {
                (device, Stands::Unlinked)
            }
            What::Dials { device, .. } if self.stands[device] == Stands::Unlinked => {
                (device, Stands::Trying)
            }
            // What is on its way when a link breaks, or a device is given up, says nothing of either.
            What::Event { device, .. }
                if matches!(self.stands[device], Stands::Gone | Stands::Unlinked) =>
            {
                return;
            }
            What::Event { device, event: Event::SignedIn { .. } } => (device, Stands::In(seen.at)),
            What::Event { device, event: Event::Offline { .. } } => (device, Stands::Trying),
            // It reads now what came meanwhile.
            What::Wakes { device } if matches!(self.stands[device], Stands::In(_)) => {
                (device, Stands::In(seen.at))
            }
            _ => return,
        };
        self.stands[device] = stands;
    }
}

#[cfg(test)]
mod tests {
    use presently_core::client::Event;

    use super::{Devices, Stands};
    use crate::check::made;
    use crate::history::{History, What};

    fn signed_in() -> What {
        let event = Event::SignedIn { user: String::from("p0"), endpoint: String::new() };
        What::Event { device: 0, event }
    }

    fn after(all: Vec<What>) -> Stands {
        let mut history = History { owner: vec![0], ..History::default() };
        all.into_iter().for_each(|what| made::add(&mut history, what));
        let mut devices = Devices::new(&history);
        history.seen.iter().for_each(|seen| devices.note(seen));
        devices.stands(0)
    }

    #[test]
    fn who_is_signed_in_is_in_until_something_befalls_the_link() {
        let born = What::Born { device: 0, fresh: true };
        let unlinked = What::Unlinked { device: 0 };
        let dials = What::Dials { device: 0, link: 2 };
        assert_eq!(after(vec![born.clone()]), Stands::Trying);
        let stands = after(vec![born.clone(), signed_in()]);
        assert!(matches!(stands, Stands::In(_)), "{stands:?}");
        let mut all = vec![born, signed_in(), unlinked];
        assert_eq!(after(all.clone()), Stands::Unlinked);
        all.push(signed_in());
        assert_eq!(after(all.clone()), Stands::Unlinked, "its answer was on the way");
        all.extend([dials, signed_in()]);
        assert!(matches!(after(all), Stands::In(_)));
    }

    #[test]
    fn who_stands_still_is_in_again_from_when_it_goes_on() {
        let sleeps = What::Sleeps { device: 0 };
        let mut all = vec![What::Born { device: 0, fresh: true }, signed_in(), sleeps];
        assert_eq!(after(all.clone()), Stands::Trying);
        let Stands::In(before) = after(all[..2].to_vec()) else { panic!("it is in") };
        all.push(What::Wakes { device: 0 });
        let stands = after(all);
        assert!(matches!(stands, Stands::In(since) if since > before), "{stands:?}");
    }

    #[test]
    fn what_was_given_up_is_gone_whatever_it_tells() {
        let all = vec![What::Born { device: 0, fresh: true }, What::Killed { device: 0 }];
        let told = [signed_in(), What::Unlinked { device: 0 }];
        assert_eq!(after(all.into_iter().chain(told).collect()), Stands::Gone);
    }
}
