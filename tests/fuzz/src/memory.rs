//! A global allocator that counts: how much one thread holds, and the most it ever held.
//!
//! Counts are per thread, so whatever a fuzzer's own threads do is not charged to a target. A block
//! freed on another thread than its own would be charged wrongly; targets start no threads.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, counted.
#[derive(Debug)]
pub struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(change: isize) {
    // A thread that ends may free after its counters are gone.
    let _ = LIVE.try_with(|live| {
        let held = live.get() + change;
        live.set(held);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held)));
    });
}

fn signed(size: usize) -> isize {
    isize::try_from(size).unwrap_or(isize::MAX)
}

// SAFETY: every call is passed on unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(signed(layout.size()));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-signed(layout.size()));
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both blocks may stand at once while one is copied to the other.
        count(signed(size));
        count(-signed(layout.size()));
        // SAFETY: the caller's promise.
        unsafe { System.realloc(at, layout, size) }
    }
}

/// What a piece of work took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The most it held at once beyond what was there, in bytes.
    pub peak: usize,
    /// What it left behind, its result included, in bytes.
    pub kept: usize,
}

/// Does the work and says what it took.
pub fn taken<R>(work: impl FnOnce() -> R) -> (R, Taken) {
    let before = LIVE.get();
    let outer = PEAK.replace(before);
    let result = work();
    let peak = PEAK.get();
    // Work inside of work: the outer one has seen this peak too.
    PEAK.set(outer.max(peak));
    let beyond = |held: isize| usize::try_from(held - before).unwrap_or(0);
    (result, Taken { peak: beyond(peak), kept: beyond(LIVE.get()) })
}

/// Bytes a decoder may take whatever its input.
pub const DECODER_BYTES: usize = 4 * 1024;
/// Bytes a decoder may take for each byte of its input.
pub const DECODER_FACTOR: usize = 16;

/// Decodes `input` bytes and demands that this held at most 16 times as many and 4 KiB.
///
/// # Panics
/// Where it held more.
pub fn decoding<R>(input: usize, work: impl FnOnce() -> R) -> R {
    let (result, Taken { peak, .. }) = taken(work);
    let most = input * DECODER_FACTOR + DECODER_BYTES;
    assert!(peak <= most, "{input} bytes took {peak}, more than {most}");
    result
}

#[cfg(test)]
#[path = "memory_test.rs"]
mod tests;
