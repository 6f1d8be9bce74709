//! Deadlines inside a machine: a heap whose head is always live, so that `poll_timeout` is O(1).

use crate::machine::Deadline;
use crate::sorted::Map;
use crate::time::Timestamp;

/// Deadlines by key; setting a key again moves it, and equal instants fire in key order.
#[derive(Clone, Debug)]
pub struct TimerQueue<K> {
    by_key: Map<K, Deadline>,
    by_time: Map<(Timestamp, K), &'static str>,
    head: Option<Deadline>,
}

impl<K: Ord + Clone> Default for TimerQueue<K> {
    fn default() -> Self {
        Self { by_key: Map::new(), by_time: Map::new(), head: None }
    }
}

impl<K: Ord + Clone> TimerQueue<K> {
    /// Arms or moves the deadline of a key.
    pub fn set(&mut self, key: K, at: Timestamp, why: &'static str) {
        if let Some(old) = self.by_key.insert(key.clone(), Deadline { at, why }) {
            self.by_time.remove(&(old.at, key.clone()));
        }
        self.by_time.insert((at, key), why);
        self.refresh();
    }

    /// Arms a key only if it is not armed yet.
    pub fn set_if_idle(&mut self, key: K, at: Timestamp, why: &'static str) {
        if !self.by_key.contains_key(&key) {
            self.set(key, at, why);
        }
    }

    /// Disarms a key.
    pub fn clear(&mut self, key: &K) {
        if let Some(old) = self.by_key.remove(key) {
            self.by_time.remove(&(old.at, key.clone()));
            self.refresh();
        }
    }

    /// Takes the next key due at `now`, disarmed.
    pub fn pop_due(&mut self, now: Timestamp) -> Option<K> {
        let head = self.head?;
        if head.at > now {
            return None;
        }
        let ((_, key), _) = self.by_time.pop_first()?;
        self.by_key.remove(&key);
        self.refresh();
        Some(key)
    }

    /// Takes the next key and its deadline, due or not, disarmed.
    pub fn pop(&mut self) -> Option<(K, Deadline)> {
        let ((at, key), why) = self.by_time.pop_first()?;
        self.by_key.remove(&key);
        self.refresh();
        Some((key, Deadline { at, why }))
    }

    /// How many keys are armed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Whether a key is armed.
    #[must_use]
    pub fn is_armed(&self, key: &K) -> bool {
        self.by_key.contains_key(key)
    }

    /// The earliest deadline.
    #[must_use]
    pub fn next(&self) -> Option<Deadline> {
        self.head
    }

    fn refresh(&mut self) {
        self.head = self.by_time.iter().next().map(|((at, _), why)| Deadline { at: *at, why });
    }
}
