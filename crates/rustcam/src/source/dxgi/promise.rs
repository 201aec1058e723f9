//! Whether images are what the duplication promised: its description is as old as itself, and the texture has the last word.

use windows::Win32::Graphics::Direct3D11::{ID3D11Texture2D, D3D11_TEXTURE2D_DESC};
use windows::Win32::Graphics::Dxgi::Common::DXGI_FORMAT_B8G8R8A8_UNORM;

use super::hresult;
use crate::error::{Error, ErrorKind, Loss, Result};
use crate::geometry::Size;

/// Misfits in a row after which patience alone does not help.
const PASSING: u32 = 3;

/// How the last duplications kept their word.
#[derive(Default)]
pub(super) struct Promise {
    /// Rebuilds in a row that were followed by an image of a wrong kind.
    misfits: u32,
    /// The size that images really had, where it is not the announced one.
    actual: Option<Size>,
}

/// How an image differs from what was promised.
pub(super) enum Misfit {
    Size(Size),
    Format(i32),
}

impl Promise {
    /// An image that was promised to have this size. One that is different was seen while HDR or the mode changes, before the loss is
    /// announced.
    ///
    /// # Errors
    /// A loss.
    pub(super) fn check(&mut self, texture: &ID3D11Texture2D, size: Size) -> Result<()> {
        let Some(misfit) = misfit(texture, size) else { return Ok(()) };
        self.misfits += 1;
        let message = match misfit {
            Misfit::Size(size) => {
                self.actual = Some(size);
                format!("the desktop became {size}")
            }
            Misfit::Format(format) => format!("the desktop changed its pixel format to DXGI_FORMAT {format}"),
        };
        let loss = if self.misfits > PASSING { Loss::Lasting } else { Loss::Transient };
        Err(Error::new(ErrorKind::AccessLost, message)
            .with_code(hresult::ACCESS_LOST)
            .with_hint("Turn HDR and automatic colour management of this display off")
            .with_loss(loss))
    }

    /// An image was as promised.
    pub(super) fn kept(&mut self) {
        self.misfits = 0;
    }

    /// A size that differs from the announced one again and again is the true one.
    pub(super) fn true_size(&self) -> Option<Size> {
        self.actual.filter(|_| self.misfits > 1)
    }
}

/// What of `texture` is not as promised.
pub(super) fn misfit(texture: &ID3D11Texture2D, size: Size) -> Option<Misfit> {
    let mut desc = D3D11_TEXTURE2D_DESC::default();
    // SAFETY: the pointer is valid during the call.
    unsafe { texture.GetDesc(&raw mut desc) };
    let actual = Size::new(desc.Width, desc.Height);
    if desc.Format != DXGI_FORMAT_B8G8R8A8_UNORM {
        return Some(Misfit::Format(desc.Format.0));
    }
    (actual != size).then_some(Misfit::Size(actual))
}
