//! Presently's simulator: every machine, over models of clock, network and disk, from one seed.
//!
//! - [`sim`] carries bytes, parcels and store requests between real machines and draws the faults;
//! - [`mod@history`] is what was seen from outside, and the final state of disk and devices;
//! - [`effects`] judges, as it happens, that what machines ask of their hosts is completed once;
//! - [`mod@reference`] says what should be true, from acts and events alone, and shares no code with the
//!   machines;
//! - [`coverage`] counts what was reached, and knows what was not;
//! - [`process`] runs the real programs, for tests of what a simulator cannot see;
//! - [`chaos`] puts them under load, kills and starves them, and has the same laws judge;
//! - [`replay`] plays what a node recorded into a fresh hub and demands equal outputs;
//! - [`check`] holds one file per law, each a pure function over a history, and [`judge`] asks them;
//! - [`words`] makes any frame that there can be, for enemies of machines;
//! - [`shrink`] makes what failed small, and [`timeline`] tells it;
//! - [`mod@usage`] says what the programs of this crate can be asked.
#![forbid(unsafe_code)]

pub mod chaos;
pub mod check;
pub mod coverage;
pub mod effects;
pub mod history;
pub mod judge;
pub mod process;
pub mod reference;
pub mod replay;
pub mod shrink;
pub mod sim;
pub mod timeline;
pub mod usage;
pub mod words;
