//! A session that several threads may hold: calls are serialised, and `close` works from anywhere.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::FrameInfo;
use crate::geometry::Rect;
use crate::source::{OpenOptions, Output};

use super::canvas::Target;
use super::pacer::Patience;
use super::session::{Frame, Request, Session, Stats};

/// What can be read of a session at any time, also while another thread waits in it and after it was closed.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The output.
    pub output: Output,
    /// The session's region; empty if a changed output left nothing of it.
    pub region: Rect,
    /// The last returned frame.
    pub info: Option<FrameInfo>,
    /// What happened so far.
    pub stats: Stats,
}

impl Snapshot {
    fn of(session: &Session) -> Self {
        Self {
            output: session.output().clone(),
            region: session.region(),
            info: session.info().cloned(),
            stats: session.stats(),
        }
    }

    /// The same as [`Snapshot::of`], without cloning what stays the same for hours.
    fn update(&mut self, session: &Session) {
        if self.output != *session.output() {
            self.output = session.output().clone();
        }
        self.region = session.region();
        self.info = session.info().cloned();
        self.stats = session.stats();
    }
}

/// A session that can be shared and closed.
pub struct Handle {
    state: Mutex<State>,
    /// Signalled when a call gives the session back.
    free: Condvar,
    closed: AtomicBool,
    clock: Arc<dyn Clock>,
    process: u32,
}

struct State {
    /// `None` while a call uses it, and for good once closed.
    session: Option<Session>,
    snapshot: Snapshot,
}

impl Handle {
    /// Opens a session, see [`Session::open`].
    ///
    /// # Errors
    /// Those of [`Session::open`].
    pub fn open(options: &OpenOptions) -> Result<Self> {
        let session = Session::open(options)?;
        Ok(Self {
            state: Mutex::new(State { snapshot: Snapshot::of(&session), session: Some(session) }),
            free: Condvar::new(),
            closed: AtomicBool::new(false),
            clock: Arc::clone(&options.clock),
            process: std::process::id(),
        })
    }

    /// Sets the region that frames show unless a request says otherwise.
    ///
    /// # Errors
    /// `InvalidArgument` naming the bounds if the region is not inside the output.
    pub fn set_region(&self, region: Option<Rect>) -> Result<()> {
        let mut state = self.lock();
        let Some(session) = &mut state.session else { return Err(closed()) };
        session.set_region(region)?;
        state.snapshot.region = session.region();
        Ok(())
    }

    /// What is known now.
    pub fn snapshot(&self) -> Snapshot {
        self.lock().snapshot.clone()
    }

    /// The region that `request` means, on the output as it is now.
    ///
    /// # Errors
    /// Those of [`Session::checked_region`]; `WrongState` if the handle is closed.
    pub fn region_of(&self, request: &Request) -> Result<Rect> {
        let state = self.lock();
        match (&state.session, request.region) {
            (Some(session), region) => session.checked_region(region),
            // Another thread captures: what it leaves behind is checked again when its turn is over.
            (None, region) => Ok(region.unwrap_or(state.snapshot.region)),
        }
    }

    /// Something of what is known now.
    pub fn peek<T>(&self, pick: impl FnOnce(&Snapshot) -> T) -> T {
        pick(&self.lock().snapshot)
    }

    /// Whether [`Handle::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// [`Session::grab`], one call at a time; waiting for another thread's call counts against the timeout.
    ///
    /// # Errors
    /// Those of [`Session::grab`]; `WrongState` if the handle is or gets closed, or in a forked child process.
    pub fn grab(
        &self,
        request: &Request,
        target: Target<'_>,
        interrupt: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Option<Frame>> {
        if self.is_foreign() {
            return Err(Error::new(ErrorKind::WrongState, "this Capturer belongs to the process that made it")
                .with_hint("Create a Capturer after the fork, or start workers with the \"spawn\" method"));
        }
        let mut interrupt = || if self.is_closed() { Err(closed()) } else { interrupt() };
        let Some((mut lease, left)) = self.lease(request.timeout, &mut interrupt)? else { return Ok(None) };
        let request = Request { timeout: left, ..*request };
        lease.session().grab(&request, target, &mut interrupt)
    }

    /// Ends the capture and frees everything that no returned frame holds. A call that waits in another thread ends within a slice.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        if self.is_foreign() {
            // After a fork the lock may be held by a thread that does not exist here.
            return;
        }
        let session = self.lock().session.take();
        self.free.notify_all();
        drop(session);
    }

    /// Waits for the session, and says how much of the timeout is left then. `None` if another call kept it until the deadline.
    fn lease(
        &self,
        timeout: Duration,
        interrupt: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Option<(Lease<'_>, Duration)>> {
        let mut patience = Patience::new(&*self.clock, timeout, interrupt);
        let mut state = self.lock();
        loop {
            if self.is_closed() {
                return Err(closed());
            }
            if let Some(session) = state.session.take() {
                return Ok(Some((Lease { handle: self, session: Some(session) }, patience.left())));
            }
            if patience.is_over() {
                return Ok(None);
            }
            drop(state);
            let slice = patience.slice(Duration::MAX)?;
            state = self.free.wait_timeout(self.lock(), slice).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn is_foreign(&self) -> bool {
        std::process::id() != self.process
    }

    /// A state is whole at every moment, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::WrongState, "Capturer is closed")
}

/// The session, taken out for one call. Gives it back whatever happens.
struct Lease<'a> {
    handle: &'a Handle,
    session: Option<Session>,
}

impl Lease<'_> {
    fn session(&mut self) -> &mut Session {
        self.session.as_mut().expect("a lease holds its session until it is dropped")
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        let mut state = self.handle.lock();
        state.snapshot.update(&session);
        if self.handle.is_closed() {
            drop(state);
            drop(session);
        } else {
            state.session = Some(session);
            drop(state);
        }
        self.handle.free.notify_all();
    }
}
