//! What holds of the core whatever comes: each function takes an input, and panics where its property fails.
//!
//! `rust/tests/properties.rs` runs a seeded slice of these with every `cargo test`, and `fuzz/` runs them for as long as
//! one likes. Each compares the core with a model that is as plain as can be, never with the core itself alone.

pub mod codec;
pub mod cookie;
pub mod date;
pub mod echo;
pub mod json;
pub mod keygrip;
