//! Errors of the engine as the exception classes of `rustcam._errors`, with their attributes.

use pyo3::exceptions::{PyKeyboardInterrupt, PyMemoryError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use rustcam::error::{Error, ErrorKind};

use crate::logging;

/// The exception classes by name. `rustcam._errors` adds those of its first import and takes them from here when it is imported or reloaded
/// again. So each class exists once in a process, and every `except` clause catches it.
pub fn classes(py: Python<'_>) -> &Bound<'_, PyDict> {
    static CLASSES: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
    CLASSES.get_or_init(py, || PyDict::new(py).unbind()).bind(py)
}

/// The exception for `error`.
pub fn to_python(py: Python<'_>, error: &Error) -> PyErr {
    let name = match error.kind() {
        ErrorKind::InvalidArgument => return PyValueError::new_err(error.to_string()),
        ErrorKind::WrongState => return PyRuntimeError::new_err(error.to_string()),
        ErrorKind::Interrupted => return PyKeyboardInterrupt::new_err(()),
        ErrorKind::OutOfMemory => return PyMemoryError::new_err(error.to_string()),
        ErrorKind::Device => "DeviceError",
        ErrorKind::Duplication => "DuplicationError",
        ErrorKind::AccessLost => "AccessLost",
        ErrorKind::Timeout => "CaptureTimeout",
        _ => "CaptureError",
    };
    instance(py, name, error).map_or_else(|failed| failed, PyErr::from_value)
}

fn instance<'py>(py: Python<'py>, name: &str, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    // Only a program that empties the dict gets the other class.
    let class = classes(py).get_item(name)?.ok_or_else(|| PyRuntimeError::new_err(error.to_string()))?;
    let attributes = PyDict::new(py);
    attributes.set_item("hresult", error.code())?;
    attributes.set_item("hint", error.hint())?;
    class.call((error.message(),), Some(&attributes))
}

/// Runs engine code without the interpreter. A panic, which would be a bug in rustcam, becomes an exception that says so.
pub fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T, Error> + Send) -> PyResult<T> {
    let outcome = py.detach(|| std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)));
    logging::forward(py)?;
    match outcome {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(to_python(py, &error)),
        Err(panic) => {
            let reason = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("unknown reason");
            let error = Error::new(ErrorKind::Capture, format!("internal error: {reason}"))
                .with_hint("This is a bug in rustcam, please report it");
            Err(to_python(py, &error))
        }
    }
}
