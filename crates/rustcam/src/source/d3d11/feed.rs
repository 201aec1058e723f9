//! Where the images of a screen come from.

use std::time::Duration;

use super::screen::Screen;
use crate::clock::Clock;
use crate::error::{Error, Result};

/// An API that delivers the images of one screen.
pub(in crate::source) trait Feed: Send {
    /// Waits at most `timeout` for the next frame and enters what it brings in `screen`.
    ///
    /// # Errors
    /// A loss; any other error loses only the frame.
    fn advance(&mut self, screen: &mut Screen, timeout: Duration, clock: &dyn Clock) -> Result<()>;

    /// Whether there is an image that may be shown.
    fn has_image(&self) -> bool;

    /// Gives the frame back that is held, if one is, after a call failed that loses nothing else.
    fn release(&mut self);

    /// Frees what was lost with `error`, so that nothing of it stands in the way of [`Feed::regain`].
    fn lose(&mut self, error: &Error);

    /// Tries once to get the screen back, on a new device if need be, and says so by [`Screen::regained`].
    ///
    /// # Errors
    /// A loss.
    fn regain(&mut self, screen: &mut Screen) -> Result<()>;
}
