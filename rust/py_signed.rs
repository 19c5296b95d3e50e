//! The signed cookie: a value, and a second cookie with its Keygrip signature. It binds; `keygrip` and `cookie` decide.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};

use crate::codec;
use crate::envelope::Envelope;
use crate::py_cookie::{CookieHeader, Frame, Miss, only};
use crate::py_envelope::write_envelope;
use crate::py_json::write;
use crate::py_keygrip::Keygrip;

#[pyclass(frozen, module = "gingersnap._native")]
pub struct SignedCookie {
    frame: Frame,
    keygrip: Option<Py<Keygrip>>,
}

impl SignedCookie {
    /// Returns the one value that verifies, and the index of its key. Source: cookies `Cookies.get`.
    fn verified<'a>(&self, header: &'a [u8]) -> Result<(&'a [u8], usize), Miss> {
        let found = self.frame.find(header);
        let (values, digests) = (found.values.get(self.frame.first_only), found.digests.get(self.frame.first_only));
        if values.is_empty() {
            return Err(Miss::Missing);
        }
        if digests.is_empty() && self.keygrip.is_some() {
            return Err(Miss::Unsigned);
        }
        only(values, |value| Some((value, self.index(value, digests)?)))
    }

    fn index(&self, value: &[u8], digests: &[&[u8]]) -> Option<usize> {
        match &self.keygrip {
            None => Some(0),
            Some(keygrip) => keygrip.get().0.index([&self.frame.name, b"=", value], digests),
        }
    }

    /// Finishes `line`, a name and its value, into the lines of a response: the value's and the signature's.
    ///
    /// `bounded`: only the size if it is too large.
    fn finish<'py>(
        &self,
        py: Python<'py>,
        mut line: Vec<u8>,
        expires_ms: Option<i64>,
        now_ms: Option<i64>,
        bounded: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let pair = line.len();
        let digest = self.keygrip.as_ref().map(|keygrip| keygrip.get().0.sign([&line, b"", b""]));
        self.frame.end(&mut line, expires_ms, now_ms);
        if bounded && let Some(octets) = self.frame.excess(&line) {
            return Ok(octets.into_pyobject(py)?.into_any());
        }
        let own = PyBytes::new(py, &line);
        let Some(digest) = digest else { return Ok(PyList::new(py, [own])?.into_any()) };
        let signature = [self.frame.name.as_slice(), b".sig=", &digest, &line[pair..]].concat();
        Ok(PyList::new(py, [own, PyBytes::new(py, &signature)])?.into_any())
    }

    /// Adds the envelope to `text` and signs it; returns only the size if it is too large.
    #[allow(clippy::too_many_arguments)]
    fn sealed<'py>(
        &self,
        py: Python<'py>,
        mut text: Vec<u8>,
        envelope: &Envelope<'_>,
        owner: Option<&Bound<'py, PyString>>,
        has_expires: bool,
        now_ms: Option<i64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        write_envelope(&mut text, envelope, owner)?;
        let mut line = self.frame.start(text.len() * 4 / 3 + 4);
        codec::base64_encode(&text, &mut line);
        self.finish(py, line, envelope.expire_ms.filter(|_| has_expires), now_ms, true)
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
        Ok(Self { frame: Frame::new(name, head, tail, max_octets, header_limit, first_only)?, keygrip })
    }

    /// Verifies without decoding.
    fn read<'py>(&self, headers: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = headers.py();
        let Some(header) = CookieHeader::of(headers)? else { return Ok(None) };
        match self.verified(header.octets()) {
            Ok((value, index)) => Ok(Some((PyBytes::new(py, value), index).into_pyobject(py)?.into_any())),
            Err(miss) => Ok(miss.reason(py)),
        }
    }

    /// Verifies, decodes and fills `into`.
    fn load<'py>(
        &self,
        headers: &Bound<'py, PyAny>,
        into: &Bound<'py, PyDict>,
        now_ms: i64,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(header) = CookieHeader::of(headers)? else { return Ok(None) };
        match self.verified(header.octets()) {
            Ok((value, index)) => self.frame.fill(codec::base64_decode(value).as_deref(), index, into, now_ms),
            Err(miss) => Ok(miss.reason(into.py())),
        }
    }

    /// Encodes and signs; returns the finished lines.
    #[allow(clippy::too_many_arguments)]
    #[pyo3(signature = (data, expire_ms, max_age_ms, created_ms, owner, has_expires, now_ms = None))]
    fn dump<'py>(
        &self,
        data: &Bound<'py, PyAny>,
        expire_ms: Option<i64>,
        max_age_ms: Option<i64>,
        created_ms: Option<i64>,
        owner: Option<&Bound<'py, PyString>>,
        has_expires: bool,
        now_ms: Option<i64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let text = write(data, Vec::with_capacity(512))?;
        self.sealed(
            data.py(),
            text,
            &Envelope { expire_ms, max_age_ms, created_ms, owner: None },
            owner,
            has_expires,
            now_ms,
        )
    }

    /// Signs a body that is already encoded.
    #[allow(clippy::too_many_arguments)]
    #[pyo3(signature = (body, expire_ms, max_age_ms, created_ms, owner, has_expires, now_ms = None))]
    fn seal<'py>(
        &self,
        py: Python<'py>,
        body: &[u8],
        expire_ms: Option<i64>,
        max_age_ms: Option<i64>,
        created_ms: Option<i64>,
        owner: Option<&Bound<'py, PyString>>,
        has_expires: bool,
        now_ms: Option<i64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut text = Vec::with_capacity(body.len() + 64);
        text.extend_from_slice(body);
        self.sealed(py, text, &Envelope { expire_ms, max_age_ms, created_ms, owner: None }, owner, has_expires, now_ms)
    }

    /// Signs a value that is already encoded.
    #[pyo3(signature = (value, expires_ms, now_ms = None))]
    fn lines<'py>(
        &self,
        py: Python<'py>,
        value: &[u8],
        expires_ms: Option<i64>,
        now_ms: Option<i64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut line = self.frame.start(value.len());
        line.extend_from_slice(value);
        self.finish(py, line, expires_ms, now_ms, false)
    }

    #[allow(clippy::unused_self)]
    fn __repr__(&self) -> &'static str {
        "SignedCookie(<hidden>)"
    }
}
