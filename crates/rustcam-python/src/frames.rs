//! The iterator that `Capturer.frames()` returns.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyStopIteration;
use pyo3::prelude::*;
use rustcam::capture::{Counts, Course, Rate};

use crate::array;
use crate::capturer::Capturer;

#[pyclass(frozen, weakref, module = "rustcam")]
pub struct FrameIterator {
    capturer: Py<Capturer>,
    rate: Rate,
    copy: bool,
    closed: AtomicBool,
    state: Mutex<State>,
}

struct State {
    course: Course,
    /// When slot 0 was, in seconds since the epoch.
    start_time: Option<f64>,
}

impl FrameIterator {
    pub fn new(capturer: Py<Capturer>, rate: Rate, course: Course, copy: bool) -> Self {
        let state = Mutex::new(State { course, start_time: None });
        Self { capturer, rate, copy, closed: AtomicBool::new(false), state }
    }

    /// Counters and start are numbers: no panic can leave them half done.
    fn read<T>(&self, pick: impl FnOnce(&State) -> T) -> T {
        pick(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn counts(&self) -> Counts {
        self.read(|state| state.course.counts())
    }
}

#[pymethods]
impl FrameIterator {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, f64)> {
        let capturer = self.capturer.get();
        capturer.check_thread()?;
        if self.closed.load(Ordering::Acquire) {
            return Err(PyStopIteration::new_err(()));
        }
        let mut course = self.read(|state| state.course.clone());
        let outcome = capturer.interruptible(py, |interrupt| {
            let outcome = capturer.handle().next_frame(&mut course, !self.copy, interrupt);
            self.state.lock().unwrap_or_else(PoisonError::into_inner).course = course;
            outcome
        });
        let (frame, slot) = outcome?;
        if slot == 0 {
            let now = py.import("time")?.call_method0("time")?.extract()?;
            self.state.lock().unwrap_or_else(PoisonError::into_inner).start_time = Some(now);
        }
        // Python divides integers of any size correctly rounded.
        let (numerator, denominator) = self.rate.seconds(slot);
        let time = numerator.into_pyobject(py)?.div(denominator)?.extract()?;
        Ok((array::from_frame(py, frame, self.copy)?, time))
    }

    fn close(&self, py: Python<'_>) {
        if !self.closed.swap(true, Ordering::AcqRel) {
            py.detach(|| self.capturer.get().handle().end_frames());
        }
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[pyo3(signature = (exc_type=None, exc_value=None, traceback=None, /))]
    fn __exit__(
        &self,
        py: Python<'_>,
        exc_type: Option<Bound<'_, PyAny>>,
        exc_value: Option<Bound<'_, PyAny>>,
        traceback: Option<Bound<'_, PyAny>>,
    ) {
        let _ = (exc_type, exc_value, traceback);
        self.close(py);
    }

    #[getter]
    fn start_time(&self) -> Option<f64> {
        self.read(|state| state.start_time)
    }

    #[getter]
    fn late(&self) -> u64 {
        self.counts().late
    }

    #[getter]
    fn repeated(&self) -> u64 {
        self.counts().repeated
    }

    #[getter]
    fn skipped(&self) -> u64 {
        self.counts().skipped
    }
}

impl Drop for FrameIterator {
    fn drop(&mut self) {
        if !self.closed.load(Ordering::Acquire) {
            self.capturer.get().handle().end_frames();
        }
    }
}
