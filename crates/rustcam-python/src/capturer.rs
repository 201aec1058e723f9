//! The class `Capturer`.

use std::sync::Arc;
use std::thread::{self, ThreadId};
use std::time::Duration;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rustcam::capture::{Course, Frame, Handle, Request, StreamOptions, Target};
use rustcam::clock::{Clock, MonotonicClock};
use rustcam::error::{Error, ErrorKind, Result};
use rustcam::frame::PixelFormat;
use rustcam::source::texture::TextureSync;
use rustcam::source::{sim, Backend, OpenOptions};

use crate::arguments::{
    self, AnyThread, BackendName, Choice, Copied, Cursor, Format, Fps, Index, NewFrameOnly, OptionalTimeoutMs, Script,
    SyncMode, TimeoutMs, VideoMode,
};
use crate::array::{self, Destination};
use crate::errors::detached;
use crate::frames::FrameIterator;
use crate::info::{edges, Edges, FrameInfo, Stats};
use crate::journal;
use crate::texture::GpuTexture;

/// A wait that is not worth any preparation.
const LITTLE: Duration = Duration::from_millis(20);

#[pyclass(frozen, weakref, subclass, module = "rustcam")]
pub struct Capturer {
    handle: Handle,
    backend: Backend,
    cursor: bool,
    /// The only thread that may capture, `None` for any.
    owner: Option<ThreadId>,
}

