//! The state class of a trunk: newest of a key wins, compared by digest (PROTOCOL §9.3).

use alloc::vec::Vec;

use crate::edge::Addressed;
use crate::id::UserId;
use crate::index::Index;

/// What was sent since the last agreed digest.
#[derive(Debug)]
pub(super) struct Sent {
    by_key: Index<UserId>,
    values: Vec<(UserId, u64, Addressed)>,
    last: u64,
    agreed: u64,
}

impl Default for Sent {
    fn default() -> Self {
        Self { by_key: Index::new(0), values: Vec::new(), last: 0, agreed: 0 }
    }
}

impl Sent {
    /// Remembers the newest value of a key; its number.
    pub(super) fn put(&mut self, key: UserId, tell: Addressed) -> u64 {
        self.last += 1;
        if let Some(at) = self.by_key.get(&key) {
            self.values[at as usize] = (key, self.last, tell);
        } else {
            let at = u32::try_from(self.values.len()).expect("bounded by TRUNK_STATE_MAX");
            self.by_key.insert(key, at);
            self.values.push((key, self.last, tell));
        }
        self.last
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// (after, through, hash) of what is not agreed.
    pub(super) fn digest(&self) -> (u64, u64, u64) {
        let hash = self.values.iter().fold(0, |hash, (key, number, _)| hash ^ mix(*key, *number));
        (self.agreed, self.last, hash)
    }

    /// The peer holds everything through a number. Whether that is news.
    pub(super) fn agreed(&mut self, through: u64) -> bool {
        if through <= self.agreed {
            return false;
        }
        self.agreed = through;
        self.values.retain(|(_, number, _)| *number > through);
        self.by_key = Index::new(0);
        for (at, (key, ..)) in (0u32..).zip(&self.values) {
            self.by_key.insert(*key, at);
        }
        true
    }

    /// Everything not agreed.
    pub(super) fn all(&self) -> Vec<(u64, Addressed)> {
        self.values.iter().map(|(_, number, tell)| (*number, tell.clone())).collect()
    }
}

/// What was heard that the sender does not yet know to be heard.
#[derive(Debug)]
pub(super) struct Heard {
    by_key: Index<UserId>,
    values: Vec<(UserId, u64)>,
    agreed: u64,
}

impl Default for Heard {
    fn default() -> Self {
        Self { by_key: Index::new(0), values: Vec::new(), agreed: 0 }
    }
}

impl Heard {
    /// Whether a value is newer than what was heard of its key.
    pub(super) fn is_news(&mut self, key: UserId, number: u64) -> bool {
        if number <= self.agreed {
            return false;
        }
        if let Some(at) = self.by_key.get(&key) {
            let heard = &mut self.values[at as usize].1;
            let news = number > *heard;
            *heard = number.max(*heard);
            return news;
        }
        let Ok(at) = u32::try_from(self.values.len()) else { return false };
        self.by_key.insert(key, at);
        self.values.push((key, number));
        true
    }

    /// Whether a digest names what was heard; forgets what the sender knows to be heard.
    pub(super) fn agrees(&mut self, after: u64, through: u64, hash: u64) -> bool {
        if after > self.agreed {
            self.agreed = after;
            self.values.retain(|(_, number)| *number > after);
            self.by_key = Index::new(0);
            for (at, (key, _)) in (0u32..).zip(&self.values) {
                self.by_key.insert(*key, at);
            }
        }
        let covered = self.values.iter().filter(|(_, number)| *number <= through);
        covered.fold(0, |hash, (key, number)| hash ^ mix(*key, *number)) == hash
    }
}

/// A well-spread hash of a key and its number (the finalizer of SplitMix64).
fn mix(key: UserId, number: u64) -> u64 {
    let (low, high) = key.0.split_at(8);
    let word = |bytes: &[u8]| bytes.iter().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
    let mut z = word(low) ^ word(high).rotate_left(29) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
#[path = "state_test.rs"]
mod state_test;
