//! Module functions about outputs, and the one-call screenshot.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use rustcam::capture::{persist, Request, Session, Stack, Target};
use rustcam::clock::MonotonicClock;
use rustcam::frame::PixelFormat;
use rustcam::source::{self, Adapter, Backend, DynamicRange, Facts, Output};

use crate::arguments::{self, BackendName, Cursor, Hdr, Index, OutputArgument, Script, Subject};
use crate::array;
use crate::capture::interruptible;
use crate::errors::to_python;
use crate::frame_options::{
    DType, Format, FrameOptions, FrameSize, Keywords, LayoutArgument, RegionList, ResampleArgument, StackArgument,
};
use crate::numpy_api;
use crate::window::{self, WindowAreaArgument, WindowArgument};

/// How long a passing refusal is waited out.
const OPEN_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a screenshot waits for a desktop that is lost, for example behind a prompt.
const SCREENSHOT_TIMEOUT: Duration = Duration::from_secs(5);

#[pyfunction]
#[pyo3(signature = (backend=BackendName::auto(), *, sim=None), text_signature = "(backend='auto', *, sim=None)")]
pub fn list_outputs(py: Python<'_>, backend: BackendName, sim: Option<Script>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let backend = arguments::backend(py, &backend, sim.as_ref())?;
    let outputs = interruptible(py, OPEN_TIMEOUT, |interrupt| {
        persist(&MonotonicClock, OPEN_TIMEOUT, interrupt, |check| source::outputs(&backend, check))
    })?;
    outputs.iter().map(|output| described(py, output, backend.name())).collect()
}

fn described<'py>(py: Python<'py>, output: &Output, backend: &str) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("device_idx", output.device_idx)?;
    dict.set_item("output_idx", output.output_idx)?;
    dict.set_item("name", &output.device_name)?;
    dict.set_item("output_name", &output.name)?;
    dict.set_item("id", if output.id.is_empty() { &output.name } else { &output.id })?;
    dict.set_item("width", output.size.width)?;
    dict.set_item("height", output.size.height)?;
    dict.set_item("rotation", output.rotation.degrees())?;
    dict.set_item("is_primary", output.is_primary)?;
    dict.set_item("left", output.position.x)?;
    dict.set_item("top", output.position.y)?;
    dict.set_item("refresh_hz", output.refresh_hz)?;
    dict.set_item("hdr", output.color.hdr)?;
    dict.set_item("bits", output.color.bits)?;
    dict.set_item("backend", backend)?;
    Ok(dict)
}

fn facts(py: Python<'_>, backend: &Backend) -> PyResult<Facts> {
    interruptible(py, OPEN_TIMEOUT, |interrupt| {
        persist(&MonotonicClock, OPEN_TIMEOUT, interrupt, |check| source::facts(backend, check))
    })
}

/// The graphics adapters that a backend knows, for reports.
#[pyfunction]
#[pyo3(signature = (backend=BackendName::auto()), text_signature = "(backend='auto')")]
pub fn _adapters(py: Python<'_>, backend: BackendName) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let backend = arguments::backend(py, &backend, None)?;
    let facts = facts(py, &backend)?;
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
    let Some(server) = facts(py, &backend)?.server else { return Ok(None) };
    let dict = PyDict::new(py);
    dict.set_item("vendor", server.vendor)?;
    dict.set_item("local", server.local)?;
    dict.set_item("composited", server.composited)?;
    dict.set_item("xwayland", server.xwayland)?;
    Ok(Some(dict))
}

#[pyfunction]
#[pyo3(
    signature = (output=OutputArgument::zero(), region=None, fmt=Format::Pixels(PixelFormat::Rgb), *, cursor=Cursor(false),
                 device=Index::zero(), window=None, window_area=WindowAreaArgument::CLIENT, size=None,
                 resample=ResampleArgument::default(), layout=LayoutArgument::default(), dtype=DType::UINT8, regions=None, stack=None,
                 backend=BackendName::auto(), hdr=Hdr::MAP, sim=None),
    text_signature = "(output=0, region=None, fmt='rgb', *, cursor=False, device=0, window=None, window_area='client', size=None, resample='area', layout='hwc', dtype='uint8', regions=None, stack=None, backend='auto', hdr='map', sim=None)"
)]
#[allow(clippy::too_many_arguments, reason = "the contract's signature")]
pub fn screenshot<'py>(
    py: Python<'py>,
    output: OutputArgument,
    region: Option<Bound<'py, PyAny>>,
    fmt: Format,
    cursor: Cursor,
    device: Index,
    window: Option<WindowArgument>,
    window_area: WindowAreaArgument,
    size: Option<FrameSize>,
    resample: ResampleArgument,
    layout: LayoutArgument,
    dtype: DType,
    regions: Option<RegionList<'py>>,
    stack: Option<StackArgument>,
    backend: BackendName,
    hdr: Hdr,
    sim: Option<Script>,
) -> PyResult<Bound<'py, PyAny>> {
    numpy_api::load(py)?;
    let keywords = Keywords { fmt, size, resample, layout, dtype, regions, stack };
    let options = FrameOptions::new(&keywords)?;
    options.check_region(region.is_some())?;
    let subject = Subject { output, device, window: window::target(window, window_area)?, backend, sim };
    let backend = subject.backend(py)?;
    let mut session = interruptible(py, SCREENSHOT_TIMEOUT, |interrupt| {
        let options = subject.options(backend, cursor.0, interrupt)?;
        Session::open(&options.timeout(SCREENSHOT_TIMEOUT).tone_mapping(hdr.0), interrupt)
    })?;
    let region = arguments::region(region.as_ref(), session.output())?;
    let regions = keywords.regions.as_ref().map(|regions| regions.on(session.output())).transpose()?;
    session.set_regions(regions.as_deref()).map_err(|e| to_python(py, &e))?;
    let shown = session.checked_region(region).map_err(|e| to_python(py, &e))?.size();
    let spec = options.spec_of(py, None, None, shown)?;
    let request = Request::within(SCREENSHOT_TIMEOUT).region(region);
    let frame =
        interruptible(py, SCREENSHOT_TIMEOUT, |interrupt| session.grab(&request, Target::owned(spec), interrupt))?;
    let frame = frame.ok_or_else(|| to_python(py, &session.timed_out("no image", SCREENSHOT_TIMEOUT)))?;
    let Some((count, image)) = options.stack.zip(frame.image()) else { return array::from_frame(py, frame, true) };
    let stacked = py.detach(|| Stack::new(count).push(image, true)).map_err(|e| to_python(py, &e))?;
    array::from_image(py, stacked, true)
}
