//! The native half of the Python package `plate_deploy`. Only conversions live here; the library does the work.

use pyo3::prelude::*;

/// Native module of `plate_deploy`.
#[pymodule(gil_used = false)]
fn _plate_deploy(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))
}
