//! The newest image of a session, taken from its pool as soon as it arrives.
//!
//! | textures of the pool | what happens to the next image |
//! |---|---|
//! | one is free | it arrives, and the newest before it is given back |
//! | all are in use | the compositor drops it; where nothing changes after it, it never comes again |
//!
//! All are in use from the arrival of an image until the one before it is given back. If that takes less than a refresh interval, nothing
//! can have been dropped. If it takes longer, because the machine is busy, the newest image may not be the newest of the window.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use windows::Graphics::Capture::{Direct3D11CaptureFrame, Direct3D11CaptureFramePool};

use crate::clock::{Clock, EventCount};
use crate::error::Result;
use crate::source::d3d11::failure::failed;
use crate::source::verdict::Call;

/// Textures of a pool.
pub(super) const TEXTURES: usize = 2;

/// What ends the waits of one capture.
#[derive(Debug, Default)]
pub(super) struct Signal {
    pub(super) events: EventCount,
    woken: AtomicBool,
}

impl Signal {
    /// Ends the current wait, or the next one.
    pub(super) fn wake(&self) {
        self.woken.store(true, Ordering::Release);
        self.events.notify();
    }

    /// Whether [`Signal::wake`] was called since the last call.
    pub(super) fn take_woken(&self) -> bool {
        self.woken.swap(false, Ordering::Acquire)
    }
}

/// A frame of the pool: an image, and the texture that it occupies until it is closed.
pub(super) struct Arrived {
    pub(super) frame: Direct3D11CaptureFrame,
    /// When the compositor made it.
    pub(super) time: Duration,
    /// The images that it stands for: itself, and those that it replaced.
    pub(super) count: u64,
    /// A newer one may have been dropped.
    pub(super) maybe_old: bool,
}

impl Arrived {
    fn close(&self) {
        // If it cannot be closed, it is closed already.
        let _ = self.frame.Close();
    }
}

/// The images of one session.
pub(super) struct Arrivals {
    signal: Arc<Signal>,
    clock: Arc<dyn Clock>,
    /// What is given back sooner after an arrival cost no image.
    interval: Duration,
    state: Mutex<State>,
    /// The system has closed the item.
    item_closed: AtomicBool,
}

#[derive(Default)]
struct State {
    newest: Option<Arrived>,
    /// A frame was taken and is not given back yet.
    in_use: bool,
    closed: bool,
}

impl Arrivals {
    /// For a screen that shows a new image every `interval` at most.
    pub(super) fn new(signal: Arc<Signal>, clock: Arc<dyn Clock>, interval: Duration) -> Self {
        // Intervals are not quite even.
        let interval = interval * 9 / 10;
        Self { signal, clock, interval, state: Mutex::default(), item_closed: AtomicBool::new(false) }
    }

    /// An image has arrived in `pool`. The system calls this on a thread of its own.
    pub(super) fn arrived(&self, pool: &Direct3D11CaptureFramePool) {
        // A thread that has it locked is emptying the pool, or will do so before it waits.
        if let Ok(mut state) = self.state.try_lock() {
            // A failure is met again by the thread that captures.
            let _ = self.collect(&mut state, pool);
        }
        self.signal.events.notify();
    }

    /// The system has closed the item.
    pub(super) fn item_was_closed(&self) {
        self.item_closed.store(true, Ordering::Release);
        self.signal.events.notify();
    }

    pub(super) fn is_item_closed(&self) -> bool {
        self.item_closed.load(Ordering::Acquire)
    }

    /// The newest image that was not taken yet; it has to be given back by [`Arrivals::release`] or [`Arrivals::put_back`].
    ///
    /// # Errors
    /// A loss.
    pub(super) fn take(&self, pool: &Direct3D11CaptureFramePool) -> Result<Option<Arrived>> {
        let mut state = self.lock();
        self.collect(&mut state, pool).map_err(|e| failed(&e, Call::Take))?;
        let newest = state.newest.take();
        state.in_use = newest.is_some();
        Ok(newest)
    }

    /// Gives the texture of `arrived` back to the pool.
    pub(super) fn release(&self, pool: &Direct3D11CaptureFramePool, arrived: &Arrived) {
        let mut state = self.lock();
        // A failure is met again by the next call.
        let _ = self.collect(&mut state, pool);
        arrived.close();
        state.in_use = false;
        self.judge(&mut state);
    }

    /// Puts back an image that was taken: it is the newest one still, unless another has arrived.
    pub(super) fn put_back(&self, arrived: Arrived) {
        let mut state = self.lock();
        state.in_use = false;
        if state.closed {
            arrived.close();
        } else if let Some(newer) = &mut state.newest {
            newer.count += arrived.count;
            arrived.close();
            self.judge(&mut state);
        } else {
            state.newest = Some(arrived);
        }
    }

    /// Gives back the newest image, if there is one: the screen shows something else by now.
    pub(super) fn discard(&self, pool: &Direct3D11CaptureFramePool) {
        let mut state = self.lock();
        let _ = self.collect(&mut state, pool);
        if let Some(newest) = state.newest.take() {
            newest.close();
        }
    }

    /// Gives back everything, and what arrives from now on.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        if let Some(newest) = state.newest.take() {
            newest.close();
        }
    }

    /// Moves what is in the pool to `state`.
    fn collect(&self, state: &mut State, pool: &Direct3D11CaptureFramePool) -> windows::core::Result<()> {
        let occupied = usize::from(state.in_use) + usize::from(state.newest.is_some());
        let mut taken = 0;
        let ended = loop {
            let frame = match pool.TryGetNextFrame() {
                Ok(frame) => frame,
                // Success without an object: there is no frame.
                Err(error) if error.code().is_ok() => break Ok(()),
                Err(error) => break Err(error),
            };
            taken += 1;
            // In units of 100 ns, on the performance counter.
            let time = frame.SystemRelativeTime().ok().and_then(|time| u64::try_from(time.Duration).ok());
            let time = time.map_or_else(|| self.clock.now(), |time| Duration::from_nanos(time.saturating_mul(100)));
            let mut arrived = Arrived { frame, time, count: 1, maybe_old: false };
            if let Some(before) = state.newest.take() {
                arrived.count += before.count;
                before.close();
            }
            if state.closed {
                arrived.close();
            } else {
                state.newest = Some(arrived);
            }
        };
        if taken > 0 && occupied + taken >= TEXTURES {
            self.judge(state);
        }
        ended
    }

    /// All textures were in use until now since the newest image arrived: if that was long ago, a newer one may have been dropped.
    fn judge(&self, state: &mut State) {
        let now = self.clock.now();
        if let Some(newest) = &mut state.newest {
            newest.maybe_old |= now.saturating_sub(newest.time) >= self.interval;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
