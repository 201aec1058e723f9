//! Arguments: conversion from Python to the engine, with errors that name the argument and what is allowed.

use std::time::Duration;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyDict, PyFrozenSet, PyInt, PyMemoryView, PySet, PyString, PyTuple};
use pyo3::Borrowed;
use rustcam::capture::{Interrupt, Rate};
use rustcam::color::{TextureFormat, ToneMapping};
use rustcam::error::Error;
use rustcam::geometry::Rect;
use rustcam::parallel::MOST_THREADS;
use rustcam::source::texture::{format_named, TextureSync};
use rustcam::source::{self, Backend, OpenOptions, Output, WindowTarget};

use crate::errors::to_python;

/// The longest wait, which is a bit more than 49 days: the largest 32-bit number of milliseconds.
const MAX_TIMEOUT_MS: i64 = u32::MAX as i64;

/// `timeout_ms=`.
pub struct TimeoutMs(pub Duration);

/// `open_timeout_ms=`.
pub struct OpenTimeoutMs(pub Duration);

impl OpenTimeoutMs {
    pub const SECOND: Self = Self(Duration::from_secs(1));
}

impl<'a, 'py> FromPyObject<'a, 'py> for OpenTimeoutMs {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        milliseconds("open_timeout_ms", &value).map(Self)
    }
}

/// A number of milliseconds.
fn milliseconds(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    let ms = integer(value)?.ok_or_else(|| wrong_type(name, "an integer number of milliseconds", value))?;
    match ms.extract::<i64>() {
        Ok(ms @ 0..=MAX_TIMEOUT_MS) => Ok(Duration::from_millis(ms as u64)),
        _ => Err(PyValueError::new_err(format!("{name} must be between 0 and {MAX_TIMEOUT_MS}, got {ms}"))),
    }
}

impl TimeoutMs {
    pub const SECOND: Self = Self(Duration::from_secs(1));
    pub const FIVE_SECONDS: Self = Self(Duration::from_secs(5));
}

impl<'a, 'py> FromPyObject<'a, 'py> for TimeoutMs {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        milliseconds("timeout_ms", &value).map(Self)
    }
}

/// `timeout_ms=` where `None` means to wait without limit.
pub struct OptionalTimeoutMs(pub Option<Duration>);

impl<'a, 'py> FromPyObject<'a, 'py> for OptionalTimeoutMs {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if value.is_none() {
            return Ok(Self(None));
        }
        TimeoutMs::extract(value).map(|timeout| Self(Some(timeout.0)))
    }
}

/// `patience_s=`: seconds, `None` for ever.
pub struct Patience(pub Duration);

impl Patience {
    pub const DEFAULT: Self = Self(Duration::from_secs(30));
}

impl<'a, 'py> FromPyObject<'a, 'py> for Patience {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if value.is_none() {
            return Ok(Self(Duration::MAX));
        }
        let wrong = |_| wrong_type("patience_s", "a number of seconds or None", &value);
        if value.is_instance_of::<PyBool>() {
            return Err(wrong_type("patience_s", "a number of seconds or None", &value));
        }
        match value.extract::<f64>().map_err(wrong)? {
            seconds if seconds >= 0.0 => Ok(Self(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))),
            _ => Err(PyValueError::new_err(format!("patience_s must be 0 or more seconds, got {}", shown(&value)))),
        }
    }
}

/// `fps=` or `target_fps=`: an int, a float or a `fractions.Fraction`. `None` means zero.
pub struct Fps(Option<Rate>);

impl Fps {
    /// 60 frames per second.
    ///
    /// # Panics
    /// Never: 60 is a rate.
    pub fn sixty() -> Self {
        Self(Rate::new(60, 1).ok())
    }

    /// Every present.
    pub fn every_present() -> Self {
        Self(None)
    }

    /// The rate, `None` for zero.
    pub fn or_every_present(&self) -> Option<Rate> {
        self.0
    }

