//! Checks that images have the announced size and format. The description of a duplication is from the time of its creation; later
//! textures may differ.

use windows::Win32::Graphics::Direct3D11::{ID3D11Texture2D, D3D11_TEXTURE2D_DESC};
use windows::Win32::Graphics::Dxgi::Common::DXGI_FORMAT_B8G8R8A8_UNORM;

use crate::error::{Error, ErrorKind, Loss, Result};
use crate::geometry::Size;
use crate::source::hresult;

/// Consecutive mismatches after which the loss is no longer transient.
const PASSING: u32 = 3;

/// What the images of the last duplications were like.
#[derive(Default)]
pub(super) struct FormatCheck {
    /// Rebuilds in a row that were followed by a mismatch.
    mismatches: u32,
    /// The actual size of the images, if it is not the announced one.
    actual: Option<Size>,
}

/// How an image differs from what was announced.
pub(super) enum Mismatch {
    Size(Size),
    Format(i32),
}

impl FormatCheck {
    /// Checks an image that was announced to have `size`. Mismatches were observed while HDR or the mode changes, before the loss is
    /// reported.
    ///
    /// # Errors
    /// A loss.
    pub(super) fn check(&mut self, texture: &ID3D11Texture2D, size: Size) -> Result<()> {
        let Some(mismatch) = mismatch(texture, size) else { return Ok(()) };
        self.mismatches += 1;
        let message = match mismatch {
            Mismatch::Size(size) => {
                self.actual = Some(size);
                format!("the desktop became {size}")
            }
            Mismatch::Format(format) => format!("the desktop changed its pixel format to DXGI_FORMAT {format}"),
        };
        let loss = if self.mismatches > PASSING { Loss::Lasting } else { Loss::Transient };
        Err(Error::new(ErrorKind::AccessLost, message)
            .with_code(hresult::ACCESS_LOST)
            .with_hint("Turn HDR and automatic colour management of this display off")
            .with_loss(loss))
    }

    /// Records an image that is as announced.
    pub(super) fn passed(&mut self) {
        self.mismatches = 0;
    }

    /// The actual size, if it has differed from the announced one repeatedly.
    pub(super) fn true_size(&self) -> Option<Size> {
        self.actual.filter(|_| self.mismatches > 1)
    }
}

/// How `texture` differs from an image of `size` in the expected format, if it does.
pub(super) fn mismatch(texture: &ID3D11Texture2D, size: Size) -> Option<Mismatch> {
    let mut desc = D3D11_TEXTURE2D_DESC::default();
    // SAFETY: the pointer is valid during the call.
    unsafe { texture.GetDesc(&raw mut desc) };
    let actual = Size::new(desc.Width, desc.Height);
    if desc.Format != DXGI_FORMAT_B8G8R8A8_UNORM {
        return Some(Mismatch::Format(desc.Format.0));
    }
    (actual != size).then_some(Mismatch::Size(actual))
}
