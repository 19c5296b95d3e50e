//! The encrypted cookie: one value without a signature cookie. It binds; `seal` and `cookie` decide.

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};
use zeroize::Zeroizing;

use crate::envelope::Envelope;
use crate::py_cookie::{CookieHeader, Frame, Miss, only};
use crate::py_envelope::write_envelope;
use crate::py_json::write;
use crate::seal::Sealer;

#[pyclass(frozen, module = "gingersnap._native")]
pub struct SealedCookie {
    frame: Frame,
    sealer: Sealer,
}

impl SealedCookie {
    /// Returns the text of the one value that decrypts, and the index of its key.
    ///
    /// All other values are refused as tampered: no signed, plain or older form is tried.
    fn opened(&self, header: &[u8]) -> Result<(Vec<u8>, usize), Miss> {
        let found = self.frame.find(header);
        match found.values.get(self.frame.first_only) {
            [] => Err(Miss::Missing),
            values => only(values, |value| self.sealer.open(value)),
        }
    }

    /// Finishes `line`, a name and its value, into the one line of a response; `bounded`: only the size if it is too large.
    fn finish<'py>(
        &self,
        py: Python<'py>,
        mut line: Vec<u8>,
        expires_ms: Option<i64>,
        now_ms: Option<i64>,
        bounded: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.frame.end(&mut line, expires_ms, now_ms);
        if bounded && let Some(octets) = self.frame.excess(&line) {
            return Ok(octets.into_pyobject(py)?.into_any());
        }
        Ok(PyList::new(py, [PyBytes::new(py, &line)])?.into_any())
    }

    /// Adds the envelope to `text` and encrypts it; returns only the size if it is too large.
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
        let mut line = self.frame.start(text.len() * 4 / 3 + 64);
        self.sealer.seal(&text, &mut line).map_err(|fault| PyOSError::new_err(fault.to_string()))?;
        self.finish(py, line, envelope.expire_ms.filter(|_| has_expires), now_ms, true)
    }
}

#[pymethods]
impl SealedCookie {
    #[new]
    #[pyo3(signature = (name, keys, head, tail, *, max_octets = 4096, header_limit = 16_384, first_only = false))]
    fn new(
        name: &str,
        keys: Vec<Vec<u8>>,
        head: Vec<u8>,
        tail: Vec<u8>,
        max_octets: usize,
        header_limit: usize,
        first_only: bool,
    ) -> PyResult<Self> {
        let keys = Zeroizing::new(keys);
        let frame = Frame::new(name, head, tail, max_octets, header_limit, first_only)?;
        let sealer = Sealer::new(&keys, &frame.name);
        let sealer = sealer.ok_or_else(|| PyValueError::new_err("SealedCookie needs at least one key"))?;
        Ok(Self { frame, sealer })
    }

    /// Decrypts without decoding.
    fn read<'py>(&self, headers: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = headers.py();
        let Some(header) = CookieHeader::of(headers)? else { return Ok(None) };
        match self.opened(header.octets()) {
            Ok((text, index)) => Ok(Some((PyBytes::new(py, &text), index).into_pyobject(py)?.into_any())),
            Err(miss) => Ok(miss.reason(py)),
        }
    }

    /// Decrypts, decodes and fills `into`.
    fn load<'py>(
        &self,
        headers: &Bound<'py, PyAny>,
        into: &Bound<'py, PyDict>,
        now_ms: i64,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(header) = CookieHeader::of(headers)? else { return Ok(None) };
        match self.opened(header.octets()) {
            Ok((text, index)) => self.frame.fill(Some(&text), index, into, now_ms),
            Err(miss) => Ok(miss.reason(into.py())),
        }
    }

    /// Encodes and encrypts; returns the finished line.
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

    /// Encrypts a body that is already encoded.
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

    /// Writes a value unchanged.
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
        "SealedCookie(<hidden>)"
    }
}
