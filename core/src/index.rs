//! Dense indices and the one hashed table (law 12).

use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::id::OpId;

/// Values at dense `u32` indices, each with a generation, iterated in index order.
#[derive(Debug)]
pub struct Slab<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    len: usize,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), len: 0 }
    }
}

impl<T> Slab<T> {
    /// Puts a value into the lowest free slot known.
    ///
    /// # Panics
    /// After 2^32 slots, which no limit allows.
    pub fn insert(&mut self, value: T) -> OpId {
        self.len += 1;
        if let Some(slot) = self.free.pop() {
            let entry = &mut self.slots[slot as usize];
            entry.value = Some(value);
            return OpId { slot, generation: entry.generation };
        }
        let slot = u32::try_from(self.slots.len()).expect("limits keep slabs below 2^32");
        self.slots.push(Slot { generation: 0, value: Some(value) });
        OpId { slot, generation: 0 }
    }

    /// The value of a key, unless it was removed.
    #[must_use]
    pub fn get(&self, key: OpId) -> Option<&T> {
        let slot = self.slots.get(key.slot as usize)?;
        (slot.generation == key.generation).then_some(slot.value.as_ref()).flatten()
    }

    /// The value of a key, unless it was removed.
    pub fn get_mut(&mut self, key: OpId) -> Option<&mut T> {
        let slot = self.slots.get_mut(key.slot as usize)?;
        if slot.generation == key.generation { slot.value.as_mut() } else { None }
    }

    /// Takes a value out; its key never names another.
    pub fn remove(&mut self, key: OpId) -> Option<T> {
        let slot = self.slots.get_mut(key.slot as usize)?;
        if slot.generation != key.generation {
            return None;
        }
        let value = slot.value.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(key.slot);
        self.len -= 1;
        Some(value)
    }

    /// The value at a bare index, whatever its generation.
    #[must_use]
    pub fn at(&self, slot: u32) -> Option<&T> {
        self.slots.get(slot as usize)?.value.as_ref()
    }

    /// The value at a bare index, whatever its generation.
    pub fn at_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.slots.get_mut(slot as usize)?.value.as_mut()
    }

    /// The key of an occupied index.
    #[must_use]
    pub fn key_at(&self, slot: u32) -> Option<OpId> {
        let entry = self.slots.get(slot as usize)?;
        entry.value.is_some().then_some(OpId { slot, generation: entry.generation })
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All values, in index order.
    pub fn iter(&self) -> impl Iterator<Item = (OpId, &T)> {
        self.slots.iter().zip(0u32..).filter_map(|(entry, slot)| {
            let key = OpId { slot, generation: entry.generation };
            entry.value.as_ref().map(|value| (key, value))
        })
    }

    /// All values, in index order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (OpId, &mut T)> {
        self.slots.iter_mut().zip(0u32..).filter_map(|(entry, slot)| {
            let key = OpId { slot, generation: entry.generation };
            entry.value.as_mut().map(|value| (key, value))
        })
    }
}

/// Ids to dense indices: hashed with a key from the machine's seed, never iterated.
#[derive(Clone, Debug)]
pub struct Index<K> {
    table: HashTable<(K, u32)>,
    hasher: FixedState,
}

impl<K: Hash + Eq> Index<K> {
    /// An empty table keyed by `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { table: HashTable::new(), hasher: FixedState::with_seed(seed) }
    }

    /// The index of an id.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<u32> {
        self.table.find(self.hasher.hash_one(key), |(k, _)| k == key).map(|(_, index)| *index)
    }

    /// Names an id's index; the one it had before, if any.
    pub fn insert(&mut self, key: K, index: u32) -> Option<u32> {
        let hash = self.hasher.hash_one(&key);
        if let Some((_, old)) = self.table.find_mut(hash, |(k, _)| *k == key) {
            return Some(core::mem::replace(old, index));
        }
        let hasher = &self.hasher;
        self.table.insert_unique(hash, (key, index), |(k, _)| hasher.hash_one(k));
        None
    }

    /// Forgets an id.
    pub fn remove(&mut self, key: &K) -> Option<u32> {
        let hash = self.hasher.hash_one(key);
        let entry = self.table.find_entry(hash, |(k, _)| k == key).ok()?;
        let ((_, index), _) = entry.remove();
        Some(index)
    }

    /// How many ids are named.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
}
