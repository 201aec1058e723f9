//! Module functions about outputs, and the one-call screenshot.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use rustcam::capture::{Request, Session, Target};
use rustcam::error::{Error, ErrorKind};
use rustcam::source::{self, Adapter, DynamicRange, Output};

use crate::arguments::{self, BackendName, Cursor, Format, Index, Script};
use crate::array;
use crate::errors::{detached, to_python};
use crate::interrupt::PythonInterrupt;

/// How long a screenshot waits for a desktop that is lost, for example behind a prompt.
const SCREENSHOT_TIMEOUT: Duration = Duration::from_secs(5);

#[pyfunction]
#[pyo3(signature = (backend=BackendName::auto(), *, sim=None), text_signature = "(backend='auto', *, sim=None)")]
pub fn list_outputs(py: Python<'_>, backend: BackendName, sim: Option<Script>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let backend = arguments::backend(py, &backend, sim.as_ref())?;
    let outputs = detached(py, || source::outputs(&backend))?;
    outputs.iter().map(|output| described(py, output, backend.name())).collect()
}

fn described<'py>(py: Python<'py>, output: &Output, backend: &str) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("device_idx", output.device_idx)?;
    dict.set_item("output_idx", output.output_idx)?;
    dict.set_item("name", &output.device_name)?;
    dict.set_item("output_name", &output.name)?;
    dict.set_item("width", output.size.width)?;
    dict.set_item("height", output.size.height)?;
    dict.set_item("rotation", output.rotation.degrees())?;
    dict.set_item("is_primary", output.is_primary)?;
    dict.set_item("left", output.position.x)?;
    dict.set_item("top", output.position.y)?;
    dict.set_item("refresh_hz", output.refresh_hz)?;
    dict.set_item("backend", backend)?;
    Ok(dict)
}

/// The graphics adapters that a backend knows, for reports.
#[pyfunction]
#[pyo3(signature = (backend=BackendName::auto()), text_signature = "(backend='auto')")]
pub fn _adapters(py: Python<'_>, backend: BackendName) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let backend = arguments::backend(py, &backend, None)?;
    let facts = detached(py, || source::facts(&backend))?;
    let adapter = |adapter: &Adapter| {
        let dict = PyDict::new(py);
        dict.set_item("index", adapter.index)?;
        dict.set_item("name", &adapter.name)?;
        dict.set_item("software", adapter.software)?;
        dict.set_item("memory", adapter.memory)?;
        dict.set_item("outputs", adapter.outputs.iter().copied().map(dynamic_range).collect::<Vec<_>>())?;
        Ok(dict)
    };
    facts.adapters.iter().map(adapter).collect()
}

fn dynamic_range(range: DynamicRange) -> Option<&'static str> {
    match range {
        DynamicRange::Standard => Some("SDR"),
        DynamicRange::High => Some("HDR"),
        _ => None,
    }
}

/// The display server behind a backend, for reports.
#[pyfunction]
#[pyo3(signature = (backend=BackendName::auto()), text_signature = "(backend='auto')")]
pub fn _server(py: Python<'_>, backend: BackendName) -> PyResult<Option<Bound<'_, PyDict>>> {
    let backend = arguments::backend(py, &backend, None)?;
    let Some(server) = detached(py, || source::facts(&backend))?.server else { return Ok(None) };
    let dict = PyDict::new(py);
    dict.set_item("vendor", server.vendor)?;
    dict.set_item("local", server.local)?;
    dict.set_item("composited", server.composited)?;
    Ok(Some(dict))
}

#[pyfunction]
#[pyo3(
    signature = (output=Index::zero(), region=None, fmt=Format(rustcam::frame::PixelFormat::Rgb), *, cursor=Cursor(false),
                 device=Index::zero(), backend=BackendName::auto(), sim=None),
    text_signature = "(output=0, region=None, fmt='rgb', *, cursor=False, device=0, backend='auto', sim=None)"
)]
#[allow(clippy::too_many_arguments, reason = "the contract's signature")]
pub fn screenshot<'py>(
    py: Python<'py>,
    output: Index,
    region: Option<Bound<'py, PyAny>>,
    fmt: Format,
    cursor: Cursor,
    device: Index,
    backend: BackendName,
    sim: Option<Script>,
) -> PyResult<Bound<'py, PyAny>> {
    let backend = arguments::backend(py, &backend, sim.as_ref())?;
    let mut session = detached(py, || Session::open(&arguments::open_options(backend, &device, &output, cursor.0)?))?;
    let region = arguments::region(region.as_ref(), session.output().size)?;
    let request = Request::within(SCREENSHOT_TIMEOUT).region(region);
    let mut interrupt = PythonInterrupt::new(py, SCREENSHOT_TIMEOUT)?;
    let frame = detached(py, || session.grab(&request, Target::Owned(fmt.0), &mut interrupt));
    match (interrupt.raised(), frame) {
        (Some(raised), _) => Err(raised),
        (None, frame) => match frame? {
            Some(frame) => array::from_frame(py, frame, true),
            None => Err(to_python(
                py,
                &Error::new(
                    ErrorKind::Timeout,
                    format!("no image of the desktop within {} ms", SCREENSHOT_TIMEOUT.as_millis()),
                )
                .with_hint("The desktop is not available, for example behind a lock screen: try again later"),
            )),
        },
    }
}
