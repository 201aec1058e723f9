//! The iterator that `Capturer.frames()` returns.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyStopIteration;
use pyo3::prelude::*;
use rustcam::capture::{Conditional, FixedRate, Rate, SlotCounts};
use rustcam::error::{Error, ErrorKind, Result};

use crate::capture::{interruptible, Capture};

#[pyclass(frozen, weakref, module = "rustcam")]
pub struct FrameIterator {
    capture: Arc<Capture>,
    rate: Rate,
    copy: bool,
    closed: AtomicBool,
    /// Locked for a whole step, so that threads that share the iterator get different slots.
    frames: Mutex<FixedRate>,
    state: Mutex<State>,
}

/// The state that can be read while a step waits.
#[derive(Clone, Copy, Default)]
struct State {
    counts: SlotCounts,
    /// When slot 0 was, in seconds since the epoch.
    start_time: Option<f64>,
}

impl FrameIterator {
    pub fn new(capture: Arc<Capture>, rate: Rate, frames: FixedRate, copy: bool) -> Self {
        let closed = AtomicBool::new(false);
        Self { capture, rate, copy, closed, frames: Mutex::new(frames), state: Mutex::default() }
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn check_open(&self) -> Result<()> {
        if self.is_closed() {
            return Err(Error::new(ErrorKind::Interrupted, "the iterator was closed"));
        }
        Ok(())
    }

    fn state(&self) -> State {
        *lock(&self.state)
    }
}

/// The state under these locks is consistent at every moment, so a poisoned lock can be used.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[pymethods]
impl FrameIterator {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, f64)> {
        self.capture.check_thread()?;
        if self.is_closed() {
            return Err(PyStopIteration::new_err(()));
        }
        let next = interruptible(py, std::time::Duration::MAX, |interrupt| {
            let mut frames = lock(&self.frames);
            let mut interrupt = Conditional::new(|| self.check_open(), interrupt);
            let retained = !self.copy || self.capture.stacks();
            let outcome = self.capture.handle.next_frame(&mut frames, retained, &mut interrupt);
            lock(&self.state).counts = frames.counts();
            outcome
        });
        let (frame, slot) = match next {
            // Closing ends the iteration, even if the step failed.
            Err(_) if self.is_closed() => return Err(PyStopIteration::new_err(())),
            next => next?,
        };
        if slot == 0 {
            let now = py.import("time")?.call_method0("time")?.extract()?;
            lock(&self.state).start_time = Some(now);
        }
        // Python's division of integers of any size is correctly rounded.
        let (numerator, denominator) = self.rate.seconds(slot);
        let time = numerator.into_pyobject(py)?.div(denominator)?.extract()?;
        Ok((self.capture.array(py, frame, self.copy)?, time))
    }

    fn close(&self, py: Python<'_>) {
        if !self.closed.swap(true, Ordering::AcqRel) {
            py.detach(|| self.capture.handle.end_frames());
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
        self.state().start_time
    }

    #[getter]
    fn late(&self) -> u64 {
        self.state().counts.late
    }

    #[getter]
    fn repeated(&self) -> u64 {
        self.state().counts.repeated
    }

    #[getter]
    fn skipped(&self) -> u64 {
        self.state().counts.skipped
    }
}

impl Drop for FrameIterator {
    fn drop(&mut self) {
        if !self.is_closed() {
            self.capture.handle.end_frames();
        }
    }
}
