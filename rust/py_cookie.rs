//! The common part of both cookies: reads headers into a session's dict and writes the line around a value. It must not hold a key.

use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyInt, PyList, PyNone, PyString, PyTuple};

use crate::cookie::{self, Candidates};
use crate::envelope::Envelope;
use crate::json;
use crate::py::{misread, write, write_owner};
use crate::py_json::{Builder, Names};

/// The largest integer that JavaScript holds exactly. Must match `rules.py::LARGEST_MS`.
const LARGEST_MS: i64 = 1 << 53;

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
        disclose(text, index, into, now_ms, &self.names)
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

/// Reads a session's text into a dict. Returns `_native.pyi`'s `Loaded`, or `corrupt` for a text that is no session.
pub fn disclose<'py>(
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
pub fn enclose(text: &mut Vec<u8>, envelope: &Envelope<'_>, owner: Option<&Bound<'_, PyString>>) -> PyResult<()> {
    let owner = owner.map(write_owner).transpose()?;
    Envelope { owner: owner.as_deref(), ..*envelope }.write(text);
    Ok(())
}
