//! Exclusive use of the session: by one call at a time, or by the capture thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::EventCount;
use crate::frame::FrameInfo;

use super::session::Session;
use super::snapshot::Snapshot;
use super::stats::Delivered;
use super::stream::Stream;

/// What all users of a session share.
pub(super) struct Shared {
    state: Mutex<State>,
    /// Notified when the usage changes.
    changed: EventCount,
    closed: AtomicBool,
}

pub(super) struct State {
    pub(super) usage: Usage,
    /// A sequence of frames at a constant rate is active; it is idle between two calls.
    pub(super) framing: bool,
    pub(super) snapshot: Snapshot,
    pub(super) delivered: Delivered,
    /// A frame that a sequence at a constant rate has captured and not returned.
    pub(super) ahead: Option<FrameInfo>,
}

pub(super) enum Usage {
    Idle(Box<Session>),
    /// A call uses it.
    Busy,
    Streaming(Stream),
    /// It was closed, or its thread panicked.
    Gone,
}

impl Shared {
    pub(super) fn new(session: Session) -> Self {
        let snapshot = Snapshot::of(&session);
        let usage = Usage::Idle(Box::new(session));
        let state = State { usage, framing: false, snapshot, delivered: Delivered::default(), ahead: None };
        Self { state: Mutex::new(state), changed: EventCount::default(), closed: AtomicBool::new(false) }
    }

    /// The state is consistent at every moment, so a poisoned lock can be used.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits at most `timeout` until the usage changes.
    pub(super) fn wait<'a>(&'a self, state: MutexGuard<'a, State>, timeout: Duration) -> MutexGuard<'a, State> {
        let seen = self.changed.count();
        drop(state);
        self.changed.wait(seen, timeout);
        self.lock()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(super) fn set_closed(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Sets the usage and returns the previous one.
    pub(super) fn set_usage(&self, usage: Usage) -> Usage {
        let before = std::mem::replace(&mut self.lock().usage, usage);
        self.notify();
        before
    }

    /// Wakes all threads that wait for the usage to change.
    pub(super) fn notify(&self) {
        self.changed.notify();
    }
}

/// Exclusive use of the session by one call, until it is dropped.
pub(super) struct SessionGuard<'a> {
    shared: &'a Shared,
    session: Option<Box<Session>>,
}

impl<'a> SessionGuard<'a> {
    /// Guards a session that was taken out of `shared`, whose usage is `Busy`.
    pub(super) fn new(shared: &'a Shared, session: Box<Session>) -> Self {
        Self { shared, session: Some(session) }
    }

    pub(super) fn session(&mut self) -> &mut Session {
        self.session.as_mut().expect("a guard holds its session until it is dropped")
    }

    /// Takes the session out of the guard; the usage stays `Busy`.
    pub(super) fn into_session(mut self) -> Box<Session> {
        self.session.take().expect("a guard holds its session until it is dropped")
    }
}

impl SessionGuard<'_> {
    /// Returns the session, and under the same lock notes what the call delivers.
    pub(super) fn finish(mut self, note: impl FnOnce(&mut State)) {
        self.release(note);
    }

    fn release(&mut self, note: impl FnOnce(&mut State)) {
        let Some(mut session) = self.session.take() else { return };
        let mut state = self.shared.lock();
        if !state.framing {
            session.keep_awake(false);
        }
        note(&mut state);
        state.snapshot = Snapshot::of(&session);
        if self.shared.is_closed() {
            state.usage = Usage::Gone;
            drop(state);
            drop(session);
        } else {
            state.usage = Usage::Idle(session);
            drop(state);
        }
        self.shared.notify();
    }
}

impl Drop for SessionGuard<'_> {
    fn drop(&mut self) {
        self.release(|_| ());
    }
}
