//! The native core of Gingersnap: cookie octets in, verified JSON out, and back.
//!
//! No I/O, no clock, no configuration. `py`, `py_headers` and `py_json` bind it to Python; everything else builds without.

#![forbid(unsafe_code)]

pub mod codec;
pub mod cookie;
pub mod crc;
pub mod envelope;
pub mod json;
pub mod keygrip;
#[cfg(feature = "python")]
mod py;
#[cfg(feature = "python")]
mod py_headers;
#[cfg(feature = "python")]
mod py_json;