    /// The rate.
    ///
    /// # Errors
    /// `ValueError` for zero.
    pub fn positive(&self) -> PyResult<Rate> {
        self.0.ok_or_else(|| PyValueError::new_err("fps must be greater than 0"))
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Fps {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if value.is_none() {
            return Ok(Self(None));
        }
        if let Some(whole) = integer(&value)? {
            let rate = whole.extract::<u64>().ok().filter(|n| *n <= 10_000);
            let rate = rate.ok_or_else(|| {
                PyValueError::new_err(format!("a frame rate must be a positive number up to 10000, got {whole}"))
            })?;
            return Ok(Self(Rate::new(rate, 1).ok()));
        }
        let wrong = || wrong_type("a frame rate", "an int, a float or a Fraction", &value);
        let ratio = value.getattr_opt(pyo3::intern!(value.py(), "as_integer_ratio"))?.ok_or_else(wrong)?;
        let range = || {
            PyValueError::new_err(format!(
                "a frame rate must be a positive number from 1/3600, one frame an hour, up to 10000, got {}",
                shown(&value)
            ))
        };
        // Infinity and NaN have no ratio.
        let (frames, seconds): (Bound<'_, PyInt>, Bound<'_, PyInt>) =
            ratio.call0().map_err(|_| range())?.extract().map_err(|_| wrong())?;
        if !frames.is_truthy()? {
            return Ok(Self(None));
        }
        let rate = frames.extract().ok().zip(seconds.extract().ok());
        if let Some((frames, seconds)) = rate {
            return Rate::new(frames, seconds).map(|rate| Self(Some(rate))).map_err(|_| range());
        }
        // Its exact ratio has more digits than the arithmetic of slots can hold.
        let in_range = value.gt(0)? && value.le(10_000)? && value.call_method1("__mul__", (3600,))?.ge(1)?;
        Err(if in_range { too_fine(&value) } else { range() })
    }
}

fn too_fine(value: &Bound<'_, PyAny>) -> PyErr {
    PyValueError::new_err(format!(
        "a frame rate of {} is taken exactly, and that takes too many digits: say what you mean as a Fraction, such as \
         Fraction(3, 10000)",
        shown(value)
    ))
}

/// `fmt=` of shared textures.
pub struct SharedFormat(pub TextureFormat);

impl<'a, 'py> FromPyObject<'a, 'py> for SharedFormat {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self(format_named(&text("fmt", &value)?).map_err(|e| to_python(value.py(), &e))?))
    }
}

/// `hdr=`.
#[derive(Clone, Copy)]
pub struct Hdr(pub ToneMapping);

impl Hdr {
    pub const MAP: Self = Self(ToneMapping::Map);
}

impl<'a, 'py> FromPyObject<'a, 'py> for Hdr {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self(text("hdr", &value)?.parse().map_err(|e| to_python(value.py(), &e))?))
    }
}

/// `sync=`.
pub struct SyncMode(pub TextureSync);

impl<'a, 'py> FromPyObject<'a, 'py> for SyncMode {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self(text("sync", &value)?.parse().map_err(|e| to_python(value.py(), &e))?))
    }
}

/// `device=`, and `output=` where it is a number.
pub struct Index {
    /// `None` if no such index can exist, because it is negative or too large.
    value: Option<usize>,
    shown: String,
}

impl Index {
    pub fn zero() -> Self {
        Self { value: Some(0), shown: "0".to_owned() }
    }

    /// The index that `value` stands for, `None` if it is no integer.
    fn of(value: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        let Some(index) = integer(value)? else { return Ok(None) };
        Ok(Some(Self { value: index.extract::<u32>().ok().map(|i| i as usize), shown: shown(&index) }))
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Index {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Self::of(&value)?.ok_or_else(|| wrong_type("device", "an integer", &value))
    }
}

/// `output=`.
pub enum OutputArgument {
    Index(Index),
    /// A name or an id.
    Named(String),
}

impl OutputArgument {
    pub fn zero() -> Self {
        Self::Index(Index::zero())
    }

    /// Whether it is the default.
    fn is_zero(&self) -> bool {
        matches!(self, Self::Index(Index { value: Some(0), .. }))
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for OutputArgument {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if value.is_instance_of::<PyString>() {
            return text("output", &value).map(Self::Named);
        }
        let index = Index::of(&value)?;
        index.map(Self::Index).ok_or_else(|| wrong_type("output", "an integer, or the name or id of an output", &value))
    }
}

/// `backend=`.
pub struct BackendName(pub String);

impl BackendName {
    pub fn auto() -> Self {
        Self("auto".to_owned())
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for BackendName {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self(text("backend", &value)?))
    }
}

/// `sim=`.
pub struct Script(pub String);

impl<'a, 'py> FromPyObject<'a, 'py> for Script {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self(text("sim", &value)?))
    }
}

