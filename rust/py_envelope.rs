//! Adds a session's envelope to its text, and splits a text into data and envelope.

use std::sync::LazyLock;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyInt, PyNone, PyString, PyTuple};

use crate::envelope::Envelope;
use crate::json;
use crate::py_cookie::Miss;
use crate::py_json::{Builder, Names, misread, write, write_owner};

/// The largest integer that JavaScript holds exactly. Must match `rules.py::LARGEST_MS`.
const LARGEST_MS: i64 = 1 << 53;

/// A session's canonical text and its reserved members.
type Opened<'py> = (Bound<'py, PyBytes>, [Option<Bound<'py, PyAny>>; 5]);

/// Reads a session's text into a dict; `None` if it is no session.
fn open<'py>(text: &str, into: &Bound<'py, PyDict>, names: &Names) -> PyResult<Option<Opened<'py>>> {
    let py = into.py();
    let mut builder = Builder::new(py, Some(names));
    let envelope = match json::read_session(text, &mut builder, into.as_any()) {
        Ok(envelope) => envelope,
        Err(fault) => return misread(&fault, builder.error),
    };
    let body = match envelope.canonical_end {
        Some(end) if end + 1 == text.len() => PyBytes::new(py, text.as_bytes()),
        Some(end) => PyBytes::new(py, &[&text.as_bytes()[..end], b"}"].concat()),
        // The text is not canonical: changes are found by comparing canonical text, so the data is written again.
        None => match write(into.as_any(), Vec::with_capacity(text.len())) {
            Ok(body) => PyBytes::new(py, &body),
            // The text fitted as it was written, but not in canonical form.
            Err(_) => return Ok(None),
        },
    };
    Ok(Some((body, envelope.reserved)))
}

/// Returns whether the dates are plain integers and the session lives by them; `lifecycle/rules.py` decides about all others.
fn is_fresh(reserved: &[Option<Bound<'_, PyAny>>; 5], now_ms: i64) -> bool {
    let integer =
        |member: &Option<Bound<'_, PyAny>>| member.as_ref()?.cast_exact::<PyInt>().ok()?.extract::<i64>().ok();
    let (Some(expire), Some(max_age)) = (integer(&reserved[0]), integer(&reserved[1])) else { return false };
    now_ms <= expire && now_ms.checked_add(max_age).is_some_and(|latest| expire <= latest && latest <= LARGEST_MS)
}

/// Reads a session's text into a dict. Returns `_native.pyi`'s `Loaded`, or `corrupt` for a text that is no session.
pub fn read_envelope<'py>(
    text: Option<&str>,
    index: usize,
    into: &Bound<'py, PyDict>,
    now_ms: i64,
    names: &Names,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = into.py();
    let Some((body, reserved)) = text.map_or(Ok(None), |text| open(text, into, names))? else {
        into.clear();
        return Ok(Miss::Corrupt.reason(py));
    };
    let fresh = PyBool::new(py, is_fresh(&reserved, now_ms)).to_owned().into_any();
    let index = index.into_pyobject(py)?.into_any();
    let [expire, max_age, session, created, owner] =
        reserved.map(|member| member.unwrap_or_else(|| PyNone::get(py).to_owned().into_any()));
    let fields = [body.into_any(), index, fresh, expire, max_age, session, created, owner];
    Ok(Some(PyTuple::new(py, fields)?.into_any()))
}

/// Adds the envelope to a session's text.
pub fn write_envelope(
    text: &mut Vec<u8>,
    envelope: &Envelope<'_>,
    owner: Option<&Bound<'_, PyString>>,
) -> PyResult<()> {
    let owner = owner.map(write_owner).transpose()?;
    Envelope { owner: owner.as_deref(), ..*envelope }.write(text);
    Ok(())
}

/// `_native.pyi`'s `add_envelope`.
#[pyfunction]
pub fn add_envelope<'py>(
    body: &Bound<'py, PyBytes>,
    expire_ms: Option<i64>,
    max_age_ms: Option<i64>,
    created_ms: Option<i64>,
    owner: Option<&Bound<'py, PyString>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let mut text = Vec::with_capacity(body.as_bytes().len() + 96);
    text.extend_from_slice(body.as_bytes());
    write_envelope(&mut text, &Envelope { expire_ms, max_age_ms, created_ms, owner: None }, owner)?;
    Ok(PyBytes::new(body.py(), &text))
}

/// `_native.pyi`'s `split_envelope`.
#[pyfunction]
pub fn split_envelope<'py>(text: &[u8], into: &Bound<'py, PyDict>, now_ms: i64) -> PyResult<Option<Bound<'py, PyAny>>> {
    // The names of members, kept from one record to the next.
    static NAMES: LazyLock<Names> = LazyLock::new(Names::new);
    read_envelope(std::str::from_utf8(text).ok(), 0, into, now_ms, &NAMES)
}
