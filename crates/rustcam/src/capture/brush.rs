//! Reads parts of a source into memory, converted, with the pointer over them.

use crate::error::Result;
use crate::frame::{Damage, ImageMut, PixelFormat, Pointer};
use crate::geometry::Rect;
use crate::pixels::{self, Placement};
use crate::source::{Read, Source};

use super::buffers::Buffer;
use super::pacer::Patience;
use super::pointer::PointerCache;

/// The part of the desktop that a picture shows.
#[derive(Clone, Copy)]
pub(super) struct View {
    pub(super) placement: Placement,
    /// The region in texture space.
    pub(super) bounds: Rect,
    pub(super) cursor: bool,
}

impl View {
    fn texture_rect(&self, desktop: Rect) -> Option<Rect> {
        let visible = desktop.intersection(self.placement.region)?;
        Some(self.placement.rotation.to_texture(visible, self.placement.desktop))
    }

    /// Texture pixels of this view that drawing `pointer` touches.
    pub(super) fn pointer_rect(&self, pointer: &Pointer) -> Option<Rect> {
        pointer.extent().filter(|_| self.cursor).and_then(|r| self.texture_rect(r))
    }
}

/// How filling ended.
pub(super) enum Filled {
    Done {
        drawn: Option<Rect>,
    },
    /// The parts do not fit the rest of the picture. `pointer` is where the pointer was meanwhile.
    Overtaken {
        pointer: Option<Rect>,
    },
    Unfinished,
    /// The buffer is not, or no longer, the source's.
    Foreign,
}

/// Fills memory, and remembers what that needs again: the decoded pointer.
#[derive(Default)]
pub(super) struct Brush {
    pointer: PointerCache,
    bytes: u64,
}

impl Brush {
    /// Bytes written so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads `parts` into `buffer` and draws the pointer over them.
    ///
    /// # Errors
    /// Those of the source, and the caller's interrupt.
    pub(super) fn fill(
        &mut self,
        source: &mut dyn Source,
        buffer: &mut Buffer,
        format: PixelFormat,
        parts: &[Rect],
        view: &View,
        patience: &mut Patience<'_>,
    ) -> Result<Filled> {
        let size = view.placement.region.size();
        if !buffer.is_native() {
            let stride = size.width as usize * format.channels();
            let mut image = ImageMut::new(buffer.memory_mut().bytes_mut(), stride, size, format);
            return self.fill_image(source, &mut image, parts, view, patience);
        }
        let read = loop {
            let Some(slice) = patience.read_slice()? else { return Ok(Filled::Unfinished) };
            match source.read_into(buffer.memory_mut(), size, view.bounds.origin(), parts, slice)? {
                None => return Ok(Filled::Foreign),
                Some(Read::Pending) => {}
                Some(read) => break read,
            }
        };
        self.bytes += parts.iter().map(|p| p.area() * 4).sum::<u64>();
        Ok(self.finish_native(source, buffer, read, view))
    }

    /// Brings a native `buffer` up to date where it is `stale` and wherever the desktop changed, and says where that was.
    ///
    /// # Errors
    /// Those of the source, and the caller's interrupt.
    pub(super) fn refresh(
        &mut self,
        source: &mut dyn Source,
        buffer: &mut Buffer,
        stale: &[Rect],
        view: &View,
        patience: &mut Patience<'_>,
    ) -> Result<(Filled, Damage)> {
        let size = view.placement.region.size();
        loop {
            let Some(slice) = patience.read_slice()? else { return Ok((Filled::Unfinished, Damage::default())) };
            match source.refresh(buffer.memory_mut(), size, view.bounds.origin(), stale, slice)? {
                None => return Ok((Filled::Foreign, Damage::default())),
                Some((Read::Pending, _)) => {}
                Some((read, damage)) => {
                    let changed = damage.dirty.iter().copied().chain(damage.moves.iter().map(|m| m.destination));
                    let changed = changed.filter_map(|r| r.intersection(view.bounds));
                    self.bytes += stale.iter().copied().chain(changed).map(|r| r.area() * 4).sum::<u64>();
                    return Ok((self.finish_native(source, buffer, read, view), damage));
                }
            }
        }
    }

    /// Draws the pointer over what the system wrote.
    fn finish_native(&mut self, source: &dyn Source, buffer: &mut Buffer, read: Read, view: &View) -> Filled {
        let size = view.placement.region.size();
        let pointer = source.pointer();
        let drawn = view.pointer_rect(pointer);
        if drawn.is_some() {
            if let Some(shape) = self.pointer.image(pointer) {
                let bytes = buffer.memory_mut().bytes_mut();
                let mut image = ImageMut::new(bytes, size.width as usize * 4, size, PixelFormat::Bgra);
                pixels::draw_pointer(shape, pointer.position, view.placement.region, &mut image);
            }
        }
        match read {
            Read::Done => Filled::Done { drawn },
            _ => Filled::Overtaken { pointer: drawn },
        }
    }

    /// Reads `parts` through the one fused pass into `image`.
    ///
    /// # Errors
    /// Those of the source, and the caller's interrupt.
    pub(super) fn fill_image(
        &mut self,
        source: &mut dyn Source,
        image: &mut ImageMut<'_>,
        parts: &[Rect],
        view: &View,
        patience: &mut Patience<'_>,
    ) -> Result<Filled> {
        let mut drawn = None;
        let read = loop {
            let Some(slice) = patience.read_slice()? else { return Ok(Filled::Unfinished) };
            let cache = &mut self.pointer;
            let read = source.read(parts, slice, &mut |part, pixels, pointer| {
                drawn = view.pointer_rect(pointer);
                let shape = drawn.and_then(|_| cache.image(pointer)).map(|shape| (shape, pointer.position));
                pixels::write(part, pixels, &view.placement, shape, image);
            })?;
            if read != Read::Pending {
                break read;
            }
        };
        let channels = image.format().channels() as u64;
        self.bytes += parts.iter().map(|p| p.area() * channels).sum::<u64>();
        // The pointer is drawn inside the parts only: it must not have moved out of them since they were chosen.
        let complete = drawn.is_none_or(|pointer| parts.iter().any(|p| p.contains(pointer)) || covers(parts, pointer));
        Ok(if read == Read::Done && complete { Filled::Done { drawn } } else { Filled::Overtaken { pointer: drawn } })
    }
}

/// Whether every pixel of `rect` is in one of the disjoint `parts`.
fn covers(parts: &[Rect], rect: Rect) -> bool {
    parts.iter().filter_map(|p| p.intersection(rect)).map(Rect::area).sum::<u64>() == rect.area()
}
