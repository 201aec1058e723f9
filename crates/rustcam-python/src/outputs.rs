//! Module functions about outputs, and the one-call screenshot.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use rustcam::capture::{Request, Session, Target};
use rustcam::error::{Error, ErrorKind};
use rustcam::source::{self, Output};

use crate::arguments::{self, BackendName, Choice, Cursor, Format, Index, Script};
use crate::array;
use crate::capturer::{interrupt, options};
use crate::errors::{detached, to_python};

/// How long a screenshot waits for a desktop that is away, for example behind a prompt.
const SCREENSHOT_TIMEOUT_MS: u64 = 5000;

#[pyfunction]
#[pyo3(signature = (backend=BackendName(None), *, sim=None), text_signature = "(backend='auto', *, sim=None)")]
pub fn list_outputs(py: Python<'_>, backend: BackendName, sim: Option<Script>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let choice = Choice::new(py, backend, sim)?;
    let outputs = detached(py, || choice.outputs())?;
    outputs.iter().map(|output| described(py, output, choice.backend.name())).collect()
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

#[pyfunction]
#[pyo3(signature = (backend=BackendName(None), *, sim=None), text_signature = "(backend='auto', *, sim=None)")]
pub fn device_info(py: Python<'_>, backend: BackendName, sim: Option<Script>) -> PyResult<String> {
    let choice = Choice::new(py, backend, sim)?;
    let (outputs, facts) = detached(py, || Ok((choice.outputs()?, source::facts(choice.backend)?)))?;
    let mut devices: Vec<_> = outputs.iter().map(|o| (o.device_idx, o.device_name.as_str())).collect();
    devices.dedup();
    let line = |(device, name)| {
        let count = outputs.iter().filter(|o| o.device_idx == device).count();
        // Neither an X server nor a simulated desktop knows of video memory.
        let subject = format!("adapter {device}");
        let memory = facts.iter().find(|fact| fact.subject == subject && fact.name == "memory");
        let vram = memory.map_or_else(|| "0MB".to_owned(), |fact| fact.value.replace(' ', ""));
        format!("Device[{device}]:<Name:{name} VRAM:{vram} Outputs:{count}>\n")
    };
    Ok(devices.into_iter().map(line).collect())
}

#[pyfunction]
#[pyo3(signature = (backend=BackendName(None), *, sim=None), text_signature = "(backend='auto', *, sim=None)")]
pub fn output_info(py: Python<'_>, backend: BackendName, sim: Option<Script>) -> PyResult<String> {
    let choice = Choice::new(py, backend, sim)?;
    let outputs = detached(py, || choice.outputs())?;
    let line = |o: &Output| {
        format!(
            "Device[{}] Output[{}]: Res:({}, {}) Rot:{} Primary:{}\n",
            o.device_idx,
            o.output_idx,
            o.size.width,
            o.size.height,
            o.rotation.degrees(),
            if o.is_primary { "True" } else { "False" }
        )
    };
    Ok(outputs.iter().map(line).collect())
}

/// What the system behind a backend says of itself, for reports.
#[pyfunction]
pub fn _facts(py: Python<'_>, backend: BackendName) -> PyResult<Vec<(String, &'static str, String)>> {
    let choice = Choice::new(py, backend, None)?;
    let facts = detached(py, || source::facts(choice.backend))?;
    Ok(facts.into_iter().map(|fact| (fact.subject, fact.name, fact.value)).collect())
}

#[pyfunction]
#[pyo3(
    signature = (output=Index::zero(), region=None, fmt=Format(rustcam::frame::PixelFormat::Rgb), *, cursor=Cursor(false),
                 device=Index::zero(), backend=BackendName(None), sim=None),
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
    let choice = Choice::new(py, backend, sim)?;
    let mut session = detached(py, || Session::open(&options(&choice, &device, &output, cursor.0)?))?;
    let region = arguments::region(region.as_ref(), session.output().size)?;
    let request =
        Request { region, timeout: std::time::Duration::from_millis(SCREENSHOT_TIMEOUT_MS), new_frame_only: true };
    let mut raised = None;
    let frame = detached(py, || session.grab(&request, Target::Owned(fmt.0), &mut interrupt(&mut raised)));
    match (raised, frame) {
        (Some(raised), _) => Err(raised),
        (None, frame) => match frame? {
            Some(frame) => array::from_frame(py, frame, true),
            None => Err(to_python(
                py,
                &Error::new(ErrorKind::Timeout, format!("no image of the desktop within {SCREENSHOT_TIMEOUT_MS} ms"))
                    .with_hint("The desktop is away, for example behind a lock screen: try again later"),
            )),
        },
    }
}