/// The backend that `backend=` and `sim=` name.
///
/// # Errors
/// `ValueError` for a backend that this platform lacks, a wrong script, or a script without `backend="sim"`.
pub fn backend(py: Python<'_>, name: &BackendName, sim: Option<&Script>) -> PyResult<Backend> {
    Backend::choose(&name.0, sim.map(|script| script.0.as_str())).map_err(|e| to_python(py, &e))
}

/// What is to be captured: the arguments that choose it.
pub struct Subject {
    pub output: OutputArgument,
    pub device: Index,
    pub window: Option<WindowTarget>,
    pub backend: BackendName,
    pub sim: Option<Script>,
}

impl Subject {
    /// The backend.
    ///
    /// # Errors
    /// Those of [`backend`]; `ValueError` for a window together with an output, or with a backend that captures outputs only.
    pub fn backend(&self, py: Python<'_>) -> PyResult<Backend> {
        if self.window.is_none() {
            return backend(py, &self.backend, self.sim.as_ref());
        }
        if !(self.output.is_zero() && self.device.value == Some(0)) {
            return Err(PyValueError::new_err(
                "window= and output= exclude each other: a window is on whichever output it is",
            ));
        }
        let script = self.sim.as_ref().map(|script| script.0.as_str());
        Backend::choose_for_window(&self.backend.0, script).map_err(|e| to_python(py, &e))
    }

    /// The options that open it through `backend`.
    ///
    /// # Errors
    /// `InvalidArgument` that lists what exists, if the indices of the output are impossible.
    pub fn options(&self, backend: Backend, cursor: bool, interrupt: &mut dyn Interrupt) -> Result<OpenOptions, Error> {
        let options = open_options(backend, &self.device, &self.output, cursor, interrupt)?;
        let automatic = self.backend.0.eq_ignore_ascii_case("auto");
        Ok(options.window(self.window.clone()).fall_back(automatic))
    }
}

/// The options that open the output that `output=` and `device=` choose.
///
/// # Errors
/// `InvalidArgument` that lists what exists, if the indices are impossible.
fn open_options(
    backend: Backend,
    device: &Index,
    output: &OutputArgument,
    cursor: bool,
    interrupt: &mut dyn Interrupt,
) -> Result<OpenOptions, Error> {
    let options = OpenOptions::new(backend).watch_pointer(cursor);
    match (device, output) {
        (_, OutputArgument::Named(name)) => Ok(options.output(name.as_str())),
        (Index { value: Some(device), .. }, OutputArgument::Index(Index { value: Some(output), .. })) => {
            Ok(options.device(*device).output(*output))
        }
        (device, OutputArgument::Index(output)) => {
            let outputs = source::outputs(&options.backend, &mut || interrupt.check())?;
            Err(source::no_such_output(&outputs, &device.shown, &output.shown))
        }
    }
}

/// `threads=`: the most threads that convert a large frame, `None` for the default.
#[derive(Clone, Copy)]
pub struct Threads(pub Option<usize>);

impl<'a, 'py> FromPyObject<'a, 'py> for Threads {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if value.is_none() {
            return Ok(Self(None));
        }
        let index = Index::of(&value)?.ok_or_else(|| wrong_type("threads", "an integer or None", &value))?;
        match index.value {
            Some(threads @ 1..=MOST_THREADS) => Ok(Self(Some(threads))),
            _ => Err(PyValueError::new_err(format!("threads must be 1 to {MOST_THREADS}, got {}", shown(&value)))),
        }
    }
}

/// Arguments that are `True` or `False`.
macro_rules! flags {
    ($($name:ident = $argument:literal),+ $(,)?) => {$(
        #[doc = concat!("`", $argument, "=`.")]
        #[derive(Clone, Copy)]
        pub struct $name(pub bool);

        impl<'a, 'py> FromPyObject<'a, 'py> for $name {
            type Error = PyErr;

            fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
                value.extract().map(Self).map_err(|_| wrong_type($argument, "True or False", &value))
            }
        }
    )+};
}

flags! {
    AnyThread = "any_thread",
    Copied = "copy",
    Cursor = "cursor",
    KeepAwake = "keep_awake",
    NewFrameOnly = "new_frame_only",
    VideoMode = "video_mode",
}

