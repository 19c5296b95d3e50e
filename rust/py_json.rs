//! JSON text to Python values and back. `json` has the grammar and the limits; this file and its parts decide the types.

mod builder;
mod writer;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

pub use self::builder::{Builder, Names};
use self::writer::Writer;
use crate::json::{self, Fault, MAX_TEXT};
use crate::{codec, crc};

mod raised {
    pyo3::import_exception!(gingersnap.errors, SessionTooLarge);
    pyo3::import_exception!(gingersnap.errors, UnserializableError);
}

/// Converts a fault for Python: `None` for a bad text, an exception if Python itself failed.
pub fn misread<T>(fault: &Fault, error: Option<PyErr>) -> PyResult<Option<T>> {
    match (fault, error) {
        (Fault::Builder, Some(error)) => Err(error),
        _ => Ok(None),
    }
}

/// Appends the JSON text of `data` to `line`.
pub fn write(data: &Bound<'_, PyAny>, line: Vec<u8>) -> PyResult<Vec<u8>> {
    let mut writer = Writer::new(line);
    match writer.value(data, 0) {
        Ok(()) if writer.line.len() > MAX_TEXT => {
            let problem = format!("more than {MAX_TEXT} bytes of JSON");
            Err(raised::SessionTooLarge::new_err((String::new(), problem)))
        }
        Ok(()) => Ok(writer.line),
        Err(refusal) => Err(raised::UnserializableError::new_err((refusal.path(), refusal.reason))),
    }
}

/// Writes an owner's name; an error names its place.
pub fn write_owner(owner: &Bound<'_, PyString>) -> PyResult<Vec<u8>> {
    let mut writer = Writer::new(Vec::new());
    let written = writer.value(owner.as_any(), 0);
    written.map_err(|refusal| raised::UnserializableError::new_err(("_owner", refusal.reason)))?;
    Ok(writer.line)
}

#[pyfunction]
pub fn dumps<'py>(data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(data.py(), &write(data, Vec::with_capacity(512))?))
}

#[pyfunction]
pub fn loads<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Ok(text) = std::str::from_utf8(text) else { return Ok(None) };
    let mut builder = Builder::new(py, None);
    match json::read(text, &mut builder) {
        Ok(value) => Ok(Some(value).filter(PyAnyMethods::is_instance_of::<PyDict>)),
        Err(fault) => misread(&fault, builder.error),
    }
}

#[pyfunction]
pub fn encode(data: &Bound<'_, PyAny>) -> PyResult<String> {
    let mut line = Vec::new();
    codec::base64_encode(&write(data, Vec::new())?, &mut line);
    Ok(String::from_utf8_lossy(&line).into_owned())
}

#[pyfunction]
pub fn decode<'py>(py: Python<'py>, value: &[u8]) -> PyResult<Option<Bound<'py, PyAny>>> {
    codec::base64_decode(value).map_or(Ok(None), |text| loads(py, &text))
}

#[pyfunction]
pub fn crc32(data: &[u8]) -> u32 {
    crc::crc32(data)
}
