//! The pixels that one pass reads and writes, and the conversion of a row.

use super::convert::CpuPath;
use super::pointer::PointerImage;
use crate::frame::{ImageMut, ImageRef, PixelFormat};
use crate::geometry::{Point, Rect};

/// Pixels that are reversed or blended at a time: 1 KiB of stack.
pub(super) const STRIP: usize = 256;

/// Distance from `origin` to `position`, which is not before it.
pub(super) fn offset(origin: i32, position: i32) -> usize {
    origin.abs_diff(position) as usize
}

/// The requested pixels of the source, addressed from their own top-left corner.
pub(super) struct SourceView<'a> {
    pub(super) image: ImageRef<'a>,
    pub(super) left: usize,
    pub(super) top: usize,
}

impl<'a> SourceView<'a> {
    pub(super) fn pixels(&self, x: usize, y: usize, len: usize) -> &'a [u8] {
        let start = (self.left + x) * 4;
        &self.image.row(self.top + y)[start..start + len * 4]
    }
}

/// The pixels of the destination to write, addressed from their own top-left corner.
pub(super) struct TargetView<'a, 'b> {
    /// The same pixels in desktop space.
    pub(super) area: Rect,
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) dst: &'a mut ImageMut<'b>,
}

impl TargetView<'_, '_> {
    pub(super) fn width(&self) -> usize {
        self.area.width() as usize
    }

    pub(super) fn height(&self) -> usize {
        self.area.height() as usize
    }

    /// The bytes of `len` pixels from (`x`, `y`) rightwards.
    pub(super) fn pixels_mut(&mut self, x: usize, y: usize, len: usize) -> &mut [u8] {
        let pixel = self.dst.format().bytes();
        let start = (self.left + x) * pixel;
        &mut self.dst.row_mut(self.top + y)[start..start + len * pixel]
    }

    pub(super) fn write_row(&mut self, writer: &RowWriter<'_>, x: usize, y: usize, bgra: &[u8]) {
        let (desktop_x, desktop_y) = (self.area.left + x as i32, self.area.top + y as i32);
        writer.row(bgra, desktop_x, desktop_y, self.pixels_mut(x, y, bgra.len() / 4));
    }
}

/// Converts rows and blends the pointer over them.
pub(super) struct RowWriter<'a> {
    pub(super) path: CpuPath,
    pub(super) format: PixelFormat,
    pub(super) pointer: Option<(&'a PointerImage, Point)>,
}

impl RowWriter<'_> {
    /// Converts upright BGRA pixels whose first is desktop pixel (`x`, `y`), with the pointer over them.
    pub(super) fn row(&self, bgra: &[u8], x: i32, y: i32, dst: &mut [u8]) {
        let covered = self.pointer.and_then(|(image, at)| Some((image, image.run(at, x, y, bgra.len() / 4)?)));
        let Some((image, run)) = covered else {
            return self.path.convert(self.format, bgra, dst);
        };
        let pixel = self.format.bytes();
        self.path.convert(self.format, &bgra[..run.start * 4], &mut dst[..run.start * pixel]);
        let mut strip = [0; STRIP * 4];
        for start in (run.start..run.end).step_by(STRIP) {
            let end = run.end.min(start + STRIP);
            let strip = &mut strip[..(end - start) * 4];
            strip.copy_from_slice(&bgra[start * 4..end * 4]);
            image.blend(self.path, &run, start - run.start, strip);
            self.path.convert(self.format, strip, &mut dst[start * pixel..end * pixel]);
        }
        self.path.convert(self.format, &bgra[run.end * 4..], &mut dst[run.end * pixel..]);
    }
}
