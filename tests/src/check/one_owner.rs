//! One owner: nothing of a range comes to stand but by the node that owns it then, in its last life
//! (PROTOCOL §9.2; ARCHITECTURE §5: a stale owner's write fails by itself), and who is fenced off and
//! was refused something ends (PROTOCOL §9.7).

use std::collections::{BTreeMap, BTreeSet};

use presently_core::limits::LIFE_READ_MS;
use presently_core::time::Timestamp;

use crate::effects::By;
use crate::history::{Broken, History, What, broken};

const LAW: &str = "one_owner";
/// Who is fenced off has this long from what it was refused to its end, where neither it nor its disk
/// stands still: it may have read its life a moment ago, and a read that failed is asked again.
const FENCED_MS: u64 = 4 * LIFE_READ_MS;

/// Holds a history against the law of one owner.
///
/// # Errors
/// What was written by whose term or life was over.
pub fn check(history: &History) -> Result<(), Broken> {
    let mut owners: BTreeMap<usize, usize> = BTreeMap::new();
    let mut lives: BTreeMap<usize, (usize, u32)> = BTreeMap::new();
    for seen in &history.seen {
        match &seen.what {
            What::Owns { node, range } => {
                owners.insert(*range, *node);
            }
            What::Lives { node, by } => {
                lives.insert(*node, *by);
            }
            What::Wrote { node, by, range } => {
                let owner = owners.get(range).copied();
                if owner != Some(*node) {
                    let owner = owner.map_or_else(|| String::from("nobody"), |n| n.to_string());
                    let what = format!("node {node} wrote of range {range}, which is {owner}'s");
                    return Err(broken(LAW, what));
                }
                if lives.get(node) != Some(by) {
                    let what = format!(
                        "node {node} wrote of range {range} in a life that was over ({by:?})"
                    );
                    return Err(broken(LAW, what));
                }
            }
            _ => {}
        }
    }
    fenced_end(history)
}

/// Hosts whose life is over and who may not know it yet.
#[derive(Default)]
struct Fenced {
    /// The last life of each node.
    last: BTreeMap<usize, (usize, u32)>,
    /// Every life that was begun.
    begun: BTreeSet<(usize, u32)>,
    /// When who stands still goes on at the latest.
    halts: BTreeMap<Option<usize>, Timestamp>,
    /// When each is to have ended.
    due: BTreeMap<(usize, u32), Timestamp>,
}

impl Fenced {
    fn on_refused(&mut self, node: usize, by: (usize, u32), now: Timestamp) {
        let is_over = self.last.get(&node) != Some(&by) && self.begun.contains(&by);
        if !is_over || self.due.contains_key(&by) {
            return;
        }
        let halts = [None, Some(by.0)].into_iter().filter_map(|of| self.halts.get(&of).copied());
        let from = halts.fold(now, Timestamp::max);
        self.due.insert(by, from + FENCED_MS);
    }

    fn on_halt(&mut self, host: Option<usize>, until: Timestamp) {
        let halts = self.halts.entry(host).or_insert(until);
        *halts = until.max(*halts);
        for ((of, _), due) in &mut self.due {
            if host.is_none_or(|host| host == *of) {
                *due = (*due).max(until + FENCED_MS);
            }
        }
    }
}

