//! The first frame after a duplication was made.
//!
//! On a desktop where nothing changes, the system may deliver the whole desktop without a present time (observed when another output of
//! the same adapter was acquired before), and then nothing more.

use std::time::Duration;

use super::nudge::nudge;
use crate::clock::Clock;
use crate::error::Result;
use crate::source::d3d11::screen::Screen;

/// How long to wait for a presented frame before the system is made to present one.
const NUDGE_AFTER: Duration = Duration::from_millis(100);

/// How long to wait for a presented frame before a frame without a present time is delivered instead.
const SETTLE_AFTER: Duration = Duration::from_millis(250);

/// Whether the first frame has come.
#[derive(Clone, Copy)]
pub(super) enum FirstFrame {
    /// There was no presented image yet. `provisional`: when an image without a present time came, if one did.
    Awaited { since: Option<Duration>, nudged: bool, provisional: Option<Duration> },
    /// There was a presented image, or the provisional one was delivered.
    Shown,
}

impl FirstFrame {
    pub(super) const AWAITED: Self = Self::Awaited { since: None, nudged: false, provisional: None };

    /// Records that an image without a present time came at `now`. It may be the desktop nevertheless.
    pub(super) fn note_provisional(&mut self, now: Duration) {
        if let Self::Awaited { provisional, .. } = self {
            *provisional = Some(now);
        }
    }

    /// Makes the system present something, or delivers the provisional image in `screen`, when it is time for that. Returns whether it
    /// delivered it: it may be half a picture, so the next image must be copied whole.
    ///
    /// # Errors
    /// `Capture`, `Device` if the device is lost.
    pub(super) fn settle(&mut self, screen: &mut Screen, clock: &dyn Clock) -> Result<bool> {
        let Self::Awaited { since, nudged, provisional } = *self else { return Ok(false) };
        let now = clock.now();
        let since = since.unwrap_or(now);
        let waited = now.saturating_sub(since);
        let due = !nudged && waited >= NUDGE_AFTER;
        if due {
            nudge(screen.output.position);
        }
        *self = Self::Awaited { since: Some(since), nudged: nudged || due, provisional };
        let Some(came) = provisional else { return Ok(false) };
        if waited >= SETTLE_AFTER {
            match screen.shows_something(clock, now + Duration::from_millis(10))? {
                Some(true) => {
                    *self = Self::Shown;
                    screen.presented(1, came, false);
                    return Ok(true);
                }
                Some(false) => *self = Self::Awaited { since: Some(since), nudged: true, provisional: None },
                None => {}
            }
        }
        Ok(false)
    }
}
