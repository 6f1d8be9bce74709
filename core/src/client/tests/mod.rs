//! Tests of the client against a server made by hand.

mod book;
mod cache;
mod commands;
mod legs;
mod moves;
mod peer;
mod sending;
mod session;
mod showing;
mod soak;
