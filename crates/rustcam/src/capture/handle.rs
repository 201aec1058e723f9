//! A session that several threads may hold: one use at a time, and `close` works from anywhere.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::geometry::Rect;
use crate::source::texture::TextureSync;
use crate::source::{OpenOptions, Waker};

use super::canvas::Target;
use super::frames::Course;
use super::lease::Lease;
use super::mailbox::{Bell, Mailbox};
use super::pacer::Patience;
use super::session::{Frame, GpuFrame, Request, Session};
use super::snapshot::Snapshot;
use super::stream::{Stream, StreamOptions};

/// A session that can be shared and closed.
pub struct Handle {
    pub(super) shared: Arc<Shared>,
    pub(super) clock: Arc<dyn Clock>,
    /// Makes the call that waits ask whether to go on.
    waker: Option<Waker>,
    watchful: AtomicBool,
    closed: AtomicBool,
    process: u32,
}

/// What the capture thread reaches, too.
pub(super) struct Shared {
    state: Mutex<State>,
    /// Signalled when the use of the session changes.
    pub(super) changed: Condvar,
}

pub(super) struct State {
    pub(super) usage: Usage,
    /// A sequence of frames at a constant rate is under way, between two calls.
    framing: bool,
    pub(super) snapshot: Snapshot,
}

pub(super) enum Usage {
    Idle(Box<Session>),
    /// A call of some thread has it.
    Busy,
    Streaming(Stream),
    /// Nobody will have it again.
    Gone,
}

