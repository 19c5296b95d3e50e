//! A response's headers in ASGI: pairs of octets. It must not know the content of a line.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyList, PyTuple};

/// Octets that are made once and then reused.
struct Kept(&'static [u8], PyOnceLock<Py<PyBytes>>);

impl Kept {
    fn get<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        self.1.get_or_init(py, || PyBytes::new(py, self.0).unbind()).bind(py).clone()
    }
}

static SET_COOKIE: Kept = Kept(b"set-cookie", PyOnceLock::new());
static CACHE_CONTROL: Kept = Kept(b"cache-control", PyOnceLock::new());
static NO_STORE: Kept = Kept(b"no-store", PyOnceLock::new());
static VARY: Kept = Kept(b"vary", PyOnceLock::new());
static COOKIE: Kept = Kept(b"Cookie", PyOnceLock::new());

/// The headers of a response that matter here.
#[derive(Default)]
struct Seen {
    /// The response sets the session's cookie itself, and `overwrite` is off.
    own_line: bool,
    /// `Vary` already covers cookies.
    varies: bool,
    /// The index of the last `Vary`.
    vary_at: Option<usize>,
    cache_control: bool,
}

/// Copies `headers` and adds the Set-Cookie `lines` of the cookie `name` and of its signature.
///
/// No name is set twice: if the response sets one of the two already, its lines are removed; without `overwrite` they stay
/// and ours are left out. With `cache_headers`, `Vary` gets `Cookie` (RFC 9110 section 12.5.5), and a response with lines
/// `Cache-Control: no-store` unless it has its own.
#[pyfunction]
pub fn with_session_headers<'py>(
    headers: &Bound<'py, PyAny>,
    lines: &Bound<'py, PyList>,
    name: &[u8],
    overwrite: bool,
    cache_headers: bool,
) -> PyResult<Bound<'py, PyList>> {
    let py = headers.py();
    let copy = PyList::empty(py);
    let mut seen = Seen::default();
    for pair in headers.try_iter()? {
        let pair = pair?;
        let (key, value) = octets(&pair)?;
        if !lines.is_empty() && key.as_bytes().eq_ignore_ascii_case(b"set-cookie") && sets(value.as_bytes(), name) {
            if overwrite {
                continue;
            }
            seen.own_line = true;
        }
        seen.note(key.as_bytes(), value.as_bytes(), copy.len());
        copy.append(pair)?;
    }
    let sent = !lines.is_empty() && !seen.own_line;
    if sent {
        for line in lines.iter() {
            copy.append((SET_COOKIE.get(py), line))?;
        }
    }
    if cache_headers {
        seen.vary(&copy)?;
        if sent && !seen.cache_control {
            copy.append((CACHE_CONTROL.get(py), NO_STORE.get(py)))?;
        }
    }
    Ok(copy)
}

impl Seen {
    fn note(&mut self, key: &[u8], value: &[u8], at: usize) {
        match key.len() {
            4 if key.eq_ignore_ascii_case(b"vary") => {
                self.vary_at = Some(at);
                let mut words = value.split(|&octet| octet == b',').map(<[u8]>::trim_ascii);
                self.varies |= words.any(|word| word == b"*" || word.eq_ignore_ascii_case(b"cookie"));
            }
            13 => self.cache_control |= key.eq_ignore_ascii_case(b"cache-control"),
            _ => {}
        }
    }

    fn vary(&self, copy: &Bound<'_, PyList>) -> PyResult<()> {
        let py = copy.py();
        match self.vary_at {
            _ if self.varies => Ok(()),
            None => copy.append((VARY.get(py), COOKIE.get(py))),
            Some(at) => {
                let (key, value) = octets(&copy.get_item(at)?)?;
                copy.set_item(at, (key, PyBytes::new(py, &[value.as_bytes(), b", Cookie"].concat())))
            }
        }
    }
}

fn octets<'py>(pair: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
    let (key, value) = match pair.cast_exact::<PyTuple>() {
        Ok(pair) => (pair.get_item(0)?, pair.get_item(1)?),
        Err(_) => (pair.get_item(0)?, pair.get_item(1)?),
    };
    Ok((key.cast_into()?, value.cast_into()?))
}

/// Returns whether a Set-Cookie line sets `name` or its signature.
fn sets(line: &[u8], name: &[u8]) -> bool {
    line.strip_prefix(name).is_some_and(|rest| rest.starts_with(b"=") || rest.starts_with(b".sig="))
}
