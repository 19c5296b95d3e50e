//! JSON text (RFC 8259): a strict, bounded reader and the number and string forms of the canonical writer. It must not know Python.
//!
//! Canonical text has no white space, keeps the order of its members, and writes strings and numbers as
//! `JSON.stringify` does, with one difference: a float that is a whole number keeps its `.0`.

mod escapes;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

use reader::Reader;
pub use writer::{has_parted_pair, write_float, write_halves, write_integer, write_string};

/// How deep containers may nest; the outermost has depth 1. Must match `_pure/json.py`, as all limits here.
pub const MAX_DEPTH: usize = 100;
/// How many values a text may hold: containers and scalars, without keys.
pub const MAX_NODES: usize = 10_000;
/// How many digits an integer may have: 21 is the longest that `JSON.stringify` writes without an exponent.
pub const MAX_DIGITS: usize = 21;
/// How many octets a text may have.
pub const MAX_TEXT: usize = 65_536;

/// The members of a session's envelope; they are not data. Must match `_pure/envelope.py`.
pub const RESERVED: [&str; 5] = ["_expire", "_maxAge", "_session", "_created", "_owner"];

/// Why a text was refused.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// The text is not JSON, or has duplicate names or an infinite number.
    Malformed,
    /// The text is deeper, larger or longer than allowed.
    Limit,
    /// The builder failed, and holds the reason.
    Builder,
}

/// Makes the values that the reader finds.
pub trait Build {
    /// A finished value. Objects are filled through a shared reference.
    type Value;
    /// Makes `null`.
    fn null(&mut self) -> Self::Value;
    /// Makes `true` or `false`.
    fn boolean(&mut self, value: bool) -> Self::Value;
    /// Makes an integer.
    fn integer(&mut self, value: i64) -> Self::Value;
    /// Makes an integer of at most `MAX_DIGITS` digits.
    fn large_integer(&mut self, value: i128) -> Option<Self::Value>;
    /// Makes a finite float.
    fn float(&mut self, value: f64) -> Self::Value;
    /// Makes a string.
    fn string(&mut self, value: &str) -> Self::Value;
    /// Makes a string with lone surrogates, each in three octets: JavaScript writes them when it cuts an emoji in half.
    fn halves(&mut self, value: &[u8]) -> Option<Self::Value>;
    /// Makes a list of the values from `start` on, and removes them from the stack.
    fn list(&mut self, stack: &mut Vec<Self::Value>, start: usize) -> Option<Self::Value>;
    /// Makes an empty object.
    fn object(&mut self) -> Self::Value;
    /// Adds a member to an object; an equal name is overwritten. A name is UTF-8, except lone surrogates,
    /// each in three octets.
    fn insert(&mut self, object: &Self::Value, name: &[u8], value: Self::Value) -> Option<()>;
    /// Counts the members of an object.
    fn size(&self, object: &Self::Value) -> usize;
}

/// The result of `read_session`, in addition to the data in the root object.
pub struct Envelope<V> {
    /// The reserved members, in the order of `RESERVED`.
    pub reserved: [Option<V>; 5],
    /// The end of the data in a canonical text: its text is `text[..end]` and a closing brace. `None`: the text
    /// is JSON, but not as the canonical writer writes it.
    pub canonical_end: Option<usize>,
}

/// Reads one value and nothing after it.
///
/// # Errors
/// `Fault`, for text that is not JSON or exceeds a limit.
pub fn read<B: Build>(text: &str, build: &mut B) -> Result<B::Value, Fault> {
    let mut reader = Reader::new(text, build)?;
    reader.blank();
    let value = reader.value(0)?;
    reader.end()?;
    Ok(value)
}

/// Reads a session, an object: its reserved members are the envelope, its other members go into `root`.
///
/// # Errors
/// `Fault`, for text that is not a JSON object or exceeds a limit; `root` may then be partly filled.
pub fn read_session<B: Build>(text: &str, build: &mut B, root: &B::Value) -> Result<Envelope<B::Value>, Fault> {
    let mut reader = Reader::new(text, build)?;
    reader.blank();
    let envelope = reader.session(root)?;
    reader.end()?;
    Ok(Envelope { canonical_end: envelope.canonical_end.filter(|_| reader.canonical), ..envelope })
}
