//! One slot between the capture thread and a reader: the newest frame wins, and nobody waits for somebody who is gone.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::frame::FrameInfo;

use super::damage::DamageLog;
use super::doorbell::Doorbell;
use super::session::Frame;

/// A frame on its way, and what is known about it.
pub struct Delivery {
    /// The picture.
    pub frame: Frame,
    /// What is known about it, relative to the frame that was taken before.
    pub info: FrameInfo,
}

impl Delivery {
    /// Makes the news of `old`, which nobody saw, part of this frame's.
    fn follow(&mut self, old: &Delivery) {
        self.info.accumulated += old.info.accumulated;
        self.info.is_new |= old.info.is_new;
        // After a change of size everything is new anyway, and old rectangles mean nothing.
        if self.frame.size == old.frame.size {
            let mut log = DamageLog::default();
            log.add(old.info.damage.clone());
            log.add(std::mem::take(&mut self.info.damage));
            self.info.damage = log.into_damage();
        }
    }
}

/// What happens when something arrives.
pub type Bell = Box<dyn FnOnce() + Send>;

/// The slot.
#[derive(Default)]
pub struct Mailbox {
    state: Mutex<State>,
    arrived: Doorbell,
}

#[derive(Default)]
struct State {
    delivery: Option<Delivery>,
    /// Why nothing will arrive any more.
    end: Option<Error>,
    bell: Option<Bell>,
}

impl State {
    fn take(&mut self) -> Result<Option<Delivery>> {
        match (self.delivery.take(), &self.end) {
            (None, Some(end)) => Err(end.clone()),
            (delivery, _) => Ok(delivery),
        }
    }
}

impl Mailbox {
    /// Puts a frame into the slot. One that nobody took is given back, and what it told becomes part of the new one's news.
    pub(super) fn put(&self, mut delivery: Delivery) {
        let (replaced, bell) = {
            let mut state = self.lock();
            let replaced = state.delivery.take();
            if let Some(old) = &replaced {
                delivery.follow(old);
            }
            state.delivery = Some(delivery);
            (replaced, state.bell.take())
        };
        self.announce(bell);
        // Its memory goes back to the pool: not under the lock.
        drop(replaced);
    }

    /// Whether a frame waits to be taken.
    pub(super) fn is_full(&self) -> bool {
        self.lock().delivery.is_some()
    }

    /// Nothing more will come. Readers get `error`, after the frame that still lies there.
    pub(super) fn end(&self, error: Error) {
        let bell = {
            let mut state = self.lock();
            state.end.get_or_insert(error);
            state.bell.take()
        };
        self.announce(bell);
    }

    /// Whether a signal ends [`Mailbox::take`] before its time.
    pub(super) const SIGNALS_END_WAITS: bool = Doorbell::SIGNALS_END_WAITS;

    /// Takes the frame, waiting at most `timeout` for one. `None` if none came, another reader took it, or a signal arrived.
    ///
    /// # Errors
    /// What ended the capture, once the slot is empty.
    pub(super) fn take(&self, timeout: Duration) -> Result<Option<Delivery>> {
        let seen = self.arrived.rings();
        if let Some(delivery) = self.lock().take()? {
            return Ok(Some(delivery));
        }
        self.arrived.wait(seen, timeout);
        self.lock().take()
    }

    /// Takes the frame that no reader will ask for.
    pub(super) fn leftover(&self) -> Option<Delivery> {
        self.lock().delivery.take()
    }

    /// What ended the capture, if it ended.
    pub(super) fn failure(&self) -> Option<Error> {
        self.lock().end.clone()
    }

    /// Rings `bell` once, as soon as a frame or the end arrives; at once if it is there already.
    pub(super) fn ring_when_ready(&self, bell: Bell) {
        let ready = {
            let mut state = self.lock();
            if state.delivery.is_none() && state.end.is_none() {
                state.bell = Some(bell);
                None
            } else {
                Some(bell)
            }
        };
        if let Some(bell) = ready {
            bell();
        }
    }

    fn announce(&self, bell: Option<Bell>) {
        self.arrived.ring();
        if let Some(bell) = bell {
            bell();
        }
    }

    /// Nothing that can panic runs under the lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::frame::{Damage, PixelFormat};
    use crate::geometry::{Rect, Size};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::Arc;

    fn delivery(sequence: u64, dirty: Rect) -> Delivery {
        let frame = Frame { buffer: None, size: Size::new(1, 1), format: PixelFormat::Bgra };
        let damage = Damage { dirty: vec![dirty], moves: Vec::new() };
        Delivery { frame, info: FrameInfo { sequence, accumulated: 1, is_new: true, damage, ..FrameInfo::default() } }
    }

    #[test]
    fn the_newest_frame_wins_and_tells_what_the_lost_one_told() {
        let mailbox = Mailbox::default();
        mailbox.put(delivery(1, Rect::new(0, 0, 1, 1)));
        mailbox.put(delivery(2, Rect::new(5, 5, 6, 6)));
        let info = mailbox.take(Duration::ZERO).expect("no end").expect("full").info;
        assert_eq!((info.sequence, info.accumulated), (2, 2));
        assert_eq!(info.damage.dirty, [Rect::new(0, 0, 1, 1), Rect::new(5, 5, 6, 6)]);
        assert!(mailbox.take(Duration::ZERO).expect("no end").is_none(), "taken once");
    }

    #[test]
    fn the_end_wakes_everybody_for_good_but_loses_no_frame() {
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
        mailbox.put(delivery(1, Rect::new(0, 0, 1, 1)));
        assert!(mailbox.take(Duration::ZERO).expect("the frame first").is_some());
        assert!(mailbox.take(Duration::ZERO).is_err());
    }

    #[test]
    fn a_bell_rings_once() {
        let (mailbox, rung) = (Mailbox::default(), Arc::new(AtomicUsize::new(0)));
        let bell = || {
            let rung = Arc::clone(&rung);
            Box::new(move || {
                rung.fetch_add(1, Ordering::Relaxed);
            })
        };
        mailbox.ring_when_ready(bell());
        mailbox.put(delivery(1, Rect::new(0, 0, 1, 1)));
        mailbox.put(delivery(2, Rect::new(0, 0, 1, 1)));
        assert_eq!(rung.load(Ordering::Relaxed), 1);
        mailbox.ring_when_ready(bell());
        assert_eq!(rung.load(Ordering::Relaxed), 2, "at once, since a frame is there");
    }
}