fn fenced_end(history: &History) -> Result<(), Broken> {
    let mut fenced = Fenced::default();
    for seen in &history.seen {
        if let Some(((host, life), due)) = fenced.due.iter().find(|(_, due)| **due < seen.at) {
            let what =
                format!("host {host} was fenced off in its life {life} and lives after {due:?}");
            return Err(broken(LAW, what));
        }
        match &seen.what {
            What::Lives { node, by } => {
                fenced.last.insert(*node, *by);
                fenced.begun.insert(*by);
            }
            What::Refused { node, by } => fenced.on_refused(*node, *by, seen.at),
            What::Halts { host, until } => fenced.on_halt(*host, *until),
            What::Gone { by: (By::Node(host), life) } => {
                fenced.due.remove(&(*host, *life));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use presently_core::time::Timestamp;

    use super::{FENCED_MS, check};
    use crate::check::made;
    use crate::effects::By;
    use crate::history::{History, What};

    fn seen(last: &[What]) -> bool {
        let mut all = vec![
            What::Owns { node: 0, range: 7 },
            What::Lives { node: 0, by: (0, 1) },
            What::Lives { node: 1, by: (1, 1) },
            What::Wrote { node: 0, by: (0, 1), range: 7 },
            What::Owns { node: 1, range: 7 },
        ];
        all.extend_from_slice(last);
        let mut history = History::default();
        all.into_iter().for_each(|what| made::add(&mut history, what));
        check(&history).is_ok()
    }

    #[test]
    fn who_owns_a_range_writes_of_it() {
        assert!(seen(&[What::Wrote { node: 1, by: (1, 1), range: 7 }]));
    }

    #[test]
    fn who_owned_it_does_not() {
        assert!(!seen(&[What::Wrote { node: 0, by: (0, 1), range: 7 }]));
    }

    #[test]
    fn nor_does_a_life_that_is_over() {
        let after = What::Lives { node: 1, by: (2, 2) };
        assert!(!seen(&[after.clone(), What::Wrote { node: 1, by: (1, 1), range: 7 }]));
        assert!(seen(&[after, What::Wrote { node: 1, by: (2, 2), range: 7 }]));
    }

    /// A life of node 0 on host 0, one after it on host 1, then what is given, each 10 ms after the
    /// one before; `None` waits for as long as who is fenced off has.
    fn fenced(then: &[Option<What>]) -> bool {
        let mut history = History::default();
        made::add(&mut history, What::Lives { node: 0, by: (0, 1) });
        made::add(&mut history, What::Lives { node: 0, by: (1, 1) });
        for what in then {
            match what {
                Some(what) => made::add(&mut history, what.clone()),
                None => made::wait(&mut history, FENCED_MS),
            }
        }
        check(&history).is_ok()
    }

    const REFUSED: What = What::Refused { node: 0, by: (0, 1) };

    fn halts(host: Option<usize>, ms: u64) -> What {
        // The two lives are at 100,000 and 100,010, what follows is after.
        What::Halts { host, until: Timestamp(100_020 + ms) }
    }

    #[test]
    fn who_is_fenced_off_ends_once_it_is_refused() {
        let ends = What::Gone { by: (By::Node(0), 1) };
        assert!(fenced(&[Some(REFUSED), Some(ends.clone()), None, Some(What::Quiet)]));
        assert!(!fenced(&[Some(REFUSED), None, Some(What::Quiet), Some(ends)]));
    }

    #[test]
    fn the_end_of_another_is_not_its_end() {
        for by in [(By::Node(0), 2), (By::Node(1), 1)] {
            let other = What::Gone { by };
            assert!(!fenced(&[Some(REFUSED), Some(other), None, Some(What::Quiet)]));
        }
    }

    #[test]
    fn who_is_not_refused_need_not_know_and_the_last_life_may_be_refused() {
        assert!(fenced(&[None, Some(What::Quiet)]));
        let last = What::Refused { node: 0, by: (1, 1) };
        assert!(fenced(&[Some(last.clone()), None, Some(What::Quiet)]));
        // Once it is not the last any more what counts is what it is refused from then on.
        let later = What::Lives { node: 0, by: (2, 1) };
        assert!(fenced(&[Some(last.clone()), Some(later.clone()), None, Some(What::Quiet)]));
        assert!(!fenced(&[Some(later), Some(last), None, Some(What::Quiet)]));
    }

    #[test]
    fn who_has_not_begun_its_life_is_not_over() {
        let starting = What::Refused { node: 0, by: (5, 1) };
        assert!(fenced(&[Some(starting), None, Some(What::Quiet)]));
    }

    #[test]
    fn time_stands_while_its_host_or_the_disk_does() {
        for host in [None, Some(0)] {
            let halts = || Some(halts(host, 1_000));
            assert!(fenced(&[Some(REFUSED), halts(), None, Some(What::Quiet)]));
            assert!(fenced(&[halts(), Some(REFUSED), None, Some(What::Quiet)]));
            assert!(!fenced(&[halts(), Some(REFUSED), None, None, Some(What::Quiet)]));
        }
        let other = Some(halts(Some(1), 1_000));
        assert!(!fenced(&[Some(REFUSED), other, None, Some(What::Quiet)]));
    }

    #[test]
    fn nor_does_anybody_what_is_nobodys() {
        assert!(!seen(&[What::Wrote { node: 1, by: (1, 1), range: 8 }]));
    }
}
