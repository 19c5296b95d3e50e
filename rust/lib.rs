//! The native core of Gingersnap: cookie octets in, verified JSON out, and back.
//!
//! No clock, no configuration, and no I/O except the random octets of `seal`. `py` and the files `py_*` bind it to Python;
//! all others build without Python.

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
mod py_cookie;
#[cfg(feature = "python")]
mod py_envelope;
#[cfg(feature = "python")]
mod py_headers;
#[cfg(feature = "python")]
mod py_json;
#[cfg(feature = "python")]
mod py_keygrip;
#[cfg(feature = "python")]
mod py_seal;
#[cfg(feature = "python")]
mod py_signed;
pub mod seal;
