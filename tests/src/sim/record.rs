//! Records of the simulator's nodes, in the form real hosts write.

use presently_core::hub::Config;
use presently_core::hub::record::{Life, Recorder};
use presently_core::limits::RECORD_BYTES_MAX;
use presently_core::redact::Pii;
use presently_core::time::{Timestamp, Wall};
use presently_core::wire::hello;

use super::node::Node;
use super::world::World;

impl Node {
    pub(super) fn note_life(&mut self, config: Config, seed: [u8; 32], wall: Wall, now: Timestamp) {
        if let Some(record) = &mut self.record {
            let (build, protocol) = ("the simulator".to_owned(), hello::VERSION);
            record.life(Life { build, protocol, config, seed: Pii(seed), wall, now });
        }
    }
}

impl World {
    /// Keeps a record of each node from here on; to be called before the first instant.
    pub fn record(&mut self) {
        for node in &mut self.nodes {
            node.record = Some(Recorder::new(RECORD_BYTES_MAX));
        }
    }

    /// The records so far, by node; they go on.
    ///
    /// # Panics
    /// Where none are kept.
    #[must_use]
    pub fn records(&mut self) -> Vec<Vec<u8>> {
        let records = self.nodes.iter_mut().map(|node| node.record.as_mut());
        records.map(|record| record.expect("records are kept").take()).collect()
    }
}
