//! The Python class of `keygrip`.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::keygrip;

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
