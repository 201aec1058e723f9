//! Staging for the parts of one read.

use windows::Win32::Graphics::Direct3D11::ID3D11Texture2D;

use super::bounce::BounceTextures;
use super::device::{Device, Place};
use crate::color::TextureFormat;
use crate::error::Result;
use crate::geometry::{Point, Rect, Size};
use crate::region::bounds;

/// After so many consecutive reads that needed less than half of it, region staging is replaced by a smaller one.
const SHRINK_AFTER: u32 = 32;

/// A staging texture for parts, which belongs to one reader.
pub(super) struct RegionStaging {
    texture: ID3D11Texture2D,
    size: Size,
    /// These parts of this image, relative to the corner of their bounding box.
    content: Option<(Vec<Rect>, u64)>,
    /// Reads in a row that needed less than half of it.
    too_large: u32,
}

impl RegionStaging {
    /// A staging texture that is large enough; one that has been much too large for long is replaced.
    ///
    /// # Errors
    /// Those of a texture's creation.
    pub(super) fn fitting<'a>(
        kept: &'a mut Option<Self>,
        device: &Device,
        (wanted, format): (Size, TextureFormat),
    ) -> Result<&'a mut Self> {
        let mut size = wanted;
        if let Some(old) = kept.as_mut() {
            let fits = old.size.width >= wanted.width && old.size.height >= wanted.height;
            old.too_large = if wanted.area() * 2 < old.size.area() { old.too_large + 1 } else { 0 };
            if !fits {
                size = Size::new(wanted.width.max(old.size.width), wanted.height.max(old.size.height));
            }
            if !fits || old.too_large > SHRINK_AFTER {
                *kept = None;
            }
        }
        if let Some(staging) = kept {
            return Ok(staging);
        }
        let texture = device.texture(size, format, Place::Staging)?;
        Ok(kept.insert(Self { texture, size, content: None, too_large: 0 }))
    }

    /// Queues the copy of `parts` of image `newest` from `from`, which shows it and has a size, unless they are there already.
    ///
    /// # Errors
    /// Those of a texture's creation.
    pub(super) fn copy(
        &mut self,
        device: &Device,
        bounce: &mut BounceTextures,
        from: (&ID3D11Texture2D, Size),
        (parts, newest): (&[Rect], u64),
    ) -> Result<()> {
        if self.content.as_ref().is_some_and(|(held, image)| held == parts && *image == newest) {
            return Ok(());
        }
        let bounds = bounds(parts);
        for &part in parts {
            let at = Point::new(part.left - bounds.left, part.top - bounds.top);
            bounce.copy(device, from, part, (&self.texture, at))?;
        }
        self.content = Some((parts.to_vec(), newest));
        Ok(())
    }

    pub(super) fn texture(&self) -> &ID3D11Texture2D {
        &self.texture
    }
}
