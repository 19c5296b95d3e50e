//! The Python face of the core. It binds and converts; every decision is made in the modules it calls.

use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

use crate::cookie::{self, Candidates};
use crate::envelope::Envelope;
use crate::json::{self, Fault};
use crate::py_json::{Builder, Names, Writer};
use crate::{codec, crc, keygrip};

mod raised {
    pyo3::import_exception!(gingersnap.errors, UnserializableError);
}

/// Why there is no session in a request's cookies; `_pure/cookie.py` says the same words.
enum Miss {
    Missing,
    Tampered,
    Duplicate,
    Corrupt,
}

impl Miss {
    fn word(self, py: Python<'_>) -> Option<Bound<'_, PyAny>> {
        let word = match self {
            Self::Missing => return None,
            Self::Tampered => intern!(py, "tampered"),
            Self::Duplicate => intern!(py, "duplicate"),
            Self::Corrupt => intern!(py, "corrupt"),
        };
        Some(word.clone().into_any())
    }
}

/// A session's canonical text and the reserved members that came with it.
type Opened<'py> = (Bound<'py, PyBytes>, [Option<Bound<'py, PyAny>>; 5]);

/// Reads a session's text into a dict; `None` where it is no session.
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
        // Another writer's spelling: what counts as unchanged is the data, so it is spelled anew.
        None => dumps(into.as_any())?,
    };
    Ok(Some((body, envelope.reserved)))
}

/// Makes a fault Python's: nothing for a bad text, an exception where Python itself failed.
fn misread<T>(fault: &Fault, error: Option<PyErr>) -> PyResult<Option<T>> {
    match (fault, error) {
        (Fault::Builder, Some(error)) => Err(error),
        _ => Ok(None),
    }
}

/// Writes `data` behind what `line` holds.
fn write(data: &Bound<'_, PyAny>, line: Vec<u8>) -> PyResult<Vec<u8>> {
    let mut writer = Writer::new(line);
    match writer.value(data, 0) {
        Ok(()) => Ok(writer.line),
        Err(refusal) => Err(raised::UnserializableError::new_err((refusal.path(), refusal.reason))),
    }
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
    codec::armour(&write(data, Vec::new())?, &mut line);
    Ok(String::from_utf8_lossy(&line).into_owned())
}

#[pyfunction]
fn decode<'py>(py: Python<'py>, value: &[u8]) -> PyResult<Option<Bound<'py, PyAny>>> {
    codec::disarm(value).map_or(Ok(None), |text| loads(py, &text))
}

#[pyfunction]
fn crc32(data: &[u8]) -> u32 {
    crc::crc32(data)
}

#[pyfunction]
fn http_date(py: Python<'_>, at_ms: i64) -> Bound<'_, PyBytes> {
    let mut line = Vec::with_capacity(29);
    cookie::write_date(at_ms, &mut line);
    PyBytes::new(py, &line)
}

#[pyfunction]
fn find<'py>(py: Python<'py>, header: &[u8], name: &[u8]) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyList>)> {
    let bytes = |found: &[&[u8]]| PyList::new(py, found.iter().map(|octets| PyBytes::new(py, octets)));
    let Candidates { values, digests } = cookie::find(header, name);
    Ok((bytes(values.get(false))?, bytes(digests.get(false))?))
}

#[pyclass(frozen, module = "gingersnap._native")]
struct Keygrip(keygrip::Keygrip);

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

/// The Cookie header octets of a request, joined where HTTP/2 split them (RFC 9113 section 8.2.3).
enum CookieHeader<'py> {
    One(Bound<'py, PyBytes>),
    Joined(Vec<u8>),
}

