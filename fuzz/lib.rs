//! The properties that `cargo test` runs a slice of, for the targets here.

#[path = "../rust/tests/held/mod.rs"]
pub mod held;
