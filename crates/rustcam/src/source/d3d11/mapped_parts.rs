//! Parts of an image in mapped memory.

use std::sync::Arc;
use std::time::Duration;

use windows::Win32::Graphics::Direct3D11::ID3D11Texture2D;

use super::device::{Device, Mapped};
use crate::clock::Clock;
use crate::color::TextureFormat;
use crate::error::Result;
use crate::frame::ImageRef;
use crate::geometry::Rect;

/// Pixels that the processor can read while further images come.
pub(super) struct MappedParts {
    // The order of the fields matters: unmapped before the texture may be written to again.
    mapped: Mapped,
    _reader: Option<Arc<()>>,
    /// The part of the screen that it shows.
    bounds: Rect,
    format: TextureFormat,
}

impl MappedParts {
    /// Maps `texture`, which shows `bounds` of the screen, once the device is done with it. `None` if that is not by the deadline.
    ///
    /// # Errors
    /// Those of mapping.
    pub(super) fn map(
        device: &Device,
        (texture, format): (&ID3D11Texture2D, TextureFormat),
        bounds: Rect,
        readers: Option<&Arc<()>>,
        (clock, deadline): (&dyn Clock, Duration),
    ) -> Result<Option<Self>> {
        let row = bounds.width() as usize * format.bytes();
        let mapped = device.map(texture, row, bounds.height() as usize, clock, deadline)?;
        Ok(mapped.map(|mapped| Self { mapped, _reader: readers.map(Arc::clone), bounds, format }))
    }

    /// Passes the pixels of `parts`, which are those that were mapped, to `sink`.
    pub(super) fn deliver(&self, parts: &[Rect], sink: &mut dyn FnMut(Rect, ImageRef<'_>)) {
        let Self { mapped, bounds, format, .. } = self;
        for &part in parts {
            let left = (part.left - bounds.left) as usize * format.bytes();
            let start = (part.top - bounds.top) as usize * mapped.pitch + left;
            sink(part, ImageRef::of(*format, &mapped.bytes()[start..], mapped.pitch, part.size()));
        }
    }
}
