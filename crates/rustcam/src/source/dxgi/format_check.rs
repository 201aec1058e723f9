//! Checks that images have the announced size, and always the same format. The description of a duplication is from the time of its
//! creation, and does not say the format; later textures may differ.

use windows::Win32::Graphics::Direct3D11::ID3D11Texture2D;

use crate::color::{Color, TextureFormat};
use crate::error::{Error, ErrorKind, Loss, Result};
use crate::geometry::Size;
use crate::source::d3d11::formats::{describe, texture_format};
use crate::source::hresult;

/// Consecutive mismatches after which the loss is no longer transient.
const PASSING: u32 = 3;

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

/// What the images of the last duplications were like.
#[derive(Default)]
pub(super) struct FormatCheck {
    /// Rebuilds in a row that were followed by a mismatch.
    mismatches: u32,
    /// The actual size of the images, if it is not the announced one.
    actual: Option<Size>,
    /// The format of this duplication's images; `None` before the first one.
    format: Option<TextureFormat>,
}

/// How an image differs from the expected one.
enum Mismatch {
    Size(Size),
    Format(i32),
}

impl FormatCheck {
    /// Checks an image that was announced to have `size`, of an output of this colour, and returns its format. Mismatches were observed
    /// while HDR or the mode changes, before the loss is reported.
    ///
    /// # Errors
    /// A loss.
    pub(super) fn check(&mut self, texture: &ID3D11Texture2D, size: Size, color: &Color) -> Result<TextureFormat> {
        let message = match self.compare(texture, size, color) {
            Ok(format) => return Ok(*self.format.insert(format)),
            Err(Mismatch::Size(size)) => {
                self.actual = Some(size);
                format!("the desktop became {size}")
            }
            Err(Mismatch::Format(format)) => format!("the desktop changed its pixel format to DXGI_FORMAT {format}"),
        };
        self.mismatches += 1;
        let loss = if self.mismatches > PASSING { Loss::Lasting } else { Loss::Transient };
        Err(Error::new(ErrorKind::AccessLost, message)
            .with_code(hresult::ACCESS_LOST)
            .with_hint(
                "The system changed the images of one duplication, so the capture begins a new one by itself. If this lasts, update \
                 the graphics driver and report it",
            )
            .with_loss(loss))
    }

    /// The format of an image without a present time; `None` if it is none of an output of this colour: a frame without an image has a
    /// texture, too.
    pub(super) fn provisional(&self, texture: &ID3D11Texture2D, size: Size, color: &Color) -> Option<TextureFormat> {
        self.compare(texture, size, color).ok()
    }

    fn compare(
        &self,
        texture: &ID3D11Texture2D,
        size: Size,
        color: &Color,
    ) -> std::result::Result<TextureFormat, Mismatch> {
        let (actual, dxgi) = describe(texture);
        let expected = |format: &TextureFormat| match self.format {
            Some(before) => *format == before,
            None => accepted(color).contains(format),
        };
        let format = texture_format(dxgi).filter(expected).ok_or(Mismatch::Format(dxgi.0))?;
        if actual == size {
            Ok(format)
        } else {
            Err(Mismatch::Size(actual))
        }
    }

    /// Records an image that is as announced.
    pub(super) fn passed(&mut self) {
        self.mismatches = 0;
    }

    /// The next image is the first of a new duplication.
    pub(super) fn begin_again(&mut self) {
        self.format = None;
    }

    /// The actual size, if it has differed from the announced one repeatedly.
    pub(super) fn true_size(&self) -> Option<Size> {
        self.actual.filter(|_| self.mismatches > 1)
    }
}
