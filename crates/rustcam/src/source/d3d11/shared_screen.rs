//! Screens that several captures of this process share, because the system allows each process one feed per screen.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::device::or_device_removed;
use super::fair_mutex::{FairMutex, FairMutexGuard};
use super::feed::Feed;
use super::screen::Screen;
use crate::clock::{Clock, EventCount};
use crate::error::{Error, ErrorKind, Loss, Result};
use crate::frame::ImageRef;
use crate::geometry::Rect;
use crate::source::hresult;
use crate::source::verdict::{self, Call};

/// A screen and the feed of its images.
pub(in crate::source) struct FedScreen<F> {
    // The order of the fields is the order of their destruction: the feed first, the device last.
    pub(super) feed: F,
    pub(super) screen: Screen,
    /// When a frame was last asked for.
    pub(super) polled: Duration,
}

impl<F: Feed> FedScreen<F> {
    pub(in crate::source) fn new(feed: F, screen: Screen) -> Self {
        Self { feed, screen, polled: Duration::ZERO }
    }

    /// Waits at most `timeout` for the next frame and adds it to the screen.
    ///
    /// # Errors
    /// A loss; everything that belongs to the lost feed has been freed then.
    pub(super) fn advance(&mut self, timeout: Duration, clock: &dyn Clock) -> Result<()> {
        if let Some(lost) = &self.screen.lost {
            return Err(lost.clone());
        }
        self.feed.advance(&mut self.screen, timeout, clock).map_err(|error| {
            let error = self.lose(error);
            if self.screen.lost.is_none() {
                // The image of that frame is lost, so the copies cannot be brought up to date without starting again.
                self.lose(verdict::error(hresult::ACCESS_LOST, Call::Acquire));
            }
            error
        })
    }

    /// Delivers `parts` of the newest image to `sink` if it is in system memory, in place or as a copy. `false` if it is not: then the device has it.
    ///
    /// # Errors
    /// A loss.
    pub(super) fn read_in_memory(&mut self, parts: &[Rect], sink: &mut dyn FnMut(Rect, ImageRef<'_>)) -> Result<bool> {
        let Self { feed, screen, .. } = self;
        if feed.read_in_place(screen, parts, sink)? {
            screen.device.work.read_in_place();
            return Ok(true);
        }
        if let Some(image) = screen.copies.in_memory(&screen.changes) {
            deliver(image, parts, sink);
            return Ok(true);
        }
        Ok(false)
    }

    /// Makes sure that the copies have the pixels of the newest image inside `bounds`, and releases its frame. `false` if the image has to
    /// come again.
    ///
    /// # Errors
    /// A loss.
    pub(super) fn provide(&mut self, bounds: Rect) -> Result<bool> {
        let Self { feed, screen, .. } = self;
        if screen.copies.have(&screen.device, &screen.changes, bounds) || feed.copy_whole(screen)? {
            feed.let_go()?;
            return Ok(true);
        }
        screen.copies.missed_pixels();
        feed.fetch_again(screen)?;
        Ok(false)
    }

    /// Adds the next frame if it is available already, so that the device copies it while the processor converts the one before. A loss is
    /// reported by the next call.
    pub(super) fn look_ahead(&mut self, clock: &dyn Clock) {
        if self.screen.lost.is_none() && self.screen.is_overdue(clock) && self.advance(Duration::ZERO, clock).is_ok() {
            // The processor may be busy with the image before for long.
            let _ = self.feed.let_go();
        }
    }

    /// Frees what was lost, if `error` is a loss. Returns the error to report.
    pub(super) fn lose(&mut self, error: Error) -> Error {
        let error = or_device_removed(&self.screen.device, error);
        if error.loss().is_none() && !is_final(&error) {
            self.feed.release();
            return error;
        }
        self.feed.lose(&error);
        self.screen.lose(error.clone());
        error
    }

    /// Tries once to regain the screen.
    ///
    /// # Errors
    /// A loss.
    pub(super) fn rebuild(&mut self) -> Result<()> {
        if self.screen.lost.is_none() {
            return Ok(());
        }
        self.feed.regain(&mut self.screen).map_err(|error| {
            // A later attempt may succeed, until the caller's deadline.
            let error = if is_final(&error) { error } else { error.into_loss(Loss::Lasting) };
            self.screen.lost = Some(error.clone());
            error
        })
    }
}

/// Whether a screen is gone for good, as a window that was closed.
fn is_final(error: &Error) -> bool {
    error.kind() == ErrorKind::AccessLost && error.loss().is_none()
}

/// Passes `parts` of `image` to `sink`.
pub(in crate::source) fn deliver(image: ImageRef<'_>, parts: &[Rect], sink: &mut dyn FnMut(Rect, ImageRef<'_>)) {
    for &part in parts {
        sink(part, image.cropped(part));
    }
}

