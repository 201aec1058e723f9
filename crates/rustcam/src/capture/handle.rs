//! A session that several threads share: one call at a time, and any thread can close it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::FrameInfo;
use crate::geometry::Rect;
use crate::source::{OpenOptions, Waker};

use super::deadline::WaitBudget;
use super::fixed_rate::FixedRate;
use super::frame::{Frame, Request, Target};
use super::interrupt::{Conditional, Interrupt};
use super::mailbox::{Mailbox, ReadyCallback};
use super::session::Session;
use super::session_guard::{SessionGuard, Shared, Usage};
use super::snapshot::Snapshot;
use super::stats::Stats;
use super::stream::{Stream, StreamId, StreamOptions, StreamThread};

/// A session that several threads share. Calls are serialised, one stream or sequence of frames can run at a time, and [`Handle::close`]
/// ends everything from any thread.
pub struct Handle {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    /// Makes a waiting call check its interrupt.
    waker: Option<Waker>,
    process: u32,
}

impl Handle {
    /// Opens a session, see [`Session::open`].
    ///
    /// # Errors
    /// Those of [`Session::open`].
    pub fn open(options: &OpenOptions, interrupt: &mut dyn Interrupt) -> Result<Self> {
        Ok(Self::over(Session::open(options, interrupt)?, Arc::clone(&options.clock)))
    }

