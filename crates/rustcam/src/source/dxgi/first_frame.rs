//! The first frame after a duplication was made.
//!
//! On a desktop where nothing happens the system may deliver the whole desktop as if nothing had been presented (seen when another
//! output of the same adapter was acquired before), and never anything else.

use std::time::Duration;

use windows::Win32::Graphics::Gdi::InvalidateRect;

use crate::clock::Clock;
use crate::error::Result;
use crate::source::d3d11::screen::Screen;

/// How long the first frame may say that nothing was presented before the system is asked to present something.
const NUDGE_AFTER: Duration = Duration::from_millis(100);

/// How long until such a frame is shown because no better one came.
const SETTLE_AFTER: Duration = Duration::from_millis(250);

/// Whether the first frame has come.
#[derive(Clone, Copy)]
pub(super) enum FirstFrame {
    /// No presented image came yet. `provisional`: an image came that was not presented.
    Awaited { since: Option<Duration>, nudged: bool, provisional: bool },
    /// It was shown.
    Shown,
}

impl FirstFrame {
    pub(super) const AWAITED: Self = Self::Awaited { since: None, nudged: false, provisional: false };

    /// An image came that was not presented. It may be the desktop all the same.
    pub(super) fn note_provisional(&mut self) {
        if let Self::Awaited { provisional, .. } = self {
            *provisional = true;
        }
    }

    /// Asks the system to present something, or shows the provisional image in `screen`, once it is time for that.
    ///
    /// # Errors
    /// `Capture`, `Device` if the device is lost.
    pub(super) fn settle(&mut self, screen: &mut Screen, clock: &dyn Clock) -> Result<()> {
        let Self::Awaited { since, nudged, provisional } = *self else { return Ok(()) };
        let now = clock.now();
        let since = since.unwrap_or(now);
        let waited = now.saturating_sub(since);
        let nudge = !nudged && waited >= NUDGE_AFTER;
        if nudge {
            // SAFETY: no window and no rectangle mean all windows, wholly.
            let _ = unsafe { InvalidateRect(None, None, false) };
        }
        *self = Self::Awaited { since: Some(since), nudged: nudged || nudge, provisional };
        if provisional && waited >= SETTLE_AFTER {
            match screen.shows_something(clock, now + Duration::from_millis(10))? {
                Some(true) => {
                    *self = Self::Shown;
                    screen.presented(1, now, false);
                }
                Some(false) => *self = Self::Awaited { since: Some(since), nudged: true, provisional: false },
                None => {}
            }
        }
        Ok(())
    }
}