/// The screens that this process captures, by the identity of their monitors: names and indices of outputs change hands.
pub(in crate::source) struct Registry<F>(Mutex<Vec<(String, Weak<Shared<F>>)>>);

struct Shared<F> {
    screen: FairMutex<FedScreen<F>>,
    captures: AtomicUsize,
    /// Counts the images and the losses of the screen.
    news: EventCount,
}

impl<F> Shared<F> {
    fn new(screen: FedScreen<F>) -> Self {
        Self { screen: FairMutex::new(screen), captures: AtomicUsize::new(0), news: EventCount::default() }
    }
}

impl<F: Feed> Registry<F> {
    pub(in crate::source) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Joins the captures of the screen that `identity` names, or opens it.
    ///
    /// # Errors
    /// Those of `open`.
    pub(in crate::source) fn join(
        &'static self,
        identity: &str,
        open: impl FnOnce() -> Result<FedScreen<F>>,
    ) -> Result<SharedScreen<F>> {
        let mut screens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        screens.retain(|(_, screen)| screen.strong_count() > 0);
        let known = screens.iter().find(|(known, _)| known == identity).and_then(|(_, screen)| screen.upgrade());
        let shared = if let Some(shared) = known {
            shared
        } else {
            let shared = Arc::new(Shared::new(open()?));
            screens.push((identity.to_owned(), Arc::downgrade(&shared)));
            shared
        };
        shared.captures.fetch_add(1, Ordering::Relaxed);
        Ok(SharedScreen { registry: Some(self), shared: Some(shared) })
    }
}

/// One capture's access to a screen. The last one to be dropped closes the feed.
pub(in crate::source) struct SharedScreen<F: Feed + 'static> {
    /// Where other captures find the screen; `None` if each has one of its own.
    registry: Option<&'static Registry<F>>,
    /// `None` only while this is being dropped.
    shared: Option<Arc<Shared<F>>>,
}

impl<F: Feed> SharedScreen<F> {
    /// A screen that no other capture uses.
    pub(in crate::source) fn alone(screen: FedScreen<F>) -> Self {
        Self { registry: None, shared: Some(Arc::new(Shared::new(screen))) }
    }

    /// Waits for exclusive use of the screen. `None` if another capture uses it until `deadline`, for example to reset the device.
    pub(super) fn lock(&self, clock: &dyn Clock, deadline: Duration) -> Option<FairMutexGuard<'_, FedScreen<F>>> {
        self.shared().screen.lock(clock, deadline)
    }

    /// Counts the images and the losses of the screen.
    pub(super) fn news(&self) -> &EventCount {
        &self.shared().news
    }

    /// Whether no other capture uses the screen.
    pub(super) fn is_alone(&self) -> bool {
        self.shared().captures.load(Ordering::Relaxed) <= 1
    }

    fn shared(&self) -> &Shared<F> {
        self.shared.as_deref().expect("present until dropped")
    }
}

impl<F: Feed> Drop for SharedScreen<F> {
    fn drop(&mut self) {
        // Under the lock of the registry, so that the next capture of the same screen finds the feed either open or closed.
        let _screens = self.registry.map(|registry| registry.0.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(shared) = self.shared.take() {
            shared.captures.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
