//! The upright rows of a region in BGRA, with the pointer, as they are needed: from the source's own image where it has them, otherwise
//! some rows at a time in memory that stays in the cache.

use super::super::convert::CpuPath;
use super::super::{write_toned_on, Placement, PointerImage, Tone};
use crate::color::TextureFormat;
use crate::frame::{ImageMut, ImageRef, PixelFormat};
use crate::geometry::{Point, Rect, Rotation, Size};

/// Bytes of the rows that are made at a time.
const STRIP: usize = 256 << 10;

/// Where the pixels come from.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    pub(super) path: CpuPath,
    /// What `image` shows, in texture space.
    pub(super) part: Rect,
    pub(super) image: ImageRef<'a>,
    /// The region, on its desktop.
    pub(super) placement: Placement,
    pub(super) tone: &'a Tone,
    pub(super) pointer: Option<(&'a PointerImage, Point)>,
}

/// The rows of some columns of a region.
pub(super) struct Rows<'a> {
    origin: Origin<'a>,
    /// The columns and rows that may be asked for, relative to the region.
    area: Rect,
    /// Rows that were made, without padding.
    strip: &'a mut Vec<u8>,
    /// The first of them, and the one behind the last.
    made: (u32, u32),
    /// Whether rows without the pointer can be taken from the image.
    in_place: bool,
}

impl<'a> Rows<'a> {
    /// The rows of `area`, which is relative to the region, inside it, and inside the part.
    pub(super) fn new(origin: Origin<'a>, area: Rect, strip: &'a mut Vec<u8>) -> Self {
        let in_place = origin.image.format() == TextureFormat::Bgra8 && origin.placement.rotation == Rotation::None;
        Self { origin, area, strip, made: (0, 0), in_place }
    }

    /// The first column, relative to the region.
    pub(super) fn left(&self) -> u32 {
        self.area.left as u32
    }

    /// Whether rows `first` to `last` can be had at the same time.
    pub(super) fn has(&self, first: u32, last: u32) -> bool {
        if self.is_in_place(first) && self.is_in_place(last) {
            return true;
        }
        self.made.0 <= first && last < self.made.1 && !self.is_in_place(first) && !self.is_in_place(last)
    }

    /// Rows `y` and `y + 1`, which [it has](Rows::has).
    pub(super) fn two(&self, y: u32) -> (&[u8], &[u8]) {
        if self.is_in_place(y) {
            (self.of_image(y), self.of_image(y + 1))
        } else {
            (self.of_strip(y), self.of_strip(y + 1))
        }
    }

    /// Row `y`. Rows may be asked for in any order, but are made in ascending order.
    pub(super) fn row(&mut self, y: u32) -> &[u8] {
        if self.is_in_place(y) {
            return self.of_image(y);
        }
        if !(self.made.0..self.made.1).contains(&y) {
            self.make(y);
        }
        self.of_strip(y)
    }

    /// Whether row `y` is as the image has it.
    fn is_in_place(&self, y: u32) -> bool {
        let Origin { placement, pointer, .. } = &self.origin;
        let y = placement.region.top + y as i32;
        let covered = |(image, at): &(&PointerImage, Point)| {
            (at.y..at.y.saturating_add_unsigned(image.size().height)).contains(&y)
        };
        self.in_place && !pointer.as_ref().is_some_and(covered)
    }

    fn of_image(&self, y: u32) -> &[u8] {
        let Origin { part, image, placement, .. } = &self.origin;
        let corner = placement.region.origin();
        let row = (corner.y + y as i32 - part.top) as usize;
        let left = (corner.x + self.area.left - part.left) as usize * 4;
        &image.row(row)[left..left + self.area.width() as usize * 4]
    }

    fn of_strip(&self, y: u32) -> &[u8] {
        let len = self.area.width() as usize * 4;
        let start = (y - self.made.0) as usize * len;
        &self.strip[start..start + len]
    }

    /// Makes rows from `y` on.
    fn make(&mut self, y: u32) {
        let Origin { path, part, image, placement, tone, pointer } = self.origin;
        let len = self.area.width() as usize * 4;
        let count = (STRIP / len).max(2) as u32;
        let end = (y + count).min(self.area.bottom as u32);
        let size = Size::new(self.area.width(), end - y);
        self.strip.resize(size.height as usize * len, 0);
        let corner = placement.region.origin();
        let region = Rect::at(Point::new(corner.x + self.area.left, corner.y + y as i32), size);
        let mut strip = ImageMut::new(self.strip, len, size, PixelFormat::Bgra);
        write_toned_on(path, part, image, &Placement { region, ..placement }, tone, pointer, &mut strip);
        self.made = (y, end);
    }
}
