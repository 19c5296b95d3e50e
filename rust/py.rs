//! The Python interface of the core. It binds and converts; the modules that it calls make all decisions.

use std::sync::LazyLock;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyInt, PyList, PyString};

use crate::cookie::{self, Candidates};
use crate::envelope::Envelope;
use crate::json::{self, Fault, MAX_TEXT};
use crate::py_cookie::check_name;
use crate::py_json::{Builder, Names, Writer};
use crate::{codec, crc, keygrip, py_cookie, py_headers};

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
fn dumps<'py>(data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(data.py(), &write(data, Vec::with_capacity(512))?))
}

#[pyfunction]
fn loads<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Ok(text) = std::str::from_utf8(text) else { return Ok(None) };
    let mut builder = Builder::new(py, None);
    match json::read(text, &mut builder) {
        Ok(value) => Ok(Some(value).filter(PyAnyMethods::is_instance_of::<PyDict>)),
        Err(fault) => misread(&fault, builder.error),
    }
}

#[pyfunction]
fn encode(data: &Bound<'_, PyAny>) -> PyResult<String> {
    let mut line = Vec::new();
    codec::base64_encode(&write(data, Vec::new())?, &mut line);
    Ok(String::from_utf8_lossy(&line).into_owned())
}

#[pyfunction]
fn decode<'py>(py: Python<'py>, value: &[u8]) -> PyResult<Option<Bound<'py, PyAny>>> {
    codec::base64_decode(value).map_or(Ok(None), |text| loads(py, &text))
}

#[pyfunction]
fn enclose<'py>(
    body: &Bound<'py, PyBytes>,
    expire_ms: Option<i64>,
    max_age_ms: Option<i64>,
    created_ms: Option<i64>,
    owner: Option<&Bound<'py, PyString>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let mut text = Vec::with_capacity(body.as_bytes().len() + 96);
    text.extend_from_slice(body.as_bytes());
    py_cookie::enclose(&mut text, &Envelope { expire_ms, max_age_ms, created_ms, owner: None }, owner)?;
    Ok(PyBytes::new(body.py(), &text))
}

#[pyfunction]
fn disclose<'py>(text: &[u8], into: &Bound<'py, PyDict>, now_ms: i64) -> PyResult<Option<Bound<'py, PyAny>>> {
    // The names of members, kept from one record to the next.
    static NAMES: LazyLock<Names> = LazyLock::new(Names::new);
    py_cookie::disclose(std::str::from_utf8(text).ok(), 0, into, now_ms, &NAMES)
}

#[pyfunction]
fn crc32(data: &[u8]) -> u32 {
    crc::crc32(data)
}

#[pyfunction]
fn http_date<'py>(at_ms: &Bound<'py, PyInt>) -> PyResult<Bound<'py, PyBytes>> {
    // A number beyond 64 bits is after the last year, or before the first.
    let near = at_ms.extract::<i64>().ok();
    let at_ms_cut = match near {
        Some(near) => near,
        None if at_ms.lt(0)? => i64::MIN,
        None => i64::MAX,
    };
    let mut line = Vec::with_capacity(29);
    cookie::write_date(at_ms_cut, &mut line);
    Ok(PyBytes::new(at_ms.py(), &line))
}

#[pyfunction]
fn find<'py>(py: Python<'py>, header: &[u8], name: &[u8]) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyList>)> {
    check_name(name)?;
    let bytes = |found: &[&[u8]]| PyList::new(py, found.iter().map(|octets| PyBytes::new(py, octets)));
    let Candidates { values, digests } = cookie::find(header, name);
    Ok((bytes(values.get(false))?, bytes(digests.get(false))?))
}

/// Returns a copy of a response's headers with a session's lines.
#[pyfunction]
fn amend<'py>(
    headers: &Bound<'py, PyAny>,
    lines: &Bound<'py, PyList>,
    name: &[u8],
    overwrite: bool,
    cache_headers: bool,
) -> PyResult<Bound<'py, PyList>> {
    py_headers::amend(headers, lines, name, overwrite, cache_headers)
}

#[pyclass(frozen, module = "gingersnap._native")]
pub struct Keygrip(pub keygrip::Keygrip);

#[pymethods]
impl Keygrip {
    #[new]
    #[pyo3(signature = (keys, algorithm = "sha1"))]
    #[allow(clippy::needless_pass_by_value)]
    fn new(keys: Vec<Vec<u8>>, algorithm: &str) -> PyResult<Self> {
        let grip = keygrip::Keygrip::new(&keys, algorithm);
        grip.map(Self).ok_or_else(|| PyValueError::new_err("Keygrip needs at least one key and a known algorithm"))
    }

    fn sign(&self, data: &[u8]) -> String {
        String::from_utf8_lossy(&self.0.sign([data, b"", b""])).into_owned()
    }

    fn index(&self, data: &[u8], digest: &[u8]) -> Option<usize> {
        self.0.index([data, b"", b""], &[digest])
    }

    #[allow(clippy::unused_self)]
    fn __repr__(&self) -> &'static str {
        "Keygrip(<hidden>)"
    }
}

/// The native half of `gingersnap._core`. It keeps no state and needs no GIL.
#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use super::{Keygrip, amend, crc32, decode, disclose, dumps, enclose, encode, find, http_date, loads};
    #[pymodule_export]
    use crate::py_seal::SealedCookie;
    #[pymodule_export]
    use crate::py_signed::SignedCookie;
}
