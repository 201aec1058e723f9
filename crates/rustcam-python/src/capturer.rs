//! The class `Capturer`.

use std::sync::Arc;
use std::time::Duration;

use numpy::PyArrayDescr;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use rustcam::capture::{FixedRate, Handle, Request, Snapshot, StreamId, StreamOptions, Target};
use rustcam::color::TextureFormat;
use rustcam::frame::PixelFormat;
use rustcam::frame_format::FrameSpec;
use rustcam::geometry::Rect;
use rustcam::source::texture::TextureSync;
use rustcam::source::Output;

use crate::arguments::{
    self, AnyThread, BackendName, Copied, Cursor, Fps, Hdr, Index, KeepAwake, NewFrameOnly, OpenTimeoutMs,
    OptionalTimeoutMs, OutputArgument, Patience, Script, SharedFormat, Subject, SyncMode, Threads, TimeoutMs,
    VideoMode,
};
use crate::array::{self, Contiguous, Destination};
use crate::capture::{end_stream_at_exit, interruptible, Capture};
use crate::color::Color;
use crate::errors::detached;
use crate::frame_options::{
    DType, Format, FrameOptions, FrameSize, Keywords, LayoutArgument, RegionList, ResampleArgument, StackArgument,
};
use crate::frames::FrameIterator;
use crate::info::{FrameInfo, Stats};
use crate::logging;
use crate::numpy_api;
use crate::pickling::{edges, Edges};
use crate::stream::OwnedStream;
use crate::texture::GpuTexture;
use crate::window::{self, WindowAreaArgument, WindowArgument};

#[pyclass(frozen, weakref, subclass, module = "rustcam")]
pub struct Capturer {
    capture: Arc<Capture>,
    backend: &'static str,
    cursor: bool,
}

impl Capturer {
    /// What the frames of a call are like.
    fn spec(&self, py: Python<'_>, fmt: Option<Format>, region: Option<Rect>) -> PyResult<FrameSpec> {
        let shown = region.unwrap_or_else(|| self.capture.handle.snapshot().region).size();
        self.capture.options.spec_of(py, fmt, region, shown)
    }

    fn stream_options(
        &self,
        py: Python<'_>,
        target_fps: &Fps,
        region: Option<&Bound<'_, PyAny>>,
        video_mode: VideoMode,
        fmt: Option<Format>,
        patience_s: &Patience,
    ) -> PyResult<StreamOptions> {
        self.capture.check_thread()?;
        let rate = target_fps.or_every_present();
        if video_mode.0 && rate.is_none() {
            return Err(PyValueError::new_err(
                "video_mode=True needs a target_fps: it publishes a frame at every tick",
            ));
        }
        let region = arguments::region(region, &self.capture.output())?;
        let spec = self.spec(py, fmt, region)?;
        let options = StreamOptions::default().rate(rate).region(region).video(video_mode.0);
        Ok(options.format(spec).patience(patience_s.0))
    }

    fn start_stream(&self, py: Python<'_>, options: StreamOptions) -> PyResult<StreamId> {
        end_stream_at_exit(&self.capture);
        let id = interruptible(py, Duration::ZERO, |interrupt| self.capture.handle.start(options, interrupt))?;
        self.capture.begin_stack();
        Ok(id)
    }
}

