//! The stream that a `FrameStream` owns.

use std::sync::Arc;

use pyo3::prelude::*;
use rustcam::capture::StreamId;

use crate::capture::Capture;
use crate::logging;

/// Ends its stream when it is freed, if that stream still runs.
#[pyclass(frozen, module = "rustcam._rustcam")]
pub struct OwnedStream {
    capture: Arc<Capture>,
    id: StreamId,
}

impl OwnedStream {
    pub fn new(capture: Arc<Capture>, id: StreamId) -> Self {
        Self { capture, id }
    }
}

#[pymethods]
impl OwnedStream {
    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.capture.handle.stop_only(&self.id));
        logging::forward(py)
    }
}

impl Drop for OwnedStream {
    fn drop(&mut self) {
        // SAFETY: Python frees its objects on attached threads only.
        let py = unsafe { Python::assume_attached() };
        // The capture thread may be about to call into Python, so this thread must not wait for it while it holds the interpreter.
        py.detach(|| self.capture.handle.stop_only(&self.id));
    }
}
