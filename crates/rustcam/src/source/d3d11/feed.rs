//! The origin of a screen's images.

use std::time::Duration;

use super::screen::Screen;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::frame::ImageRef;
use crate::geometry::Rect;
use crate::source::Waker;

/// What a feed is, apart from its images. It may be another one after [`Feed::regain`].
#[derive(Clone, Debug, Default)]
pub(in crate::source) struct FeedInfo {
    /// The pointer is part of the images, if a capture watches it.
    pub(in crate::source) pointer_in_image: bool,
    /// Why the images are not what they should be, or come from elsewhere.
    pub(in crate::source) fallback: Option<String>,
    /// The backend, if it is another one than was chosen.
    pub(in crate::source) other_backend: Option<&'static str>,
}

/// An API that delivers the images of one screen.
pub(in crate::source) trait Feed: Send {
    /// Waits at most `timeout` for the next frame and adds it to `screen`.
    ///
    /// # Errors
    /// A loss. `AccessLost` without one: the screen is gone for good. Any other error loses only the frame.
    fn advance(&mut self, screen: &mut Screen, timeout: Duration, clock: &dyn Clock) -> Result<()>;

    /// What the feed is.
    fn info(&self) -> FeedInfo {
        FeedInfo::default()
    }

    /// Ends a wait of [`Feed::advance`] in another thread, or the next one.
    fn waker(&self) -> Option<Waker> {
        None
    }

    /// Whether the waker has ended a wait since the last call.
    fn was_woken(&mut self) -> bool {
        false
    }

    /// Whether there is an image that may be delivered.
    fn has_image(&self) -> bool;

    /// Delivers `parts` of the newest image to `sink` from the desktop itself, without a copy, if it is in memory that the processor can
    /// read, and no later frame was asked for. `false` otherwise.
    ///
    /// # Errors
    /// A loss.
    fn read_in_place(
        &mut self,
        screen: &Screen,
        parts: &[Rect],
        sink: &mut dyn FnMut(Rect, ImageRef<'_>),
    ) -> Result<bool> {
        let _ = (screen, parts, sink);
        Ok(false)
    }

    /// Whether [`Feed::read_in_place`] may work, so that reads need no device.
    fn is_in_memory(&self) -> bool {
        false
    }

    /// Brings the copies of `screen` up to date with the whole newest image. `false` if its frame is not held any more.
    ///
    /// # Errors
    /// As for [`Screen::add_image`].
    fn copy_whole(&mut self, screen: &mut Screen) -> Result<bool>;

    /// Releases the frame that is held because no copy has all of its pixels, if there is one.
    ///
    /// # Errors
    /// A loss.
    fn let_go(&mut self) -> Result<()>;

    /// Makes the whole image come again with the next frame, because no copy has all of its pixels and its frame is not held any more.
    /// Until then there is no image.
    ///
    /// # Errors
    /// A loss.
    fn fetch_again(&mut self, screen: &mut Screen) -> Result<()>;

    /// Releases the frame that is held, if there is one, after an error that is not a loss.
    fn release(&mut self);

    /// Frees what was lost with `error`, so that it does not block [`Feed::regain`].
    fn lose(&mut self, error: &Error);

    /// Tries once to regain the screen, on a new device if necessary, and calls [`Screen::regained`] on success.
    ///
    /// # Errors
    /// A loss; `AccessLost` without one if the screen is gone for good.
    fn regain(&mut self, screen: &mut Screen) -> Result<()>;
}