impl Handle {
    /// Opens a session, see [`Session::open`].
    ///
    /// # Errors
    /// Those of [`Session::open`].
    pub fn open(options: &OpenOptions) -> Result<Self> {
        let session = Session::open(options)?;
        let (snapshot, waker) = (Snapshot::of(&session), session.waker());
        let state = State { usage: Usage::Idle(Box::new(session)), framing: false, snapshot };
        Ok(Self {
            shared: Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }),
            clock: Arc::clone(&options.clock),
            waker,
            watchful: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            process: std::process::id(),
        })
    }

    /// Sets the region that frames show unless a request says otherwise.
    ///
    /// # Errors
    /// `InvalidArgument` naming the bounds if the region is not inside the output; `WrongState` unless the session is idle.
    pub fn set_region(&self, region: Option<Rect>) -> Result<()> {
        let mut state = self.shared.lock();
        let Usage::Idle(session) = &mut state.usage else { return Err(closed()) };
        session.set_region(region)?;
        state.snapshot.region = session.region();
        Ok(())
    }

    /// What is known now.
    pub fn snapshot(&self) -> Snapshot {
        self.peek(Clone::clone)
    }

    /// Something of what is known now.
    pub fn peek<T>(&self, pick: impl FnOnce(&Snapshot) -> T) -> T {
        pick(&self.shared.lock().snapshot)
    }

    /// Whether [`Handle::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Whether a stream or a sequence of frames is under way.
    pub fn is_capturing(&self) -> bool {
        let state = self.shared.lock();
        state.framing || matches!(state.usage, Usage::Streaming(_))
    }

    /// The region that `region` means, on the output as it is now.
    ///
    /// # Errors
    /// Those of [`Session::checked_region`].
    pub fn region_of(&self, region: Option<Rect>) -> Result<Rect> {
        let state = self.shared.lock();
        match (&state.usage, region) {
            (Usage::Idle(session), region) => session.checked_region(region),
            // Another thread captures: what it leaves behind is checked again when its turn is over.
            (_, region) => Ok(region.unwrap_or(state.snapshot.region)),
        }
    }

    /// [`Session::grab`], one call at a time; waiting for another thread's call counts against the timeout.
    ///
    /// # Errors
    /// Those of [`Session::grab`]; `WrongState` while a stream or a sequence of frames is under way, if the handle is or gets closed,
    /// or in a forked child process; what ended a stream, if no call has reported that yet.
    pub fn grab(
        &self,
        request: &Request,
        target: Target<'_>,
        interrupt: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Option<Frame>> {
        let mut interrupt = || self.check_open().and_then(|()| interrupt());
        let Some((mut lease, left)) = self.lease(request.timeout, false, &mut interrupt)? else { return Ok(None) };
        let request = Request { timeout: left, ..*request };
        lease.session().watch(self.watchful.load(Ordering::Relaxed));
        lease.session().grab(&request, target, &mut interrupt)
    }

    /// [`Session::share`], one call at a time, as [`Handle::grab`].
    ///
    /// # Errors
    /// Those of [`Session::share`] and of [`Handle::grab`].
    pub fn share(
        &self,
        request: &Request,
        sync: TextureSync,
        interrupt: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Option<GpuFrame>> {
        let mut interrupt = || self.check_open().and_then(|()| interrupt());
        let Some((mut lease, left)) = self.lease(request.timeout, false, &mut interrupt)? else { return Ok(None) };
        let request = Request { timeout: left, ..*request };
        lease.session().watch(self.watchful.load(Ordering::Relaxed));
        lease.session().share(&request, sync, &mut interrupt)
    }

    /// Whether the interrupts of the calls to come have to be asked every few milliseconds: they may have a reason to fail that no signal
    /// in the waiting thread tells, as in a Python process another thread of which handles the signal. Costs processor time.
    pub fn watch(&self, watchful: bool) {
        self.watchful.store(watchful, Ordering::Relaxed);
    }

    /// Starts a thread that captures by itself.
    ///
    /// # Errors
    /// As for [`Handle::grab`]; `InvalidArgument` if the region is not inside the output.
    pub fn start(&self, options: StreamOptions, interrupt: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let mut interrupt = || self.check_open().and_then(|()| interrupt());
        let Some((mut lease, _)) = self.lease(Duration::MAX, false, &mut interrupt)? else { return Ok(()) };
        lease.session().checked_region(options.region)?;
        lease.give_to_stream(options);
        Ok(())
    }

    /// The newest frame of the stream that was not returned before; waits for one, without end if there is no timeout.
    ///
    /// # Errors
    /// `Timeout` if none came in time; `WrongState` without a stream, or if it is stopped meanwhile; what ended the stream.
    pub fn latest(&self, timeout: Option<Duration>, interrupt: &mut dyn FnMut() -> Result<()>) -> Result<Frame> {
        self.check_open()?;
        let mailbox = self.mailbox()?;
        let mut patience = Patience::new(&*self.clock, timeout.unwrap_or(Duration::MAX), interrupt);
        if Mailbox::SIGNALS_END_WAITS && !self.watchful.load(Ordering::Relaxed) {
            patience = patience.with_long_waits();
        }
        loop {
            let slice = patience.slice(Duration::MAX)?;
            match mailbox.take(slice) {
                Ok(Some(delivery)) => {
                    let Snapshot { info, stats, .. } = &mut self.shared.lock().snapshot;
                    stats.frames += 1;
                    stats.missed += delivery.info.accumulated.saturating_sub(1);
                    *info = Some(delivery.info);
                    return Ok(delivery.frame);
                }
                Ok(None) if patience.is_over() => {
                    self.shared.lock().snapshot.stats.timeouts += 1;
                    let waited = timeout.unwrap_or_default().as_millis();
                    let error = Error::new(ErrorKind::Timeout, format!("no new frame within {waited} ms"));
                    return Err(error.with_hint(
                            "Nothing changed on the screen. Wait longer, or start(video_mode=True) to get the same image again",
                        ));
                }
                Ok(None) => patience.interrupted(),
                Err(error) => {
                    self.end_stream(|ended| Arc::ptr_eq(ended, &mailbox), stopped);
                    return Err(error);
                }
            }
        }
    }

    /// Rings `bell` once, as soon as [`Handle::latest`] has something to return or to report.
    ///
    /// # Errors
    /// `WrongState` without a stream.
    pub fn ring_when_ready(&self, bell: Bell) -> Result<()> {
        self.check_open()?;
        self.mailbox()?.ring_when_ready(bell);
        Ok(())
    }

    /// Ends the stream, if there is one, and returns when its thread has ended. The session can be used again afterwards.
    pub fn stop(&self) {
        self.end_stream(|_| true, stopped);
    }

    /// Begins a sequence of frames at a constant rate.
    ///
    /// # Errors
    /// As for [`Handle::start`].
    pub fn begin_frames(&self, region: Option<Rect>, interrupt: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let mut interrupt = || self.check_open().and_then(|()| interrupt());
        let Some((mut lease, _)) = self.lease(Duration::MAX, false, &mut interrupt)? else { return Ok(()) };
        lease.session().checked_region(region)?;
        self.shared.lock().framing = true;
        Ok(())
    }

    /// The next frame of the sequence that [`Handle::begin_frames`] began, and its slot, see [`Course`].
    ///
    /// # Errors
    /// Those of [`Session::grab`]; `Timeout` if the first image does not come in time; `WrongState` if the handle is or gets closed.
    pub fn next_frame(
        &self,
        course: &mut Course,
        retained: bool,
        interrupt: &mut dyn FnMut() -> Result<()>,
    ) -> Result<(Frame, u64)> {
        let mut interrupt = || self.check_open().and_then(|()| interrupt());
        let Some((mut lease, _)) = self.lease(Duration::MAX, true, &mut interrupt)? else { return Err(closed()) };
        course.advance(lease.session(), &*self.clock, retained, &mut interrupt)
    }

    /// Ends the sequence of frames, if there is one.
    pub fn end_frames(&self) {
        if !self.is_foreign() {
            self.shared.lock().framing = false;
        }
    }

    /// Ends the capture and frees everything that no returned frame holds. A call that waits in another thread ends at once, or within a
    /// slice where nothing can wake it.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        if self.is_foreign() {
            // After a fork the lock may be held by a thread that does not exist here.
            return;
        }
        if let Some(wake) = &self.waker {
            wake();
        }
        self.end_stream(|_| true, closed);
        let usage = {
            let mut state = self.shared.lock();
            state.framing = false;
            let idle = matches!(state.usage, Usage::Idle(_));
            idle.then(|| std::mem::replace(&mut state.usage, Usage::Gone))
        };
        self.shared.changed.notify_all();
        drop(usage);
    }

    /// Waits for the session, and says how much of the timeout is left then. `None` if another call kept it until the deadline.
    fn lease(
        &self,
        timeout: Duration,
        framing: bool,
        interrupt: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Option<(Lease<'_>, Duration)>> {
        self.check_process()?;
        let mut patience = Patience::new(&*self.clock, timeout, interrupt);
        let mut state = self.shared.lock();
        loop {
            self.check_open()?;
            if state.framing != framing {
                return Err(Error::new(ErrorKind::WrongState, "a frames() iterator is open: close it first"));
            }
            match std::mem::replace(&mut state.usage, Usage::Busy) {
                Usage::Idle(session) => {
                    return Ok(Some((Lease { handle: self, session: Some(session) }, patience.left())));
                }
                Usage::Busy => {}
                Usage::Gone => {
                    state.usage = Usage::Gone;
                    return Err(closed());
                }
                Usage::Streaming(stream) => {
                    let mailbox = Arc::clone(stream.mailbox());
                    state.usage = Usage::Streaming(stream);
                    drop(state);
                    if let Some(error) = mailbox.failure() {
                        self.end_stream(|ended| Arc::ptr_eq(ended, &mailbox), stopped);
                        return Err(error);
                    }
                    return Err(Error::new(
                        ErrorKind::WrongState,
                        "start() is active: take frames with get_latest_frame(), or call stop() first",
                    ));
                }
            }
            if patience.is_over() {
                return Ok(None);
            }
            drop(state);
            let slice = patience.slice(Duration::MAX)?;
            state =
                self.shared.changed.wait_timeout(self.shared.lock(), slice).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn mailbox(&self) -> Result<Arc<Mailbox>> {
        self.check_process()?;
        match &self.shared.lock().usage {
            Usage::Streaming(stream) => Ok(Arc::clone(stream.mailbox())),
            _ => Err(Error::new(ErrorKind::WrongState, "there is no stream: call start() first")),
        }
    }

    /// Ends the stream if it is one of those `meant`, and gives its session back.
    fn end_stream(&self, meant: impl FnOnce(&Arc<Mailbox>) -> bool, reason: impl FnOnce() -> Error) {
        if self.is_foreign() {
            return;
        }
        let stream = {
            let mut state = self.shared.lock();
            match std::mem::replace(&mut state.usage, Usage::Busy) {
                Usage::Streaming(stream) if meant(stream.mailbox()) => stream,
                other => {
                    state.usage = other;
                    return;
                }
            }
        };
        // The thread may need the lock before it can end.
        let session = stream.stop(reason());
        let lease = Lease { handle: self, session: session.map(Box::new) };
        if let Some(mut lease) = Some(lease).filter(|lease| lease.session.is_some()) {
            let Snapshot { info, stats, .. } = self.snapshot();
            lease.session().returned_by_stream(info, &stats);
        } else {
            self.shared.lock().usage = Usage::Gone;
        }
    }

    fn check_open(&self) -> Result<()> {
        if self.is_closed() {
            Err(closed())
        } else {
            Ok(())
        }
    }

    fn check_process(&self) -> Result<()> {
        if self.is_foreign() {
            return Err(Error::new(ErrorKind::WrongState, "this Capturer belongs to the process that made it")
                .with_hint("Create a Capturer after the fork, or start workers with the \"spawn\" method"));
        }
        Ok(())
    }

    fn is_foreign(&self) -> bool {
        std::process::id() != self.process
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// A state is whole at every moment, so a panic elsewhere does not spoil it.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stopped() -> Error {
    Error::new(ErrorKind::WrongState, "the stream was stopped")
}

fn closed() -> Error {
    Error::new(ErrorKind::WrongState, "Capturer is closed")
}
