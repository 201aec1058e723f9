//! Errors of the engine as the exception classes of `rustcam._errors`, with their attributes.

use pyo3::exceptions::{PyKeyboardInterrupt, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rustcam::error::{Error, ErrorKind};

use crate::logging;

pyo3::import_exception!(rustcam._errors, CaptureError);
pyo3::import_exception!(rustcam._errors, DeviceError);
pyo3::import_exception!(rustcam._errors, DuplicationError);
pyo3::import_exception!(rustcam._errors, AccessLost);
pyo3::import_exception!(rustcam._errors, CaptureTimeout);

/// The exception for `error`.
pub fn to_python(py: Python<'_>, error: &Error) -> PyErr {
    let class = match error.kind() {
        ErrorKind::InvalidArgument => return PyValueError::new_err(error.to_string()),
        ErrorKind::WrongState => return PyRuntimeError::new_err(error.to_string()),
        ErrorKind::Interrupted => return PyKeyboardInterrupt::new_err(()),
        ErrorKind::Device => py.get_type::<DeviceError>(),
        ErrorKind::Duplication => py.get_type::<DuplicationError>(),
        ErrorKind::AccessLost => py.get_type::<AccessLost>(),
        ErrorKind::Timeout => py.get_type::<CaptureTimeout>(),
        _ => py.get_type::<CaptureError>(),
    };
    let made = PyDict::new(py);
    let instance = made
        .set_item("hresult", error.code())
        .and_then(|()| made.set_item("hint", error.hint()))
        .and_then(|()| class.call((error.message(),), Some(&made)));
    instance.map_or_else(|failed| failed, PyErr::from_value)
}

/// Runs engine code without the interpreter. A panic, which would be a bug in rustcam, becomes an exception that says so.
pub fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T, Error> + Send) -> PyResult<T> {
    let outcome = py.detach(|| std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)));
    logging::forward(py);
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