/// `region=`. The output is needed for the error for integers that do not fit into 32 bits.
pub fn region(region: Option<&Bound<'_, PyAny>>, output: &Output) -> PyResult<Option<Rect>> {
    region.map(|region| rect("region", region, output)).transpose()
}

/// The region that an argument called `name` holds.
///
/// # Errors
/// As for [`region`].
pub fn rect(name: &str, region: &Bound<'_, PyAny>, output: &Output) -> PyResult<Rect> {
    let mut values = [0i32; 4];
    for (value, edge) in values.iter_mut().zip(edges(name, region)?) {
        *value = edge.extract().map_err(|_| to_python(region.py(), &output.not_inside(shown(region), None)))?;
    }
    let [left, top, right, bottom] = values;
    Ok(Rect::new(left, top, right, bottom))
}

/// The four integers of a region, for packages that keep it.
#[pyfunction]
#[pyo3(signature = (region, /))]
pub fn _region(region: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyTuple>> {
    PyTuple::new(region.py(), edges("region", &region)?)
}

/// The four integers of a region, whatever holds them in order.
fn edges<'py>(name: &str, region: &Bound<'py, PyAny>) -> PyResult<[Bound<'py, PyInt>; 4]> {
    let wrong = || {
        let kind = type_name(region);
        PyTypeError::new_err(format!("{name} must be (left, top, right, bottom), not {} of type {kind}", shown(region)))
    };
    if has_no_edges(region) {
        return Err(wrong());
    }
    let items: Vec<Bound<'_, PyAny>> = region.try_iter().map_err(|_| wrong())?.take(5).collect::<PyResult<_>>()?;
    let items: [Bound<'_, PyAny>; 4] = items.try_into().map_err(|_| {
        PyValueError::new_err(format!(
            "{name} must hold exactly four integers (left, top, right, bottom), got {}",
            shown(region)
        ))
    })?;
    let integers = items.each_ref().map(|item| {
        integer(item)?.ok_or_else(|| {
            PyValueError::new_err(format!("{name} must hold integers, got {} in {}", shown(item), shown(region)))
        })
    });
    let [left, top, right, bottom] = integers;
    Ok([left?, top?, right?, bottom?])
}

/// Texts and bytes consist of something like integers, sets and dicts have no order: what they hold is no region.
fn has_no_edges(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyString>()
        || value.is_instance_of::<PyBytes>()
        || value.is_instance_of::<PyByteArray>()
        || value.is_instance_of::<PyMemoryView>()
        || value.is_instance_of::<PyDict>()
        || value.is_instance_of::<PySet>()
        || value.is_instance_of::<PyFrozenSet>()
}

/// `value` as an integer; `None` if it is not one. A float is never one, whatever its value.
pub fn integer<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyInt>>> {
    if let Ok(int) = value.cast::<PyInt>() {
        return Ok(Some(int.clone()));
    }
    let Some(index) = value.getattr_opt(pyo3::intern!(value.py(), "__index__"))? else { return Ok(None) };
    match index.call0() {
        Ok(int) => Ok(int.cast_into().ok()),
        // Arrays have the method, but for most of them it fails.
        Err(error) if error.is_instance_of::<PyTypeError>(value.py()) => Ok(None),
        Err(error) => Err(error),
    }
}

pub fn text(name: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = value.cast::<PyString>().map_err(|_| wrong_type(name, "a string", value))?;
    // A lone surrogate has no UTF-8 form.
    text.extract().map_err(|_| PyValueError::new_err(format!("{name} is not valid text: {}", shown(value))))
}

/// The `TypeError` for an argument. It names the argument, which the binding does only in a note, and notes exist from Python 3.11 on.
pub fn wrong_type(name: &str, wanted: &str, got: &Bound<'_, PyAny>) -> PyErr {
    PyTypeError::new_err(format!("{name} must be {wanted}, not {}", type_name(got)))
}

fn type_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "something else".to_owned(), |name| name.to_string())
}

/// `repr(value)`, shortened.
pub fn shown(value: &Bound<'_, PyAny>) -> String {
    const LIMIT: usize = 80;
    let repr = value.repr().map_or_else(|_| "<no repr>".to_owned(), |r| r.to_string());
    if repr.chars().count() > LIMIT {
        repr.chars().take(LIMIT).chain("...".chars()).collect()
    } else {
        repr
    }
}
