//! The benchmark: what the server costs, in multiples of what a bare relay costs on the same machine.
//!
//! One process judges and makes the load, with links that speak the protocol and keep next to
//! nothing. Two more are measured: the server as a library on a real disk ([`serve`]), and a relay
//! that only carries the same bytes ([`relay`]). Both count the CPU time of their whole process; the
//! load's own is not looked at. Runs of the two take turns, and the median of several stands.

mod child;
mod idle;
mod link;
mod load;
mod machine;
mod messages;
mod options;
mod person;
mod presence;
pub mod relay;
mod report;
pub mod serve;
mod sign_in;
mod stage;

use std::process::ExitCode;

use anyhow::Result;

pub use options::Options;
use report::Report;
use stage::Stage;

/// The exit code of a machine that cannot measure.
pub const REFUSED: u8 = 3;

/// Measures everything asked for and prints it.
///
/// # Errors
/// Where something did not work: a link was refused, a child died.
pub async fn run(options: &Options) -> Result<ExitCode> {
    let stage = match Stage::prepare(options)? {
        Ok(stage) => stage,
        Err(refusal) => {
            eprintln!("bench: {refusal}");
            return Ok(ExitCode::from(REFUSED));
        }
    };
    let mut report = Report::begin(&stage, options.short);
    if options.wants("messages") {
        messages::measure(&stage, &mut report).await?;
    }
    if options.wants("presence") {
        presence::measure(&stage, &mut report).await?;
    }
    if options.wants("sign-in") {
        sign_in::measure(&stage, &mut report).await?;
    }
    if options.wants("idle") {
        idle::measure(&stage, &mut report).await?;
    }
    Ok(report.end())
}
