//! How long queues grow: read from the machines as they play, and on the links between them.

use std::collections::BTreeMap;

use presently_core::limits::LINK_IN_FLIGHT_BYTES_MAX;
use presently_core::measure::Queue;

use super::notes::kinds;
use super::world::World;
use crate::effects::By;
use crate::history::What;

/// The kind of `Closing`, which is said whatever the host still has.
const CLOSING: u16 = 10;
/// It is no longer than this.
const CLOSING_BYTES: usize = 24;
/// One input in this many is followed by a look at the machine's queues.
const LOOK_EVERY: u64 = 32;

/// The longest that each queue was, and what hosts hold of each wire.
#[derive(Default)]
pub(super) struct Gauge {
    inputs: u64,
    longest: BTreeMap<(By, &'static str), (usize, usize)>,
    unsent: Vec<usize>,
}

impl Gauge {
    /// Whether a queue has never been so long, or so near its bound.
    fn is_news(&mut self, by: By, queue: &Queue) -> bool {
        let longest = self.longest.entry((by, queue.name)).or_default();
        // Bounds that follow what a machine holds move with it: only what passes them is news.
        let news = queue.length > longest.0 || queue.length > queue.bound;
        if news {
            *longest = (queue.length, queue.bound);
        }
        news
    }

    fn unsent(&mut self, wire: usize) -> &mut usize {
        if self.unsent.len() <= wire {
            self.unsent.resize(wire + 1, 0);
        }
        &mut self.unsent[wire]
    }
}

impl World {
    /// Looks at a node's queues, every now and then.
    pub(super) fn gauge_node(&mut self, node: usize) {
        self.gauge.inputs += 1;
        if self.gauge.inputs.is_multiple_of(LOOK_EVERY)
            && let Some(hub) = &self.nodes[node].hub
        {
            let queues = hub.queues();
            self.measured(By::Node(node), queues.all());
        }
    }

    /// The same of a client.
    pub(super) fn gauge_device(&mut self, device: usize) {
        self.gauge.inputs += 1;
        if self.gauge.inputs.is_multiple_of(LOOK_EVERY)
            && let Some(client) = &self.devices[device].client
        {
            let queues = client.queues();
            self.measured(By::Device(device), queues.all());
        }
    }

    /// A gate gave its host bytes of a wire: a frame.
    pub(super) fn gauge_handed(&mut self, wire: usize, frame: &[u8]) {
        let bytes = frame.len();
        let is_last = bytes <= CLOSING_BYTES && kinds(frame).eq([CLOSING]);
        let unsent = self.gauge.unsent(wire);
        // A frame longer than what may be with the host goes alone.
        let alone = if *unsent == 0 { bytes } else { 0 };
        let besides = if is_last { bytes } else { 0 };
        let bound = alone.max(LINK_IN_FLIGHT_BYTES_MAX) + besides;
        *unsent += bytes;
        let length = *unsent;
        let by = By::Device(self.wires[wire].device);
        self.measured(by, &[Queue { name: "bytes with the host", length, bound }]);
    }

    /// The host reports bytes of a wire sent.
    pub(super) fn gauge_sent(&mut self, wire: usize, bytes: usize) {
        let unsent = self.gauge.unsent(wire);
        *unsent = unsent.saturating_sub(bytes);
    }

    fn measured(&mut self, by: By, queues: &[Queue]) {
        for queue in queues {
            if self.gauge.is_news(by, queue) {
                let Queue { name, length, bound } = *queue;
                self.see(What::Measured { by, queue: name, length, bound });
            }
        }
    }
}
