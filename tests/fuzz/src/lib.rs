//! Fuzz targets: every decoder fed bytes, and every machine fed by its enemies.
//!
//! A target is a function over bytes that panics where something is wrong: a panic of the code, more
//! memory or more steps than the input may cost. [`TARGETS`] lists them; `libfuzzer/` beside this
//! crate runs them under cargo-fuzz on nightly (`cargo xtask fuzz`), the binary `replay` runs the same
//! functions over the committed corpora on stable (`cargo xtask test fuzz`).
//!
//! - [`memory`]: the allocator that counts;
//! - [`stage`]: machines with a world around them that the input drives;
//! - [`target`]: the targets.
//!
//! What clients and servers say is made by [`presently_tests::words`], as for the simulator's liar.

pub mod memory;
pub mod stage;
pub mod target;

#[global_allocator]
static COUNTING: memory::Counting = memory::Counting;

/// One thing to fuzz.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of its folder of inputs, and of its binary for cargo-fuzz.
    pub name: &'static str,
    /// Panics where the input shows a fault.
    pub run: fn(&[u8]),
}

macro_rules! targets {
    ($($file:ident: $($name:ident)*;)*) => {
        /// Every target.
        pub const TARGETS: &[Target] = &[
            $($(Target { name: stringify!($name), run: target::$file::$name },)*)*
        ];
    };
}

targets! {
    wire: frames hello tails records bodies_from_client bodies_from_server;
    node: parcels lying_node;
    sealed: tickets;
    link: link_bytes link_frames;
    server: server_bytes server_frames;
    rows: cache_rows home_rows;
    host: first_bytes web_socket json_lines;
}

/// The target of a name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
