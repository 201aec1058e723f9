//! Loading numpy.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::thread;

use numpy::{PyArray1, PyArrayMethods};
use pyo3::exceptions::{PyImportError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// As much as the main thread of a program has: imports nest deeply.
const STACK: usize = 8 << 20;

/// Loads numpy and everything that the binding takes from it. The binding itself does that on first use and panics if it fails, so whatever
/// makes or takes arrays calls this before.
///
/// It happens on a thread of its own, because Python runs signal handlers in the main thread: Ctrl-C can neither make the binding fail nor
/// end the import of numpy in the middle, after which it could not be imported again. The exception of Ctrl-C is raised afterwards.
///
/// # Errors
/// `ImportError` with advice; the exception of a signal handler.
pub fn load(py: Python<'_>) -> PyResult<()> {
    static LOADED: PyOnceLock<()> = PyOnceLock::new();
    if LOADED.get(py).is_some() {
        return Ok(());
    }
    let loaded = py.detach(|| {
        let attached = || Python::try_attach(load_here).unwrap_or_else(|| Err(ended()));
        match thread::Builder::new().name("rustcam numpy".to_owned()).stack_size(STACK).spawn(attached) {
            Ok(loading) => loading.join().unwrap_or_else(|_| Err(unusable())),
            // No thread is to be had.
            Err(_) => attached(),
        }
    });
    py.check_signals()?;
    loaded?;
    // Another thread may have been faster.
    let _ = LOADED.set(py, ());
    Ok(())
}

fn load_here(py: Python<'_>) -> PyResult<()> {
    py.import("rustcam._imports")?.call_method0("load_numpy")?;
    // What makes an array writable or not is loaded apart from the rest.
    let use_all = || drop(PyArray1::<u8>::zeros(py, 1, false).readwrite());
    catch_unwind(AssertUnwindSafe(use_all)).map_err(|_| unusable())
}

fn unusable() -> PyErr {
    PyImportError::new_err(
        "rustcam cannot use this version of numpy. Install another one: pip install --upgrade numpy rustcam",
    )
}

fn ended() -> PyErr {
    PyRuntimeError::new_err("the interpreter has ended")
}
