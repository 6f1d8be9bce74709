//! Machines with just enough world around them: an input decides what their enemies do.

pub mod device;
pub mod node;

/// Outputs that one input may cost, beside one for each byte of it: as many as a page of the store has
/// rows, and room.
pub const OUTPUTS: usize = 1_024;
/// Turns of a machine at one instant.
pub const TURNS: usize = 64;
