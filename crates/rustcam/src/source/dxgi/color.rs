//! The colour of an output: what it shows, in which formats its images are accepted, and how bright SDR white is.
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
use crate::color::{Color, ColorSpace, TextureFormat};

/// How often the level of SDR white is read: the system sends no message when the user changes it.
const WHITE_INTERVAL: Duration = Duration::from_secs(1);

/// What `output` reports about its colour, without the level of SDR white; `None` before Windows 10 version 1703.
pub(super) fn color(output: &IDXGIOutput) -> Option<Color> {
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

/// The formats in which the images of an output are accepted, the expected one first. The system delivers the desktop as it composes it if
/// that is among them, and otherwise as BGRA, of an HDR desktop with everything cut off that is brighter than 80 nits.
///
/// Half floats are always accepted: automatic colour management uses them on an SDR desktop, and where HDR is switched on without the loss
/// of the duplication, the format is what shows it. Ten bits are not accepted of an HDR desktop, which would be cut off there, too.
pub(super) fn accepted(color: &Color) -> &'static [TextureFormat] {
    use TextureFormat::{Bgra8, Rgb10a2, Rgba16f};
    match color {
        Color { hdr: true, .. } => &[Rgba16f, Bgra8],
        Color { bits: 0..=8, .. } => &[Bgra8, Rgba16f],
        _ => &[Rgba16f, Rgb10a2, Bgra8],
    }
}

/// The level of SDR white of one output, read again from time to time.
#[derive(Default)]
pub(super) struct WhiteLevel {
    target: Option<Target>,
    /// When it was read last; `None` since the duplication was made.
    read: Option<Duration>,
}

impl WhiteLevel {
    /// For the monitor of an output that has just been described.
    pub(super) fn of(target: Option<Target>) -> Self {
        Self { target, read: None }
    }

    /// Brings `color` up to date at `now`, if it is of an HDR output and was not read for a second.
    pub(super) fn follow(&mut self, color: &mut Color, now: Duration) {
        let (true, Some(target)) = (color.hdr, self.target) else { return };
        let read = *self.read.get_or_insert(now);
        if now.saturating_sub(read) < WHITE_INTERVAL {
            return;
        }
        self.read = Some(now);
        color.sdr_white_nits = target.sdr_white_nits();
    }
}
