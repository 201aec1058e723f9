//! Bounce textures: small parts are copied to staging through a small texture on the device.
//!
//! Where Direct3D is translated, as by Wine, only whole textures leave the device: a copy of one corner to a staging texture reads back
//! the whole source first. So there a part is copied to a small texture of its own on the device, and from there to staging. On hardware
//! the second copy would only cost time.

use windows::Win32::Graphics::Direct3D11::ID3D11Texture2D;

use super::device::{Device, Place};
use crate::color::TextureFormat;
use crate::error::Result;
use crate::geometry::{Point, Rect, Size};

/// Textures kept: the parts of successive images have few different sizes.
const MOST: usize = 8;

/// Sizes are multiples of this, so that parts of nearly the same size share a texture.
const GRAIN: u32 = 64;

/// Small textures on the device, the one used last at the end.
pub(super) struct BounceTextures {
    format: TextureFormat,
    textures: Vec<(Size, ID3D11Texture2D)>,
}

impl BounceTextures {
    /// For images of this format.
    pub(super) fn new(format: TextureFormat) -> Self {
        Self { format, textures: Vec::new() }
    }

    /// Queues a copy of `part` of `from`, a texture of size `whole` on the device, to `at` in the staging texture `to`.
    ///
    /// # Errors
    /// Those of a texture's creation.
    pub(super) fn copy(
        &mut self,
        device: &Device,
        (from, whole): (&ID3D11Texture2D, Size),
        part: Rect,
        (to, at): (&ID3D11Texture2D, Point),
    ) -> Result<()> {
        if !device.translated || rounded(part.size()).area() * 2 >= whole.area() {
            device.copy(from, part, to, at);
            return Ok(());
        }
        let bounce = self.texture(device, part.size())?;
        device.copy(from, part, bounce, Point::new(0, 0));
        device.copy(bounce, part.size().rect(), to, at);
        Ok(())
    }

    /// A texture that is large enough for a part, and not much larger.
    fn texture(&mut self, device: &Device, part: Size) -> Result<&ID3D11Texture2D> {
        let most = rounded(part).area() * 2;
        let fits = |size: Size| size.width >= part.width && size.height >= part.height && size.area() <= most;
        let texture = match self.textures.iter().position(|(size, _)| fits(*size)) {
            Some(index) => self.textures.remove(index),
            None => (rounded(part), device.texture(rounded(part), self.format, Place::Device)?),
        };
        if self.textures.len() == MOST {
            self.textures.remove(0);
        }
        self.textures.push(texture);
        Ok(&self.textures[self.textures.len() - 1].1)
    }
}

fn rounded(size: Size) -> Size {
    Size::new(size.width.next_multiple_of(GRAIN), size.height.next_multiple_of(GRAIN))
}