    /// A handle to `session`, which uses `clock`.
    pub fn over(session: Session, clock: Arc<dyn Clock>) -> Self {
        let waker = session.waker();
        Self { shared: Arc::new(Shared::new(session)), clock, waker, process: std::process::id() }
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

    /// [`Session::set_regions`].
    ///
    /// # Errors
    /// As for [`Session::set_regions`]; `WrongState` if the session is in use.
    pub fn set_regions(&self, regions: Option<&[Rect]>) -> Result<()> {
        let mut state = self.shared.lock();
        let Usage::Idle(session) = &mut state.usage else {
            return Err(Error::new(ErrorKind::WrongState, "the regions are set before the first frame"));
        };
        session.set_regions(regions)
    }

    /// [`Session::warm_up`], if the session is idle.
    pub fn warm_up(&self) {
        if let Usage::Idle(session) = &mut self.shared.lock().usage {
            session.warm_up();
        }
    }

    /// The state of the session as of the last call.
    pub fn snapshot(&self) -> Snapshot {
        self.shared.lock().snapshot.clone()
    }

    /// The info of the last returned frame.
    pub fn info(&self) -> Option<FrameInfo> {
        self.shared.lock().delivered.info.clone()
    }

    /// What happened since the capture was opened.
    pub fn stats(&self) -> Stats {
        let state = self.shared.lock();
        let delivered = &state.delivered;
        Stats {
            frames: delivered.frames,
            timeouts: delivered.timeouts,
            missed: delivered.missed,
            session: state.snapshot.stats.clone(),
        }
    }

    /// Whether [`Handle::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// Whether a stream or a sequence of frames is active. A forked child process has none.
    pub fn is_capturing(&self) -> bool {
        if self.is_forked() {
            return false;
        }
        let state = self.shared.lock();
        state.framing || matches!(&state.usage, Usage::Streaming(stream) if !stream.is_stopped())
    }

    /// The region that a request with `region` shows, on the output as it is now.
    ///
    /// # Errors
    /// Those of [`Session::checked_region`].
    pub fn region_of(&self, region: Option<Rect>) -> Result<Rect> {
        let state = self.shared.lock();
        match (&state.usage, region) {
            (Usage::Idle(session), region) => session.checked_region(region),
            // Another thread uses the session. The region is checked again when a call gets the session.
            (_, region) => Ok(region.unwrap_or(state.snapshot.region)),
        }
    }

    /// [`Session::grab`], one call at a time; waiting for another thread's call counts against the timeout.
    ///
    /// # Errors
    /// Those of [`Session::grab`]; `WrongState` while a stream or a sequence of frames is active, if the handle is or gets closed, or in
    /// a forked child process; the error that ended a stream, if no call has returned it yet.
    pub fn grab(&self, request: &Request, target: Target<'_>, interrupt: &mut dyn Interrupt) -> Result<Option<Frame>> {
        let mut interrupt = Conditional::new(|| self.check_open(), interrupt);
        let Some((mut guard, left)) = self.lock_session(request.timeout, false, &mut interrupt)? else {
            return Ok(None);
        };
        let frame = guard.session().grab(&Request { timeout: left, ..*request }, target, &mut interrupt)?;
        guard.finish(|state| match &frame {
            Some(frame) => state.delivered.frame(&frame.info),
            None => state.delivered.timeout(),
        });
        Ok(frame)
    }

    /// Starts a thread that captures by itself.
    ///
    /// # Errors
    /// As for [`Handle::grab`]; `InvalidArgument` if the region is not inside the output.
    pub fn start(&self, options: StreamOptions, interrupt: &mut dyn Interrupt) -> Result<StreamId> {
        let mut interrupt = Conditional::new(|| self.check_open(), interrupt);
        let Some((mut guard, _)) = self.lock_session(Duration::MAX, false, &mut interrupt)? else {
            return Err(closed());
        };
        guard.session().checked_region(options.region)?;
        let shared = Arc::downgrade(&self.shared);
        let observe = move |session: &Session| {
            if let Some(shared) = shared.upgrade() {
                shared.lock().snapshot = Snapshot::of(session);
            }
        };
        let id = match Stream::start(guard.into_session(), Arc::clone(&self.clock), options, observe) {
            Ok(stream) => {
                let id = StreamId::of(stream.mailbox());
                drop(self.shared.set_usage(Usage::Streaming(stream)));
                id
            }
            Err((session, error)) => {
                drop(SessionGuard::new(&self.shared, session));
                return Err(error);
            }
        };
        if self.is_closed() {
            // The handle was closed while this call had the session, so that `close` found no stream to end.
            self.close();
        }
        Ok(id)
    }

    /// The newest frame of the stream that was not returned before. Waits for one, without limit if there is no timeout.
    ///
    /// # Errors
    /// `Timeout` if none came in time; `WrongState` without a stream, or if it is stopped meanwhile; the error that ended the stream.
    pub fn latest(&self, timeout: Option<Duration>, interrupt: &mut dyn Interrupt) -> Result<Frame> {
        self.check_open()?;
        let mailbox = self.mailbox()?;
        let mut budget = WaitBudget::new(&*self.clock, timeout.unwrap_or(Duration::MAX), interrupt)
            .with_long_waits_if(Mailbox::SIGNALS_END_WAITS);
        loop {
            let slice = budget.slice(Duration::MAX)?;
            match mailbox.take(slice) {
                Ok(Some(frame)) => {
                    self.shared.lock().delivered.frame(&frame.info);
                    return Ok(frame);
                }
                Ok(None) if budget.is_over() => {
                    let mut state = self.shared.lock();
                    state.delivered.timeout();
                    let message = format!("no new frame within {} ms", timeout.unwrap_or_default().as_millis());
                    return Err(match &state.snapshot.stats.lost {
                        Some(why) => Error::new(ErrorKind::Timeout, format!("{message}: {why}")),
                        None => Error::new(ErrorKind::Timeout, message).with_hint(
                            "Nothing changed on the screen. Wait longer, or start(video_mode=True) to get the same image again",
                        ),
                    });
                }
                Ok(None) => budget.interrupted(),
                Err(error) => {
                    self.end_stream(|ended| Arc::ptr_eq(ended, &mailbox), stopped);
                    return Err(error);
                }
            }
        }
    }

    /// Calls `callback` once, as soon as [`Handle::latest`] can return a frame or an error.
    ///
    /// # Errors
    /// `WrongState` without a stream.
    pub fn call_when_ready(&self, callback: ReadyCallback) -> Result<()> {
        self.check_open()?;
        self.mailbox()?.call_when_ready(callback);
        Ok(())
    }

    /// Ends the stream, if there is one, and returns when its thread has ended. The session can be used afterwards. On the thread of the
    /// stream itself it only asks for the end.
    pub fn stop(&self) {
        self.end_stream(|_| true, stopped);
    }

    /// [`Handle::stop`], but only if the stream is the one that [`Handle::start`] returned `stream` for.
    pub fn stop_only(&self, stream: &StreamId) {
        self.end_stream(|mailbox| stream.is_of(mailbox), stopped);
    }

    /// Ends the thread of the stream, if there is one, and frees what it captured with, before the process ends. Readers are not told: they
    /// go on waiting. The session cannot be used afterwards.
    pub fn end_thread_at_exit(&self) {
        if self.is_forked() {
            return;
        }
        let thread = match &mut self.shared.lock().usage {
            Usage::Streaming(stream) => stream.take_thread(),
            _ => None,
        };
        // Without the lock: the thread may need it before it can end.
        drop(thread.and_then(StreamThread::end));
    }

    /// Begins a sequence of frames at a constant rate.
    ///
    /// # Errors
    /// As for [`Handle::start`].
    pub fn begin_frames(&self, region: Option<Rect>, interrupt: &mut dyn Interrupt) -> Result<()> {
        let mut interrupt = Conditional::new(|| self.check_open(), interrupt);
        let Some((mut guard, _)) = self.lock_session(Duration::MAX, false, &mut interrupt)? else { return Ok(()) };
        guard.session().checked_region(region)?;
        self.shared.lock().framing = true;
        Ok(())
    }

    /// The next frame of the sequence that [`Handle::begin_frames`] began, and its slot, see [`FixedRate`].
    ///
    /// # Errors
    /// Those of [`Session::grab`]; `Timeout` if the first image does not come in time; `WrongState` if the handle is or gets closed.
    pub fn next_frame(
        &self,
        rate: &mut FixedRate,
        retained: bool,
        interrupt: &mut dyn Interrupt,
    ) -> Result<(Frame, u64)> {
        let mut interrupt = Conditional::new(|| self.check_open(), interrupt);
        let Some((mut guard, _)) = self.lock_session(Duration::MAX, true, &mut interrupt)? else {
            return Err(closed());
        };
        let outcome = rate.advance(guard.session(), &*self.clock, retained, &mut interrupt);
        guard.finish(|state| {
            state.ahead = rate.ahead().cloned();
            if let Ok((frame, _)) = &outcome {
                state.delivered.frame(&frame.info);
            }
        });
        outcome
    }

    /// Ends the sequence of frames, if there is one.
    pub fn end_frames(&self) {
        if !self.is_forked() {
            let mut state = self.shared.lock();
            state.framing = false;
            // A call in another thread that uses the session lets the display go when it returns it.
            if let Usage::Idle(session) = &mut state.usage {
                session.keep_awake(false);
            }
        }
    }

    /// Ends the capture and frees everything that no returned frame holds. A call that waits in another thread ends at once, or within
    /// 20 ms if the source has no waker.
    pub fn close(&self) {
        self.shared.set_closed();
        if self.is_forked() {
            // After a fork the lock may be held by a thread that does not exist here.
            return;
        }
        if let Some(wake) = &self.waker {
            wake();
        }
        self.end_stream(|_| true, closed);
        let idle = {
            let mut state = self.shared.lock();
            state.framing = false;
            matches!(state.usage, Usage::Idle(_)).then(|| std::mem::replace(&mut state.usage, Usage::Gone))
        };
        self.shared.notify();
        drop(idle);
    }

    /// Waits for exclusive use of the session, and returns how much of the timeout is left, too. `None` if another call used the session
    /// until the deadline.
    fn lock_session(
        &self,
        timeout: Duration,
        framing: bool,
        interrupt: &mut dyn Interrupt,
    ) -> Result<Option<(SessionGuard<'_>, Duration)>> {
        self.check_process()?;
        let mut budget = WaitBudget::new(&*self.clock, timeout, interrupt);
        let mut state = self.shared.lock();
        loop {
            self.check_open()?;
            if state.framing != framing {
                return Err(Error::new(ErrorKind::WrongState, "a frames() iterator is open: close it first"));
            }
            match std::mem::replace(&mut state.usage, Usage::Busy) {
                Usage::Idle(mut session) => {
                    if let Some(ahead) = state.ahead.take_if(|_| !framing) {
                        session.take_back(&ahead);
                    }
                    return Ok(Some((SessionGuard::new(&self.shared, session), budget.left())));
                }
                Usage::Busy => {}
                Usage::Gone => {
                    state.usage = Usage::Gone;
                    return Err(closed());
                }
                Usage::Streaming(stream) => {
                    let (mailbox, refusal) = (Arc::clone(stream.mailbox()), stream.in_the_way());
                    state.usage = Usage::Streaming(stream);
                    drop(state);
                    if let Some(error) = mailbox.failure() {
                        self.end_stream(|ended| Arc::ptr_eq(ended, &mailbox), stopped);
                        return Err(error);
                    }
                    return Err(refusal);
                }
            }
            if budget.is_over() {
                return Ok(None);
            }
            drop(state);
            let slice = budget.slice(Duration::MAX)?;
            state = self.shared.lock();
            if matches!(state.usage, Usage::Busy) {
                state = self.shared.wait(state, slice);
            }
        }
    }

    fn mailbox(&self) -> Result<Arc<Mailbox>> {
        self.check_process()?;
        match &self.shared.lock().usage {
            Usage::Streaming(stream) => Ok(Arc::clone(stream.mailbox())),
            _ => Err(Error::new(ErrorKind::WrongState, "there is no stream: call start() first")),
        }
    }

    /// Ends the stream if its mailbox is one that `matches` accepts, and takes its session back.
    fn end_stream(&self, matches: impl FnOnce(&Arc<Mailbox>) -> bool, reason: impl FnOnce() -> Error) {
        if self.is_forked() {
            return;
        }
        let stream = {
            let mut state = self.shared.lock();
            match std::mem::replace(&mut state.usage, Usage::Busy) {
                Usage::Streaming(stream) if matches(stream.mailbox()) && !stream.is_this_thread() => stream,
                other => {
                    if let Usage::Streaming(stream) = &other {
                        if stream.is_this_thread() {
                            stream.end_soon(reason());
                        }
                    }
                    state.usage = other;
                    return;
                }
            }
        };
        // Without the lock: the thread may need it before it can end.
        match stream.stop(reason()) {
            Some(session) => drop(SessionGuard::new(&self.shared, session)),
            None => drop(self.shared.set_usage(Usage::Gone)),
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
        if self.is_forked() {
            return Err(Error::new(ErrorKind::WrongState, "this Capturer belongs to the process that made it")
                .with_hint("Create a Capturer after the fork, or start workers with the \"spawn\" method"));
        }
        Ok(())
    }

    /// Whether this process is a forked child of the one that opened the session.
    fn is_forked(&self) -> bool {
        std::process::id() != self.process
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Handle");
        // After a fork the lock may be held by a thread that does not exist here.
        if !self.is_forked() {
            debug.field("snapshot", &self.snapshot());
        }
        debug.field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}

fn stopped() -> Error {
    Error::new(ErrorKind::WrongState, "the stream was stopped")
}

fn closed() -> Error {
    Error::new(ErrorKind::WrongState, "Capturer is closed")
}
