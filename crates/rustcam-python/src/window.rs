//! Windows: the arguments that choose one, and the list of all.

use std::time::Duration;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyString};
use pyo3::Borrowed;
use rustcam::capture::persist;
use rustcam::clock::MonotonicClock;
use rustcam::source::{self, Backend, TitlePattern, Window, WindowArea, WindowChoice, WindowTarget};

use crate::arguments::{integer, shown, text, wrong_type, BackendName, Script};
use crate::capture::interruptible;
use crate::errors::to_python;

/// How long a passing refusal is waited out.
const OPEN_TIMEOUT: Duration = Duration::from_secs(1);

const WANTED: &str = "a handle, a title, a compiled regular expression or a dict from list_windows()";

/// `window=`.
pub struct WindowArgument(WindowChoice);

impl<'a, 'py> FromPyObject<'a, 'py> for WindowArgument {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if value.is_instance_of::<PyBool>() {
            return Err(wrong_type("window", WANTED, &value));
        }
        if value.is_instance_of::<PyString>() {
            return title(text("window", &value)?).map(Self);
        }
        if let Ok(listed) = value.cast::<PyDict>() {
            return from_listed(&listed).map(Self);
        }
        if let Some(number) = integer(&value)? {
            return Ok(Self(WindowChoice::Handle { handle: handle(&number)?, pid: None }));
        }
        pattern(&value).map(Self)
    }
}

fn title(text: String) -> PyResult<WindowChoice> {
    if text.is_empty() {
        return Err(PyValueError::new_err("window must not be an empty title: every window has that"));
    }
    Ok(WindowChoice::Title(text))
}

fn handle(number: &Bound<'_, PyInt>) -> PyResult<u64> {
    let handle = number.extract::<u64>().ok().filter(|handle| *handle > 0);
    handle.ok_or_else(|| PyValueError::new_err(format!("window must be the handle of a window, got {}", shown(number))))
}

/// The window that `list_windows()` has described.
fn from_listed(listed: &Bound<'_, PyDict>) -> PyResult<WindowChoice> {
    let missing = || PyValueError::new_err(format!("window has no \"handle\": {}", shown(listed)));
    let handle = handle(&listed_number("handle", &listed.get_item("handle")?.ok_or_else(missing)?)?)?;
    let pid = match listed.get_item("pid")?.filter(|pid| !pid.is_none()) {
        None => None,
        Some(pid) => {
            let number = listed_number("pid", &pid)?;
            let wrong =
                |_| PyValueError::new_err(format!("the pid of window must be a process, got {}", shown(&number)));
            Some(number.extract::<u32>().map_err(wrong)?)
        }
    };
    Ok(WindowChoice::Handle { handle, pid })
}

/// An integer of such a description.
fn listed_number<'py>(name: &str, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyInt>> {
    let number = if value.is_instance_of::<PyBool>() { None } else { integer(value)? };
    number.ok_or_else(|| wrong_type(&format!("the {name} of window"), "an integer", value))
}

/// A compiled regular expression, or what behaves like one.
fn pattern(value: &Bound<'_, PyAny>) -> PyResult<WindowChoice> {
    let py = value.py();
    let (Some(text), Some(_)) = (value.getattr_opt("pattern")?, value.getattr_opt("search")?) else {
        return Err(wrong_type("window", WANTED, value));
    };
    let text: String = text.extract().map_err(|_| {
        PyTypeError::new_err(format!("window must be a regular expression of text, not of bytes: {}", shown(value)))
    })?;
    // One that cannot search a title fails here, and not in a thread.
    value.call_method1(pyo3::intern!(py, "search"), ("",))?;
    let pattern = value.clone().unbind();
    let accepts = move |title: &str| {
        // While the interpreter shuts down nothing is looked for any more.
        let found = Python::try_attach(|py| {
            let found = pattern.bind(py).call_method1(pyo3::intern!(py, "search"), (title,));
            found.map_or_else(
                |error| {
                    error.write_unraisable(py, None);
                    false
                },
                |found| !found.is_none(),
            )
        });
        found.unwrap_or(false)
    };
    Ok(WindowChoice::Pattern(TitlePattern::new(text, accepts)))
}

/// `window_area=`.
#[derive(Clone, Copy)]
pub struct WindowAreaArgument(WindowArea);

impl WindowAreaArgument {
    pub const CLIENT: Self = Self(WindowArea::Client);
}

impl<'a, 'py> FromPyObject<'a, 'py> for WindowAreaArgument {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self(text("window_area", &value)?.parse().map_err(|e| to_python(value.py(), &e))?))
    }
}

/// The window that `window=` and `window_area=` choose, if any.
///
/// # Errors
/// `ValueError` for `window_area="whole"` without a window.
pub fn target(window: Option<WindowArgument>, area: WindowAreaArgument) -> PyResult<Option<WindowTarget>> {
    match window {
        Some(window) => Ok(Some(WindowTarget { choice: window.0, area: area.0 })),
        None if area.0 == WindowArea::Client => Ok(None),
        None => Err(PyValueError::new_err("window_area goes with window= only")),
    }
}

#[pyfunction]
#[pyo3(signature = (backend=BackendName::auto(), *, sim=None), text_signature = "(backend='auto', *, sim=None)")]
pub fn list_windows(py: Python<'_>, backend: BackendName, sim: Option<Script>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let script = sim.as_ref().map(|script| script.0.as_str());
    let backend = Backend::choose_for_window(&backend.0, script).map_err(|e| to_python(py, &e))?;
    let windows = interruptible(py, OPEN_TIMEOUT, |interrupt| {
        persist(&MonotonicClock, OPEN_TIMEOUT, interrupt, |check| source::windows(&backend, check))
    })?;
    windows.iter().map(|window| described(py, window, backend.name())).collect()
}

fn described<'py>(py: Python<'py>, window: &Window, backend: &str) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("handle", window.handle)?;
    dict.set_item("title", &window.title)?;
    dict.set_item("app", &window.app)?;
    dict.set_item("pid", window.pid)?;
    dict.set_item("left", window.client.left)?;
    dict.set_item("top", window.client.top)?;
    dict.set_item("width", window.client.width())?;
    dict.set_item("height", window.client.height())?;
    dict.set_item("minimized", window.minimized)?;
    dict.set_item("backend", backend)?;
    Ok(dict)
}
