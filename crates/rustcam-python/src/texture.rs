//! The class `GpuTexture`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use rustcam::capture::{Frame, Pixels};
use rustcam::color::TextureFormat;
use rustcam::frame::FrameInfo as EngineInfo;
use rustcam::geometry::Size;
use rustcam::source::texture::{Luid, SharedTexture, TextureHandle, TextureSync};

use crate::errors::to_python;
use crate::info::FrameInfo;

#[pyclass(frozen, weakref, module = "rustcam")]
pub struct GpuTexture {
    size: Size,
    format: TextureFormat,
    bytes: u64,
    sync: TextureSync,
    luid: Luid,
    memory: u64,
    info: EngineInfo,
    /// `None` once it is closed.
    handle: Mutex<Option<Box<dyn TextureHandle>>>,
}

impl GpuTexture {
    /// The texture of a frame that stays on the device; `None` for any other frame.
    pub fn from_frame(frame: Frame) -> Option<Self> {
        let Frame { pixels: Pixels::Device(texture), info, .. } = frame else { return None };
        let bytes = texture.bytes();
        let SharedTexture { size, format, sync, luid, memory, handle, .. } = texture;
        Some(Self { size, format, bytes, sync, luid, memory, info, handle: Mutex::new(Some(handle)) })
    }

    fn handle(&self) -> MutexGuard<'_, Option<Box<dyn TextureHandle>>> {
        self.handle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key(&self, key: u64) -> Option<u64> {
        (self.sync == TextureSync::Keyed).then_some(key)
    }
}

#[pymethods]
impl GpuTexture {
    #[getter]
    fn width(&self) -> u32 {
        self.size.width
    }

    #[getter]
    fn height(&self) -> u32 {
        self.size.height
    }

    #[getter]
    fn shared_handle(&self, py: Python<'_>) -> PyResult<isize> {
        self.handle().as_ref().ok_or_else(closed)?.handle().map_err(|error| to_python(py, &error))
    }

    #[getter]
    fn memory_id(&self) -> u64 {
        self.memory
    }

    #[getter]
    fn luid(&self) -> (u32, i32) {
        (self.luid.low, self.luid.high)
    }

    #[getter]
    fn format(&self) -> &'static str {
        self.format.name()
    }

    #[getter]
    fn size_bytes(&self) -> u64 {
        self.bytes
    }

    #[getter]
    fn sync(&self) -> &'static str {
        self.sync.name()
    }

    #[getter]
    fn acquire_key(&self) -> Option<u64> {
        self.key(SharedTexture::ACQUIRE_KEY)
    }

    #[getter]
    fn release_key(&self) -> Option<u64> {
        self.key(SharedTexture::RELEASE_KEY)
    }

    #[getter]
    fn frame_info(&self) -> FrameInfo {
        FrameInfo(self.info.clone())
    }

    #[getter]
    fn stale(&self) -> bool {
        self.handle().as_ref().is_some_and(|handle| handle.is_stale())
    }

    #[getter]
    fn closed(&self) -> bool {
        self.handle().is_none()
    }

    fn close(&self, py: Python<'_>) {
        let handle = self.handle().take();
        // Closing may have to wait for the device, which another thread's capture uses.
        py.detach(|| drop(handle));
    }

    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        if slf.get().closed() {
            return Err(closed());
        }
        Ok(slf)
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

    fn __repr__(&self) -> String {
        let state = if self.closed() { "closed" } else { "open" };
        format!("<rustcam.GpuTexture {} {} sync={} {state}>", self.size, self.format.name(), self.sync)
    }
}

impl Drop for GpuTexture {
    fn drop(&mut self) {
        // SAFETY: Python frees its objects on attached threads only.
        let py = unsafe { Python::assume_attached() };
        self.close(py);
    }
}

fn closed() -> PyErr {
    PyRuntimeError::new_err("GpuTexture is closed")
}
