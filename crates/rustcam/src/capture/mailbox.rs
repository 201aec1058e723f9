//! One slot between the capture thread and its readers, which holds the newest frame.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::EventCount;
use crate::error::{Error, Result};

use super::frame::Frame;

/// Called once, on any thread, when a frame or the end of the stream arrives.
pub type ReadyCallback = Box<dyn FnOnce() + Send>;

/// The slot.
#[derive(Default)]
pub(super) struct Mailbox {
    state: Mutex<State>,
    arrived: EventCount,
}

#[derive(Default)]
struct State {
    frame: Option<Frame>,
    /// Why no further frame will arrive.
    end: Option<Error>,
    callback: Option<ReadyCallback>,
}

impl State {
    fn take(&mut self) -> Result<Option<Frame>> {
        match (self.frame.take(), &self.end) {
            (None, Some(end)) => Err(end.clone()),
            (frame, _) => Ok(frame),
        }
    }
}

impl Mailbox {
    /// Whether a signal ends [`Mailbox::take`] before its time.
    pub(super) const SIGNALS_END_WAITS: bool = EventCount::SIGNALS_END_WAITS;

    /// Puts a frame into the slot. A frame that no reader took is dropped; its presents and damage become part of the new one's.
    pub(super) fn put(&self, mut frame: Frame) {
        let (replaced, callback) = {
            let mut state = self.lock();
            let replaced = state.frame.take();
            if let Some(old) = &replaced {
                frame.supersede(old);
            }
            state.frame = Some(frame);
            (replaced, state.callback.take())
        };
        self.notify(callback);
        // This returns its memory to the pool, which must not happen under the lock.
        drop(replaced);
    }

    /// Whether a frame waits to be taken.
    pub(super) fn is_full(&self) -> bool {
        self.lock().frame.is_some()
    }

    /// Ends the stream: readers get `error`, after the frame that is still in the slot.
    pub(super) fn end(&self, error: Error) {
        let callback = {
            let mut state = self.lock();
            state.end.get_or_insert(error);
            state.callback.take()
        };
        self.notify(callback);
    }

    /// Takes the frame, waiting at most `timeout` for one. `None` if none came, another reader took it, or a signal arrived.
    ///
    /// # Errors
    /// The error that ended the stream, once the slot is empty.
    pub(super) fn take(&self, timeout: Duration) -> Result<Option<Frame>> {
        let seen = self.arrived.count();
        if let Some(frame) = self.lock().take()? {
            return Ok(Some(frame));
        }
        self.arrived.wait(seen, timeout);
        self.lock().take()
    }

    /// Takes the frame that is left after the end.
    pub(super) fn leftover(&self) -> Option<Frame> {
        self.lock().frame.take()
    }

    /// The error that ended the stream, if it ended.
    pub(super) fn failure(&self) -> Option<Error> {
        self.lock().end.clone()
    }

    /// Calls `callback` once, as soon as a frame or the end arrives; at once if it is there already.
    pub(super) fn call_when_ready(&self, callback: ReadyCallback) {
        let ready = {
            let mut state = self.lock();
            if state.frame.is_none() && state.end.is_none() {
                state.callback = Some(callback);
                None
            } else {
                Some(callback)
            }
        };
        if let Some(callback) = ready {
            callback();
        }
    }

    fn notify(&self, callback: Option<ReadyCallback>) {
        self.arrived.notify();
        if let Some(callback) = callback {
            callback();
        }
    }

    /// No code under the lock can panic.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::frame::Pixels;
    use crate::error::ErrorKind;
    use crate::frame::{Damage, FrameInfo};
    use crate::geometry::Rect;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::Arc;

    fn frame(sequence: u64, dirty: Rect) -> Frame {
        let damage = Damage { dirty: vec![dirty], moves: Vec::new() };
        let info = FrameInfo { sequence, accumulated: 1, is_new: true, damage, ..FrameInfo::default() };
        Frame { pixels: Pixels::Caller, info }
    }

    #[test]
    fn the_newest_frame_replaces_an_older_one_and_includes_its_damage() {
        let mailbox = Mailbox::default();
        mailbox.put(frame(1, Rect::new(0, 0, 1, 1)));
        mailbox.put(frame(2, Rect::new(5, 5, 6, 6)));
        let info = mailbox.take(Duration::ZERO).expect("no end").expect("full").info;
        assert_eq!((info.sequence, info.accumulated), (2, 2));
        assert_eq!(info.damage.dirty, [Rect::new(0, 0, 1, 1), Rect::new(5, 5, 6, 6)]);
        assert!(mailbox.take(Duration::ZERO).expect("no end").is_none(), "taken once");
    }

    #[test]
    fn the_end_wakes_all_readers_and_loses_no_frame() {
        let mailbox = Arc::new(Mailbox::default());
        let waiters: Vec<_> = (0..4)
            .map(|_| {
                let mailbox = Arc::clone(&mailbox);
                std::thread::spawn(move || mailbox.take(Duration::from_secs(60)).err().map(|e| e.kind()))
            })
            .collect();
        mailbox.end(Error::new(ErrorKind::Device, "gone"));
        for waiter in waiters {
            assert_eq!(waiter.join().expect("no panic"), Some(ErrorKind::Device));
        }
        mailbox.put(frame(1, Rect::new(0, 0, 1, 1)));
        assert!(mailbox.take(Duration::ZERO).expect("the frame first").is_some());
        assert!(mailbox.take(Duration::ZERO).is_err());
    }

    #[test]
    fn a_callback_is_called_once() {
        let (mailbox, calls) = (Mailbox::default(), Arc::new(AtomicUsize::new(0)));
        let callback = || {
            let calls = Arc::clone(&calls);
            Box::new(move || {
                calls.fetch_add(1, Ordering::Relaxed);
            })
        };
        mailbox.call_when_ready(callback());
        mailbox.put(frame(1, Rect::new(0, 0, 1, 1)));
        mailbox.put(frame(2, Rect::new(0, 0, 1, 1)));
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        mailbox.call_when_ready(callback());
        assert_eq!(calls.load(Ordering::Relaxed), 2, "at once, since a frame is there");
    }
}
