//! The Python face of the core. It binds and converts; every decision is made in the modules it calls.

use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyInt, PyList, PyNone, PyString, PyTuple};

use crate::cookie::{self, Candidates};
use crate::envelope::Envelope;
use crate::json::{self, Fault, MAX_TEXT};
use crate::py_json::{Builder, Names, Writer};
use crate::{codec, crc, keygrip, py_headers};

/// The largest integer that JavaScript holds exactly. Must match `rules.py::LARGEST_MS`.
const LARGEST_MS: i64 = 1 << 53;

mod raised {
    pyo3::import_exception!(gingersnap.errors, SessionTooLarge);
    pyo3::import_exception!(gingersnap.errors, UnserializableError);
}

/// Why there is no session in a request's cookies; `_pure/cookie.py` says the same words.
enum Miss {
    Missing,
    Unsigned,
    Tampered,
    Duplicate,
    Corrupt,
}

impl Miss {
    fn word(self, py: Python<'_>) -> Option<Bound<'_, PyAny>> {
        let word = match self {
            Self::Missing => return None,
            Self::Unsigned => intern!(py, "unsigned"),
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
        None => match write(into.as_any(), Vec::with_capacity(text.len())) {
            Ok(body) => PyBytes::new(py, &body),
            // It fitted as it was spelled, but not in our own spelling.
            Err(_) => return Ok(None),
        },
    };
    Ok(Some((body, envelope.reserved)))
}

/// Says whether the dates are plain integers and the session lives by them; for all others the rules decide.
fn is_fresh(reserved: &[Option<Bound<'_, PyAny>>; 5], now_ms: i64) -> bool {
    let integer =
        |member: &Option<Bound<'_, PyAny>>| member.as_ref()?.cast_exact::<PyInt>().ok()?.extract::<i64>().ok();
    let (Some(expire), Some(max_age)) = (integer(&reserved[0]), integer(&reserved[1])) else { return false };
    now_ms <= expire && now_ms.checked_add(max_age).is_some_and(|latest| expire <= latest && latest <= LARGEST_MS)
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
        Ok(()) if writer.line.len() > MAX_TEXT => {
            let problem = format!("more than {MAX_TEXT} bytes of JSON");
            Err(raised::SessionTooLarge::new_err((String::new(), problem)))
        }
        Ok(()) => Ok(writer.line),
        Err(refusal) => Err(raised::UnserializableError::new_err((refusal.path(), refusal.reason))),
    }
}

/// Writes an owner's name; what is wrong with it is told with its place.
fn write_owner(owner: &Bound<'_, PyString>) -> PyResult<Vec<u8>> {
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
fn http_date<'py>(at_ms: &Bound<'py, PyInt>) -> PyResult<Bound<'py, PyBytes>> {
    // What 64 bits cannot hold is beyond the last year, or before the first.
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

/// Refuses what no cookie can be called; the options let less through.
fn check_name(name: &[u8]) -> PyResult<()> {
    if name.is_empty() || !name.iter().all(|octet| octet.is_ascii_graphic() && !b"=;".contains(octet)) {
        return Err(PyValueError::new_err("a cookie's name is visible ASCII without '=' and ';'"));
    }
    Ok(())
}

#[pyfunction]
fn find<'py>(py: Python<'py>, header: &[u8], name: &[u8]) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyList>)> {
    check_name(name)?;
    let bytes = |found: &[&[u8]]| PyList::new(py, found.iter().map(|octets| PyBytes::new(py, octets)));
    let Candidates { values, digests } = cookie::find(header, name);
    Ok((bytes(values.get(false))?, bytes(digests.get(false))?))
}

/// Puts a session's lines into a copy of a response's headers.
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
    /// Put together in one pass, however many there are.
    Joined(Vec<u8>),
}

impl<'py> CookieHeader<'py> {
    fn of(headers: &Bound<'py, PyAny>) -> PyResult<Option<Self>> {
        let mut found = None;
        // Servers give a list of tuples; the specification lets them give any iterable of pairs.
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
        if values.is_empty() {
            return Err(Miss::Missing);
        }
        if digests.is_empty() && self.keygrip.is_some() {
            return Err(Miss::Unsigned);
        }
        let mut found = Err(Miss::Tampered);
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
        let owner = owner.map(write_owner).transpose()?;
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
    ) -> PyResult<Self> {
        check_name(name.as_bytes())?;
        Ok(Self { name: name.into(), keygrip, head, tail, max_octets, header_limit, first_only, names: Names::new() })
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
    fn load<'py>(
        &self,
        headers: &Bound<'py, PyAny>,
        into: &Bound<'py, PyDict>,
        now_ms: i64,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
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
        let fresh = PyBool::new(py, is_fresh(&reserved, now_ms)).to_owned().into_any();
        let index = index.into_pyobject(py)?.into_any();
        let [expire, max_age, session, created, owner] =
            reserved.map(|member| member.unwrap_or_else(|| PyNone::get(py).to_owned().into_any()));
        let fields = [body.into_any(), index, fresh, expire, max_age, session, created, owner];
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
    use super::{Keygrip, SignedCookie, amend, crc32, decode, dumps, encode, find, http_date, loads};
}
