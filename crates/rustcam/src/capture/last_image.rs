//! A copy of the image that was returned last, for slots that have to show it again.

use crate::error::Result;
use crate::frame::{FrameInfo, PixelFormat};
use crate::geometry::{Rect, Size};
use crate::memory::Memory;

use super::buffers::Buffer;
use super::frame::{Frame, Image, Pixels};

/// The pixels of the last returned image. The caller may change its own copy, or hold it.
#[derive(Debug)]
pub(super) struct LastImage {
    memory: Memory,
    size: Size,
    format: PixelFormat,
    /// The part of the desktop that it shows.
    region: Rect,
    info: FrameInfo,
}

impl LastImage {
    /// Brings `last` up to date with `frame`, which shows `region`: only what changed is copied.
    ///
    /// # Errors
    /// `OutOfMemory`.
    pub(super) fn update(last: &mut Option<Self>, frame: &Frame, region: Rect) -> Result<()> {
        let Some(image) = frame.image() else { return Ok(()) };
        match last {
            Some(known) if (known.size, known.format, known.region) == (image.size, image.format, region) => {
                let pointers = [known.info.pointer.extent(), frame.info.pointer.extent()];
                for part in frame.info.damage.changed().chain(pointers.into_iter().flatten()) {
                    known.copy(image, part);
                }
                known.info = frame.info.clone();
            }
            _ => {
                let mut memory = Memory::heap(image.bytes().len())?;
                memory.bytes_mut().copy_from_slice(image.bytes());
                let Image { size, format, .. } = *image;
                *last = Some(Self { memory, size, format, region, info: frame.info.clone() });
            }
        }
        Ok(())
    }

    /// Bytes of the image.
    pub(super) fn len(&self) -> usize {
        self.memory.bytes().len()
    }

    /// The image once more, in `buffer`, which has room for it. Nothing is new in it.
    pub(super) fn repeat(&self, mut buffer: Buffer) -> Frame {
        buffer.memory_mut().bytes_mut().copy_from_slice(self.memory.bytes());
        let damage = crate::frame::Damage::default();
        let info = FrameInfo { accumulated: 0, is_new: false, damage, ..self.info.clone() };
        Frame { pixels: Pixels::Memory(Image { buffer, size: self.size, format: self.format }), info }
    }

    /// Copies `part` of the desktop from `image`.
    fn copy(&mut self, image: &Image, part: Rect) {
        let Some(part) = part.intersection(self.region) else { return };
        let part = part.translated(-self.region.left, -self.region.top);
        let pixel = self.format.bytes();
        let (row, len) = (self.size.width as usize * pixel, part.width() as usize * pixel);
        for y in part.top as usize..part.bottom as usize {
            let start = y * row + part.left as usize * pixel;
            self.memory.bytes_mut()[start..start + len].copy_from_slice(&image.bytes()[start..start + len]);
        }
    }
}