#[pymethods]
impl Capturer {
    #[new]
    #[pyo3(
        signature = (output=Index::zero(), cursor=Cursor(true), region=None, device=Index::zero(), *,
                     backend=BackendName(None), any_thread=AnyThread(false), sim=None),
        text_signature = "(output=0, cursor=True, region=None, device=0, *, backend='auto', any_thread=False, sim=None)"
    )]
    #[allow(clippy::too_many_arguments, reason = "the contract's signature")]
    fn new(
        py: Python<'_>,
        output: Index,
        cursor: Cursor,
        region: Option<Bound<'_, PyAny>>,
        device: Index,
        backend: BackendName,
        any_thread: AnyThread,
        sim: Option<Script>,
    ) -> PyResult<Self> {
        // Loading numpy takes longer than many frames: here, not in the middle of the first one.
        py.import("numpy")?;
        numpy::dtype::<u8>(py);
        let choice = Choice::new(py, backend, sim)?;
        let handle = detached(py, || Handle::open(&options(&choice, &device, &output, cursor.0)?))?;
        let size = handle.peek(|s| s.output.size);
        let region = arguments::region(region.as_ref(), size)?;
        detached(py, || handle.set_region(region))?;
        let owner = (!any_thread.0).then(|| thread::current().id());
        Ok(Self { handle, backend: choice.backend, cursor: cursor.0, owner })
    }

    #[pyo3(
        signature = (timeout_ms=TimeoutMs::SECOND, fmt=Format(PixelFormat::Bgra), region=None, *, out=None, copy=Copied(true),
                     new_frame_only=NewFrameOnly(true)),
        text_signature = "($self, timeout_ms=1000, fmt='bgra', region=None, *, out=None, copy=True, new_frame_only=True)"
    )]
    #[allow(clippy::too_many_arguments, reason = "the contract's signature")]
    fn grab<'py>(
        &self,
        py: Python<'py>,
        timeout_ms: TimeoutMs,
        fmt: Format,
        region: Option<Bound<'py, PyAny>>,
        out: Option<Bound<'py, PyAny>>,
        copy: Copied,
        new_frame_only: NewFrameOnly,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.check_thread()?;
        if self.handle.is_closed() {
            return Err(PyRuntimeError::new_err("Capturer is closed"));
        }
        let region = arguments::region(region.as_ref(), self.handle.peek(|s| s.output.size))?;
        let request = Request { region, timeout: timeout_ms.0, new_frame_only: new_frame_only.0 };
        let Some(out) = out else {
            let target = if copy.0 { Target::Owned(fmt.0) } else { Target::Retained(fmt.0) };
            return self.grab_to(py, &request, target)?.map(|frame| array::from_frame(py, frame, copy.0)).transpose();
        };
        if !copy.0 {
            return Err(PyValueError::new_err(
                "out= and copy=False exclude each other: one names the memory, the other asks for some",
            ));
        }
        let size = detached(py, || self.handle.region_of(request.region))?.size();
        let destination = Destination::new(&out, size, fmt.0)?;
        // SAFETY: `out` is alive until this function returns.
        let target = Target::Into(unsafe { destination.image() });
        Ok(self.grab_to(py, &request, target)?.map(|_| out))
    }

    #[pyo3(
        signature = (timeout_ms=TimeoutMs::SECOND, *, sync=SyncMode(TextureSync::None)),
        text_signature = "($self, timeout_ms=1000, *, sync='none')"
    )]
    fn grab_gpu(&self, py: Python<'_>, timeout_ms: TimeoutMs, sync: SyncMode) -> PyResult<Option<GpuTexture>> {
        self.check_thread()?;
        let request = Request { region: None, timeout: timeout_ms.0, new_frame_only: true };
        self.prepare_wait(py, request.timeout)?;
        let frame = self.interruptible(py, |interrupt| self.handle.share(&request, sync.0, interrupt))?;
        Ok(frame.map(GpuTexture::new))
    }

    #[pyo3(
        signature = (target_fps=Fps::sixty(), region=None, video_mode=VideoMode(false), *, fmt=Format(PixelFormat::Bgra)),
        text_signature = "($self, target_fps=60, region=None, video_mode=False, *, fmt='bgra')"
    )]
    fn start(
        &self,
        py: Python<'_>,
        target_fps: Fps,
        region: Option<Bound<'_, PyAny>>,
        video_mode: VideoMode,
        fmt: Format,
    ) -> PyResult<()> {
        self.check_thread()?;
        let rate = target_fps.or_every_present();
        if video_mode.0 && rate.is_none() {
            return Err(PyValueError::new_err(
                "video_mode=True needs a target_fps: it publishes a frame at every tick",
            ));
        }
        let region = arguments::region(region.as_ref(), self.handle.peek(|s| s.output.size))?;
        let options = StreamOptions { rate, region, video: video_mode.0, format: fmt.0 };
        self.interruptible(py, |interrupt| self.handle.start(options, interrupt))
    }

    #[pyo3(
        signature = (timeout_ms=OptionalTimeoutMs(None), *, copy=Copied(true)),
        text_signature = "($self, timeout_ms=None, *, copy=True)"
    )]
    fn get_latest_frame<'py>(
        &self,
        py: Python<'py>,
        timeout_ms: OptionalTimeoutMs,
        copy: Copied,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.check_thread()?;
        self.prepare_wait(py, timeout_ms.0.unwrap_or(Duration::MAX))?;
        let frame = self.interruptible(py, |interrupt| self.handle.latest(timeout_ms.0, interrupt))?;
        array::from_frame(py, frame, copy.0)
    }

    fn stop(&self, py: Python<'_>) {
        py.detach(|| self.handle.stop());
        journal::hand_on(py);
    }

    #[pyo3(
        signature = (fps, fmt=Format(PixelFormat::Bgra), region=None, timeout_ms=TimeoutMs::FIVE_SECONDS, *, copy=Copied(true)),
        text_signature = "($self, fps, fmt='bgra', region=None, timeout_ms=5000, *, copy=True)"
    )]
    fn frames(
        slf: Bound<'_, Self>,
        fps: Fps,
        fmt: Format,
        region: Option<Bound<'_, PyAny>>,
        timeout_ms: TimeoutMs,
        copy: Copied,
    ) -> PyResult<FrameIterator> {
        let (py, this) = (slf.py(), slf.get());
        this.check_thread()?;
        let rate = fps.positive()?;
        let region = arguments::region(region.as_ref(), this.handle.peek(|s| s.output.size))?;
        this.interruptible(py, |interrupt| this.handle.begin_frames(region, interrupt))?;
        let course = Course::new(rate, region, fmt.0, timeout_ms.0);
        Ok(FrameIterator::new(slf.unbind(), rate, course, copy.0))
    }

    #[pyo3(
        signature = (target_fps=None, region=None, video_mode=VideoMode(false), *, fmt=None, copy=Copied(true)),
        text_signature = "($self, target_fps=0, region=None, video_mode=False, *, fmt='bgra', copy=True)"
    )]
    fn stream<'py>(
        slf: Bound<'py, Self>,
        target_fps: Option<Bound<'py, PyAny>>,
        region: Option<Bound<'py, PyAny>>,
        video_mode: VideoMode,
        fmt: Option<Bound<'py, PyAny>>,
        copy: Copied,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let options = PyDict::new(py);
        options.set_item("target_fps", target_fps)?;
        options.set_item("region", region)?;
        options.set_item("video_mode", video_mode.0)?;
        if let Some(fmt) = fmt {
            options.set_item("fmt", fmt)?;
        }
        py.import("rustcam._stream")?.getattr("FrameStream")?.call1((slf, options, copy.0))
    }

    /// Calls `callback` once, from any thread, as soon as `get_latest_frame` has something to return or to raise.
    fn _when_ready(slf: Bound<'_, Self>, callback: Py<PyAny>) -> PyResult<()> {
        let (py, this) = (slf.py(), slf.get());
        // A thread that waits for an interpreter which is ending never comes back: it has to end before.
        py.import("rustcam._stream")?.call_method1("close_at_exit", (&slf,))?;
        let bell = Box::new(move || {
            // During the end of the interpreter there is nobody left to tell.
            let _ = Python::try_attach(|py| callback.call0(py).map_err(|error| error.write_unraisable(py, None)));
        });
        detached(py, || this.handle.ring_when_ready(bell))
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.handle.close());
        journal::hand_on(py);
    }

    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        if slf.get().handle.is_closed() {
            return Err(PyRuntimeError::new_err("Capturer is closed"));
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
        let state = if self.handle.is_closed() { "closed" } else { "open" };
        self.handle.peek(|s| {
            format!(
                "<rustcam.Capturer {} device={} output={} {} region={} {state}>",
                self.backend, s.output.device_idx, s.output.output_idx, s.output.size, s.region
            )
        })
    }

    #[getter]
    fn width(&self) -> u32 {
        self.handle.peek(|s| s.output.size.width)
    }

    #[getter]
    fn height(&self) -> u32 {
        self.handle.peek(|s| s.output.size.height)
    }

    #[getter]
    fn region(&self) -> Edges {
        self.handle.peek(|s| edges(s.region))
    }

    #[getter]
    fn output_idx(&self) -> usize {
        self.handle.peek(|s| s.output.output_idx)
    }

    #[getter]
    fn device_idx(&self) -> usize {
        self.handle.peek(|s| s.output.device_idx)
    }

    #[getter]
    fn cursor(&self) -> bool {
        self.cursor
    }

    #[getter]
    fn format(&self) -> &'static str {
        PixelFormat::Bgra.name()
    }

    #[getter]
    fn rotation(&self) -> u32 {
        self.handle.peek(|s| s.output.rotation.degrees())
    }

    #[getter]
    fn is_capturing(&self) -> bool {
        self.handle.is_capturing()
    }

    #[getter]
    fn backend(&self) -> &'static str {
        self.backend.name()
    }

    #[getter]
    fn refresh_hz(&self) -> f64 {
        self.handle.peek(|s| s.output.refresh_hz)
    }

    #[getter]
    fn frame_info(&self) -> Option<FrameInfo> {
        self.handle.peek(|s| s.info.clone()).map(FrameInfo)
    }

    #[getter]
    fn stats(&self) -> Stats {
        Stats(self.handle.peek(|s| s.stats.clone()))
    }

    #[getter]
    fn closed(&self) -> bool {
        self.handle.is_closed()
    }
}

