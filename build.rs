//! Tells the core whether this Python has a GIL (`cfg(Py_GIL_DISABLED)`).

fn main() {
    #[cfg(feature = "python")]
    pyo3_build_config::use_pyo3_cfgs();
}