#[pymethods]
impl Capturer {
    #[new]
    #[pyo3(
        signature = (output=OutputArgument::zero(), cursor=Cursor(true), region=None, device=Index::zero(), *,
                     window=None, window_area=WindowAreaArgument::CLIENT, fmt=Format::Pixels(PixelFormat::Bgra), size=None,
                     resample=ResampleArgument::default(), layout=LayoutArgument::default(), dtype=DType::UINT8, regions=None, stack=None,
                     open_timeout_ms=OpenTimeoutMs::SECOND, backend=BackendName::auto(),
                     any_thread=AnyThread(false), threads=Threads(None), hdr=Hdr::MAP, sim=None),
        text_signature = "(output=0, cursor=True, region=None, device=0, *, window=None, window_area='client', fmt='bgra', size=None, resample='area', layout='hwc', dtype='uint8', regions=None, stack=None, open_timeout_ms=1000, backend='auto', any_thread=False, threads=None, hdr='map', sim=None)"
    )]
    #[allow(clippy::too_many_arguments, reason = "the contract's signature")]
    fn new(
        py: Python<'_>,
        output: OutputArgument,
        cursor: Cursor,
        region: Option<Bound<'_, PyAny>>,
        device: Index,
        window: Option<WindowArgument>,
        window_area: WindowAreaArgument,
        fmt: Format,
        size: Option<FrameSize>,
        resample: ResampleArgument,
        layout: LayoutArgument,
        dtype: DType,
        regions: Option<RegionList<'_>>,
        stack: Option<StackArgument>,
        open_timeout_ms: OpenTimeoutMs,
        backend: BackendName,
        any_thread: AnyThread,
        threads: Threads,
        hdr: Hdr,
        sim: Option<Script>,
    ) -> PyResult<Self> {
        // Importing numpy takes longer than many frames, so it is done here and not during the first grab.
        numpy_api::load(py)?;
        let keywords = Keywords { fmt, size, resample, layout, dtype, regions, stack };
        let options = FrameOptions::new(&keywords)?;
        options.check_region(region.is_some())?;
        let subject = Subject { output, device, window: window::target(window, window_area)?, backend, sim };
        let backend = subject.backend(py)?;
        let name = backend.name();
        let timeout = open_timeout_ms.0;
        let handle = interruptible(py, timeout, |interrupt| {
            let options = subject.options(backend, cursor.0, interrupt)?;
            Handle::open(&options.timeout(timeout).threads(threads.0).tone_mapping(hdr.0), interrupt)
        })?;
        let output = handle.snapshot().output;
        let region = arguments::region(region.as_ref(), &output)?;
        let regions = keywords.regions.as_ref().map(|regions| regions.on(&output)).transpose()?;
        detached(py, || {
            handle.set_region(region)?;
            handle.set_regions(regions.as_deref())?;
            handle.warm_up();
            Ok(())
        })?;
        options.spec_of(py, None, None, handle.snapshot().region.size())?;
        let capture = Arc::new(Capture::new(handle, options, any_thread.0));
        Ok(Self { capture, backend: name, cursor: cursor.0 })
    }

    #[pyo3(
        signature = (timeout_ms=TimeoutMs::SECOND, fmt=None, region=None, *, out=None, copy=Copied(true),
                     new_frame_only=NewFrameOnly(true)),
        text_signature = "($self, timeout_ms=1000, fmt=None, region=None, *, out=None, copy=True, new_frame_only=True)"
    )]
    #[allow(clippy::too_many_arguments, reason = "the contract's signature")]
    fn grab<'py>(
        &self,
        py: Python<'py>,
        timeout_ms: TimeoutMs,
        fmt: Option<Format>,
        region: Option<Bound<'py, PyAny>>,
        out: Option<Bound<'py, PyAny>>,
        copy: Copied,
        new_frame_only: NewFrameOnly,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.capture.check_thread()?;
        if self.capture.handle.is_closed() {
            return Err(PyRuntimeError::new_err("Capturer is closed"));
        }
        let region = arguments::region(region.as_ref(), &self.capture.output())?;
        let request = Request::within(timeout_ms.0).region(region).new_frame_only(new_frame_only.0);
        let (capture, options) = (&self.capture, &self.capture.options);
        let Some(out) = out else {
            let spec = self.spec(py, fmt, region)?;
            let retained = !copy.0 || capture.stacks();
            let target = if retained { Target::retained(spec) } else { Target::owned(spec) };
            return capture.grab(py, &request, target)?.map(|frame| capture.array(py, frame, copy.0)).transpose();
        };
        if !copy.0 {
            return Err(PyValueError::new_err(
                "out= and copy=False exclude each other: one names the memory, the other asks for some",
            ));
        }
        let size = detached(py, || capture.handle.region_of(request.region))?.size();
        let spec = options.spec_of(py, fmt, region, size)?;
        if let (Some(format), None, None) = (spec.format.as_packed(), spec.size, options.stack) {
            let destination = Destination::new(&out, size, format)?;
            // SAFETY: `out` is alive until this function returns.
            let target = Target::Into(unsafe { destination.image() });
            return Ok(capture.grab(py, &request, target)?.map(|_| out));
        }
        let destination = Contiguous::new(&out, &options.shape(&spec, size), spec.format)?;
        if !capture.stacks() {
            // SAFETY: as above.
            let target = Target::Fill(unsafe { destination.bytes() }, spec);
            return Ok(capture.grab(py, &request, target)?.map(|_| out));
        }
        let Some(frame) = capture.grab(py, &request, Target::retained(spec))? else { return Ok(None) };
        let stack = capture.array(py, frame, false)?;
        py.import("numpy")?.call_method1("copyto", (&out, stack))?;
        Ok(Some(out))
    }

    #[pyo3(
        signature = (timeout_ms=TimeoutMs::SECOND, *, sync=SyncMode(TextureSync::None), fmt=SharedFormat(TextureFormat::Bgra8),
                     size=None, resample=None),
        text_signature = "($self, timeout_ms=1000, *, sync='none', fmt='bgra', size=None, resample=None)"
    )]
    fn grab_gpu(
        &self,
        py: Python<'_>,
        timeout_ms: TimeoutMs,
        sync: SyncMode,
        fmt: SharedFormat,
        size: Option<FrameSize>,
        resample: Option<ResampleArgument>,
    ) -> PyResult<Option<GpuTexture>> {
        self.capture.check_thread()?;
        let scale = self.capture.options.scale(size, resample);
        let target = Target::Shared { sync: sync.0, format: fmt.0, scale };
        let frame = self.capture.grab(py, &Request::within(timeout_ms.0), target)?;
        Ok(frame.and_then(GpuTexture::from_frame))
    }

    #[pyo3(
        signature = (target_fps=Fps::sixty(), region=None, video_mode=VideoMode(false), *, fmt=None,
                     patience_s=Patience::DEFAULT),
        text_signature = "($self, target_fps=60, region=None, video_mode=False, *, fmt=None, patience_s=30)"
    )]
    #[allow(clippy::too_many_arguments, reason = "the contract's signature")]
    fn start(
        &self,
        py: Python<'_>,
        target_fps: Fps,
        region: Option<Bound<'_, PyAny>>,
        video_mode: VideoMode,
        fmt: Option<Format>,
        patience_s: Patience,
    ) -> PyResult<()> {
        let options = self.stream_options(py, &target_fps, region.as_ref(), video_mode, fmt, &patience_s)?;
        self.start_stream(py, options).map(drop)
    }

    /// `start` for a `FrameStream`, which owns the stream.
    #[pyo3(
        signature = (target_fps=Fps::every_present(), region=None, video_mode=VideoMode(false), *, fmt=None,
                     patience_s=Patience::DEFAULT),
        text_signature = "($self, target_fps=0, region=None, video_mode=False, *, fmt=None, patience_s=30)"
    )]
    #[allow(clippy::too_many_arguments, reason = "the contract's signature")]
    fn _start_owned(
        &self,
        py: Python<'_>,
        target_fps: Fps,
        region: Option<Bound<'_, PyAny>>,
        video_mode: VideoMode,
        fmt: Option<Format>,
        patience_s: Patience,
    ) -> PyResult<OwnedStream> {
        let options = self.stream_options(py, &target_fps, region.as_ref(), video_mode, fmt, &patience_s)?;
        let id = self.start_stream(py, options.iterated(true))?;
        Ok(OwnedStream::new(Arc::clone(&self.capture), id))
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
        self.capture.check_thread()?;
        let wait = timeout_ms.0.unwrap_or(Duration::MAX);
        let frame = interruptible(py, wait, |interrupt| self.capture.handle.latest(timeout_ms.0, interrupt))?;
        self.capture.array(py, frame, copy.0)
    }

    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.capture.handle.stop());
        logging::forward(py)
    }

    #[pyo3(
        signature = (fps, fmt=None, region=None, timeout_ms=TimeoutMs::FIVE_SECONDS, *, copy=Copied(true),
                     patience_s=Patience::DEFAULT, keep_awake=KeepAwake(false)),
        text_signature = "($self, fps, fmt=None, region=None, timeout_ms=5000, *, copy=True, patience_s=30, keep_awake=False)"
    )]
    #[allow(clippy::too_many_arguments, reason = "the contract's signature")]
    fn frames(
        slf: Bound<'_, Self>,
        fps: Fps,
        fmt: Option<Format>,
        region: Option<Bound<'_, PyAny>>,
        timeout_ms: TimeoutMs,
        copy: Copied,
        patience_s: Patience,
        keep_awake: KeepAwake,
    ) -> PyResult<FrameIterator> {
        let (py, this) = (slf.py(), slf.get());
        this.capture.check_thread()?;
        let rate = fps.positive()?;
        let region = arguments::region(region.as_ref(), &this.capture.output())?;
        let spec = this.spec(py, fmt, region)?;
        interruptible(py, Duration::ZERO, |interrupt| this.capture.handle.begin_frames(region, interrupt))?;
        this.capture.begin_stack();
        let frames = FixedRate::new(rate)
            .region(region)
            .format(spec)
            .timeout(timeout_ms.0)
            .patience(patience_s.0)
            .keep_awake(keep_awake.0);
        Ok(FrameIterator::new(Arc::clone(&this.capture), rate, frames, copy.0))
    }

    #[pyo3(
        signature = (target_fps=None, region=None, video_mode=VideoMode(false), *, fmt=None, copy=Copied(true),
                     patience_s=Patience::DEFAULT),
        text_signature = "($self, target_fps=0, region=None, video_mode=False, *, fmt=None, copy=True, patience_s=30)"
    )]
    #[allow(clippy::too_many_arguments, reason = "the contract's signature")]
    fn stream<'py>(
        slf: Bound<'py, Self>,
        target_fps: Option<Bound<'py, PyAny>>,
        region: Option<Bound<'py, PyAny>>,
        video_mode: VideoMode,
        fmt: Option<Bound<'py, PyAny>>,
        copy: Copied,
        patience_s: Patience,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let options = PyDict::new(py);
        options.set_item("target_fps", target_fps)?;
        options.set_item("region", region)?;
        options.set_item("video_mode", video_mode.0)?;
        if let Some(fmt) = fmt {
            options.set_item("fmt", fmt)?;
        }
        options.set_item("patience_s", (patience_s.0 != Duration::MAX).then_some(patience_s.0.as_secs_f64()))?;
        py.import("rustcam")?.getattr("FrameStream")?.call1((slf, options, copy.0))
    }

    /// Calls `callback` once, from any thread, as soon as `get_latest_frame` has something to return or to raise.
    fn _when_ready(slf: Bound<'_, Self>, callback: Py<PyAny>) -> PyResult<()> {
        let (py, this) = (slf.py(), slf.get());
        // A thread that waits for the interpreter while it shuts down never continues, so it has to end before.
        py.import("rustcam._stream")?.call_method1("close_at_exit", (&slf,))?;
        let callback = Box::new(move || {
            // While the interpreter shuts down, attaching fails, and nothing waits for the callback any more.
            let _ = Python::try_attach(|py| callback.call0(py).map_err(|error| error.write_unraisable(py, None)));
        });
        detached(py, || this.capture.handle.call_when_ready(callback))
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.capture.handle.close());
        logging::forward(py)
    }

    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        if slf.get().capture.handle.is_closed() {
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
    ) -> PyResult<()> {
        let _ = (exc_type, exc_value, traceback);
        self.close(py)
    }

    fn __repr__(&self) -> String {
        let state = if self.capture.handle.is_closed() { "closed" } else { "open" };
        let Snapshot { output, region, .. } = self.capture.handle.snapshot();
        if output.is_window {
            let Output { name, size, .. } = &*output;
            return format!("<rustcam.Capturer {} window={name:?} {size} region={region} {state}>", self.backend());
        }
        format!(
            "<rustcam.Capturer {} device={} output={} {} region={region} {state}>",
            self.backend(),
            output.device_idx,
            output.output_idx,
            output.size
        )
    }

    #[getter]
    fn width(&self) -> u32 {
        self.capture.size().width
    }

    #[getter]
    fn height(&self) -> u32 {
        self.capture.size().height
    }

    #[getter]
    fn region(&self) -> Edges {
        edges(self.capture.handle.snapshot().region)
    }

    #[getter]
    fn output_idx(&self) -> usize {
        self.capture.handle.snapshot().output.output_idx
    }

    #[getter]
    fn device_idx(&self) -> usize {
        self.capture.handle.snapshot().output.device_idx
    }

    #[getter]
    fn cursor(&self) -> bool {
        self.cursor
    }

    #[getter]
    fn format(&self) -> &'static str {
        self.capture.options.format.name()
    }

    #[getter]
    fn frame_shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let options = &self.capture.options;
        let spec = options.spec(None, None)?;
        PyTuple::new(py, options.shape(&spec, self.capture.handle.snapshot().region.size()))
    }

    #[getter]
    fn frame_dtype<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArrayDescr>> {
        numpy_api::load(py)?;
        Ok(array::dtype(py, self.capture.options.spec(None, None)?.format.element()))
    }

    #[getter]
    fn color(&self) -> Color {
        Color(self.capture.handle.snapshot().color)
    }

    #[getter]
    fn rotation(&self) -> u32 {
        self.capture.handle.snapshot().output.rotation.degrees()
    }

    #[getter]
    fn is_capturing(&self) -> bool {
        self.capture.handle.is_capturing()
    }

    #[getter]
    fn backend(&self) -> &'static str {
        self.capture.handle.snapshot().other_backend.unwrap_or(self.backend)
    }

    #[getter]
    fn refresh_hz(&self) -> f64 {
        self.capture.handle.snapshot().output.refresh_hz
    }

    #[getter]
    fn frame_info(&self) -> Option<FrameInfo> {
        self.capture.handle.info().map(FrameInfo)
    }

    #[getter]
    fn stats(&self) -> Stats {
        Stats(self.capture.handle.stats())
    }

    #[getter]
    fn closed(&self) -> bool {
        self.capture.handle.is_closed()
    }
}