impl<'py> CookieHeader<'py> {
    fn of(headers: &Bound<'py, PyAny>) -> PyResult<Option<Self>> {
        let mut found = None;
        for pair in headers.try_iter()? {
            let pair = pair?;
            let (name, value) = match pair.cast_exact::<PyTuple>() {
                Ok(pair) => (pair.get_item(0)?, pair.get_item(1)?),
                Err(_) => (pair.get_item(0)?, pair.get_item(1)?),
            };
            if name.cast::<PyBytes>()?.as_bytes() != b"cookie" {
                continue;
            }
            let value = value.cast_into::<PyBytes>()?;
            found = Some(match found {
                None => Self::One(value),
                Some(before) => Self::Joined([Self::octets(&before), b"; ", value.as_bytes()].concat()),
            });
        }
        Ok(found)
    }

    fn octets(&self) -> &[u8] {
        match self {
            Self::One(value) => value.as_bytes(),
            Self::Joined(value) => value,
        }
    }
}

#[pyclass(frozen, module = "gingersnap._native")]
struct SignedCookie {
    name: Vec<u8>,
    keygrip: Option<Py<Keygrip>>,
    /// The attributes before the date and behind it.
    head: Vec<u8>,
    tail: Vec<u8>,
    /// How many octets a name and its value may have together.
    max_octets: usize,
    /// How many octets of a Cookie header are examined.
    header_limit: usize,
    first_only: bool,
    names: Names,
}

impl SignedCookie {
    /// Finds the one value that is to be believed, and which key signed it. Source: cookies `Cookies.get`.
    fn verified<'a>(&self, header: &'a [u8]) -> Result<(&'a [u8], usize), Miss> {
        let Candidates { values, digests } = cookie::find(cookie::within(header, self.header_limit), &self.name);
        // koa: the first of each name counts, whatever follows.
        let (values, digests) = (values.get(self.first_only), digests.get(self.first_only));
        let mut found = Err(if values.is_empty() { Miss::Missing } else { Miss::Tampered });
        for (at, value) in values.iter().enumerate() {
            let Some(index) = self.index(value, digests).filter(|_| !values[..at].contains(value)) else { continue };
            if found.is_ok() {
                return Err(Miss::Duplicate);
            }
            found = Ok((*value, index));
        }
        found
    }

    fn index(&self, value: &[u8], digests: &[&[u8]]) -> Option<usize> {
        match &self.keygrip {
            None => Some(0),
            Some(_) if digests.is_empty() => None,
            Some(keygrip) => keygrip.get().0.index([&self.name, b"=", value], digests),
        }
    }

    /// Finishes `line`, a name and its value, into the lines of a response: its own and its signature's.
    fn finish<'py>(&self, py: Python<'py>, mut line: Vec<u8>, expires_ms: Option<i64>) -> PyResult<Bound<'py, PyAny>> {
        let pair = line.len();
        let digest = self.keygrip.as_ref().map(|keygrip| keygrip.get().0.sign([&line, b"", b""]));
        line.extend_from_slice(&self.head);
        if let Some(expires_ms) = expires_ms {
            line.extend_from_slice(b"; expires=");
            cookie::write_date(expires_ms, &mut line);
        }
        line.extend_from_slice(&self.tail);
        let own = PyBytes::new(py, &line);
        let Some(digest) = digest else { return Ok(PyList::new(py, [own])?.into_any()) };
        let signature = [self.name.as_slice(), b".sig=", &digest, &line[pair..]].concat();
        Ok(PyList::new(py, [own, PyBytes::new(py, &signature)])?.into_any())
    }

    /// Closes the envelope over `text` and signs it; the size alone where it is too large.
    fn sealed<'py>(
        &self,
        py: Python<'py>,
        mut text: Vec<u8>,
        envelope: &Envelope<'_>,
        owner: Option<&Bound<'py, PyString>>,
        dated: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let owner = owner.map(|owner| write(owner.as_any(), Vec::new())).transpose()?;
        let expires_ms = envelope.expire_ms.filter(|_| dated);
        Envelope { owner: owner.as_deref(), ..*envelope }.write(&mut text);
        let mut line = self.start(text.len() * 4 / 3 + 4);
        codec::armour(&text, &mut line);
        let octets = line.len() - 1;
        if octets > self.max_octets {
            return Ok(octets.into_pyobject(py)?.into_any());
        }
        self.finish(py, line, expires_ms)
    }

    fn start(&self, room: usize) -> Vec<u8> {
        let mut line = Vec::with_capacity(self.name.len() + room + self.head.len() + self.tail.len() + 48);
        line.extend_from_slice(&self.name);
        line.push(b'=');
        line
    }
}

