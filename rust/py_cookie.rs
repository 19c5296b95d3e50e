//! The common part of both cookies: reads headers into a session's dict and writes the line around a value. It must not hold a key.

use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyInt, PyList, PyTuple};

use crate::cookie::{self, Candidates};
use crate::json;
use crate::py_envelope::read_envelope;
use crate::py_json::Names;

/// Why there is no session in a request's cookies, as in `_pure/cookie.py`.
pub enum Miss {
    Missing,
    Unsigned,
    Tampered,
    Duplicate,
    Corrupt,
}

impl Miss {
    pub fn reason(self, py: Python<'_>) -> Option<Bound<'_, PyAny>> {
        let reason = match self {
            Self::Missing => return None,
            Self::Unsigned => intern!(py, "unsigned"),
            Self::Tampered => intern!(py, "tampered"),
            Self::Duplicate => intern!(py, "duplicate"),
            Self::Corrupt => intern!(py, "corrupt"),
        };
        Some(reason.clone().into_any())
    }
}

/// Refuses a name that no cookie can have; the options are stricter.
pub fn check_name(name: &[u8]) -> PyResult<()> {
    if name.is_empty() || !name.iter().all(|octet| octet.is_ascii_graphic() && !b"=;".contains(octet)) {
        return Err(PyValueError::new_err("a cookie's name is visible ASCII without '=' and ';'"));
    }
    Ok(())
}

/// The Cookie header octets of a request, joined where HTTP/2 split them (RFC 9113 section 8.2.3).
pub enum CookieHeader<'py> {
    One(Bound<'py, PyBytes>),
    /// Joins any number of headers in one pass.
    Joined(Vec<u8>),
}

impl<'py> CookieHeader<'py> {
    pub fn of(headers: &Bound<'py, PyAny>) -> PyResult<Option<Self>> {
        let mut found = None;
        // Servers pass a list of tuples; the specification allows any iterable of pairs.
        if let Ok(list) = headers.cast_exact::<PyList>() {
            for pair in list.iter() {
                Self::take(&pair, &mut found)?;
            }
        } else {
            for pair in headers.try_iter()? {
                Self::take(&pair?, &mut found)?;
            }
        }
        Ok(found)
    }

    fn take(pair: &Bound<'py, PyAny>, found: &mut Option<Self>) -> PyResult<()> {
        if let Ok(pair) = pair.cast_exact::<PyTuple>() {
            let name = pair.get_borrowed_item(0)?;
            if name.cast::<PyBytes>()?.as_bytes() == b"cookie" {
                Self::add(found, pair.get_item(1)?.cast_into()?);
            }
        } else if pair.get_item(0)?.cast::<PyBytes>()?.as_bytes() == b"cookie" {
            Self::add(found, pair.get_item(1)?.cast_into()?);
        }
        Ok(())
    }

    fn add(found: &mut Option<Self>, value: Bound<'py, PyBytes>) {
        *found = Some(match found.take() {
            None => Self::One(value),
            Some(Self::One(first)) => Self::Joined([first.as_bytes(), b"; ", value.as_bytes()].concat()),
            Some(Self::Joined(mut octets)) => {
                octets.extend_from_slice(b"; ");
                octets.extend_from_slice(value.as_bytes());
                Self::Joined(octets)
            }
        });
    }

    pub fn octets(&self) -> &[u8] {
        match self {
            Self::One(value) => value.as_bytes(),
            Self::Joined(value) => value,
        }
    }
}

/// A cookie without the protection of its value: its name, its attributes and its limits.
pub struct Frame {
    pub name: Vec<u8>,
    /// The attributes before and after Expires.
    pub head: Vec<u8>,
    pub tail: Vec<u8>,
    /// How many octets a line may have: name, value and attributes.
    pub max_octets: usize,
    /// How many octets of a Cookie header are examined.
    pub header_limit: usize,
    /// koa: only the first cookie of each name counts.
    pub first_only: bool,
    names: Names,
}

impl Frame {
    pub fn new(
        name: &str,
        head: Vec<u8>,
        tail: Vec<u8>,
        max_octets: usize,
        header_limit: usize,
        first_only: bool,
    ) -> PyResult<Self> {
        check_name(name.as_bytes())?;
        Ok(Self { name: name.into(), head, tail, max_octets, header_limit, first_only, names: Names::new() })
    }

    /// Finds the cookie's values and signatures in the part of a header that may be examined.
    pub fn find<'a>(&self, header: &'a [u8]) -> Candidates<'a> {
        cookie::find(cookie::within(header, self.header_limit), &self.name)
    }

    /// Reads a verified value into a dict. Returns `_native.pyi`'s `Loaded`, or why there is no session.
    pub fn fill<'py>(
        &self,
        text: Option<&[u8]>,
        index: usize,
        into: &Bound<'py, PyDict>,
        now_ms: i64,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let text = text.and_then(|text| std::str::from_utf8(text).ok());
        read_envelope(text, index, into, now_ms, &self.names)
    }

    /// Starts a line with the cookie's name and `=`, and makes room for the rest.
    pub fn start(&self, room: usize) -> Vec<u8> {
        let mut line = Vec::with_capacity(self.name.len() + room + self.head.len() + self.tail.len() + 48);
        line.extend_from_slice(&self.name);
        line.push(b'=');
        line
    }

    /// Ends a line with the cookie's attributes; with `now_ms` it has Max-Age too.
    pub fn end(&self, line: &mut Vec<u8>, expires_ms: Option<i64>, now_ms: Option<i64>) {
        line.extend_from_slice(&self.head);
        if let Some(expires_ms) = expires_ms {
            line.extend_from_slice(b"; expires=");
            cookie::write_date(expires_ms, line);
            if let Some(now_ms) = now_ms {
                line.extend_from_slice(b"; max-age=");
                json::write_integer(cookie::age_s(expires_ms, now_ms), line);
            }
        }
        line.extend_from_slice(&self.tail);
    }

    /// Returns the octets of a finished line if it is too long (RFC 6265 section 6.1).
    pub fn excess(&self, line: &[u8]) -> Option<usize> {
        Some(line.len()).filter(|octets| *octets > self.max_octets)
    }
}

/// Returns the one value that `verify` accepts; none if it accepts two different ones.
pub fn only<'a, T>(values: &[&'a [u8]], verify: impl Fn(&'a [u8]) -> Option<T>) -> Result<T, Miss> {
    let mut found = Err(Miss::Tampered);
    for (at, value) in values.iter().enumerate() {
        let Some(verified) = verify(value).filter(|_| !values[..at].contains(value)) else { continue };
        if found.is_ok() {
            return Err(Miss::Duplicate);
        }
        found = Ok(verified);
    }
    found
}

#[pyfunction]
pub fn http_date<'py>(at_ms: &Bound<'py, PyInt>) -> PyResult<Bound<'py, PyBytes>> {
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
pub fn find<'py>(py: Python<'py>, header: &[u8], name: &[u8]) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyList>)> {
    check_name(name)?;
    let bytes = |found: &[&[u8]]| PyList::new(py, found.iter().map(|octets| PyBytes::new(py, octets)));
    let Candidates { values, digests } = cookie::find(header, name);
    Ok((bytes(values.get(false))?, bytes(digests.get(false))?))
}
