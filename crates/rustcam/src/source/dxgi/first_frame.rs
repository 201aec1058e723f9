//! The first frame after a duplication was made.
//!
//! On a desktop where nothing changes, the system may deliver the whole desktop without a present time (observed when another output of
//! the same adapter was acquired before), and then nothing more.

use std::time::Duration;

use windows::Win32::Graphics::Gdi::InvalidateRect;

use crate::clock::Clock;
use crate::error::Result;
use crate::source::d3d11::screen::Screen;

/// How long to wait for a presented frame before all windows are invalidated, so that the system presents one.
const NUDGE_AFTER: Duration = Duration::from_millis(100);

/// How long to wait for a presented frame before a frame without a present time is delivered instead.
const SETTLE_AFTER: Duration = Duration::from_millis(250);

/// Whether the first frame has come.
#[derive(Clone, Copy)]
pub(super) enum FirstFrame {
    /// There was no presented image yet. `provisional`: there was an image without a present time.
    Awaited { since: Option<Duration>, nudged: bool, provisional: bool },
    /// There was a presented image, or the provisional one was delivered.
    Shown,
}

impl FirstFrame {
    pub(super) const AWAITED: Self = Self::Awaited { since: None, nudged: false, provisional: false };

    /// Records an image without a present time. It may be the desktop nevertheless.
    pub(super) fn note_provisional(&mut self) {
        if let Self::Awaited { provisional, .. } = self {
            *provisional = true;
        }
    }

    /// Makes the system present something, or delivers the provisional image in `screen`, when it is time for that.
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
