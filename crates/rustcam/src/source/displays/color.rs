//! The colour of an output: what it shows, and how bright SDR white is.
//!
//! | desktop | colour space of the output | images | SDR white |
//! |---|---|---|---|
//! | SDR | sRGB | BGRA, or ten bits | – |
//! | SDR with automatic colour management | sRGB | half floats | 1.0 |
//! | HDR | PQ | half floats | as the user has set it |

use std::time::Duration;

use windows::core::Interface as _;
use windows::Win32::Graphics::Dxgi::Common::DXGI_COLOR_SPACE_RGB_FULL_G2084_NONE_P2020;
use windows::Win32::Graphics::Dxgi::{IDXGIOutput, IDXGIOutput6};

use super::monitors::Target;
use crate::color::{Color, ColorSpace};

/// How often the level of SDR white is read: the system sends no message when the user changes it.
const WHITE_INTERVAL: Duration = Duration::from_secs(1);

/// What `output` reports about its colour, without the level of SDR white; `None` before Windows 10 version 1703.
pub(in crate::source) fn color(output: &IDXGIOutput) -> Option<Color> {
    let output = output.cast::<IDXGIOutput6>().ok()?;
    // SAFETY: the result is checked.
    let desc = unsafe { output.GetDesc1() }.ok()?;
    let bits = if desc.BitsPerColor > 0 { desc.BitsPerColor } else { Color::SDR.bits };
    if desc.ColorSpace != DXGI_COLOR_SPACE_RGB_FULL_G2084_NONE_P2020 {
        return Some(Color { bits, ..Color::SDR });
    }
    let nits = |luminance: f32| if luminance.is_finite() { f64::from(luminance) } else { 0.0 };
    Some(Color {
        hdr: true,
        space: ColorSpace::Scrgb,
        bits,
        sdr_white_nits: 0.0,
        max_nits: nits(desc.MaxLuminance),
        min_nits: nits(desc.MinLuminance),
    })
}

/// The level of SDR white of one output, read again from time to time.
#[derive(Default)]
pub(in crate::source) struct WhiteLevel {
    target: Option<Target>,
    /// When it was read last; `None` since the duplication was made.
    read: Option<Duration>,
}

impl WhiteLevel {
    /// For the monitor of an output that has just been described.
    pub(in crate::source) fn of(target: Option<Target>) -> Self {
        Self { target, read: None }
    }

    /// Brings `color` up to date at `now`, if it is of an HDR output and was not read for a second.
    pub(in crate::source) fn follow(&mut self, color: &mut Color, now: Duration) {
        let (true, Some(target)) = (color.hdr, self.target) else { return };
        let read = *self.read.get_or_insert(now);
        if now.saturating_sub(read) < WHITE_INTERVAL {
            return;
        }
        self.read = Some(now);
        color.sdr_white_nits = target.sdr_white_nits();
    }
}
