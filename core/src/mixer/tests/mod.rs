//! Tests of the mixer: a stage with one mixer for what each rule says, and the adversary.

mod adversary;
mod log_rules;
mod moves;
mod people;
mod stage;
