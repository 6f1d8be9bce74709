//! One owner: nothing of a range comes to stand but by the node that owns it then, in its last life
//! (PROTOCOL §9.2; ARCHITECTURE §5: a stale owner's write fails by itself).

use std::collections::BTreeMap;

use crate::history::{Broken, History, What, broken};

const LAW: &str = "one_owner";

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
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::check::made;
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

    #[test]
    fn nor_does_anybody_what_is_nobodys() {
        assert!(!seen(&[What::Wrote { node: 1, by: (1, 1), range: 8 }]));
    }
}
