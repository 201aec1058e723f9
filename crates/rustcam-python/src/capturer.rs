//! The class `Capturer`.

use std::sync::Arc;
use std::thread::{self, ThreadId};

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use rustcam::capture::{Handle, Request, Target};
use rustcam::clock::{Clock, MonotonicClock};
use rustcam::error::{Error, ErrorKind, Result};
use rustcam::frame::PixelFormat;
use rustcam::source::{sim, Backend, OpenOptions};

use crate::arguments::{self, BackendName, Choice, Format, Index, Script, TimeoutMs};
use crate::array::{self, Destination};
use crate::errors::detached;
use crate::info::{edges, Edges, FrameInfo, Stats};

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
        signature = (output=Index::zero(), cursor=true, region=None, device=Index::zero(), *,
                     backend=BackendName(None), any_thread=false, sim=None),
        text_signature = "(output=0, cursor=True, region=None, device=0, *, backend='auto', any_thread=False, sim=None)"
    )]
    #[allow(clippy::too_many_arguments, reason = "the contract's signature")]
    fn new(
        py: Python<'_>,
        output: Index,
        cursor: bool,
        region: Option<Bound<'_, PyAny>>,
        device: Index,
        backend: BackendName,
        any_thread: bool,
        sim: Option<Script>,
    ) -> PyResult<Self> {
        let choice = Choice::new(py, backend, sim)?;
        let handle = detached(py, || Handle::open(&options(&choice, &device, &output, cursor)?))?;
        let size = handle.peek(|s| s.output.size);
        let region = arguments::region(region.as_ref(), size)?;
        detached(py, || handle.set_region(region))?;
        let owner = (!any_thread).then(|| thread::current().id());
        Ok(Self { handle, backend: choice.backend, cursor, owner })
    }

    #[pyo3(
        signature = (timeout_ms=TimeoutMs::SECOND, fmt=Format(PixelFormat::Bgra), region=None, *, out=None, copy=true,
                     new_frame_only=true),
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
        copy: bool,
        new_frame_only: bool,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.check_thread()?;
        if self.handle.is_closed() {
            return Err(PyRuntimeError::new_err("Capturer is closed"));
        }
        let region = arguments::region(region.as_ref(), self.handle.peek(|s| s.output.size))?;
        let request = Request { region, timeout: timeout_ms.0, new_frame_only };
        let Some(out) = out else {
            let target = if copy { Target::Owned(fmt.0) } else { Target::Retained(fmt.0) };
            return self.grab_to(py, &request, target)?.map(|frame| array::from_frame(py, frame, copy)).transpose();
        };
        if !copy {
            return Err(PyValueError::new_err(
                "out= and copy=False exclude each other: one names the memory, the other asks for some",
            ));
        }
        let size = detached(py, || self.handle.region_of(&request))?.size();
        let destination = Destination::new(&out, size, fmt.0)?;
        // SAFETY: `out` is alive until this function returns.
        let target = Target::Into(unsafe { destination.image() });
        Ok(self.grab_to(py, &request, target)?.map(|_| out))
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.handle.close());
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

    /// Streaming does not exist yet, so nothing ever captures in the background.
    #[getter]
    fn is_capturing(&self) -> bool {
        false
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
    fn check_thread(&self) -> PyResult<()> {
        match self.owner {
            Some(owner) if owner != thread::current().id() => Err(PyRuntimeError::new_err(
                "this Capturer belongs to the thread that made it. Make one per thread, or pass any_thread=True",
            )),
            _ => Ok(()),
        }
    }

    fn grab_to(
        &self,
        py: Python<'_>,
        request: &Request,
        target: Target<'_>,
    ) -> PyResult<Option<rustcam::capture::Frame>> {
        let mut raised = None;
        let grabbed = detached(py, || self.handle.grab(request, target, &mut interrupt(&mut raised)));
        raised.map_or(grabbed, Err)
    }
}

/// Lets Python's signal handlers run during a wait; what they raise ends the call.
pub fn interrupt(raised: &mut Option<PyErr>) -> impl FnMut() -> Result<()> + '_ {
    #[allow(
        clippy::redundant_closure_for_method_calls,
        reason = "the method is not general over lifetimes, the closure is"
    )]
    move || {
        let reason = match Python::try_attach(|py| py.check_signals()) {
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
