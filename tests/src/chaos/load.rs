//! The load: every device says something every now and then, and much at once when asked to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use presently_core::rng::Rng;

use super::device::Device;

/// Said at once when asked to.
const BURST: usize = 24;
/// Commands without an outcome, of one device: more than the window on the wire.
const OPEN_MAX: usize = 96;
/// How often a talker looks for what it is asked.
const LOOK: Duration = Duration::from_millis(3);

#[derive(Debug, Default)]
struct Orders {
    over: AtomicBool,
    paused: AtomicBool,
    surge: AtomicU64,
}

/// The talkers of all devices.
#[derive(Debug)]
pub(super) struct Load {
    orders: Arc<Orders>,
    talkers: Vec<JoinHandle<()>>,
}

impl Load {
    /// Lets every device talk, with this much time between two sends at most.
    pub(super) fn start(devices: &[Arc<Device>], gap_ms: u64) -> Self {
        let orders = Arc::new(Orders::default());
        let talkers = devices.iter().map(|device| {
            let (device, orders) = (Arc::clone(device), Arc::clone(&orders));
            std::thread::spawn(move || talk(&device, &orders, gap_ms))
        });
        Self { talkers: talkers.collect(), orders }
    }

    /// Everybody says much at once.
    pub(super) fn surge(&self) {
        self.orders.surge.fetch_add(1, Ordering::SeqCst);
    }

    /// Nobody says anything, or all go on.
    pub(super) fn pause(&self, paused: bool) {
        self.orders.paused.store(paused, Ordering::SeqCst);
    }

    /// Ends it.
    pub(super) fn end(&mut self) {
        self.orders.over.store(true, Ordering::SeqCst);
        for talker in self.talkers.drain(..) {
            talker.join().expect("a talker does not panic");
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.orders.over.store(true, Ordering::SeqCst);
    }
}

fn talk(device: &Device, orders: &Orders, gap_ms: u64) {
    let mut rng = Rng::new([u8::try_from(device.number).unwrap_or(u8::MAX); 32]);
    let (mut surge, mut wait) = (0, Duration::ZERO);
    while !orders.over.load(Ordering::SeqCst) {
        let asked = orders.surge.load(Ordering::SeqCst);
        let count = if asked != surge { BURST } else { usize::from(wait.is_zero()) };
        let count = if orders.paused.load(Ordering::SeqCst) { 0 } else { count };
        surge = asked;
        for _ in 0..count.min(OPEN_MAX.saturating_sub(device.open())) {
            device.say();
        }
        if wait.is_zero() {
            wait = Duration::from_millis(1 + rng.below(gap_ms));
        }
        let step = wait.min(LOOK);
        std::thread::sleep(step);
        wait -= step;
    }
}
