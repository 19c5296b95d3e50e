//! Python values from JSON text, with the names of earlier sessions kept ready.

use std::sync::{Mutex, MutexGuard};

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyNone, PyString};

use crate::json::Build;

/// How many member names are kept ready as Python strings.
const NAME_SLOTS: usize = 256;
/// Longer names are not kept.
const LONGEST_NAME: usize = 32;

/// A kept name: its text and its Python string.
type Name = (Box<[u8]>, Py<PyString>);

/// Names of earlier sessions, as Python strings with their hash ready: the names hardly ever change.
pub struct Names(Mutex<Vec<Option<Name>>>);

impl Names {
    pub fn new() -> Self {
        Self(Mutex::new((0..NAME_SLOTS).map(|_| None).collect()))
    }

    /// Opens the cache; `None` while another thread, or a caller in this thread, has it open.
    fn open(&self) -> Option<MutexGuard<'_, Vec<Option<Name>>>> {
        self.0.try_lock().ok()
    }
}

/// FNV-1a, reduced to a slot: fast on short names, and a collision only costs a new string.
fn slot(name: &[u8]) -> usize {
    let hash = name.iter().fold(0x811C_9DC5_u32, |hash, octet| (hash ^ u32::from(*octet)).wrapping_mul(0x0100_0193));
    (hash ^ (hash >> 16)) as usize % NAME_SLOTS
}

/// Builds Python values.
pub struct Builder<'a, 'py> {
    py: Python<'py>,
    names: Option<MutexGuard<'a, Vec<Option<Name>>>>,
    /// The Python exception behind `Fault::Builder`.
    pub error: Option<PyErr>,
}

impl<'a, 'py> Builder<'a, 'py> {
    pub fn new(py: Python<'py>, names: Option<&'a Names>) -> Self {
        Self { py, names: names.and_then(Names::open), error: None }
    }

    fn kept<T>(&mut self, result: PyResult<T>) -> Option<T> {
        result.map_err(|error| self.error = Some(error)).ok()
    }

    #[cold]
    fn surrogates(&mut self, octets: &[u8]) -> Option<Bound<'py, PyString>> {
        let octets = PyBytes::new(self.py, octets);
        self.kept(PyString::from_encoded_object(&octets, Some(c"utf-8"), Some(c"surrogatepass")))
    }

    fn name(&mut self, name: &[u8]) -> Option<Bound<'py, PyString>> {
        let at = slot(name);
        if name.len() > LONGEST_NAME || self.names.is_none() {
            return self.new_name(name);
        }
        if let Some((octets, known)) = self.names.as_ref().and_then(|names| names[at].as_ref())
            && **octets == *name
        {
            return Some(known.bind(self.py).clone());
        }
        let made = self.new_name(name)?;
        if let Some(names) = self.names.as_mut() {
            names[at] = Some((name.into(), made.clone().unbind()));
        }
        Some(made)
    }

    fn new_name(&mut self, name: &[u8]) -> Option<Bound<'py, PyString>> {
        match std::str::from_utf8(name) {
            Ok(text) => Some(PyString::new(self.py, text)),
            Err(_) => self.surrogates(name),
        }
    }
}

impl<'py> Build for Builder<'_, 'py> {
    type Value = Bound<'py, PyAny>;

    fn null(&mut self) -> Self::Value {
        PyNone::get(self.py).to_owned().into_any()
    }

    fn boolean(&mut self, value: bool) -> Self::Value {
        PyBool::new(self.py, value).to_owned().into_any()
    }

    fn integer(&mut self, value: i64) -> Self::Value {
        PyInt::new(self.py, value).into_any()
    }

    fn large_integer(&mut self, value: i128) -> Option<Self::Value> {
        let result = value.into_pyobject(self.py).map(Bound::into_any);
        self.kept(result.map_err(PyErr::from))
    }

    fn float(&mut self, value: f64) -> Self::Value {
        PyFloat::new(self.py, value).into_any()
    }

    fn string(&mut self, value: &str) -> Self::Value {
        PyString::new(self.py, value).into_any()
    }

    fn halves(&mut self, value: &[u8]) -> Option<Self::Value> {
        self.surrogates(value).map(Bound::into_any)
    }

    fn list(&mut self, stack: &mut Vec<Self::Value>, start: usize) -> Option<Self::Value> {
        let result = PyList::new(self.py, stack.drain(start..));
        self.kept(result).map(Bound::into_any)
    }

    fn object(&mut self) -> Self::Value {
        PyDict::new(self.py).into_any()
    }

    fn insert(&mut self, object: &Self::Value, name: &[u8], value: Self::Value) -> Option<()> {
        let name = self.name(name)?;
        let result = object.cast::<PyDict>().map_err(PyErr::from).and_then(|dict| dict.set_item(name, value));
        self.kept(result)
    }

    fn size(&self, object: &Self::Value) -> usize {
        object.cast::<PyDict>().map_or(0, PyDictMethods::len)
    }
}
