//! The properties that `cargo test` runs a slice of, for the targets here.

#[path = "../rust/tests/checks/mod.rs"]
pub mod checks;