impl Capturer {
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    pub fn check_thread(&self) -> PyResult<()> {
        match self.owner {
            Some(owner) if owner != thread::current().id() => Err(PyRuntimeError::new_err(
                "this Capturer belongs to the thread that made it. Make one per thread, or pass any_thread=True",
            )),
            _ => Ok(()),
        }
    }

    fn grab_to(&self, py: Python<'_>, request: &Request, target: Target<'_>) -> PyResult<Option<Frame>> {
        self.prepare_wait(py, request.timeout)?;
        self.interruptible(py, |interrupt| self.handle.grab(request, target, interrupt))
    }

    /// Python runs signal handlers in its main thread only, whichever thread the signal came to. If that can be another one, the signal
    /// does not end a wait, and whoever waits has to ask.
    fn prepare_wait(&self, py: Python<'_>, timeout: Duration) -> PyResult<()> {
        if timeout > LITTLE {
            let threading = py.import(intern!(py, "threading"))?;
            let alone = || threading.call_method0(intern!(py, "active_count"))?.eq(1);
            let main = threading.call_method0(intern!(py, "main_thread"))?.getattr(intern!(py, "ident"))?;
            let is_main = || main.eq(threading.call_method0(intern!(py, "get_ident"))?);
            self.handle.watch(!alone()? && is_main()?);
        }
        Ok(())
    }

    /// Runs engine code without the interpreter; Python's signal handlers run meanwhile, and what they raise ends it.
    pub fn interruptible<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut dyn FnMut() -> Result<()>) -> Result<T> + Send,
    ) -> PyResult<T> {
        let mut raised = None;
        let outcome = detached(py, || work(&mut interrupt(&mut raised)));
        raised.map_or(outcome, Err)
    }
}

impl Drop for Capturer {
    fn drop(&mut self) {
        // The capture thread may be about to call into Python: it must not be waited for with the interpreter in hand.
        // SAFETY: Python frees its objects while it is attached to this thread.
        let py = unsafe { Python::assume_attached() };
        py.detach(|| self.handle.close());
    }
}

/// Lets Python's signal handlers run during a wait; what they raise ends the call. So does the end of the interpreter.
pub fn interrupt(raised: &mut Option<PyErr>) -> impl FnMut() -> Result<()> + '_ {
    #[allow(
        clippy::redundant_closure_for_method_calls,
        reason = "the method is not general over lifetimes, the closure is"
    )]
    move || {
        let reason = match Python::try_attach(|py| {
            journal::hand_on(py);
            py.check_signals()
        }) {
            Some(Ok(())) => return Ok(()),
            Some(Err(error)) => {
                *raised = Some(error);
                "interrupted by a signal handler"
            }
            // A daemon thread that outlives the interpreter gives up what it holds; there is nobody to return to.
            None => "the interpreter has ended",
        };
        Err(Error::new(ErrorKind::Interrupted, reason))
    }
}

/// What the engine needs to open the chosen output.
pub fn options(choice: &Choice, device: &Index, output: &Index, cursor: bool) -> Result<OpenOptions> {
    let (device, output) = choice.indices(device, output)?;
    let clock: Arc<dyn Clock> = Arc::new(MonotonicClock);
    Ok(OpenOptions {
        backend: choice.backend,
        device,
        output,
        watch_pointer: cursor,
        sim: choice.sim.clone(),
        clock: if choice.backend == Backend::Sim { sim::clock_for(choice.sim.as_deref(), clock)? } else { clock },
    })
}
