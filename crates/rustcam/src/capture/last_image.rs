//! The image that was returned last, for slots that have to show it again.

use crate::error::Result;
use crate::frame::{Damage, FrameInfo};
use crate::geometry::Rect;

use super::buffers::Buffer;
use super::frame::{Frame, Image, Pixels};
use super::session::Session;

/// The pixels of the last returned image.
#[derive(Debug)]
pub(super) struct LastImage {
    image: Image,
    /// Whether this is the memory of a retained frame, which nobody changes. Callers may change an owned frame, so that is copied.
    shared: bool,
    /// The part of the desktop that it shows.
    region: Rect,
    info: FrameInfo,
}

impl LastImage {
    /// The image of a retained frame, which shows `region`.
    pub(super) fn shared(image: &Image, info: FrameInfo, region: Rect) -> Self {
        Self { image: image.share(), shared: true, region, info }
    }

    /// Makes `last` a copy of the image of an owned frame, which shows `region`. If it was a copy of the one before, only what changed is
    /// copied.
    ///
    /// # Errors
    /// `OutOfMemory`.
    pub(super) fn copy(
        last: &mut Option<Self>,
        image: &Image,
        info: &FrameInfo,
        region: Rect,
        session: &mut Session,
    ) -> Result<()> {
        match last {
            Some(known) if !known.shared && known.region == region && known.shows_pixels_of(image) => {
                let pointers = [known.info.pointer.extent(), info.pointer.extent()];
                for part in info.damage.changed().chain(pointers.into_iter().flatten()) {
                    known.update(image, part);
                }
                known.info = info.clone();
            }
            _ => {
                let image = image.copied(session.spare_buffer(image.bytes().len())?);
                *last = Some(Self { image, shared: false, region, info: info.clone() });
            }
        }
        Ok(())
    }

    /// The image once more, retained or owned. Nothing is new in it.
    ///
    /// # Errors
    /// `OutOfMemory`.
    pub(super) fn repeat(&self, retained: bool, session: &mut Session) -> Result<Frame> {
        let image = if retained && self.shared {
            self.image.share()
        } else {
            self.image.copied(session.spare_buffer(self.image.bytes().len())?)
        };
        let info = FrameInfo { accumulated: 0, is_new: false, damage: Damage::default(), ..self.info.clone() };
        Ok(Frame { pixels: Pixels::Memory(image), info })
    }

    /// Whether `image` shows the region of this one, pixel by pixel and in the same format.
    fn shows_pixels_of(&self, image: &Image) -> bool {
        self.image.is_like(image)
            && image.regions.is_none()
            && image.size == self.region.size()
            && image.format.as_packed().is_some()
    }

    /// Copies `part` of the desktop from `image`.
    fn update(&mut self, image: &Image, part: Rect) {
        let Some(format) = image.format.as_packed() else { return };
        let Some(part) = part.intersection(self.region) else { return };
        let part = part.translated(-self.region.left, -self.region.top);
        let pixel = format.bytes();
        let (row, len) = (image.size.width as usize * pixel, part.width() as usize * pixel);
        let bytes = self.image.buffer.memory_mut().bytes_mut();
        for y in part.top as usize..part.bottom as usize {
            let start = y * row + part.left as usize * pixel;
            bytes[start..start + len].copy_from_slice(&image.bytes()[start..start + len]);
        }
    }
}

impl Image {
    /// The same memory once more.
    fn share(&self) -> Self {
        Self { buffer: self.buffer.share(), ..*self }
    }

    /// A copy in `buffer`, which has room for it.
    fn copied(&self, mut buffer: Buffer) -> Self {
        buffer.memory_mut().bytes_mut().copy_from_slice(self.bytes());
        Self { buffer, ..*self }
    }
}
