//! Tests of the client against a server made by hand.

mod cache;
mod commands;
mod legs;
mod moves;
mod peer;
mod sending;
mod session;
mod showing;
mod soak;
