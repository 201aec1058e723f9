//! Arguments: conversion from Python to the engine, with errors that name the argument and what is allowed.

use std::time::Duration;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString};
use pyo3::Borrowed;
use rustcam::capture::Rate;
use rustcam::error::Error;
use rustcam::frame::PixelFormat;
use rustcam::geometry::{Rect, Size};
use rustcam::source::texture::TextureSync;
use rustcam::source::{self, Backend, OpenOptions};

use crate::errors::to_python;

/// The longest wait, which is a bit more than 49 days: the largest 32-bit number of milliseconds.
const MAX_TIMEOUT_MS: i64 = u32::MAX as i64;

/// `timeout_ms=`.
pub struct TimeoutMs(pub Duration);

impl TimeoutMs {
    pub const SECOND: Self = Self(Duration::from_secs(1));
    pub const FIVE_SECONDS: Self = Self(Duration::from_secs(5));
}

impl<'a, 'py> FromPyObject<'a, 'py> for TimeoutMs {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let ms =
            integer(&value)?.ok_or_else(|| wrong_type("timeout_ms", "an integer number of milliseconds", &value))?;
        match ms.extract::<i64>() {
            Ok(ms @ 0..=MAX_TIMEOUT_MS) => Ok(Self(Duration::from_millis(ms as u64))),
            _ => Err(PyValueError::new_err(format!("timeout_ms must be between 0 and {MAX_TIMEOUT_MS}, got {ms}"))),
        }
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

/// `fmt=`.
pub struct Format(pub PixelFormat);

impl<'a, 'py> FromPyObject<'a, 'py> for Format {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self(text("fmt", &value)?.parse().map_err(|e| to_python(value.py(), &e))?))
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

/// `output=` or `device=`.
pub struct Index {
    /// `None` if no such index can exist, because it is negative or too large.
    value: Option<usize>,
    shown: String,
}

impl Index {
    pub fn zero() -> Self {
        Self { value: Some(0), shown: "0".to_owned() }
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Index {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let index = integer(&value)?.ok_or_else(|| wrong_type("output and device", "an integer", &value))?;
        Ok(Self { value: index.extract::<u32>().ok().map(|i| i as usize), shown: shown(&index) })
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

/// The options that open the output with the indices `output=` and `device=`.
///
/// # Errors
/// `InvalidArgument` that lists what exists, if the indices are impossible.
pub fn open_options(backend: Backend, device: &Index, output: &Index, cursor: bool) -> Result<OpenOptions, Error> {
    let (Some(device_idx), Some(output_idx)) = (device.value, output.value) else {
        return Err(source::no_such_output(&source::outputs(&backend)?, &device.shown, &output.shown));
    };
    Ok(OpenOptions::new(backend).device(device_idx).output(output_idx).watch_pointer(cursor))
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
    NewFrameOnly = "new_frame_only",
    VideoMode = "video_mode",
}

/// `region=`. The output's size is needed for the error for integers that do not fit into 32 bits.
pub fn region(region: Option<&Bound<'_, PyAny>>, output: Size) -> PyResult<Option<Rect>> {
    let Some(region) = region else { return Ok(None) };
    let edges: Vec<Bound<'_, PyAny>> = region
        .try_iter()
        .map_err(|_| PyTypeError::new_err(format!("region must be (left, top, right, bottom), not {}", shown(region))))?
        .take(5)
        .collect::<PyResult<_>>()?;
    if edges.len() != 4 {
        return Err(PyValueError::new_err(format!(
            "region must hold exactly four integers (left, top, right, bottom), got {}",
            shown(region)
        )));
    }
    let mut values = [0i32; 4];
    for (value, edge) in values.iter_mut().zip(&edges) {
        let Some(index) = integer(edge)? else {
            return Err(PyValueError::new_err(format!(
                "region must hold integers, got {} in {}",
                shown(edge),
                shown(region)
            )));
        };
        *value = index.extract().map_err(|_| {
            PyValueError::new_err(format!(
                "region {} is not inside the output, whose bounds are {}",
                shown(region),
                output.rect()
            ))
        })?;
    }
    let [left, top, right, bottom] = values;
    Ok(Some(Rect::new(left, top, right, bottom)))
}

/// `value` as an integer; `None` if it is not one. A float is never one, whatever its value.
fn integer<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyInt>>> {
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

fn text(name: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = value.cast::<PyString>().map_err(|_| wrong_type(name, "a string", value))?;
    // A lone surrogate has no UTF-8 form.
    text.extract().map_err(|_| PyValueError::new_err(format!("{name} is not valid text: {}", shown(value))))
}

/// The `TypeError` for an argument. It names the argument, which the binding does only in a note, and notes exist from Python 3.11 on.
fn wrong_type(name: &str, wanted: &str, got: &Bound<'_, PyAny>) -> PyErr {
    let kind = got.get_type().name().map_or_else(|_| "something else".to_owned(), |n| n.to_string());
    PyTypeError::new_err(format!("{name} must be {wanted}, not {kind}"))
}

/// `repr(value)`, shortened.
fn shown(value: &Bound<'_, PyAny>) -> String {
    const LIMIT: usize = 80;
    let repr = value.repr().map_or_else(|_| "<no repr>".to_owned(), |r| r.to_string());
    if repr.chars().count() > LIMIT {
        repr.chars().take(LIMIT).chain("...".chars()).collect()
    } else {
        repr
    }
}
