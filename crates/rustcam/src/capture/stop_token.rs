//! Stops the capture thread from another thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::source::Waker;

/// Ends the pauses of a capture thread, and the waits of its session.
pub(super) struct StopToken {
    stopped: AtomicBool,
    lock: Mutex<()>,
    signal: Condvar,
    waker: Option<Waker>,
}

impl StopToken {
    /// A token for a thread whose waits `waker` can end.
    pub(super) fn new(waker: Option<Waker>) -> Self {
        Self { stopped: AtomicBool::new(false), lock: Mutex::default(), signal: Condvar::new(), waker }
    }

    /// Asks the thread to end.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        // A thread that is about to pause holds the lock until it waits on the condition variable.
        drop(self.lock.lock());
        self.signal.notify_all();
        if let Some(wake) = &self.waker {
            wake();
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Fails once the thread has been asked to end. This is the interrupt of its calls.
    ///
    /// # Errors
    /// `Interrupted`.
    pub(super) fn check(&self) -> Result<()> {
        if self.is_stopped() {
            Err(Error::new(ErrorKind::Interrupted, "the stream was stopped"))
        } else {
            Ok(())
        }
    }

    /// Pauses for `time`, or until the thread is asked to end.
    pub(super) fn pause(&self, time: Duration) {
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.signal.wait_timeout_while(guard, time, |()| !self.is_stopped()));
    }
}
