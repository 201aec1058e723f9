//! A capture that several Python objects share: the capturer and its iterators.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, ThreadId};
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use rustcam::capture::{Frame, Handle, Interrupt, Request, Stack, Target};
use rustcam::error::Result;
use rustcam::geometry::Size;
use rustcam::source::Output;

use crate::array;
use crate::errors::{detached, to_python};
use crate::frame_options::FrameOptions;
use crate::interrupt::PythonInterrupt;

/// A handle and the thread it belongs to. It is closed when the last object that uses it is freed.
pub struct Capture {
    pub handle: Handle,
    pub options: FrameOptions,
    /// The last returned frames, if they are stacked.
    stack: Option<Mutex<Stack>>,
    /// The only thread that may capture, `None` for any.
    owner: Option<ThreadId>,
}

impl Capture {
    /// A capture that belongs to the current thread, unless `any_thread`.
    pub fn new(handle: Handle, options: FrameOptions, any_thread: bool) -> Self {
        let stack = options.stack.map(|count| Mutex::new(Stack::new(count)));
        Self { handle, options, stack, owner: (!any_thread).then(|| thread::current().id()) }
    }

    /// Fails on other threads than the one it belongs to.
    pub fn check_thread(&self) -> PyResult<()> {
        match self.owner {
            Some(owner) if owner != thread::current().id() => Err(PyRuntimeError::new_err(
                "this Capturer belongs to the thread that made it. Make one per thread, or pass any_thread=True",
            )),
            _ => Ok(()),
        }
    }

    /// Whether frames are stacked. Then they are captured into memory that the session keeps, because the stack copies them.
    pub fn stacks(&self) -> bool {
        self.stack.is_some()
    }

    /// Forgets the frames that were returned before.
    pub fn begin_stack(&self) {
        if let Some(stack) = &self.stack {
            stack.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    /// The array of a frame, or of the stack that it is the newest of.
    pub fn array<'py>(&self, py: Python<'py>, frame: Frame, writable: bool) -> PyResult<Bound<'py, PyAny>> {
        let Some(stack) = &self.stack else { return array::from_frame(py, frame, writable) };
        let Some(image) = frame.into_image() else {
            return Err(PyRuntimeError::new_err("the frame is not in memory of its own"));
        };
        let stacked = py.detach(|| {
            let mut stack = stack.lock().unwrap_or_else(PoisonError::into_inner);
            stack.push(&image, writable)
        });
        array::from_image(py, stacked.map_err(|e| to_python(py, &e))?, writable)
    }

    /// The output.
    pub fn output(&self) -> Arc<Output> {
        self.handle.snapshot().output
    }

    /// The output's size.
    pub fn size(&self) -> Size {
        self.output().size
    }

    /// [`Handle::grab`] without the interpreter.
    pub fn grab(&self, py: Python<'_>, request: &Request, target: Target<'_>) -> PyResult<Option<Frame>> {
        interruptible(py, request.timeout, |interrupt| self.handle.grab(request, target, interrupt))
    }
}

/// The captures that have started a stream.
static STREAMING: Mutex<Vec<Weak<Capture>>> = Mutex::new(Vec::new());

/// Ends the stream of `capture` when the interpreter exits, if it is running then: a thread inside a graphics driver must not outlive it.
pub fn end_stream_at_exit(capture: &Arc<Capture>) {
    let mut streaming = STREAMING.lock().unwrap_or_else(PoisonError::into_inner);
    let this = Arc::downgrade(capture);
    streaming.retain(|other| other.strong_count() > 0 && !other.ptr_eq(&this));
    streaming.push(this);
}

/// Ends all streams that are running. `atexit` calls it.
#[pyfunction]
pub fn _end_streams(py: Python<'_>) {
    let streaming = std::mem::take(&mut *STREAMING.lock().unwrap_or_else(PoisonError::into_inner));
    let captures: Vec<_> = streaming.iter().filter_map(Weak::upgrade).collect();
    // Without the interpreter: a capture thread may be about to call into Python.
    py.detach(|| captures.iter().for_each(|capture| capture.handle.end_thread_at_exit()));
}

/// Runs engine code that may wait for `wait` without the interpreter. Python's signal handlers run meanwhile, and an exception of theirs
/// ends the call.
pub fn interruptible<T: Send>(
    py: Python<'_>,
    wait: Duration,
    work: impl FnOnce(&mut dyn Interrupt) -> Result<T> + Send,
) -> PyResult<T> {
    let mut interrupt = PythonInterrupt::new(py, wait)?;
    let outcome = detached(py, || work(&mut interrupt));
    interrupt.raised().map_or(outcome, Err)
}

impl Drop for Capture {
    fn drop(&mut self) {
        // The capture thread may be about to call into Python, so this thread must not wait for it while it holds the interpreter.
        // SAFETY: only Python objects own captures, and Python frees its objects on attached threads only.
        let py = unsafe { Python::assume_attached() };
        py.detach(|| self.handle.close());
    }
}
