//! Stops the capture thread from another thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::clock::{Clock, EventCount};
use crate::error::{Error, ErrorKind, Result};
use crate::source::Waker;

/// Ends the pauses of a capture thread, and the waits of its session.
pub(super) struct StopToken {
    stopped: AtomicBool,
    events: EventCount,
    waker: Option<Waker>,
}

impl StopToken {
    /// A token for a thread whose waits `waker` can end.
    pub(super) fn new(waker: Option<Waker>) -> Self {
        Self { stopped: AtomicBool::new(false), events: EventCount::default(), waker }
    }

    /// Asks the thread to end.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.events.notify();
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

    /// Pauses until `moment`, or until the thread is asked to end.
    pub(super) fn pause_until(&self, clock: &dyn Clock, moment: Duration) {
        loop {
            let seen = self.events.count();
            if self.is_stopped() || clock.now() >= moment {
                return;
            }
            clock.wait(&self.events, seen, moment);
        }
    }
}
