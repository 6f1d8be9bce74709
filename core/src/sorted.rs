//! A map as a sorted vector: for what is small, or grows at its end and shrinks at its start.
//!
//! In the module that browsers load, each `BTreeMap` of new types costs some kilobytes; this costs
//! a few hundred bytes.

use alloc::vec::Vec;
use core::borrow::Borrow;
use core::ops::RangeFrom;

/// Values by key, in key order. Insertion in the middle moves what is behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortedMap<K, V>(Vec<(K, V)>);

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// An empty map.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        // What is appended in order is found at the end without a search.
        match self.0.last() {
            Some((last, _)) if last.borrow() < key => Err(self.0.len()),
            _ => self.0.binary_search_by(|(k, _)| k.borrow().cmp(key)),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a key has a value.
    #[must_use]
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// The value of a key.
    #[must_use]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|at| &self.0[at].1)
    }

    /// The value of a key.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|at| &mut self.0[at].1)
    }

    /// Sets a key's value; the one it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(at) => Some(core::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    /// The value of a key, made where it has none.
    pub fn or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let at = match self.find(&key) {
            Ok(at) => at,
            Err(at) => {
                self.0.insert(at, (key, make()));
                at
            }
        };
        &mut self.0[at].1
    }

    /// Takes a key's value out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|at| self.0.remove(at).1)
    }

    /// Takes the first pair out.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        if self.0.is_empty() { None } else { Some(self.0.remove(0)) }
    }

    /// The first pair.
    #[must_use]
    pub fn first(&self) -> Option<(&K, &V)> {
        self.0.first().map(|(key, value)| (key, value))
    }

    /// The last pair.
    #[must_use]
    pub fn last(&self) -> Option<(&K, &V)> {
        self.0.last().map(|(key, value)| (key, value))
    }

    /// All pairs in key order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// All pairs in key order.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (&K, &mut V)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// The pairs from a key on, in key order.
    pub fn range(&self, from: RangeFrom<K>) -> impl Iterator<Item = (&K, &V)> {
        let (Ok(at) | Err(at)) = self.find(&from.start);
        self.0[at..].iter().map(|(key, value)| (key, value))
    }

    /// All keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    /// All values in key order.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    /// All values in key order.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// Keeps the pairs for which `keep` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.0.retain_mut(|(key, value)| keep(key, value));
    }

    /// Takes out the values of the pairs for which `out` holds, in key order.
    pub fn take_if(&mut self, out: impl Fn(&K, &V) -> bool) -> Vec<V> {
        let all = core::mem::take(&mut self.0).into_iter();
        let (out, kept): (Vec<_>, Vec<_>) = all.partition(|(key, value)| out(key, value));
        self.0 = kept;
        out.into_iter().map(|(_, value)| value).collect()
    }

    /// All values in key order.
    pub fn into_values(self) -> impl Iterator<Item = V> {
        self.0.into_iter().map(|(_, value)| value)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl<K, V> IntoIterator for SortedMap<K, V> {
    type Item = (K, V);
    type IntoIter = alloc::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A map in key order of what a client has few of and a server many: beside a server there is room
/// for the code of a tree.
#[cfg(feature = "server")]
pub(crate) type Map<K, V> = alloc::collections::BTreeMap<K, V>;
#[cfg(not(feature = "server"))]
pub(crate) type Map<K, V> = SortedMap<K, V>;

/// Keys, in order.
pub type SortedSet<K> = SortedMap<K, ()>;

#[cfg(test)]
mod tests {
    use super::SortedMap;

    #[test]
    fn pairs_stand_in_key_order_however_they_came() {
        let mut map = SortedMap::new();
        for key in [5, 1, 9, 3, 7, 9] {
            map.insert(key, key * 10);
        }
        assert_eq!(map.keys().copied().collect::<alloc::vec::Vec<_>>(), [1, 3, 5, 7, 9]);
        assert_eq!((map.remove(&5), map.remove(&5)), (Some(50), None));
        assert_eq!((map.get(&7), map.get(&8)), (Some(&70), None));
        assert_eq!(map.insert(7, 71), Some(70));
        *map.or_insert_with(8, || 80) += 1;
        assert_eq!(map.pop_first(), Some((1, 10)));
        assert_eq!(map.iter().map(|(_, v)| *v).collect::<alloc::vec::Vec<_>>(), [30, 71, 81, 90]);
    }
}