#[pymethods]
impl SignedCookie {
    #[new]
    #[pyo3(signature = (name, keygrip, head, tail, *, max_octets = 4096, header_limit = 16_384, first_only = false))]
    fn new(
        name: &str,
        keygrip: Option<Py<Keygrip>>,
        head: Vec<u8>,
        tail: Vec<u8>,
        max_octets: usize,
        header_limit: usize,
        first_only: bool,
    ) -> Self {
        Self { name: name.into(), keygrip, head, tail, max_octets, header_limit, first_only, names: Names::new() }
    }

    /// Verifies without decoding.
    fn read<'py>(&self, headers: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = headers.py();
        let Some(header) = CookieHeader::of(headers)? else { return Ok(None) };
        match self.verified(header.octets()) {
            Ok((value, index)) => Ok(Some((PyBytes::new(py, value), index).into_pyobject(py)?.into_any())),
            Err(miss) => Ok(miss.word(py)),
        }
    }

    /// Verifies and decodes: headers in, dict filled.
    fn load<'py>(&self, headers: &Bound<'py, PyAny>, into: &Bound<'py, PyDict>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = into.py();
        let Some(header) = CookieHeader::of(headers)? else { return Ok(None) };
        let (value, index) = match self.verified(header.octets()) {
            Ok(found) => found,
            Err(miss) => return Ok(miss.word(py)),
        };
        let text = codec::disarm(value).and_then(|text| String::from_utf8(text).ok());
        let Some((body, reserved)) = text.map_or(Ok(None), |text| open(&text, into, &self.names))? else {
            into.clear();
            return Ok(Miss::Corrupt.word(py));
        };
        let [expire, max_age, session, created, owner] = reserved.map(|member| member.into_pyobject(py));
        let index = index.into_pyobject(py)?.into_any();
        let fields = [body.into_any(), index, expire?, max_age?, session?, created?, owner?];
        Ok(Some(PyTuple::new(py, fields)?.into_any()))
    }

    /// Encodes and signs: dict in, finished lines out.
    fn dump<'py>(
        &self,
        data: &Bound<'py, PyAny>,
        expire_ms: Option<i64>,
        max_age_ms: Option<i64>,
        created_ms: Option<i64>,
        owner: Option<&Bound<'py, PyString>>,
        dated: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let text = write(data, Vec::with_capacity(512))?;
        self.sealed(data.py(), text, &Envelope { expire_ms, max_age_ms, created_ms, owner: None }, owner, dated)
    }

    /// Signs a body that is encoded already.
    #[allow(clippy::too_many_arguments)]
    fn seal<'py>(
        &self,
        py: Python<'py>,
        body: &[u8],
        expire_ms: Option<i64>,
        max_age_ms: Option<i64>,
        created_ms: Option<i64>,
        owner: Option<&Bound<'py, PyString>>,
        dated: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut text = Vec::with_capacity(body.len() + 64);
        text.extend_from_slice(body);
        self.sealed(py, text, &Envelope { expire_ms, max_age_ms, created_ms, owner: None }, owner, dated)
    }

    /// Signs a value that is not ours to encode.
    fn lines<'py>(&self, py: Python<'py>, value: &[u8], expires_ms: Option<i64>) -> PyResult<Bound<'py, PyAny>> {
        let mut line = self.start(value.len());
        line.extend_from_slice(value);
        self.finish(py, line, expires_ms)
    }

    #[allow(clippy::unused_self)]
    fn __repr__(&self) -> &'static str {
        "SignedCookie(<hidden>)"
    }
}

/// The native half of `gingersnap._core`. It keeps no state of its own and needs no GIL.
#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use super::{Keygrip, SignedCookie, crc32, decode, dumps, encode, find, http_date, loads};
}
