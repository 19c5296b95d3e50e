//! The module that Python imports. The files `py_*` bind and convert; the modules that they call make all decisions.

use pyo3::prelude::*;

/// The native half of `gingersnap._core`. It keeps no state and needs no GIL.
#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use crate::py_cookie::{find, http_date};
    #[pymodule_export]
    use crate::py_envelope::{add_envelope, split_envelope};
    #[pymodule_export]
    use crate::py_headers::with_session_headers;
    #[pymodule_export]
    use crate::py_json::{crc32, decode, dumps, encode, loads};
    #[pymodule_export]
    use crate::py_keygrip::Keygrip;
    #[pymodule_export]
    use crate::py_seal::SealedCookie;
    #[pymodule_export]
    use crate::py_signed::SignedCookie;
}
